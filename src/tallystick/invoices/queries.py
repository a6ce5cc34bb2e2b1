"""Read invoices, and lock them: the repository of this package."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import eq, ge, le
from typing import Any, TypedDict, get_args
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Connection, Row, Select, select

from tallystick.invoices import states, trace
from tallystick.invoices.models import CONTENTS, INVOICES, LINES
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, paging, rows
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.searching import contains
from tallystick.parties.models import CUSTOMERS

DUE = INVOICES.c.total - INVOICES.c.paid - INVOICES.c.credited - INVOICES.c.written_off


class DiscountDocument(TypedDict):
    """A discount: minor units when fixed, parts per million when percent."""

    kind: str
    value: int


class LineDocument(TypedDict):
    """One line; amounts in minor units."""

    position: int
    description: str
    quantity_micro: int
    unit_price: int
    tax_rate_ppm: int
    discount: DiscountDocument | None
    net: int


class RateDocument(TypedDict):
    """What one tax rate contributes; minor units."""

    tax_rate_ppm: int
    net: int
    discount: int
    taxable: int
    tax: int


class InvoiceSummary(TypedDict):
    """An invoice as a list shows it; amounts in minor units."""

    id: str
    number: str | None
    status: str
    payment_status: str
    overdue: bool
    currency: str
    total: int
    paid: int
    credited: int
    written_off: int
    reserved: int
    due: int
    customer_id: str
    series: str
    issue_date: str | None
    due_date: str | None
    version: int
    created_at: str
    updated_at: str


class InvoiceDocument(InvoiceSummary):
    """A whole invoice."""

    net: int
    tax: int
    discount: int
    terms_days: int
    reference: str | None
    note: str | None
    document_discount: DiscountDocument | None
    lines: list[LineDocument]
    tax_rates: list[RateDocument]
    seller: dict[str, Any] | None
    buyer: dict[str, Any] | None
    document_hash: str | None
    issued_at: str | None
    voided_at: str | None
    void_reason: str | None
    write_off_reason: str | None
    memo: str | None
    replaces: str | None
    relates_to: str | None


@dataclass(frozen=True, slots=True)
class InvoiceFilter:
    """What a list of invoices is narrowed to; all that is given must hold."""

    status: str | None = None
    """draft, open, void, credited; or of the open ones: unpaid, partial, paid, overdue."""
    customer_id: UUID | None = None
    number: str | None = None
    currency: str | None = None
    issued_from: date | None = None
    issued_to: date | None = None
    due_from: date | None = None
    due_to: date | None = None
    total_min: int | None = None
    total_max: int | None = None
    q: str | None = None
    """Text in the number, the customer's name or the buyer's reference."""


_STANDING = tuple(INVOICES.c[name] for name in states.OF_ROW)
"""What is read of an invoice that is locked."""


def lock_invoices(
    conn: Connection, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Standing]:
    """Lock invoices by organization and id, in that order, until the end of the transaction.

    The one place where an invoice is locked. Whoever decides on its amounts or its state calls this
    first and once.
    """
    columns = [INVOICES.c.organization_id, INVOICES.c.id]
    found: Sequence[Sequence[Any]] = rows.find(conn, columns, keys, shown=_STANDING, lock=True)
    return {(row[0], row[1]): Standing(*row) for row in found}


def write_standings(writes: rows.Writes, standings: Iterable[Standing], at: datetime) -> None:
    """Add the new amounts and states of the invoices that a batch has touched, each once."""
    for standing in standings:
        if not standing.changed:
            continue
        status = states.payment_status(
            total=standing.total,
            paid=standing.paid,
            credited=standing.credited,
            written_off=standing.written_off,
        )
        writes.change(
            INVOICES,
            {"organization_id": standing.organization_id, "id": standing.id},
            {
                "status": standing.status,
                "payment_status": status,
                "paid": standing.paid,
                "credited": standing.credited,
                "written_off": standing.written_off,
                "reserved": standing.reserved,
                "version": standing.version + 1,
                "updated_at": at,
                "booked_on": standing.booked_on,
            },
        )


def get_invoice(
    conn: Connection, organization_id: UUID, invoice_id: UUID, *, today: date
) -> InvoiceDocument:
    """Read one invoice, or refuse with invoice.unknown. `today` is in the organization's zone."""
    key = [(organization_id, invoice_id)]
    invoices = rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], key)
    if not invoices:
        raise unknown(invoice_id)
    contents = rows.find(conn, [CONTENTS.c.organization_id, CONTENTS.c.invoice_id], key)
    lines = lines_of(conn, key).get(key[0], [])
    return document(invoices[0]._asdict(), contents[0]._asdict(), lines, today=today)


def get_totals_trace(conn: Connection, organization_id: UUID, invoice_id: UUID) -> dict[str, Any]:
    """Read how each figure of an invoice's totals came about, or refuse with invoice.unknown."""
    key = [(organization_id, invoice_id)]
    contents = rows.find(conn, [CONTENTS.c.organization_id, CONTENTS.c.invoice_id], key)
    if not contents:
        raise unknown(invoice_id)
    return trace.told(contents[0]._asdict(), lines_of(conn, key).get(key[0], []))


def lines_of(
    conn: Connection, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], list[Mapping[str, Any]]]:
    """Read the lines of invoices, each invoice's in their order."""
    found: dict[tuple[UUID, UUID], list[Mapping[str, Any]]] = {}
    for row in rows.find(conn, [LINES.c.organization_id, LINES.c.invoice_id], keys):
        place = row.organization_id, row.invoice_id
        found.setdefault(place, []).append(row._asdict())
    for lines in found.values():
        lines.sort(key=lambda line: line["position"])
    return found


def list_invoices(
    conn: Connection,
    organization_id: UUID,
    wanted: InvoiceFilter,
    *,
    today: date,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[InvoiceSummary]:
    """List the invoices of an organization, newest first. `today` is in the organization's zone."""
    statement = select(INVOICES).where(INVOICES.c.organization_id == organization_id)
    statement = narrowed(statement, wanted, today)
    names = INVOICES.c.keys()

    def shape(row: Row[Any]) -> InvoiceSummary:
        return summary(dict(zip(names, row, strict=True)), today=today)

    return paging.newest_first(
        conn, statement, INVOICES.c.id, after=after, limit=limit, shape=shape
    )


_STATUSES = {
    **{name: [INVOICES.c.status == name] for name in get_args(states.InvoiceStatus)},
    **{
        name: [INVOICES.c.status == "open", INVOICES.c.payment_status == name]
        for name in get_args(states.PaymentStatus)
    },
}


def narrowed(statement: Select[Any], wanted: InvoiceFilter, today: date) -> Select[Any]:
    """Narrow a statement over the invoices of an organization."""
    column = INVOICES.c
    if wanted.q is not None:
        statement = statement.where(_says(wanted.q))
    if wanted.status == "overdue":
        statement = statement.where(column.status == "open", column.due_date < today, DUE > 0)
    elif wanted.status is not None:
        statement = statement.where(*_STATUSES[wanted.status])
    bounds: tuple[tuple[Any, Column[Any], Callable[[Any, Any], Any]], ...] = (
        (wanted.customer_id, column.customer_id, eq),
        (wanted.number, column.number, eq),
        (wanted.currency, column.currency, eq),
        (wanted.issued_from, column.issue_date, ge),
        (wanted.issued_to, column.issue_date, le),
        (wanted.due_from, column.due_date, ge),
        (wanted.due_to, column.due_date, le),
        (wanted.total_min, column.total, ge),
        (wanted.total_max, column.total, le),
    )
    return statement.where(*[test(of, value) for value, of, test in bounds if value is not None])


def _says(text: str) -> ColumnElement[bool]:
    of_customer = select(CUSTOMERS.c.id).where(
        CUSTOMERS.c.organization_id == INVOICES.c.organization_id,
        CUSTOMERS.c.id == INVOICES.c.customer_id,
        contains(CUSTOMERS.c.name, text),
    )
    of_content = select(CONTENTS.c.invoice_id).where(
        CONTENTS.c.organization_id == INVOICES.c.organization_id,
        CONTENTS.c.invoice_id == INVOICES.c.id,
        contains(CONTENTS.c.reference, text),
    )
    return contains(INVOICES.c.number, text) | of_customer.exists() | of_content.exists()


def open_of_customers(
    conn: Connection, keys: Collection[tuple[UUID, UUID, str]]
) -> dict[tuple[UUID, UUID, str], list[UUID]]:
    """List on what something is due of customers in a currency, the oldest due date first."""
    columns = [INVOICES.c.organization_id, INVOICES.c.customer_id, INVOICES.c.currency]
    found: dict[tuple[UUID, UUID, str], list[Row[Any]]] = {}
    for row in rows.find(conn, columns, keys):
        due = row.total - row.paid - row.credited - row.written_off
        if row.status == "open" and due > 0:
            place = row.organization_id, row.customer_id, row.currency
            found.setdefault(place, []).append(row)
    return {
        place: [row.id for row in sorted(open_rows, key=lambda row: (row.due_date, row.id))]
        for place, open_rows in found.items()
    }


def unknown(invoice_id: UUID, *, pointer: str = "") -> Refused:
    """Say that the organization has no such invoice."""
    message = f"There is no invoice {shown(invoice_id)} in this organization."
    return Refused("invoice.unknown", message, pointer=pointer)


def summary(invoice: Mapping[str, Any], *, today: date) -> InvoiceSummary:
    """Shape an invoice for a list."""
    due = invoice["total"] - invoice["paid"] - invoice["credited"] - invoice["written_off"]
    if invoice["status"] == "void":
        due = 0
    late = states.overdue(
        status=invoice["status"], due=due, due_date=invoice["due_date"], today=today
    )
    return {
        "id": str(invoice["id"]),
        "number": invoice["number"],
        "status": invoice["status"],
        "payment_status": invoice["payment_status"],
        "overdue": late,
        "currency": invoice["currency"],
        "total": invoice["total"],
        "paid": invoice["paid"],
        "credited": invoice["credited"],
        "written_off": invoice["written_off"],
        "reserved": invoice["reserved"],
        "due": due,
        "customer_id": str(invoice["customer_id"]),
        "series": invoice["series"],
        "issue_date": _day(invoice["issue_date"]),
        "due_date": _day(invoice["due_date"]),
        "version": invoice["version"],
        "created_at": clock.text(invoice["created_at"]),
        "updated_at": clock.text(invoice["updated_at"]),
    }


def document(
    invoice: Mapping[str, Any],
    content: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    *,
    today: date,
) -> InvoiceDocument:
    """Shape a whole invoice, from rows that were read or are about to be written."""
    return {
        **summary(invoice, today=today),
        "net": content["net"],
        "tax": content["tax"],
        "discount": content["discount"],
        "terms_days": content["terms_days"],
        "reference": content["reference"],
        "note": content["note"],
        "document_discount": _discount(content),
        "lines": [line_document(line) for line in lines],
        "tax_rates": content["tax_rates"],
        "seller": content["seller"],
        "buyer": content["buyer"],
        "document_hash": content["document_hash"],
        "issued_at": _moment(content["issued_at"]),
        "voided_at": _moment(content["voided_at"]),
        "void_reason": content["void_reason"],
        "write_off_reason": content["write_off_reason"],
        "memo": content["memo"],
        "replaces": _id(content["replaces"]),
        "relates_to": _id(content["relates_to"]),
    }


def line_document(line: Mapping[str, Any]) -> LineDocument:
    """Shape one line, of an invoice or of a credit note."""
    return {
        "position": line["position"],
        "description": line["description"],
        "quantity_micro": line["quantity_micro"],
        "unit_price": line["unit_price"],
        "tax_rate_ppm": line["tax_rate_ppm"],
        "discount": _discount(line),
        "net": line["net"],
    }


def _discount(values: Mapping[str, Any]) -> DiscountDocument | None:
    if values["discount_kind"] is None:
        return None
    return {"kind": values["discount_kind"], "value": values["discount_value"]}


def _id(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _moment(value: Any) -> str | None:
    return None if value is None else clock.text(value)
