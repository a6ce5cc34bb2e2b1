"""Read what payments gave to invoices across organizations, by place in the list.

For doors that know a payment of one invoice only: a payment that pays several stands there once for
each. What was taken from an invoice again is left out.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Connection, func, select

from tallystick.kernel import clock, rows
from tallystick.payments.models import ALLOCATIONS, PAYMENTS


class PaidPart(TypedDict):
    """What one payment gives to one invoice; minor units."""

    organization_id: str
    payment_id: str
    invoice_id: str
    amount: int
    currency: str
    method: str
    reference: str | None
    created_at: str


@dataclass(frozen=True, slots=True)
class PartFilter:
    """What a list is narrowed to; all that is given must hold."""

    places: Collection[UUID] | None = None
    """The organizations to look into; None stands for all."""
    invoice_id: UUID | None = None


def list_parts(
    conn: Connection, wanted: PartFilter, *, offset: int = 0, limit: int | None = None
) -> list[PaidPart]:
    """List what payments give to invoices, the oldest payment first."""
    part, payment = ALLOCATIONS.c, PAYMENTS.c
    amount = func.sum(part.amount)
    shown = (
        *(payment.organization_id, payment.id, payment.method, payment.reference),
        *(payment.currency, payment.created_at, part.invoice_id),
    )
    same = (payment.organization_id == part.organization_id) & (payment.id == part.payment_id)
    statement = (
        select(*shown, amount.label("given"))
        .join(PAYMENTS, same)
        .group_by(*shown)
        .having(amount > 0)
        .order_by(payment.id, part.invoice_id)
    )
    if wanted.places is not None:
        statement = statement.where(part.organization_id.in_(wanted.places))
    if wanted.invoice_id is not None:
        statement = statement.where(part.invoice_id == wanted.invoice_id)
    if offset:
        # MySQL has no offset without a limit.
        limit = 2**62 if limit is None else limit
        statement = statement.offset(offset)
    return [
        {
            "organization_id": str(row.organization_id),
            "payment_id": str(row.id),
            "invoice_id": str(row.invoice_id),
            "amount": int(row.given),
            "currency": row.currency,
            "method": row.method,
            "reference": row.reference,
            "created_at": clock.text(row.created_at),
        }
        for row in conn.execute(statement.limit(limit))
    ]


def last_paid_on(conn: Connection, keys: Collection[tuple[UUID, UUID]]) -> dict[UUID, str]:
    """Give the day of the last payment that pays each of these invoices, if any does."""
    part, payment = ALLOCATIONS.c, PAYMENTS.c
    parts = rows.find(conn, [part.organization_id, part.invoice_id], keys)
    held: Counter[tuple[UUID, UUID]] = Counter()
    for each in parts:
        held[each.payment_id, each.invoice_id] += each.amount
    last = {
        each.invoice_id: (each.organization_id, each.payment_id)
        for each in sorted(parts, key=lambda each: each.id)
        if each.amount > 0 and held[each.payment_id, each.invoice_id] > 0
    }
    found = rows.find(conn, [payment.organization_id, payment.id], set(last.values()))
    days = {row.id: row.paid_on.isoformat() for row in found}
    return {invoice_id: days[payment_id] for invoice_id, (_, payment_id) in last.items()}
