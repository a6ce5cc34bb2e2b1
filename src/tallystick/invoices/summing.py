"""What many invoices come to: sums of a list, which no page of it can show."""

from datetime import date
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Connection, case, func, select

from tallystick.invoices.models import INVOICES
from tallystick.invoices.queries import DUE, InvoiceFilter, narrowed


class InvoiceTotals(TypedDict):
    """The invoices of one currency together; minor units."""

    currency: str
    count: int
    total: int
    paid: int
    credited: int
    written_off: int
    due: int


def sum_invoices(
    conn: Connection, organization_id: UUID, wanted: InvoiceFilter, *, today: date
) -> list[InvoiceTotals]:
    """Add up what a list with these filters shows, for each currency.

    `today` is in the organization's zone. On a void invoice nothing is due.
    """
    column = INVOICES.c
    statement = select(
        column.currency,
        func.count().label("count_all"),
        func.sum(column.total).label("total"),
        func.sum(column.paid).label("paid"),
        func.sum(column.credited).label("credited"),
        func.sum(column.written_off).label("written_off"),
        func.sum(case((column.status == "void", 0), else_=DUE)).label("due"),
    ).where(column.organization_id == organization_id)
    statement = narrowed(statement, wanted, today)
    found = conn.execute(statement.group_by(column.currency).order_by(column.currency))
    return [
        {
            "currency": row.currency,
            "count": row.count_all,
            "total": int(row.total),
            "paid": int(row.paid),
            "credited": int(row.credited),
            "written_off": int(row.written_off),
            "due": int(row.due),
        }
        for row in found
    ]
