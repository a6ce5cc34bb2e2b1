"""Labels, as the API takes and shows them."""

from typing import Annotated

from pydantic import Field

from tallystick.parties.labels import LABEL_MAX, Subject
from tallystick.web.fields import Body, Id, Line, Moment, NextCursor, PageQuery, View

_EXAMPLE_ID = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"
SubjectName = Annotated[Subject, Field(description="What it is put on.", examples=["customer"])]
SubjectOf = Annotated[
    Id, Field(description="Which customer, invoice or payment.", examples=[_EXAMPLE_ID])
]
Text = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=LABEL_MAX,
        description="The label, without spaces around it.",
        examples=["pays late"],
    ),
]


class NewLabel(Body):
    """A label for a customer, an invoice or a payment."""

    subject: SubjectName
    subject_id: SubjectOf
    label: Text


class LabelQuery(PageQuery):
    """What a list of labels is narrowed to; all that is given must hold."""

    subject_id: Annotated[
        Id | None,
        Field(description="Of this customer, invoice or payment.", examples=[_EXAMPLE_ID]),
    ] = None
    customer_id: Annotated[
        Id | None,
        Field(description="Of this customer, and of what is theirs.", examples=[_EXAMPLE_ID]),
    ] = None
    label: Annotated[Text | None, Field(description="This very label.", examples=["pays late"])] = (
        None
    )


class Label(View):
    """A short word that somebody or a rule has put on something."""

    id: Id
    subject: SubjectName
    subject_id: SubjectOf
    customer_id: Annotated[Id, Field(description="Whose it is.", examples=[_EXAMPLE_ID])]
    label: Text
    added_at: Moment


class LabelList(View):
    """A page of labels, newest first."""

    data: list[Label]
    next: NextCursor
