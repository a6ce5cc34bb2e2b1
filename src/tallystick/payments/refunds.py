"""Read refunds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.kernel import clock, paging, rows
from tallystick.kernel.errors import Refused, shown
from tallystick.payments.models import ORDERS, REFUND_HOLDS, REFUNDS
from tallystick.payments.states import OFFLINE_METHODS


class GivenBackDocument(TypedDict):
    """What is known of a refund at a provider."""

    provider: str
    unknown_from: str | None
    failure_code: str | None
    failure_reason: str | None
    late: bool


class HoldDocument(TypedDict):
    """What lets a refund wait, or did."""

    rule_id: str
    decline_reason: str | None
    decided_at: str | None


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
    online: GivenBackDocument | None
    hold: HoldDocument | None
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
        raise unknown(refund_id)
    return _documents(conn, organization_id, found)[0]


def unknown(refund_id: UUID) -> Refused:
    """Say that the organization has no such refund."""
    message = f"There is no refund {shown(refund_id)} in this organization."
    return Refused("refund.unknown", message)


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
    page: paging.Page[Row[Any]] = paging.newest_first(
        conn, statement, column.id, after=after, limit=limit, shape=lambda row: row
    )
    return paging.Page(_documents(conn, organization_id, page.items), page.next_after)


def _documents(
    conn: Connection, organization_id: UUID, found: Sequence[Row[Any]]
) -> list[RefundDocument]:
    online = [(organization_id, row.id) for row in found if row.method not in OFFLINE_METHODS]
    asked = rows.find(conn, [ORDERS.c.organization_id, ORDERS.c.id], online)
    orders = {row.id: row for row in asked}
    columns = [REFUND_HOLDS.c.organization_id, REFUND_HOLDS.c.refund_id]
    held = rows.find(conn, columns, [(organization_id, row.id) for row in found])
    holds = {row.refund_id: row for row in held}
    return [document(row._asdict(), orders.get(row.id), holds.get(row.id)) for row in found]


def document(
    refund: Mapping[str, Any], order: Row[Any] | None = None, hold: Row[Any] | None = None
) -> RefundDocument:
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
        "online": None if order is None else _online(order),
        "hold": None if hold is None else _hold(hold),
        "version": refund["version"],
        "created_at": clock.text(refund["created_at"]),
        "updated_at": clock.text(refund["updated_at"]),
    }


def _hold(hold: Row[Any]) -> HoldDocument:
    decided_at = hold.decided_at
    return {
        "rule_id": str(hold.rule_id),
        "decline_reason": hold.decline_reason,
        "decided_at": None if decided_at is None else clock.text(decided_at),
    }


def _online(order: Row[Any]) -> GivenBackDocument:
    unknown_from = order.unknown_from
    return {
        "provider": order.provider,
        "unknown_from": None if unknown_from is None else clock.text(unknown_from),
        "failure_code": order.failure_code,
        "failure_reason": order.failure_reason,
        "late": order.late,
    }
