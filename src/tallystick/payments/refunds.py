"""Read refunds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, select

from tallystick.kernel import clock, paging, rows
from tallystick.kernel.errors import Refused, shown
from tallystick.payments.models import REFUNDS


class RefundDocument(TypedDict):
    """A refund as its readers see it; the amount in minor units."""

    id: str
    payment_id: str
    customer_id: str
    method: str
    status: str
    currency: str
    amount: int
    refunded_on: str
    reference: str | None
    reason: str | None
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class RefundFilter:
    """What a list of refunds is narrowed to; all that is given must hold."""

    payment_id: UUID | None = None
    customer_id: UUID | None = None


def get_refund(conn: Connection, organization_id: UUID, refund_id: UUID) -> RefundDocument:
    """Read one refund, or refuse with refund.unknown."""
    columns = [REFUNDS.c.organization_id, REFUNDS.c.id]
    found = rows.find(conn, columns, [(organization_id, refund_id)])
    if not found:
        message = f"There is no refund {shown(refund_id)} in this organization."
        raise Refused("refund.unknown", message)
    return document(found[0]._asdict())


def list_refunds(
    conn: Connection,
    organization_id: UUID,
    wanted: RefundFilter,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[RefundDocument]:
    """List the refunds of an organization, newest first."""
    column = REFUNDS.c
    statement = select(REFUNDS).where(column.organization_id == organization_id)
    if wanted.payment_id is not None:
        statement = statement.where(column.payment_id == wanted.payment_id)
    if wanted.customer_id is not None:
        statement = statement.where(column.customer_id == wanted.customer_id)
    return paging.newest_first(
        conn,
        statement,
        column.id,
        after=after,
        limit=limit,
        shape=lambda row: document(row._asdict()),
    )


def document(refund: Mapping[str, Any]) -> RefundDocument:
    """Shape a refund, from a row that was read or is about to be written."""
    return {
        "id": str(refund["id"]),
        "payment_id": str(refund["payment_id"]),
        "customer_id": str(refund["customer_id"]),
        "method": refund["method"],
        "status": refund["status"],
        "currency": refund["currency"],
        "amount": refund["amount"],
        "refunded_on": refund["refunded_on"].isoformat(),
        "reference": refund["reference"],
        "reason": refund["reason"],
        "version": refund["version"],
        "created_at": clock.text(refund["created_at"]),
        "updated_at": clock.text(refund["updated_at"]),
    }
