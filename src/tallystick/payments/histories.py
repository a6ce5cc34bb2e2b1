"""What invoices were at a past moment, told from rows that are only ever added.

Nothing is kept for it and nothing is written. Rows are told apart by their ids, which sort by when
they were made; only where no row says when something was done, its time does.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import writing_off
from tallystick.invoices.models import CREDIT_NOTES, INVOICES
from tallystick.invoices.states import Standing
from tallystick.kernel import rows
from tallystick.kernel.events import EVENTS
from tallystick.payments.models import ALLOCATIONS, PAYMENTS, RESERVATIONS
from tallystick.payments.states import ON_THE_WAY


@dataclass(frozen=True, slots=True)
class Moment:
    """Right after something was done: what was done before belongs to it, and nothing later."""

    at: datetime
    last: UUID | None
    """The last row that was made until then; None where only the time is known, and what happened
    at that very time does not belong to it.
    """

    def covers(self, row_id: UUID, at: datetime) -> bool:
        """Tell whether a row had been made."""
        return at < self.at if self.last is None else row_id <= self.last


@dataclass(frozen=True, slots=True)
class Move:
    """Something that changed an amount."""

    id: UUID
    at: datetime
    amount: int


class _Moves:
    """What changed one amount, in the order in which it was done."""

    def __init__(self) -> None:
        self._moves: list[Move] = []
        self._ids: list[UUID] = []
        self._sums = [0]

    def add(self, move: Move) -> None:
        self._moves.append(move)
        self._ids.append(move.id)
        self._sums.append(self._sums[-1] + move.amount)

    def sum(self, moment: Moment) -> int:
        if moment.last is None:
            return sum(move.amount for move in self._moves if move.at < moment.at)
        return self._sums[bisect_right(self._ids, moment.last)]


@dataclass(frozen=True, slots=True)
class _Reserved:
    payment_id: UUID
    amount: int
    from_at: datetime
    until_at: datetime | None
    """When the payment was decided; None while it is on its way."""

    def stands(self, moment: Moment) -> bool:
        begun = moment.covers(self.payment_id, self.from_at)
        return begun and (self.until_at is None or self.until_at > moment.at)


@dataclass(slots=True)
class History:
    """All that ever happened to one invoice."""

    organization_id: UUID
    invoice: Row[Any]
    issued_at: datetime | None = None
    voided_at: datetime | None = None
    due_date: date | None = None
    """As it was issued."""
    put_off: list[tuple[UUID, datetime, date]] = field(default_factory=list)
    """When it was put off, and to what day."""
    first_given: dict[UUID, Move] = field(default_factory=dict)
    """What each payment gave to it when it was settled, or first."""
    paid: _Moves = field(default_factory=_Moves)
    credited: _Moves = field(default_factory=_Moves)
    written_off: _Moves = field(default_factory=_Moves)
    reserved: list[_Reserved] = field(default_factory=list)

    def standing(self, moment: Moment) -> Standing:
        """Tell how it stood."""
        invoice = self.invoice
        credited = self.credited.sum(moment)
        due_dates = [day for move_id, at, day in self.put_off if moment.covers(move_id, at)]
        status = "credited" if credited == invoice.total else "open"
        if self.issued_at is None or self.issued_at > moment.at:
            status = "draft"
        elif self.voided_at is not None and self.voided_at <= moment.at:
            status = "void"
        return Standing(
            organization_id=self.organization_id,
            id=invoice.id,
            customer_id=invoice.customer_id,
            number=invoice.number,
            status=status,
            currency=invoice.currency,
            total=invoice.total,
            paid=self.paid.sum(moment),
            credited=credited,
            written_off=self.written_off.sum(moment),
            reserved=sum(each.amount for each in self.reserved if each.stands(moment)),
            due_date=due_dates[-1] if due_dates else self.due_date,
            version=0,
        )


_INVOICE: Final = tuple(
    INVOICES.c[name]
    for name in (
        *("id", "customer_id", "number", "currency", "total", "paid", "credited", "written_off"),
        *("issue_date", "due_date", "created_at", "updated_at"),
    )
)
_ALLOCATION: Final = tuple(
    ALLOCATIONS.c[name] for name in ("id", "payment_id", "invoice_id", "amount", "created_at")
)
_NOTE: Final = tuple(CREDIT_NOTES.c[name] for name in ("id", "invoice_id", "total", "created_at"))
_EVENT: Final = tuple(EVENTS.c[name] for name in ("id", "subject_id", "type", "payload", "at"))


def of_invoices(
    conn: Connection, organization_id: UUID, invoice_ids: Collection[UUID]
) -> dict[UUID, History]:
    """Read all that happened to invoices, in as many statements for a thousand as for one."""
    keys = [(organization_id, invoice_id) for invoice_id in invoice_ids]
    columns = [INVOICES.c.organization_id, INVOICES.c.id]
    return _told(conn, organization_id, rows.find(conn, columns, keys, shown=_INVOICE))


def of_customers(
    conn: Connection,
    organization_id: UUID,
    customer_ids: Collection[UUID],
    currency: str,
    *,
    first_at: datetime,
    last_at: datetime,
) -> dict[UUID, list[History]]:
    """Read all that happened to the invoices that customers may have owed within some time.

    Left out is what was made later, and what had nothing due any more.
    """
    columns = [INVOICES.c.organization_id, INVOICES.c.customer_id, INVOICES.c.currency]
    keys = [(organization_id, customer_id, currency) for customer_id in customer_ids]
    found = [
        row
        for row in rows.find(conn, columns, keys, shown=_INVOICE)
        if row.created_at <= last_at and (row.updated_at >= first_at or _due(row) > 0)
    ]
    told: dict[UUID, list[History]] = {}
    for history in _told(conn, organization_id, found).values():
        told.setdefault(history.invoice.customer_id, []).append(history)
    return told


def _told(
    conn: Connection, organization_id: UUID, invoices: Sequence[Row[Any]]
) -> dict[UUID, History]:
    found = {row.id: History(organization_id, row, due_date=row.due_date) for row in invoices}
    keys = [(organization_id, invoice_id) for invoice_id in found]
    columns = [ALLOCATIONS.c.organization_id, ALLOCATIONS.c.invoice_id]
    for row in _in_order(rows.find(conn, columns, keys, shown=_ALLOCATION)):
        move = Move(row.id, row.created_at, row.amount)
        found[row.invoice_id].paid.add(move)
        found[row.invoice_id].first_given.setdefault(row.payment_id, move)
    # A credit note is never taken back.
    noted = [(organization_id, row.id) for row in invoices if row.credited]
    columns = [CREDIT_NOTES.c.organization_id, CREDIT_NOTES.c.invoice_id]
    for row in _in_order(rows.find(conn, columns, noted, shown=_NOTE)):
        found[row.invoice_id].credited.add(Move(row.id, row.created_at, row.total))
    columns = [EVENTS.c.organization_id, EVENTS.c.subject_id]
    for row in _in_order(rows.find(conn, columns, keys, shown=_EVENT)):
        _note(found[row.subject_id], row)
    _add_reserved(conn, found, keys)
    return found


def _note(history: History, event: Row[Any]) -> None:
    payload = event.payload
    if event.type == "invoice.issued":
        history.issued_at = event.at
        history.due_date = date.fromisoformat(payload["due_date"])
    elif event.type == "invoice.voided":
        history.voided_at = event.at
    elif event.type == "invoice.annotated":
        history.put_off.append((event.id, event.at, date.fromisoformat(payload["due_date"])))
    elif event.type == "invoice.written_off":
        history.written_off.add(Move(event.id, event.at, payload["amount"]))
    elif event.type == writing_off.REVERSED:
        history.written_off.add(Move(event.id, event.at, -payload["amount"]))


def _add_reserved(
    conn: Connection, found: dict[UUID, History], keys: Collection[tuple[UUID, UUID]]
) -> None:
    columns = [RESERVATIONS.c.organization_id, RESERVATIONS.c.invoice_id]
    reserved = rows.find(conn, columns, keys)
    whose = {(row.organization_id, row.payment_id) for row in reserved}
    columns = [PAYMENTS.c.organization_id, PAYMENTS.c.id]
    payments = {row.id: row for row in rows.find(conn, columns, whose)}
    decided: dict[UUID, datetime] = {}
    columns = [EVENTS.c.organization_id, EVENTS.c.subject_id]
    for row in rows.find(conn, columns, whose):
        # What was given up may have come after all: its first end was the end of what it reserved.
        if row.type in _ENDS:
            decided[row.subject_id] = min(row.at, decided.get(row.subject_id, row.at))
    for row in reserved:
        payment = payments[row.payment_id]
        until_at = None if payment.status in ON_THE_WAY else decided.get(payment.id)
        each = _Reserved(payment.id, row.amount, payment.created_at, until_at)
        found[row.invoice_id].reserved.append(each)


_ENDS: Final = frozenset(
    {"payment.settled", "payment.failed", "payment.canceled", "payment.expired"}
)


def _in_order(found: Iterable[Row[Any]]) -> list[Row[Any]]:
    return sorted(found, key=lambda row: row.id.int)


def _due(row: Row[Any]) -> int:
    due: int = row.total - row.paid - row.credited - row.written_off
    return due
