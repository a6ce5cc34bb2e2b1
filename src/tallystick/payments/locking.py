"""Lock payments, and see what each of them gives to which invoice.

Whoever decides on invoices too locks those first (`invoices.queries.lock_invoices`): the order is
invoices by id, payments by id, counter.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection

from tallystick.invoices import queries as invoice_queries
from tallystick.kernel import rows
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.rows import Writes
from tallystick.payments.models import ALLOCATIONS, PAYMENTS
from tallystick.payments.queries import unknown
from tallystick.payments.states import SETTLED

Key = tuple[UUID, UUID]


@dataclass(slots=True)
class Holding:
    """One locked payment while a batch is judged, and where its money is; minor units."""

    organization_id: UUID
    id: UUID
    customer_id: UUID
    method: str
    status: str
    currency: str
    amount: int
    allocated: int
    unallocated: int
    refund_reserved: int
    refunded: int
    charged_back: int
    version: int
    booked_on: date | None = None
    """The last day on which its money moved; None when nobody kept it."""
    changed: bool = False

    def day(self, wanted: date, today: date) -> date:
        """Choose the day of what takes from the free part: the wanted one, or the last one."""
        return max(wanted, self.booked_on or today)

    def allocate(self, amount: int, *, on: date) -> None:
        """Give a part of what is free to invoices."""
        assert 0 < amount <= self.unallocated, "no more than what is free"
        self._lower(on)
        self.unallocated -= amount
        self.allocated += amount

    def release(self, amount: int, *, on: date) -> None:
        """Take a part back from invoices; it is free again."""
        assert 0 < amount <= self.allocated, "no more than what invoices have"
        self._raise(on)
        self.allocated -= amount
        self.unallocated += amount

    def refund(self, amount: int, *, on: date) -> None:
        """Give a part of what is free back to the payer."""
        assert 0 < amount <= self.unallocated, "what invoices have is released first"
        self._lower(on)
        self.unallocated -= amount
        self.refunded += amount

    def reserve_refund(self, amount: int) -> None:
        """Set a part of what is free aside that is on its way back; the books move when it went."""
        assert 0 < amount <= self.unallocated, "what invoices have is released first"
        self.unallocated -= amount
        self.refund_reserved += amount
        self.changed = True

    def end_refund(self, amount: int, *, gone_on: date | None) -> None:
        """Let what is on its way back be gone on a day, or be free again."""
        assert 0 < amount <= self.refund_reserved, "it was set aside before"
        self.refund_reserved -= amount
        self.unallocated += amount
        self.changed = True
        if gone_on is not None:
            self.refund(amount, on=gone_on)

    def _lower(self, on: date) -> None:
        # Else less than nothing would be free on the days before what came last.
        assert self.booked_on is None or on >= self.booked_on, "credit is taken forwards only"
        self._raise(on)

    def _raise(self, on: date) -> None:
        self.booked_on = on if self.booked_on is None else max(on, self.booked_on)
        self.changed = True


@dataclass(frozen=True, slots=True)
class Live:
    """What a payment gives to an invoice now: the sum of its allocations to it; minor units."""

    organization_id: UUID
    payment_id: UUID
    invoice_id: UUID
    amount: int
    last_at: datetime
    """When this last became more or less."""
    last_id: UUID


def lock_payments(conn: Connection, keys: Collection[Key]) -> dict[Key, Holding]:
    """Lock payments by organization and id, in that order, until the end of the transaction."""
    found = rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], keys, lock=True)
    return {
        (row.organization_id, row.id): Holding(
            organization_id=row.organization_id,
            id=row.id,
            customer_id=row.customer_id,
            method=row.method,
            status=row.status,
            currency=row.currency,
            amount=row.amount,
            allocated=row.allocated,
            unallocated=row.unallocated,
            refund_reserved=row.refund_reserved,
            refunded=row.refunded,
            charged_back=row.charged_back,
            version=row.version,
            booked_on=row.booked_on,
        )
        for row in found
    }


def settled(holdings: Mapping[Key, Holding], key: Key) -> Holding:
    """Give a locked payment whose money is here.

    Refuses:
        payment.unknown
        payment.not_settled: it waits to be confirmed or was declined.
    """
    holding = holdings.get(key)
    if holding is None:
        raise unknown(key[1])
    if holding.status not in SETTLED:
        message = f"The payment {shown(holding.id)} is not settled, so there is no money to move."
        raise Refused("payment.not_settled", message, facts={"payment_status": holding.status})
    return holding


def lock_with_payments(conn: Connection, keys: Collection[Key]) -> None:
    """Lock invoices and then every payment that pays them, each in the order of their ids."""
    invoice_queries.lock_invoices(conn, keys)
    live = live_of_invoices(conn, keys)
    lock_payments(conn, {(each.organization_id, each.payment_id) for each in live})


def live_of_invoices(conn: Connection, keys: Collection[Key]) -> list[Live]:
    """List what payments give to these invoices now, the newest first.

    Stable while the invoices are locked: nobody allocates to or releases from them meanwhile.
    """
    return _live(conn, [ALLOCATIONS.c.organization_id, ALLOCATIONS.c.invoice_id], keys)


def live_of_payments(conn: Connection, keys: Collection[Key]) -> list[Live]:
    """List what these payments give to invoices now, the newest first; stable while locked."""
    return _live(conn, [ALLOCATIONS.c.organization_id, ALLOCATIONS.c.payment_id], keys)


def _live(conn: Connection, columns: list[Column[Any]], keys: Collection[Key]) -> list[Live]:
    sums: dict[tuple[UUID, UUID, UUID], Live] = {}
    for row in sorted(rows.find(conn, columns, keys), key=lambda row: (row.created_at, row.id)):
        place = row.organization_id, row.payment_id, row.invoice_id
        before = sums[place].amount if place in sums else 0
        sums[place] = Live(*place, before + row.amount, row.created_at, row.id)
    live = [each for each in sums.values() if each.amount]
    return sorted(live, key=lambda each: (each.last_at, each.last_id), reverse=True)


def write_payments(writes: Writes, holdings: Iterable[Holding], at: datetime) -> None:
    """Add the new amounts of the payments that a batch has touched, each once."""
    for holding in holdings:
        if not holding.changed:
            continue
        writes.change(
            PAYMENTS,
            {"organization_id": holding.organization_id, "id": holding.id},
            {
                "allocated": holding.allocated,
                "unallocated": holding.unallocated,
                "refund_reserved": holding.refund_reserved,
                "refunded": holding.refunded,
                "version": holding.version + 1,
                "updated_at": at,
                "booked_on": holding.booked_on,
            },
        )
