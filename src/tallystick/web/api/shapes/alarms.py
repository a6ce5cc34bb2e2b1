"""Alarms, as the API takes and shows them."""

from typing import Annotated

from pydantic import Field

from tallystick.web.fields import Body, Id, Moment, NextCursor, PageQuery, Paragraph, View


class AlarmQuery(PageQuery):
    """Which alarms are wanted."""

    cleared: Annotated[
        bool, Field(description="Those that were cleared, instead of those that are open.")
    ] = Field(default=False, examples=[False])


class AlarmReason(Body):
    """Why an alarm needs nobody any more."""

    reason: Annotated[
        Paragraph,
        Field(
            min_length=1,
            max_length=2000,
            description="What you found and did; it stays in the audit trail.",
            examples=["Given back by bank transfer."],
        ),
    ]


class Alarm(View):
    """What a person has to look at."""

    id: Id
    kind: Annotated[str, Field(description="What happened.", examples=["payment.outcome_unknown"])]
    subject_id: Annotated[
        Id,
        Field(
            description="The payment or refund that it is about.",
            examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11"],
        ),
    ]
    detail: Annotated[
        str,
        Field(
            description="What happened and what to do, in sentences.",
            examples=["The provider does not tell what became of this payment."],
        ),
    ]
    raised_at: Moment
    cleared_at: Annotated[
        Moment | None,
        Field(description="Null while it is open.", examples=["2026-11-20T09:15:00.000000Z"]),
    ]


class AlarmList(View):
    """A page of alarms, the last raised first."""

    data: list[Alarm]
    next: NextCursor
