"""Payers' links, as the API takes and shows them."""

from typing import Annotated

from pydantic import Field

from tallystick.invoices.linking import DAYS_DEFAULT, DAYS_MAX
from tallystick.web.fields import Body, Id, Moment, NextCursor, PageQuery, Version, View

_WHEN = "2026-12-20T09:15:00.000000Z"
_Invoice = Annotated[
    Id | None,
    Field(
        description="The one issued invoice that it is for.",
        examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"],
    ),
]
_Customer = Annotated[
    Id | None,
    Field(
        description="The customer, for all of whose invoices it is.",
        examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"],
    ),
]


class NewPayerLink(Body):
    """A link to make: name an invoice or a customer."""

    invoice_id: _Invoice = None
    customer_id: Annotated[_Customer, Field(examples=[None])] = None
    expires_in_days: Annotated[
        int, Field(ge=1, le=DAYS_MAX, description="How long it is good.", examples=[30])
    ] = DAYS_DEFAULT


class PayerLinkQuery(PageQuery):
    """What a list of links is narrowed to; all that is given must hold."""

    customer_id: Annotated[
        Id | None,
        Field(description="Of this customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
    ] = None
    invoice_id: Annotated[
        Id | None,
        Field(
            description="For this one invoice.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"]
        ),
    ] = None


class PayerLink(View):
    """Lets whoever holds it see and pay one invoice, or all of one customer."""

    id: Id
    customer_id: Annotated[
        Id, Field(description="The customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"])
    ]
    invoice_id: _Invoice
    version: Version
    created_at: Moment
    expires_at: Annotated[Moment, Field(description="When it stops being good.", examples=[_WHEN])]
    used_at: Annotated[
        Moment | None,
        Field(description="When it was last used, to a minute; null: never.", examples=[_WHEN]),
    ]
    revoked_at: Annotated[
        Moment | None, Field(description="When it was revoked; null: it was not.", examples=[None])
    ]


class PayerLinkWithToken(PayerLink):
    """A link, with what its holder sends."""

    token: Annotated[
        str,
        Field(
            description="What the payer sends as a bearer, or follows in a link. Whoever has it is "
            "the payer.",
            examples=["tsl_2f8yq2u1m0v3n5h7k9d1cQGPTB57Knw9nk9aa3yNng8GPTB57Knw9nk9aa3yNng8"],
        ),
    ]


class PayerLinkList(View):
    """A page of links, newest first."""

    data: list[PayerLink]
    next: NextCursor
