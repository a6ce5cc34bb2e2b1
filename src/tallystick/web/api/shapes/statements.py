"""Statements and ageing, as the API shows them."""

import struct
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from tallystick.kernel import money
from tallystick.reports.ageing import AgeingBlock, CustomerAgeing
from tallystick.reports.statements import (
    BlockDocument,
    Bookmark,
    MovementDocument,
    Period,
)
from tallystick.web.fields import Amount, CurrencyCode, Day, Id, NextCursor, PageQuery, Query, View

_FROM = "From the beginning of this day; left out: the first day of the year in which it ends."
_TO = "To the end of this day; left out: today."
_AS_OF = "Instead of `to`: as it stood at the end of this day, by business date."
AsOf = Annotated[
    Day | None,
    Field(description="At the end of this day; left out: today.", examples=["2026-03-31"]),
]
SignedAmount = Annotated[str, Field(max_length=40, examples=["-120.00"])]


class StatementQuery(PageQuery):
    """The period of a statement, and a currency where there are several."""

    start: Annotated[
        Day | None, Field(alias="from", description=_FROM, examples=["2026-01-01"])
    ] = None
    end: Annotated[Day | None, Field(alias="to", description=_TO, examples=["2026-03-31"])] = None
    as_of: Annotated[Day | None, Field(description=_AS_OF, examples=["2026-03-31"])] = None
    currency: Annotated[
        CurrencyCode | None,
        Field(description="This currency only; left out: each that there is.", examples=["EUR"]),
    ] = None


class CustomerAgeingQuery(Query):
    """The day of an ageing."""

    as_of: AsOf = None


class OrganizationAgeingQuery(PageQuery):
    """The day of an ageing, and the page of customers."""

    as_of: AsOf = None


class Movement(View):
    """One entry that changed what is owed."""

    entry_id: Id
    date: Annotated[Day, Field(description="Business date.", examples=["2026-03-02"])]
    kind: Annotated[
        str,
        Field(description="The event that the entry books.", examples=["invoice.issued"]),
    ]
    number: Annotated[
        str | None,
        Field(
            description="Number of the invoice, credit note or receipt.",
            examples=["INV-2026-000001"],
        ),
    ]
    customer_id: Annotated[
        UUID | None,
        Field(description="Who owes.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"]),
    ]
    invoice_id: Annotated[
        UUID | None,
        Field(
            description="The invoice, if it is one.",
            examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"],
        ),
    ]
    payment_id: Annotated[
        UUID | None,
        Field(description="The payment.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e11"]),
    ]
    debit: Annotated[Amount, Field(description="More is owed.", examples=["500.00"])]
    credit: Annotated[Amount, Field(description="Less is owed.", examples=["0.00"])]
    balance: Annotated[
        SignedAmount, Field(description="What is owed after it.", examples=["500.00"])
    ]


class StatementBlock(View):
    """One currency of a statement."""

    currency: CurrencyCode
    opening_balance: Annotated[
        SignedAmount,
        Field(description="What was owed before the first day.", examples=["0.00"]),
    ]
    closing_balance: Annotated[
        SignedAmount,
        Field(description="What was owed after the last day, below zero for credit."),
    ]
    data: Annotated[list[Movement], Field(description="In the order of the books.")]
    next: NextCursor


class Statement(View):
    """What happened to what is owed in a period, a block for each currency."""

    start: Annotated[Day, Field(alias="from", description="First day.", examples=["2026-01-01"])]
    end: Annotated[Day, Field(alias="to", description="Last day.", examples=["2026-03-31"])]
    blocks: list[StatementBlock]


class Aged(View):
    """What is owed in one currency, by how long it is overdue; the parts make the total."""

    currency: CurrencyCode
    not_due: Annotated[SignedAmount, Field(description="Not due yet.", examples=["500.00"])]
    days_1_30: Annotated[
        SignedAmount, Field(description="1 to 30 days overdue.", examples=["0.00"])
    ]
    days_31_60: Annotated[
        SignedAmount, Field(description="31 to 60 days overdue.", examples=["0.00"])
    ]
    days_61_90: Annotated[
        SignedAmount, Field(description="61 to 90 days overdue.", examples=["0.00"])
    ]
    days_over_90: Annotated[
        SignedAmount, Field(description="More than 90 days overdue.", examples=["0.00"])
    ]
    total: Annotated[SignedAmount, Field(description="All of it.", examples=["500.00"])]
    credit: Annotated[
        SignedAmount, Field(description="Paid and not allocated to an invoice.", examples=["0.00"])
    ]


class CustomerAged(View):
    """What one customer owes."""

    customer_id: Id
    blocks: list[Aged]


class CustomerAgeingView(CustomerAged):
    """What one customer owed at the end of a day."""

    as_of: Annotated[Day, Field(description="The day.", examples=["2026-03-31"])]


class OrganizationAgeingView(View):
    """What all customers owed at the end of a day, and a page of them, the newest first."""

    as_of: Annotated[Day, Field(description="The day.", examples=["2026-03-31"])]
    totals: list[Aged]
    data: list[CustomerAged]
    next: NextCursor


_PACKED: Final = struct.Struct(">3sII I16s 16s16s")


def packed(mark: Bookmark | None) -> bytes | None:
    """Write a bookmark as the value of a cursor."""
    if mark is None:
        return None
    return _PACKED.pack(
        mark.currency.encode(),
        mark.period.start.toordinal(),
        mark.period.end.toordinal(),
        mark.place[0].toordinal(),
        mark.place[1].bytes,
        mark.opening.to_bytes(16, signed=True),
        mark.balance.to_bytes(16, signed=True),
    )


def unpacked(value: bytes | None) -> Bookmark | None:
    """Read what `packed` wrote."""
    if value is None:
        return None
    currency, start, end, day, entry_id, opening, balance = _PACKED.unpack(value)
    return Bookmark(
        currency=currency.decode(),
        period=Period(date.fromordinal(start), date.fromordinal(end)),
        place=(date.fromordinal(day), UUID(bytes=entry_id)),
        opening=int.from_bytes(opening, signed=True),
        balance=int.from_bytes(balance, signed=True),
    )


def shown_block(block: BlockDocument, following: str | None) -> dict[str, Any]:
    """Show one currency of a statement."""
    currency = block["currency"]
    return {
        "currency": currency,
        "opening_balance": money.text(block["opening_balance"], currency),
        "closing_balance": money.text(block["closing_balance"], currency),
        "data": [_shown_movement(each, currency) for each in block["movements"]],
        "next": following,
    }


def _shown_movement(moved: MovementDocument, currency: str) -> dict[str, Any]:
    return {
        **moved,
        "debit": money.text(moved["debit"], currency),
        "credit": money.text(moved["credit"], currency),
        "balance": money.text(moved["balance"], currency),
    }


def shown_aged(block: AgeingBlock) -> dict[str, Any]:
    """Show what is owed in one currency."""
    currency = block["currency"]
    parts = {name: money.text(part, currency) for name, part in block["parts"].items()}
    return {
        "currency": currency,
        **parts,
        "total": money.text(block["total"], currency),
        "credit": money.text(block["credit"], currency),
    }


def shown_customer(aged: CustomerAgeing) -> dict[str, Any]:
    """Show what one customer owes."""
    return {
        "customer_id": aged["customer_id"],
        "blocks": [shown_aged(block) for block in aged["blocks"]],
    }
