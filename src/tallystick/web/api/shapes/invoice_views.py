"""Invoices as the API shows them."""

from typing import Annotated, Any

from pydantic import Field

from tallystick.invoices.queries import InvoiceDocument, InvoiceSummary, LineDocument, RateDocument
from tallystick.invoices.states import InvoiceStatus, PaymentStatus
from tallystick.invoices.summing import InvoiceTotals
from tallystick.kernel import money
from tallystick.web.api.shapes import amounts
from tallystick.web.api.shapes.invoices import (
    BuyerReference,
    CustomerOf,
    Description,
    InvoiceDiscount,
    LineDiscount,
    Note,
    Series,
    TaxRate,
    UnitPrice,
)
from tallystick.web.api.shapes.organizations import PostalAddress
from tallystick.web.fields import (
    Amount,
    CurrencyCode,
    Day,
    Id,
    Moment,
    NextCursor,
    Quantity,
    Version,
    View,
)

Number = Annotated[
    str | None,
    Field(
        description="Given at issue, without gaps; null for a draft.", examples=["INV-2026-000241"]
    ),
]
Status = Annotated[
    InvoiceStatus,
    Field(
        description="Draft, open, void, or credited: then nothing of it stands any more.",
        examples=["open"],
    ),
]
Paid = Annotated[
    PaymentStatus, Field(description="How far an open invoice is paid.", examples=["partial"])
]
Overdue = Annotated[
    bool, Field(description="Whether something is due after the due date.", examples=[False])
]
Due = Annotated[Amount, Field(description="What is left to pay.", examples=["867.40"])]
IssuedOn = Annotated[Day | None, Field(description="Day of issue.", examples=["2026-11-20"])]
DueOn = Annotated[Day | None, Field(description="Last day to pay.", examples=["2026-12-20"])]
Total = Annotated[Amount, Field(description="Total with tax.", examples=["1367.40"])]
PaidAmount = Annotated[Amount, Field(description="What was paid.", examples=["500.00"])]


class Line(View):
    """A line of an invoice."""

    position: Annotated[int, Field(description="Counts from 1.", examples=[1])]
    description: Description
    quantity: Quantity
    unit_price: UnitPrice
    tax_rate: TaxRate
    discount: LineDiscount
    net: Annotated[
        Amount, Field(description="Quantity times price, less discount.", examples=["1200.00"])
    ]


class TaxRateTotal(View):
    """What one tax rate contributes to an invoice."""

    tax_rate: TaxRate
    net: Annotated[Amount, Field(description="Sum of its lines.", examples=["1200.00"])]
    discount: Annotated[
        Amount, Field(description="Its share of the invoice's discount.", examples=["0.00"])
    ]
    taxable: Annotated[Amount, Field(description="What is taxed.", examples=["1200.00"])]
    tax: Annotated[
        Amount, Field(description="The tax, rounded once for the rate.", examples=["228.00"])
    ]


class Seller(View):
    """The organization as it was when the invoice was issued."""

    name: Annotated[str, Field(examples=["Northfield Trust"])]
    tax_id: Annotated[str | None, Field(examples=["ESB12345678"])]
    country: Annotated[str, Field(examples=["ES"])]
    address: PostalAddress


class Buyer(View):
    """The customer as they were when the invoice was issued."""

    name: Annotated[str, Field(examples=["Maya Okonkwo"])]
    email: Annotated[str | None, Field(examples=["maya.okonkwo@example.com"])]
    tax_id: Annotated[str | None, Field(examples=[None])]
    address: PostalAddress
    external_reference: Annotated[str | None, Field(examples=["S-2026-0117"])]


class InvoiceInList(View):
    """An invoice as a list shows it."""

    id: Id
    number: Number
    status: Status
    payment_status: Paid
    overdue: Overdue
    currency: CurrencyCode
    total: Total
    paid: PaidAmount
    credited: Annotated[Amount, Field(description="What credit notes took off.", examples=["0.00"])]
    written_off: Annotated[Amount, Field(description="What was given up.", examples=["0.00"])]
    reserved: Annotated[
        Amount, Field(description="What payments on their way will pay.", examples=["0.00"])
    ]
    due: Due
    customer_id: CustomerOf
    series: Series
    issue_date: IssuedOn
    due_date: DueOn
    version: Version
    created_at: Moment
    updated_at: Moment


class Invoice(InvoiceInList):
    """A whole invoice."""

    net: Annotated[Amount, Field(description="Total without tax.", examples=["1200.00"])]
    tax: Annotated[Amount, Field(description="Sum of the taxes.", examples=["167.40"])]
    discount: InvoiceDiscount
    discount_total: Annotated[
        Amount, Field(description="What that discount comes to.", examples=["0.00"])
    ]
    terms_days: Annotated[int, Field(description="Days from issue to due date.", examples=[30])]
    reference: BuyerReference
    note: Note
    lines: Annotated[list[Line], Field(description="What is invoiced.")]
    tax_rates: Annotated[
        list[TaxRateTotal], Field(description="One for each tax rate, the lowest first.")
    ]
    seller: Annotated[Seller | None, Field(description="Null for a draft.")]
    buyer: Annotated[Buyer | None, Field(description="Null for a draft.")]
    document_hash: Annotated[
        str | None,
        Field(
            description="SHA-256 of what the issued document says.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ]
    issued_at: Annotated[
        Moment | None,
        Field(description="When it was issued.", examples=["2026-11-20T09:15:00.000000Z"]),
    ]
    voided_at: Annotated[Moment | None, Field(description="When it was voided.", examples=[None])]
    void_reason: Annotated[str | None, Field(description="Why.", examples=[None])]
    write_off_reason: Annotated[
        str | None,
        Field(description="Why part of it was written off, the last time.", examples=[None]),
    ]
    memo: Annotated[
        str | None,
        Field(
            description="What the organization keeps beside the document.",
            examples=["Asked for time until July."],
        ),
    ]
    replaces: Annotated[
        Id | None,
        Field(description="The invoice in whose place this one was issued.", examples=[None]),
    ]
    relates_to: Annotated[
        Id | None,
        Field(
            description="The overdue invoice on which this one charges a fee or interest.",
            examples=[None],
        ),
    ]


class InvoiceList(View):
    """A page of invoices, newest first; lines are in the single invoice only."""

    data: list[InvoiceInList]
    next: NextCursor


class CurrencyTotals(View):
    """The invoices of one currency together."""

    currency: CurrencyCode
    count: Annotated[int, Field(description="How many there are.", examples=[241])]
    total: Annotated[Amount, Field(description="Their totals with tax.", examples=["32000.00"])]
    paid: Annotated[Amount, Field(description="What was paid.", examples=["12000.00"])]
    credited: Annotated[Amount, Field(description="What credit notes took off.", examples=["0.00"])]
    written_off: Annotated[Amount, Field(description="What was given up.", examples=["0.00"])]
    due: Annotated[Amount, Field(description="What is left to pay.", examples=["20000.00"])]


class InvoiceSums(View):
    """What a list of invoices comes to, for each currency."""

    data: list[CurrencyTotals]


class TraceStep(View):
    """One figure of an invoice, and how it came about."""

    term: Annotated[str, Field(description="Its term in EN 16931.", examples=["BT-117"])]
    name: Annotated[str, Field(description="What it is.", examples=["tax"])]
    how: Annotated[
        str, Field(description="How it was computed.", examples=["19 % of 120000 = 22800"])
    ]
    amount: Annotated[int, Field(description="The figure, in minor units.", examples=[22800])]


class TraceOfLine(View):
    """How the amount of a line came about."""

    line: Annotated[int, Field(description="Position of the line.", examples=[1])]
    rate: TaxRate
    steps: Annotated[list[TraceStep], Field(description="In their order.")]


class TraceOfRate(View):
    """How the tax at one rate came about."""

    rate: TaxRate
    steps: Annotated[list[TraceStep], Field(description="In their order.")]


class TotalsTrace(View):
    """How each figure of an invoice came about, in minor units such as cents."""

    unit: Annotated[str, Field(examples=["minor units of the currency"])]
    rounding: Annotated[
        str, Field(description="How figures are rounded.", examples=["half away from zero"])
    ]
    sharing: Annotated[
        str,
        Field(
            description="How a discount is shared among tax rates.",
            examples=["largest remainder, among equals the lowest rate first"],
        ),
    ]
    lines: Annotated[list[TraceOfLine], Field(description="One for each line.")]
    document: Annotated[list[TraceStep], Field(description="Sum and discount.")]
    rates: Annotated[list[TraceOfRate], Field(description="One for each tax rate.")]
    totals: Annotated[list[TraceStep], Field(description="The totals.")]


_SUMMARY_AMOUNTS = ("total", "paid", "credited", "written_off", "reserved", "due")


def shown_in_list(invoice: InvoiceSummary) -> dict[str, Any]:
    """Show an invoice in a list."""
    shown: dict[str, Any] = dict(invoice)
    return texts(shown, _SUMMARY_AMOUNTS, invoice["currency"])


def shown_whole(invoice: InvoiceDocument) -> dict[str, Any]:
    """Show a whole invoice."""
    currency = invoice["currency"]
    shown: dict[str, Any] = dict(invoice)
    shown["discount_total"] = shown["discount"]
    texts(shown, (*_SUMMARY_AMOUNTS, "net", "tax", "discount_total"), currency)
    shown["discount"] = amounts.discount_shown(shown.pop("document_discount"), currency)
    shown["lines"] = [line_shown(line, currency) for line in invoice["lines"]]
    shown["tax_rates"] = [rate_shown(rate, currency) for rate in invoice["tax_rates"]]
    return shown


def line_shown(line: LineDocument, currency: str) -> dict[str, Any]:
    """Show one line."""
    return {
        "position": line["position"],
        "description": line["description"],
        "quantity": amounts.quantity_text(line["quantity_micro"]),
        "unit_price": money.text(line["unit_price"], currency),
        "tax_rate": amounts.percent_text(line["tax_rate_ppm"]),
        "discount": amounts.discount_shown(line["discount"], currency),
        "net": money.text(line["net"], currency),
    }


def rate_shown(rate: RateDocument, currency: str) -> dict[str, Any]:
    """Show what one tax rate contributes."""
    shown: dict[str, Any] = dict(rate)
    shown["tax_rate"] = amounts.percent_text(shown.pop("tax_rate_ppm"))
    return texts(shown, ("net", "discount", "taxable", "tax"), currency)


def texts(shown: dict[str, Any], names: tuple[str, ...], currency: str) -> dict[str, Any]:
    """Write these amounts as decimal text, in place."""
    for name in names:
        shown[name] = money.text(shown[name], currency)
    return shown


def shown_totals(totals: InvoiceTotals) -> dict[str, Any]:
    """Show what the invoices of one currency come to."""
    shown: dict[str, Any] = dict(totals)
    for name in ("total", "paid", "credited", "written_off", "due"):
        shown[name] = money.text(shown[name], totals["currency"])
    return shown
