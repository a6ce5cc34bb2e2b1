"""How an invariant is checked on a live database, and the invariants of the books themselves.

Every package states its own checks; `tallystick.wiring` puts them together. A check only reads.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable, Select, func, select

from tallystick.ledger.models import POSTINGS

EXAMPLES_MAX = 5

Counted = tuple[int, Iterable[str]]
"""How many things were looked at, and the names of those that are wrong."""


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
    return [_finding(conn, check) for check in checks]


def _finding(conn: Connection, check: Check) -> Finding:
    checked, wrong = check.look(conn)
    names = list(wrong)
    return Finding(check.id, check.title, checked, len(names), names[:EXAMPLES_MAX])


def rows_of(total: Select[Any], wrong: Executable) -> Callable[[Connection], Counted]:
    """Make a look from two statements: one that counts, one whose rows name what is wrong."""

    def look(conn: Connection) -> Counted:
        names = [" ".join(str(value) for value in row) for row in conn.execute(wrong)]
        return int(conn.execute(total).scalar_one()), names

    return look


def _uneven(*keys: Any) -> Select[Any]:
    return select(*keys).group_by(*keys).having(func.sum(POSTINGS.c.amount) != 0)


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
        "I20",
        "no leg of an entry was taken away and no date moved",
        rows_of(_POSTINGS_COUNT, _LEG_GAPS),
    ),
)
