"""Invoices as the API takes them, and the lists of them that it is asked for."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import orjson
from pydantic import ConfigDict, Field

from tallystick.invoices.content import LINES_MAX, TERMS_DAYS_MAX, DraftContent
from tallystick.invoices.queries import InvoiceDocument, InvoiceFilter, LineDocument
from tallystick.invoices.totals import Line as InvoiceLine
from tallystick.kernel import money
from tallystick.web.api.shapes import amounts
from tallystick.web.api.shapes.amounts import DiscountGiven
from tallystick.web.fields import (
    SERIES,
    UNNAMED,
    Amount,
    Body,
    CurrencyCode,
    Day,
    Id,
    Line,
    Looked,
    PageQuery,
    Paragraph,
    Part,
    Percent,
    Quantity,
    Query,
)

Series = Annotated[
    str,
    Field(
        pattern=SERIES,
        description="The run of numbers that the invoice gets its number from.",
        examples=["INV"],
    ),
]
BuyerReference = Annotated[
    Line | None,
    Field(
        min_length=1,
        max_length=100,
        description="The buyer's own reference, such as a purchase order.",
        examples=["PO-4711"],
    ),
]
Note = Annotated[
    Paragraph | None,
    Field(max_length=2000, description="Text for the reader.", examples=["Thank you."]),
]
InvoiceTermsDays = Annotated[
    int | None,
    Field(
        ge=0,
        le=TERMS_DAYS_MAX,
        description="Days from issue to due date; null takes the organization's.",
        examples=[30],
    ),
]
InvoiceDiscount = Annotated[
    DiscountGiven | None,
    Field(description="Discount on the whole invoice.", examples=[{"percent": "10"}]),
]
Description = Annotated[
    Line, Field(min_length=1, max_length=500, examples=["Tuition, autumn term"])
]
UnitPrice = Annotated[Amount, Field(description="Net price of one unit.", examples=["1200.00"])]
TaxRate = Annotated[Percent, Field(description="Tax rate in percent.", examples=["19"])]
LineDiscount = Annotated[
    DiscountGiven | None, Field(description="Discount on this line.", examples=[{"fixed": "5.00"}])
]
IssueDate = Annotated[
    Day | None,
    Field(description="Day of issue; null or left out takes today.", examples=["2026-11-20"]),
]


class NewLine(Body):
    """A line of an invoice."""

    description: Description
    quantity: Annotated[
        Quantity, Field(description="Above 0, at most 6 decimals.", examples=["1"])
    ] = "1"
    unit_price: UnitPrice
    tax_rate: TaxRate = "0"
    discount: LineDiscount = None


Lines = Annotated[
    list[NewLine],
    Field(
        max_length=LINES_MAX,
        description="What is invoiced; at least one line is needed to issue.",
        examples=[
            [
                {
                    "description": "Tuition, autumn term",
                    "quantity": "1",
                    "unit_price": "1200.00",
                    "tax_rate": "19",
                }
            ]
        ],
    ),
]
CustomerOf = Annotated[
    Id, Field(description="The customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"])
]


class DraftShape(Body):
    """What the author of an invoice decides."""

    customer_id: CustomerOf
    currency: Annotated[
        CurrencyCode | None,
        Field(description="Null or left out takes the organization's.", examples=["EUR"]),
    ] = None
    lines: Lines = Field(default=[])
    discount: InvoiceDiscount = None
    terms_days: InvoiceTermsDays = None
    series: Series = "INV"
    reference: BuyerReference = None
    note: Note = None


class NewInvoice(DraftShape):
    """An invoice to make, as a draft or issued at once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "customer_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
                    "lines": [
                        {
                            "description": "Tuition, autumn term",
                            "quantity": "1",
                            "unit_price": "1200.00",
                            "tax_rate": "19",
                        }
                    ],
                    "issue": True,
                }
            ]
        }
    )

    issue: Annotated[bool, Field(description="Issue it at once.", examples=[True])] = False
    issue_date: IssueDate = None


class DraftChanges(Part):
    """What to change of a draft; what is not named stays as it is."""

    customer_id: CustomerOf = UNNAMED
    currency: CurrencyCode = UNNAMED
    lines: Lines = UNNAMED
    discount: InvoiceDiscount = UNNAMED
    terms_days: InvoiceTermsDays = UNNAMED
    series: Series = UNNAMED
    reference: BuyerReference = UNNAMED
    note: Note = UNNAMED


class IssueOptions(Body):
    """How to issue a draft."""

    issue_date: IssueDate = None


class VoidReason(Body):
    """Why an invoice is voided."""

    reason: Annotated[
        Paragraph,
        Field(
            min_length=1,
            max_length=2000,
            description="Stays with the invoice.",
            examples=["Issued to the wrong customer."],
        ),
    ]


class InvoiceTotalsQuery(Query):
    """Which invoices are meant; all that is given must hold."""

    q: Looked = None
    status: Annotated[
        Literal["draft", "open", "void", "credited", "unpaid", "partial", "paid", "overdue"] | None,
        Field(
            description="unpaid, partial, paid and overdue are the open ones of that kind.",
            examples=["overdue"],
        ),
    ] = None
    customer_id: Annotated[
        Id | None,
        Field(description="Of this customer.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
    ] = None
    number: Annotated[
        Line | None,
        Field(max_length=40, description="With this number.", examples=["INV-2026-000241"]),
    ] = None
    currency: Annotated[
        CurrencyCode | None,
        Field(
            description="In this currency; also the one of total_min and total_max, which are "
            "otherwise in the organization's.",
            examples=["EUR"],
        ),
    ] = None
    issued_from: Annotated[
        Day | None, Field(description="Issued on this day or later.", examples=["2026-01-01"])
    ] = None
    issued_to: Annotated[
        Day | None, Field(description="Issued on this day or before.", examples=["2026-12-31"])
    ] = None
    due_from: Annotated[
        Day | None, Field(description="Due on this day or later.", examples=["2026-01-01"])
    ] = None
    due_to: Annotated[
        Day | None, Field(description="Due on this day or before.", examples=["2026-12-31"])
    ] = None
    total_min: Annotated[
        Amount | None, Field(description="With this total or more.", examples=["100.00"])
    ] = None
    total_max: Annotated[
        Amount | None, Field(description="With this total or less.", examples=["500.00"])
    ] = None


class InvoiceQuery(InvoiceTotalsQuery, PageQuery):
    """What a list of invoices is narrowed to; all that is given must hold."""


def invoice_lines(lines: Sequence[NewLine], currency: str) -> tuple[InvoiceLine, ...]:
    """Read lines, of an invoice or of a credit note.

    Raises:
        Invalid: the codes of `amounts`, each with its pointer.
    """
    return tuple(
        InvoiceLine(
            description=line.description,
            quantity_micro=amounts.quantity_micro(
                line.quantity, pointer=f"/lines/{index}/quantity"
            ),
            unit_price=amounts.not_negative(
                line.unit_price, currency, pointer=f"/lines/{index}/unit_price"
            ),
            tax_rate_ppm=amounts.tax_rate_ppm(line.tax_rate, pointer=f"/lines/{index}/tax_rate"),
            discount=amounts.discount(line.discount, currency, pointer=f"/lines/{index}/discount"),
        )
        for index, line in enumerate(lines)
    )


def draft_content(shape: DraftShape, own_currency: str) -> DraftContent:
    """Read what the author of an invoice decided, in the units of the core.

    Raises:
        Invalid: money.currency_unknown, and the codes of `amounts`, each with its pointer.
    """
    currency = shape.currency or own_currency
    money.exponent(currency, pointer="/currency")
    return DraftContent(
        customer_id=shape.customer_id,
        currency=currency,
        lines=invoice_lines(shape.lines, currency),
        discount=amounts.discount(shape.discount, currency, pointer="/discount"),
        terms_days=shape.terms_days,
        series=shape.series,
        reference=shape.reference,
        note=shape.note,
    )


def draft_merged(draft: InvoiceDocument, changes: dict[str, Any]) -> DraftShape:
    """Put the named members of a change over a draft, as it would be sent now.

    In the form in which it is sent, so that an amount keeps its value when the currency changes.
    """
    currency = draft["currency"]
    sent = {
        "customer_id": draft["customer_id"],
        "currency": currency,
        "lines": [_line_sent(line, currency) for line in draft["lines"]],
        "discount": amounts.discount_shown(draft["document_discount"], currency),
        "terms_days": draft["terms_days"],
        "series": draft["series"],
        "reference": draft["reference"],
        "note": draft["note"],
    }
    return DraftShape.model_validate_json(orjson.dumps(sent | changes))


def _line_sent(line: LineDocument, currency: str) -> dict[str, Any]:
    return {
        "description": line["description"],
        "quantity": amounts.quantity_text(line["quantity_micro"]),
        "unit_price": money.text(line["unit_price"], currency),
        "tax_rate": amounts.percent_text(line["tax_rate_ppm"]),
        "discount": amounts.discount_shown(line["discount"], currency),
    }


def invoice_filter(query: InvoiceTotalsQuery, own_currency: str) -> InvoiceFilter:
    """Read what a list is narrowed to. An amount narrows to its currency too.

    Raises:
        Invalid: the codes of `money.parse`.
    """
    currency, least, most = query.currency, None, None
    if currency is not None:
        money.exponent(currency, pointer="/currency")
    if query.total_min is not None or query.total_max is not None:
        currency = currency or own_currency
        if query.total_min is not None:
            least = money.parse(query.total_min, currency, pointer="/total_min")
        if query.total_max is not None:
            most = money.parse(query.total_max, currency, pointer="/total_max")
    return InvoiceFilter(
        status=query.status,
        customer_id=query.customer_id,
        number=query.number,
        currency=currency,
        issued_from=query.issued_from,
        issued_to=query.issued_to,
        due_from=query.due_from,
        due_to=query.due_to,
        total_min=least,
        total_max=most,
        q=query.q,
    )
