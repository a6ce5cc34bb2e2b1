"""What a payer sees of invoices and payments, and what they claim.

Members are named here one by one, so that whatever an organization keeps for itself stays there.
"""

from typing import Annotated, Any, Final

from pydantic import Field

from tallystick.invoices.payers import OwedDocument
from tallystick.payments.payers import PaidDocument
from tallystick.payments.queries import ReceiptDocument
from tallystick.payments.states import PaymentStatus
from tallystick.web.api.shapes.invoice_views import (
    Buyer,
    Due,
    DueOn,
    IssuedOn,
    Line,
    Overdue,
    Paid,
    PaidAmount,
    Seller,
    Status,
    TaxRateTotal,
    Total,
    shown_whole,
)
from tallystick.web.api.shapes.invoices import BuyerReference, InvoiceDiscount
from tallystick.web.api.shapes.online import Online
from tallystick.web.api.shapes.payments import (
    Allocation,
    AnyMethod,
    Method,
    PaidOn,
    PaymentAmount,
    Receipt,
    Reference,
    shown_payment,
    shown_receipt,
)
from tallystick.web.fields import (
    Amount,
    Body,
    CurrencyCode,
    Day,
    Id,
    Moment,
    NextCursor,
    View,
)


class Receiver(View):
    """The organization that is owed."""

    id: Id
    name: Annotated[str, Field(description="Its name.", examples=["Northfield Trust"])]


class OwnRecord(View):
    """A customer record that is yours."""

    id: Id
    organization: Annotated[Receiver, Field(description="Whose customer you are.")]
    name: Annotated[str, Field(description="Your name there.", examples=["Maya Okonkwo"])]


class OwnRecordList(View):
    """A page of your customer records, newest first."""

    data: list[OwnRecord]
    next: NextCursor


class OwedInvoice(View):
    """An issued invoice of yours."""

    id: Id
    organization: Annotated[Receiver, Field(description="Who is owed.")]
    customer_id: Annotated[
        Id,
        Field(
            description="Your customer record.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]
        ),
    ]
    number: Annotated[str, Field(description="Its number.", examples=["INV-2026-000241"])]
    status: Status
    payment_status: Paid
    overdue: Overdue
    currency: CurrencyCode
    total: Total
    paid: PaidAmount
    credited: Annotated[Amount, Field(description="What credit notes took off.", examples=["0.00"])]
    written_off: Annotated[Amount, Field(description="What was given up.", examples=["0.00"])]
    due: Due
    issue_date: IssuedOn
    due_date: DueOn
    net: Annotated[Amount, Field(description="Total without tax.", examples=["1200.00"])]
    tax: Annotated[Amount, Field(description="Sum of the taxes.", examples=["167.40"])]
    discount: InvoiceDiscount
    discount_total: Annotated[
        Amount, Field(description="What that discount comes to.", examples=["0.00"])
    ]
    reference: BuyerReference
    note: Annotated[
        str | None,
        Field(description="What the document says to you.", examples=["Thank you."]),
    ]
    lines: Annotated[list[Line], Field(description="What is invoiced.")]
    tax_rates: Annotated[
        list[TaxRateTotal], Field(description="One for each tax rate, the lowest first.")
    ]
    seller: Annotated[Seller, Field(description="The organization, as it was at issue.")]
    buyer: Annotated[Buyer, Field(description="You, as you were at issue.")]


class OwedInvoiceList(View):
    """A page of your issued invoices, newest first, of all organizations."""

    data: list[OwedInvoice]
    next: NextCursor


class OwnPayment(View):
    """A payment of yours."""

    id: Id
    organization: Annotated[Receiver, Field(description="Who was paid.")]
    customer_id: Annotated[
        Id,
        Field(
            description="Your customer record.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]
        ),
    ]
    method: AnyMethod
    status: Annotated[
        PaymentStatus,
        Field(
            description="pending_confirmation: the organization has not seen the money yet; "
            "processing: a provider has it; requires_action: you must do something there; "
            "succeeded: the money is here; declined, failed, canceled, expired: it did not come.",
            examples=["pending_confirmation"],
        ),
    ]
    currency: CurrencyCode
    amount: PaymentAmount
    allocated: Annotated[Amount, Field(description="What paid invoices.", examples=["500.00"])]
    unallocated: Annotated[Amount, Field(description="What is your credit.", examples=["0.00"])]
    refund_reserved: Annotated[
        Amount, Field(description="What is on its way back.", examples=["0.00"])
    ]
    refunded: Annotated[Amount, Field(description="What was given back.", examples=["0.00"])]
    paid_on: PaidOn
    reference: Reference
    receipt_number: Annotated[
        str | None, Field(description="Number of its receipt.", examples=["REC-2026-000017"])
    ]
    receipt_date: Annotated[
        Day | None, Field(description="Date of its receipt.", examples=["2026-11-20"])
    ]
    allocations: Annotated[list[Allocation], Field(description="What it paid.")]
    claimed_for: Annotated[
        list[Id],
        Field(
            description="The invoices that it was claimed for.",
            examples=[["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"]],
        ),
    ]
    online: Annotated[
        Online | None, Field(description="What is known of it at a provider; null elsewhere.")
    ]
    created_at: Moment


class OwnPaymentWithReceipt(OwnPayment):
    """A payment of yours, with what you got for it."""

    receipt: Annotated[Receipt | None, Field(description="Null while the money was not seen.")]


class OwnPaymentList(View):
    """A page of your payments, newest first, to all organizations."""

    data: list[OwnPayment]
    next: NextCursor


class OwnClaim(Body):
    """What you have paid, in no way that this server sees by itself."""

    amount: Annotated[
        Amount | None,
        Field(description="What you paid; left out takes what is due.", examples=["500.00"]),
    ] = None
    method: Method
    paid_on: Annotated[
        Day | None,
        Field(description="The day you paid; left out takes today.", examples=["2026-11-20"]),
    ] = None
    reference: Reference = None


_OF_INVOICE: Final = frozenset(OwedInvoice.model_fields) - {"organization"}
_OF_PAYMENT: Final = frozenset(OwnPayment.model_fields) - {"organization", "claimed_for"}


def shown_owed(owed: OwedDocument) -> dict[str, Any]:
    """Show an invoice to its payer."""
    whole = shown_whole(owed["invoice"])
    return {"organization": owed["organization"]} | {name: whole[name] for name in _OF_INVOICE}


def shown_paid(paid: PaidDocument) -> dict[str, Any]:
    """Show a payment to its payer."""
    whole = shown_payment(paid["payment"])
    told = {name: whole[name] for name in _OF_PAYMENT}
    return {**told, "organization": paid["organization"], "claimed_for": paid["claimed_for"]}


def shown_with_receipt(paid: PaidDocument, receipt: ReceiptDocument | None) -> dict[str, Any]:
    """Show a payment with its receipt to its payer."""
    return {**shown_paid(paid), "receipt": None if receipt is None else shown_receipt(receipt)}
