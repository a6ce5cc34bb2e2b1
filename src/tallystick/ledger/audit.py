"""How an invariant is checked on a live database, and the invariants of the books themselves.

Every package states its own checks; `tallystick.wiring` puts them together. A check only reads.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Executable, Select, false, func, select

from tallystick.kernel.events import EVENTS
from tallystick.kernel.positions import STREAMS
from tallystick.ledger import closing
from tallystick.ledger.models import CLOSED_MONTHS, MONTH_SUMS, POSTINGS

EXAMPLES_MAX = 5

Counted = tuple[int | Select[Any], Iterable[str]]
"""How many things were looked at, or what counts them, and the names of those that are wrong."""


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: its number in the reliability rules, a sentence, and how to look."""

    id: str
    title: str
    look: Callable[[Connection], Counted]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: a figure, and a few examples where it was not zero."""

    id: str
    title: str
    checked: int
    violations: int
    examples: list[str]


def run(conn: Connection, checks: Sequence[Check]) -> list[Finding]:
    """Run checks one after another, all in the caller's one transaction."""
    totals: dict[Select[Any], int] = {}
    return [_finding(conn, check, totals) for check in checks]


def _finding(conn: Connection, check: Check, totals: dict[Select[Any], int]) -> Finding:
    """Look at one invariant; what several of them count is counted once."""
    checked, wrong = check.look(conn)
    names = list(wrong)
    if not isinstance(checked, int):
        if checked not in totals:
            totals[checked] = int(conn.execute(checked).scalar_one())
        checked = totals[checked]
    return Finding(check.id, check.title, checked, len(names), names[:EXAMPLES_MAX])


def rows_of(total: Select[Any], wrong: Executable) -> Callable[[Connection], Counted]:
    """Make a look from two statements: one that counts, one whose rows name what is wrong."""

    def look(conn: Connection) -> Counted:
        return total, [" ".join(str(value) for value in row) for row in conn.execute(wrong)]

    return look


def _uneven(*keys: Any) -> Select[Any]:
    return select(*keys).group_by(*keys).having(func.sum(POSTINGS.c.amount) != 0)


def _closed_months(conn: Connection) -> Counted:
    """Compare the sums of months that may be used with their postings."""
    months = conn.execute(
        select(CLOSED_MONTHS.c.organization_id, CLOSED_MONTHS.c.month)
        .where(CLOSED_MONTHS.c.stale == false())
        .order_by(CLOSED_MONTHS.c.organization_id, CLOSED_MONTHS.c.month)
    ).all()
    kept: dict[tuple[UUID, date], dict[tuple[str, str], int]] = {}
    for organization_id in {row.organization_id for row in months}:
        own = select(MONTH_SUMS).where(MONTH_SUMS.c.organization_id == organization_id)
        for row in conn.execute(own):
            place = organization_id, row.month
            kept.setdefault(place, {})[row.account, row.currency] = row.amount
    wrong = [
        f"{organization_id} {month}"
        for organization_id, month in months
        if kept.get((organization_id, month), {}) != closing.sums_of(conn, organization_id, month)
    ]
    return len(months), wrong


_POSTINGS_COUNT = select(func.count()).select_from(POSTINGS)
_LEG_GAPS = (
    select(POSTINGS.c.organization_id, POSTINGS.c.entry_id)
    .group_by(POSTINGS.c.organization_id, POSTINGS.c.entry_id)
    .having(
        (func.min(POSTINGS.c.leg) != 1)
        | (func.max(POSTINGS.c.leg) != func.count())
        | (func.min(POSTINGS.c.date) != func.max(POSTINGS.c.date))
    )
)

_GIVEN = (
    select(
        EVENTS.c.organization_id,
        func.count().label("count"),
        func.max(EVENTS.c.position).label("last"),
    )
    .where(EVENTS.c.position.is_not(None))
    .group_by(EVENTS.c.organization_id)
    .subquery()
)
_BEGUN = _GIVEN.outerjoin(STREAMS, STREAMS.c.organization_id == _GIVEN.c.organization_id)
_REACHED = func.coalesce(STREAMS.c.position, 0)
_POSITION_GAPS = (
    select(_GIVEN.c.organization_id)
    .select_from(_BEGUN)
    .where((_GIVEN.c.count != _GIVEN.c.last) | (_GIVEN.c.last != _REACHED))
)

CHECKS = (
    Check(
        "I1",
        "every entry balances in its currency",
        rows_of(
            _POSTINGS_COUNT,
            _uneven(POSTINGS.c.organization_id, POSTINGS.c.entry_id, POSTINGS.c.currency),
        ),
    ),
    Check(
        "I2",
        "the trial balance is zero in each currency",
        rows_of(_POSTINGS_COUNT, _uneven(POSTINGS.c.organization_id, POSTINGS.c.currency)),
    ),
    Check(
        "I14-positions",
        "positions of events run from 1 without a gap to what their stream says",
        rows_of(select(func.count(EVENTS.c.position)), _POSITION_GAPS),
    ),
    Check(
        "I20",
        "no leg of an entry was taken away and no date moved",
        rows_of(_POSTINGS_COUNT, _LEG_GAPS),
    ),
    Check("I22", "the sums of closed months are those of their postings", _closed_months),
)
