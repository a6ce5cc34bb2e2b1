"""Credit notes, write-offs and replacements, as the API takes and shows them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from tallystick.invoices.content import LINES_MAX, DraftContent
from tallystick.invoices.credit_note_queries import CreditNoteDocument
from tallystick.invoices.queries import InvoiceDocument
from tallystick.web.api.shapes.invoice_views import (
    Buyer,
    Line,
    Seller,
    TaxRateTotal,
    line_shown,
    rate_shown,
    texts,
)
from tallystick.web.api.shapes.invoices import (
    BuyerReference,
    CustomerOf,
    DraftShape,
    InvoiceDiscount,
    InvoiceTermsDays,
    IssueDate,
    Lines,
    NewLine,
    Note,
    Series,
    draft_content,
)
from tallystick.web.fields import (
    UNNAMED,
    Amount,
    Body,
    CurrencyCode,
    Day,
    Id,
    Moment,
    NextCursor,
    PageQuery,
    Paragraph,
    Part,
    View,
)

Reason = Annotated[
    Paragraph,
    Field(
        min_length=1,
        max_length=2000,
        description="Why; stays with the document.",
        examples=["One week was cancelled."],
    ),
]
InvoiceOf = Annotated[
    Id, Field(description="The invoice.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"])
]


class NewCreditNote(Body):
    """What is taken back of an invoice: an amount, or lines, or all that still stands."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "One week was cancelled.", "amount": "50.00"}]}
    )

    reason: Reason
    amount: Annotated[
        Amount | None,
        Field(
            description="With tax; it is split over the tax rates of the invoice by what remains "
            "of each. Left out, with lines left out too, takes back all that still stands.",
            examples=["50.00"],
        ),
    ] = None
    lines: Annotated[
        list[NewLine],
        Field(
            max_length=LINES_MAX,
            description="What is taken back, priced as on an invoice, instead of an amount.",
            examples=[[]],
        ),
    ] = Field(default=[])


class WriteOffOptions(Body):
    """How much of what is due is given up, and why."""

    reason: Reason
    amount: Annotated[
        Amount | None,
        Field(description="Null or left out gives up all that is due.", examples=["12.50"]),
    ] = None


class Replacement(Body):
    """An invoice in the place of another one, for the same customer and in the same currency."""

    reason: Reason
    lines: Lines = Field(default=[])
    discount: InvoiceDiscount = None
    terms_days: InvoiceTermsDays = None
    series: Series = "INV"
    reference: BuyerReference = None
    note: Note = None
    issue_date: IssueDate = None
    excess: Annotated[
        Literal["refuse", "credit"],
        Field(
            description="What becomes of money that the new invoice has no need of: refuse the "
            "replacement, or keep it as the customer's credit.",
            examples=["credit"],
        ),
    ] = "refuse"


class Annotation(Part):
    """What to change beside an issued invoice; what is not named stays as it is."""

    due_date: Annotated[
        Day, Field(description="The last day to pay from now on.", examples=["2027-01-31"])
    ] = UNNAMED
    memo: Annotated[
        Paragraph | None,
        Field(
            max_length=2000,
            description="What you keep beside the document; null takes it away.",
            examples=["Asked for time until July."],
        ),
    ] = UNNAMED


class CreditNote(View):
    """A credit note."""

    id: Id
    number: Annotated[str, Field(description="Without gaps.", examples=["CN-2026-000017"])]
    invoice_id: InvoiceOf
    invoice_number: Annotated[str, Field(examples=["INV-2026-000241"])]
    customer_id: CustomerOf
    currency: CurrencyCode
    net: Annotated[Amount, Field(description="Total without tax.", examples=["42.02"])]
    tax: Annotated[Amount, Field(description="Sum of the taxes.", examples=["7.98"])]
    total: Annotated[Amount, Field(description="Total with tax.", examples=["50.00"])]
    reason: Annotated[str, Field(description="Why.", examples=["One week was cancelled."])]
    issue_date: Annotated[Day, Field(description="Day of issue.", examples=["2026-11-20"])]
    lines: Annotated[list[Line], Field(description="What is taken back.")]
    tax_rates: Annotated[
        list[TaxRateTotal], Field(description="One for each tax rate, the lowest first.")
    ]
    seller: Seller
    buyer: Buyer
    document_hash: Annotated[
        str,
        Field(
            description="SHA-256 of what the credit note says.",
            examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
        ),
    ]
    created_at: Moment


class CreditNoteList(View):
    """A page of credit notes, newest first."""

    data: list[CreditNote]
    next: NextCursor


class CreditNoteQuery(PageQuery):
    """What a list of credit notes is narrowed to; all that is given must hold."""

    customer_id: Annotated[
        Id | None,
        Field(description="Of this customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
    ] = None
    invoice_id: Annotated[
        Id | None,
        Field(description="Of this invoice.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"]),
    ] = None


def replacement_content(body: Replacement, old: InvoiceDocument) -> DraftContent:
    """Read what the new invoice says; its customer and its currency are those of the old one.

    Raises:
        Invalid: the codes of `draft_content`.
    """
    shape = DraftShape.model_construct(
        customer_id=UUID(old["customer_id"]),
        currency=old["currency"],
        lines=body.lines,
        discount=body.discount,
        terms_days=body.terms_days,
        series=body.series,
        reference=body.reference,
        note=body.note,
    )
    return draft_content(shape, old["currency"])


def shown_credit_note(note: CreditNoteDocument) -> dict[str, Any]:
    """Show a credit note."""
    currency = note["currency"]
    shown: dict[str, Any] = dict(note)
    texts(shown, ("net", "tax", "total"), currency)
    shown["lines"] = [line_shown(line, currency) for line in note["lines"]]
    shown["tax_rates"] = [rate_shown(rate, currency) for rate in note["tax_rates"]]
    return shown
