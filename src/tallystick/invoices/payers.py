"""Issued invoices as the payer sees them: their own, in every organization, and no drafts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from tallystick.auth.payers import Payer, ReceiverDocument, theirs
from tallystick.invoices import queries
from tallystick.invoices.models import CONTENTS, INVOICES
from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel import clock, paging, rows
from tallystick.kernel.errors import Refused, shown
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS


class OwedDocument(TypedDict):
    """An invoice, and who is owed. The edge leaves out what is not the payer's to see."""

    organization: ReceiverDocument
    invoice: InvoiceDocument


def list_owed(
    conn: Connection,
    payer: Payer,
    *,
    at: datetime,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[OwedDocument]:
    """List the issued invoices of a payer, newest first, in all organizations."""
    page: paging.Page[Row[Any]] = paging.newest_first(
        conn, _owed(payer), INVOICES.c.id, after=after, limit=limit, shape=lambda row: row
    )
    return paging.Page(_documents(conn, page.items, at), page.next_after)


def get_owed(conn: Connection, payer: Payer, invoice_id: UUID, *, at: datetime) -> OwedDocument:
    """Read one issued invoice of a payer.

    Refuses:
        invoice.unknown: also when it is a draft, or somebody else's.
    """
    row = conn.execute(_owed(payer).where(INVOICES.c.id == invoice_id)).first()
    if row is None:
        message = f"There is no invoice {shown(invoice_id)} for you here."
        raise Refused("invoice.unknown", message)
    return _documents(conn, [row], at)[0]


def receivers(conn: Connection, organization_ids: set[UUID]) -> dict[UUID, Row[Any]]:
    """Read the organizations that are owed, by their ids."""
    keys = [(organization_id,) for organization_id in organization_ids]
    return {row.id: row for row in rows.find(conn, [ORGANIZATIONS.c.id], keys)}


def _owed(payer: Payer) -> Select[Any]:
    same = CUSTOMERS.c.organization_id == INVOICES.c.organization_id
    statement = (
        select(INVOICES)
        .join(CUSTOMERS, same & (CUSTOMERS.c.id == INVOICES.c.customer_id))
        .where(theirs(payer), INVOICES.c.status != "draft")
    )
    if payer.invoice_id is not None:
        statement = statement.where(INVOICES.c.id == payer.invoice_id)
    return statement


def _documents(conn: Connection, found: Sequence[Row[Any]], at: datetime) -> list[OwedDocument]:
    keys = [(row.organization_id, row.id) for row in found]
    columns = [CONTENTS.c.organization_id, CONTENTS.c.invoice_id]
    contents = {row.invoice_id: row for row in rows.find(conn, columns, keys)}
    lines = queries.lines_of(conn, keys)
    owed = receivers(conn, {row.organization_id for row in found})
    documents: list[OwedDocument] = []
    for row, key in zip(found, keys, strict=True):
        receiver = owed[row.organization_id]
        invoice = queries.document(
            row._asdict(),
            contents[row.id]._asdict(),
            lines.get(key, []),
            today=clock.day(at, receiver.time_zone),
        )
        organization: ReceiverDocument = {"id": str(receiver.id), "name": receiver.name}
        documents.append({"organization": organization, "invoice": invoice})
    return documents
