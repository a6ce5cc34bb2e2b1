"""Payments and receipts, as the API takes and shows them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from tallystick.kernel import money
from tallystick.payments.allocating import Share
from tallystick.payments.planning import INVOICES_MAX
from tallystick.payments.queries import PaymentDocument, ReceiptDocument
from tallystick.payments.states import OfflineMethod, PaymentStatus
from tallystick.web.api.shapes.invoice_views import Buyer, Seller
from tallystick.web.api.shapes.online import Online
from tallystick.web.fields import (
    METHOD,
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
    Word,
)

CustomerOf = Annotated[
    Id,
    Field(description="The customer who paid.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
]
InvoiceOf = Annotated[
    Id, Field(description="The invoice.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"])
]
PaymentAmount = Annotated[
    Amount, Field(description="What was received, above 0.", examples=["500.00"])
]
Method = Annotated[OfflineMethod, Field(description="How it was paid.", examples=["cash"])]
AnyMethod = Annotated[
    str,
    Field(description="How it was paid: one way or the name of a provider.", examples=["cash"]),
]
PaidOn = Annotated[Day, Field(description="The day the money came.", examples=["2026-11-20"])]
Reference = Annotated[
    Line | None,
    Field(
        min_length=1,
        max_length=100,
        description="Reference of the payer, such as that of the transfer.",
        examples=["8841"],
    ),
]
Note = Annotated[
    Paragraph | None, Field(max_length=2000, description="For yourself.", examples=["At the desk."])
]


class InvoiceShare(Body):
    """An invoice that a payment pays."""

    invoice_id: InvoiceOf
    amount: Annotated[
        Amount | None,
        Field(
            description="How much of the payment it gets. Give it for each invoice or for none; "
            "for none the oldest due is paid first.",
            examples=["500.00"],
        ),
    ] = None


class NewPayment(Body):
    """Money that came in, and what it pays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "amount": "500.00",
                    "currency": "EUR",
                    "method": "bank_transfer",
                    "invoices": [{"invoice_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"}],
                }
            ]
        }
    )

    amount: PaymentAmount
    currency: CurrencyCode
    method: Method
    invoices: Annotated[
        list[InvoiceShare],
        Field(
            max_length=INVOICES_MAX,
            description="The invoices that it pays, of one customer.",
            examples=[[{"invoice_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"}]],
        ),
    ] = Field(default=[])
    customer_id: Annotated[
        Id | None,
        Field(
            description="Who paid. Alone, without invoices, the oldest due is paid first and the "
            "rest stays as the customer's credit.",
            examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"],
        ),
    ] = None
    excess: Annotated[
        Literal["refuse", "credit"],
        Field(
            description="What becomes of more than the invoices are due: the payment is refused, "
            "or the rest stays as the customer's credit.",
            examples=["refuse"],
        ),
    ] = "refuse"
    paid_on: Annotated[
        Day | None,
        Field(
            description="The day the money came; null or left out takes today.",
            examples=["2026-11-20"],
        ),
    ] = None
    reference: Reference = None
    note: Note = None


class SeenPayment(Body):
    """What came of a claimed payment, where that differs from what was claimed."""

    amount: Annotated[
        Amount | None,
        Field(description="What came; left out takes what was claimed.", examples=["500.00"]),
    ] = None
    paid_on: Annotated[
        Day | None,
        Field(
            description="The day it came; left out takes the claimed one.", examples=["2026-11-20"]
        ),
    ] = None
    excess: Annotated[
        Literal["refuse", "credit"] | None,
        Field(
            description="What becomes of more than the invoices are due; left out takes what the "
            "claim said.",
            examples=["credit"],
        ),
    ] = None
    invoices: Annotated[
        list[InvoiceShare] | None,
        Field(
            max_length=INVOICES_MAX,
            description="What it pays instead of what was claimed, such as the invoice that took "
            "the place of the claimed one; an empty list pays the customer's oldest due first. "
            "Left out takes what the claim said.",
            examples=[[{"invoice_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"}]],
        ),
    ] = None


class DeclineReason(Body):
    """Why a claimed payment is declined."""

    reason: Annotated[
        Paragraph,
        Field(
            min_length=1,
            max_length=2000,
            description="Stays with the payment.",
            examples=["No such transfer arrived within ten days."],
        ),
    ]


class CreditUse(Body):
    """What the free part of a payment pays."""

    invoices: Annotated[
        list[InvoiceShare],
        Field(
            max_length=INVOICES_MAX,
            description="The invoices that it pays, of the customer who paid. With none, the "
            "oldest due is paid first.",
            examples=[[{"invoice_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"}]],
        ),
    ] = Field(default=[])


class InvoiceReleased(Body):
    """The invoice from which a payment is taken back."""

    invoice_id: InvoiceOf


class PaymentQuery(PageQuery):
    """What a list of payments is narrowed to; all that is given must hold."""

    customer_id: Annotated[
        Id | None,
        Field(description="Of this customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
    ] = None
    invoice_id: Annotated[
        Id | None,
        Field(
            description="That paid this invoice.",
            examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"],
        ),
    ] = None
    method: Annotated[
        Word | None,
        Field(
            min_length=1,
            max_length=30,
            pattern=METHOD,
            description="By this method, or through the provider of this name.",
            examples=["cash"],
        ),
    ] = None
    status: Annotated[
        PaymentStatus | None,
        Field(description="In this state.", examples=["pending_confirmation"]),
    ] = None
    paid_from: Annotated[
        Day | None, Field(description="Paid on this day or later.", examples=["2026-01-01"])
    ] = None
    paid_to: Annotated[
        Day | None, Field(description="Paid on this day or before.", examples=["2026-12-31"])
    ] = None


class Allocation(View):
    """What one invoice got of a payment."""

    invoice_id: InvoiceOf
    invoice_number: Annotated[
        str | None, Field(description="Its number.", examples=["INV-2026-000241"])
    ]
    amount: Annotated[Amount, Field(description="What it got.", examples=["500.00"])]


class Payment(View):
    """Money that came in, and what it paid."""

    id: Id
    customer_id: CustomerOf
    method: AnyMethod
    status: Annotated[
        PaymentStatus,
        Field(
            description="pending_confirmation: somebody says they have paid; processing: a "
            "provider has it; requires_action: the payer must do something there; succeeded: the "
            "money is here; declined, failed, canceled, expired: it did not come.",
            examples=["succeeded"],
        ),
    ]
    currency: CurrencyCode
    amount: PaymentAmount
    allocated: Annotated[Amount, Field(description="What paid invoices.", examples=["500.00"])]
    unallocated: Annotated[
        Amount, Field(description="What is the customer's credit.", examples=["0.00"])
    ]
    refund_reserved: Annotated[
        Amount, Field(description="What is on its way back.", examples=["0.00"])
    ]
    refunded: Annotated[Amount, Field(description="What was given back.", examples=["0.00"])]
    paid_on: PaidOn
    reference: Reference
    note: Note
    receipt_number: Annotated[
        str | None, Field(description="Number of its receipt.", examples=["REC-2026-000017"])
    ]
    receipt_date: Annotated[
        Day | None, Field(description="Date of its receipt.", examples=["2026-11-20"])
    ]
    allocations: Annotated[list[Allocation], Field(description="What it paid.")]
    online: Annotated[
        Online | None, Field(description="What is known of it at a provider; null elsewhere.")
    ]
    version: Version
    created_at: Moment
    updated_at: Moment


class PaymentList(View):
    """A page of payments, newest first."""

    data: list[Payment]
    next: NextCursor


class ReceiptLine(View):
    """An invoice on a receipt."""

    invoice_id: InvoiceOf
    number: Annotated[str | None, Field(description="Its number.", examples=["INV-2026-000241"])]
    amount: Annotated[Amount, Field(description="What it got.", examples=["500.00"])]
    due_after: Annotated[
        Amount, Field(description="What was left to pay right after.", examples=["867.40"])
    ]


class Receipt(View):
    """What the payer gets for their money. It says the same for ever."""

    number: Annotated[str, Field(description="Given without gaps.", examples=["REC-2026-000017"])]
    date: Annotated[Day, Field(description="When it was made out.", examples=["2026-11-20"])]
    payment_id: Annotated[
        Id, Field(description="The payment.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11"])
    ]
    received_by: Annotated[Seller, Field(description="The organization.")]
    received_from: Annotated[Buyer, Field(description="The customer.")]
    currency: CurrencyCode
    amount: PaymentAmount
    unallocated: Annotated[Amount, Field(description="What paid no invoice.", examples=["0.00"])]
    method: AnyMethod
    paid_on: PaidOn
    reference: Reference
    invoices: Annotated[list[ReceiptLine], Field(description="What it paid.")]


def shares(invoices: Sequence[InvoiceShare], currency: str) -> tuple[Share, ...]:
    """Read what a payment pays, in the units of the core.

    Raises:
        Invalid: the codes of `money.parse`.
    """
    return tuple(
        Share(
            share.invoice_id,
            None
            if share.amount is None
            else money.parse(share.amount, currency, pointer=f"/invoices/{index}/amount"),
        )
        for index, share in enumerate(invoices)
    )


def shown_payment(payment: PaymentDocument) -> dict[str, Any]:
    """Show a payment."""
    currency = payment["currency"]
    shown: dict[str, Any] = dict(payment)
    for name in ("amount", "allocated", "unallocated", "refund_reserved", "refunded"):
        shown[name] = money.text(shown[name], currency)
    shown["allocations"] = [
        {**part, "amount": money.text(part["amount"], currency)} for part in payment["allocations"]
    ]
    return shown


def shown_receipt(receipt: ReceiptDocument) -> dict[str, Any]:
    """Show a receipt."""
    currency = receipt["currency"]
    shown: dict[str, Any] = dict(receipt)
    for name in ("amount", "unallocated"):
        shown[name] = money.text(shown[name], currency)
    shown["invoices"] = [
        {
            **line,
            "amount": money.text(line["amount"], currency),
            "due_after": money.text(line["due_after"], currency),
        }
        for line in receipt["invoices"]
    ]
    return shown
