"""Payments as the payer sees them: their own, in every organization, with their receipts.

The link to one invoice shows the payments that are about this invoice and about no other.
"""

from collections.abc import Sequence
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from tallystick.auth.credentials import Reach
from tallystick.auth.payers import Payer, ReceiverDocument, theirs
from tallystick.invoices.payers import receivers
from tallystick.kernel import paging, rows
from tallystick.kernel.errors import Refused, shown
from tallystick.parties.models import CUSTOMERS
from tallystick.payments import queries
from tallystick.payments.models import ALLOCATIONS, CLAIMS, ORDERS, PAYMENTS, RESERVATIONS
from tallystick.payments.queries import PaymentDocument, ReceiptDocument


class PaidDocument(TypedDict):
    """A payment, and who got it. The edge leaves out what is not the payer's to see."""

    organization: ReceiverDocument
    payment: PaymentDocument
    claimed_for: list[str]
    """The invoices that somebody said it is for, before it was confirmed."""


def list_paid(
    conn: Connection,
    payer: Payer,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[PaidDocument]:
    """List the payments of a payer, newest first, in all organizations."""
    page: paging.Page[Row[Any]] = paging.newest_first(
        conn, _paid(conn, payer), PAYMENTS.c.id, after=after, limit=limit, shape=lambda row: row
    )
    return paging.Page(_documents(conn, page.items), page.next_after)


def get_paid(
    conn: Connection, payer: Payer, payment_id: UUID
) -> tuple[PaidDocument, ReceiptDocument | None]:
    """Read one payment of a payer, and its receipt where it has one.

    Refuses:
        payment.unknown: also when it is somebody else's.
    """
    row = conn.execute(_paid(conn, payer).where(PAYMENTS.c.id == payment_id)).first()
    if row is None:
        message = f"There is no payment {shown(payment_id)} for you here."
        raise Refused("payment.unknown", message)
    [paid] = _documents(conn, [row])
    if row.receipt_number is None:
        return paid, None
    return paid, queries.get_receipt(conn, row.organization_id, row.id)


def _paid(conn: Connection, payer: Payer) -> Select[Any]:
    same = CUSTOMERS.c.organization_id == PAYMENTS.c.organization_id
    statement = (
        select(PAYMENTS)
        .join(CUSTOMERS, same & (CUSTOMERS.c.id == PAYMENTS.c.customer_id))
        .where(theirs(payer))
    )
    if payer.reach is None or payer.invoice_id is None:
        return statement
    return statement.where(PAYMENTS.c.id.in_(_about_only(conn, payer.reach, payer.invoice_id)))


def _about_only(conn: Connection, reach: Reach, invoice_id: UUID) -> list[UUID]:
    """Find the payments of a customer that are about one invoice and no other."""
    own = select(PAYMENTS.c.id).where(
        PAYMENTS.c.organization_id == reach.organization_id,
        PAYMENTS.c.customer_id == reach.customer_id,
    )
    about: dict[UUID, set[UUID]] = {}
    paying = select(ALLOCATIONS.c.payment_id, ALLOCATIONS.c.invoice_id).where(
        ALLOCATIONS.c.organization_id == reach.organization_id, ALLOCATIONS.c.payment_id.in_(own)
    )
    for row in conn.execute(paying):
        about.setdefault(row.payment_id, set()).add(row.invoice_id)
    reserved = select(RESERVATIONS.c.payment_id, RESERVATIONS.c.invoice_id).where(
        RESERVATIONS.c.organization_id == reach.organization_id,
        RESERVATIONS.c.payment_id.in_(own),
    )
    for row in conn.execute(reserved):
        about.setdefault(row.payment_id, set()).add(row.invoice_id)
    claimed = select(CLAIMS.c.payment_id, CLAIMS.c.shares).where(
        CLAIMS.c.organization_id == reach.organization_id, CLAIMS.c.payment_id.in_(own)
    )
    for row in conn.execute(claimed):
        named = {UUID(share["invoice_id"]) for share in row.shares}
        about.setdefault(row.payment_id, set()).update(named)
    return sorted(each for each, invoices in about.items() if invoices == {invoice_id})


def _documents(conn: Connection, found: Sequence[Row[Any]]) -> list[PaidDocument]:
    keys = [(row.organization_id, row.id) for row in found]
    parts = queries.paid_parts(conn, keys)
    columns = [CLAIMS.c.organization_id, CLAIMS.c.payment_id]
    claims = {row.payment_id: row.shares for row in rows.find(conn, columns, keys)}
    asked = rows.find(conn, [ORDERS.c.organization_id, ORDERS.c.id], keys)
    orders = {row.id: row for row in asked}
    got = receivers(conn, {row.organization_id for row in found})
    return [
        {
            "organization": {
                "id": str(row.organization_id),
                "name": got[row.organization_id].name,
            },
            "payment": queries.document(row._asdict(), parts.get(row.id, []), orders.get(row.id)),
            "claimed_for": [share["invoice_id"] for share in claims.get(row.id, [])],
        }
        for row in found
    ]
