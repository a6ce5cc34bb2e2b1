"""Read issued invoices across organizations, by place in the list, and their totals.

For doors whose lists run over everything that the caller may see, and count their pages. Drafts are
left out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from tallystick.invoices.models import CONTENTS, INVOICES
from tallystick.kernel import clock

State = Literal["unpaid", "partial", "paid", "void"]
"""How an issued invoice stands; one that was credited in full counts as void."""

_C = INVOICES.c
_OPEN = _C.status == "open"
_STATES: Final[dict[State, ColumnElement[bool]]] = {
    "unpaid": _OPEN & (_C.payment_status == "unpaid"),
    "partial": _OPEN & (_C.payment_status == "partial"),
    "paid": _OPEN & (_C.payment_status == "paid"),
    "void": _C.status.in_(("void", "credited")),
}


class IssuedInvoice(TypedDict):
    """An issued invoice, without its lines; amounts in minor units."""

    organization_id: str
    id: str
    customer_id: str
    state: State
    currency: str
    amount: int
    """What is left of the total after credit notes and write-offs."""
    paid: int
    due_date: str
    note: str | None
    memo: str | None
    issued_at: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class IssuedFilter:
    """What a list is narrowed to; all that is given must hold."""

    places: Collection[UUID] | None = None
    """The organizations to look into; None stands for all."""
    customer_id: UUID | None = None
    states: Collection[State] | None = None
    """None stands for all."""
    currency: str | None = None
    without_void: bool = False
    hidden: Select[UUID] | None = None
    """Ids of invoices that are not shown."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over invoices that are not void; minor units."""

    amount: int
    paid: int


def list_issued(
    conn: Connection,
    wanted: IssuedFilter,
    *,
    offset: int = 0,
    limit: int | None = None,
    older_than: UUID | None = None,
) -> list[IssuedInvoice]:
    """List issued invoices, newest first; all of them without a limit.

    `older_than` begins behind an invoice, at the same cost wherever that stands in the list.
    """
    statement = _with_content().where(_narrowed(wanted)).order_by(_C.id.desc())
    if older_than is not None:
        statement = statement.where(_C.id < older_than)
    if offset:
        # MySQL has no offset without a limit.
        limit = 2**62 if limit is None else limit
        statement = statement.offset(offset)
    return [_shaped(row) for row in conn.execute(statement.limit(limit))]


def list_newer(
    conn: Connection, wanted: IssuedFilter, *, limit: int, newer_than: UUID
) -> list[IssuedInvoice]:
    """List the issued invoices right before one in the list of the newest first, in its order."""
    condition = _narrowed(wanted) & (_C.id > newer_than)
    statement = _with_content().where(condition).order_by(_C.id).limit(limit)
    return [_shaped(row) for row in conn.execute(statement)][::-1]


def get_issued(conn: Connection, organization_id: UUID, invoice_id: UUID) -> IssuedInvoice | None:
    """Read one issued invoice; None where there is none, or a draft."""
    statement = _with_content().where(
        _C.organization_id == organization_id, _C.id == invoice_id, _C.status != "draft"
    )
    row = conn.execute(statement).first()
    return None if row is None else _shaped(row)


def total_issued(conn: Connection, wanted: IssuedFilter) -> Totals:
    """Sum all invoices that a filter keeps, however many there are."""
    amount = func.sum(_C.total - _C.credited - _C.written_off)
    row = conn.execute(select(amount, func.sum(_C.paid)).where(_narrowed(wanted))).one()
    return Totals(int(row[0] or 0), int(row[1] or 0))


def has_open(conn: Connection, organization_id: UUID, customer_id: UUID) -> bool:
    """Say whether a customer has an issued invoice that still stands, paid or not."""
    statement = select(_C.id).where(
        _C.organization_id == organization_id, _C.customer_id == customer_id, _OPEN
    )
    return conn.execute(statement.limit(1)).first() is not None


def _with_content() -> Select[Any]:
    same = (CONTENTS.c.organization_id == _C.organization_id) & (CONTENTS.c.invoice_id == _C.id)
    shown = (CONTENTS.c.note, CONTENTS.c.memo, CONTENTS.c.issued_at)
    return select(INVOICES, *shown).join(CONTENTS, same)


def _narrowed(wanted: IssuedFilter) -> ColumnElement[bool]:
    condition = _C.status != "draft"
    if wanted.places is not None:
        condition &= _C.organization_id.in_(wanted.places)
    if wanted.customer_id is not None:
        condition &= _C.customer_id == wanted.customer_id
    if wanted.currency is not None:
        condition &= _C.currency == wanted.currency
    if wanted.without_void:
        condition &= _OPEN
    if wanted.hidden is not None:
        condition &= _C.id.not_in(wanted.hidden)
    if wanted.states is not None:
        condition &= or_(*[_STATES[state] for state in wanted.states])
    return condition


def _state(row: Row[Any]) -> State:
    if row.status != "open":
        return "void"
    state: State = row.payment_status
    return state


def _shaped(row: Row[Any]) -> IssuedInvoice:
    return {
        "organization_id": str(row.organization_id),
        "id": str(row.id),
        "customer_id": str(row.customer_id),
        "state": _state(row),
        "currency": row.currency,
        "amount": row.total - row.credited - row.written_off,
        "paid": row.paid,
        "due_date": row.due_date.isoformat(),
        "note": row.note,
        "memo": row.memo,
        "issued_at": clock.text(row.issued_at),
        "created_at": clock.text(row.created_at),
        "updated_at": clock.text(row.updated_at),
    }
