"""Read credit notes."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.invoices.models import CREDIT_NOTES, INVOICES
from tallystick.invoices.queries import LineDocument, RateDocument, line_document
from tallystick.kernel import clock, paging, rows
from tallystick.kernel.errors import Refused, shown


class CreditNoteDocument(TypedDict):
    """A credit note as its readers see it; amounts in minor units."""

    id: str
    number: str
    invoice_id: str
    invoice_number: str
    customer_id: str
    currency: str
    net: int
    tax: int
    total: int
    reason: str
    issue_date: str
    lines: list[LineDocument]
    tax_rates: list[RateDocument]
    seller: dict[str, Any]
    buyer: dict[str, Any]
    document_hash: str
    created_at: str


@dataclass(frozen=True, slots=True)
class CreditNoteFilter:
    """What a list of credit notes is narrowed to; all that is given must hold."""

    customer_id: UUID | None = None
    invoice_id: UUID | None = None


def get_credit_note(conn: Connection, organization_id: UUID, note_id: UUID) -> CreditNoteDocument:
    """Read one credit note, or refuse with credit_note.unknown."""
    columns = [CREDIT_NOTES.c.organization_id, CREDIT_NOTES.c.id]
    found = rows.find(conn, columns, [(organization_id, note_id)])
    if not found:
        message = f"There is no credit note {shown(note_id)} in this organization."
        raise Refused("credit_note.unknown", message)
    note = found[0]._asdict()
    return document(note, _numbers(conn, [note])[note["invoice_id"]])


def list_credit_notes(
    conn: Connection,
    organization_id: UUID,
    wanted: CreditNoteFilter,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[CreditNoteDocument]:
    """List the credit notes of an organization, newest first."""
    column = CREDIT_NOTES.c
    statement = select(CREDIT_NOTES).where(column.organization_id == organization_id)
    if wanted.customer_id is not None:
        statement = statement.where(column.customer_id == wanted.customer_id)
    if wanted.invoice_id is not None:
        statement = statement.where(column.invoice_id == wanted.invoice_id)
    page: paging.Page[Row[Any]] = paging.newest_first(
        conn, statement, column.id, after=after, limit=limit, shape=lambda row: row
    )
    notes = [row._asdict() for row in page.items]
    numbers = _numbers(conn, notes)
    return paging.Page(
        [document(note, numbers[note["invoice_id"]]) for note in notes], page.next_after
    )


def tax_rates_of(conn: Connection, organization_id: UUID, invoice_id: UUID) -> list[Any]:
    """Read the tax rates of every credit note of an invoice.

    Stable while the invoice is locked.
    """
    columns = [CREDIT_NOTES.c.organization_id, CREDIT_NOTES.c.invoice_id]
    return [note.tax_rates for note in rows.find(conn, columns, [(organization_id, invoice_id)])]


def _numbers(conn: Connection, notes: Collection[Mapping[str, Any]]) -> dict[UUID, str]:
    keys = {(note["organization_id"], note["invoice_id"]) for note in notes}
    found = rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], keys)
    return {row.id: row.number for row in found}


def document(note: Mapping[str, Any], invoice_number: str) -> CreditNoteDocument:
    """Shape a credit note, from a row that was read or is about to be written."""
    return {
        "id": str(note["id"]),
        "number": note["number"],
        "invoice_id": str(note["invoice_id"]),
        "invoice_number": invoice_number,
        "customer_id": str(note["customer_id"]),
        "currency": note["currency"],
        "net": note["net"],
        "tax": note["tax"],
        "total": note["total"],
        "reason": note["reason"],
        "issue_date": note["issue_date"].isoformat(),
        "lines": [line_document(line) for line in note["lines"]],
        "tax_rates": note["tax_rates"],
        "seller": note["seller"],
        "buyer": note["buyer"],
        "document_hash": note["document_hash"],
        "created_at": clock.text(note["created_at"]),
    }
