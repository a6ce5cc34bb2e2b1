"""Refunds, as the API takes and shows them."""

from typing import Annotated, Any

from pydantic import Field

from tallystick.kernel import money
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.states import OfflineMethod, RefundStatus
from tallystick.web.api.shapes.online import GivenBack
from tallystick.web.fields import (
    Amount,
    Body,
    CurrencyCode,
    Day,
    Id,
    Line,
    Moment,
    NextCursor,
    PageQuery,
    Paragraph,
    Version,
    View,
)

PaymentOf = Annotated[
    Id, Field(description="The payment.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11"])
]
CustomerOf = Annotated[
    Id,
    Field(description="The customer who paid.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
]
Reference = Annotated[
    Line | None,
    Field(
        min_length=1,
        max_length=100,
        description="Reference of the refund, such as that of the transfer.",
        examples=["8842"],
    ),
]
Reason = Annotated[
    Paragraph | None,
    Field(max_length=2000, description="Why it was given back.", examples=["Paid twice."]),
]


class NewRefund(Body):
    """Money that went back to whoever paid it."""

    payment_id: PaymentOf
    amount: Annotated[
        Amount | None,
        Field(
            description="What was given back; left out takes all that is left.", examples=["20.00"]
        ),
    ] = None
    refunded_on: Annotated[
        Day | None,
        Field(description="The day the money went; left out takes today.", examples=["2026-11-20"]),
    ] = None
    method: Annotated[
        OfflineMethod | None,
        Field(
            description="How it went; left out takes the way by which it came, and what a "
            "provider took is given back there.",
            examples=["cash"],
        ),
    ] = None
    reference: Reference = None
    reason: Reason = None


class RefundQuery(PageQuery):
    """What a list of refunds is narrowed to; all that is given must hold."""

    payment_id: Annotated[
        Id | None,
        Field(description="Of this payment.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11"]),
    ] = None
    customer_id: Annotated[
        Id | None,
        Field(description="Of this customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
    ] = None


class Hold(View):
    """That a rule lets a refund wait for another person."""

    rule_id: Annotated[
        Id, Field(description="The rule.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e30"])
    ]
    decline_reason: Annotated[
        str | None, Field(description="Why it was declined.", examples=["It was paid once."])
    ]
    decided_at: Annotated[
        Moment | None,
        Field(
            description="When somebody decided on it; null while it waits.",
            examples=["2026-11-20T09:15:00.000000Z"],
        ),
    ]


class Refund(View):
    """Money of a payment that was given back."""

    id: Id
    payment_id: PaymentOf
    customer_id: CustomerOf
    method: Annotated[
        str,
        Field(description="How it goes: one way or the name of a provider.", examples=["cash"]),
    ]
    status: Annotated[
        RefundStatus,
        Field(
            description="pending_approval: a rule lets it wait for another person, who may have "
            "declined it; processing: the provider has it; succeeded: the money has gone; failed: "
            "it has not.",
            examples=["succeeded"],
        ),
    ]
    currency: CurrencyCode
    amount: Annotated[Amount, Field(description="What was given back.", examples=["20.00"])]
    refunded_on: Annotated[
        Day,
        Field(
            description="The day the money went, or until then the day it was asked for.",
            examples=["2026-11-20"],
        ),
    ]
    reference: Reference
    reason: Reason
    online: Annotated[
        GivenBack | None, Field(description="What is known of it at a provider; null elsewhere.")
    ]
    hold: Annotated[Hold | None, Field(description="What a rule lets wait; null elsewhere.")]
    version: Version
    created_at: Moment
    updated_at: Moment


class RefundList(View):
    """A page of refunds, newest first."""

    data: list[Refund]
    next: NextCursor


def shown_refund(refund: RefundDocument) -> dict[str, Any]:
    """Show a refund."""
    return {**refund, "amount": money.text(refund["amount"], refund["currency"])}
