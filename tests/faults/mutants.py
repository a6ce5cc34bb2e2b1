"""The product with one mistake in it: each must make a test fail, or the test is worth nothing."""

from collections.abc import Callable, Collection, Sequence
from types import SimpleNamespace
from typing import Any, Literal, TypeVar

import pytest
from sqlalchemy import Column, Connection, Row, func, select

from tallystick.invoices import correcting, issuing, numbering
from tallystick.invoices.models import INVOICES
from tallystick.invoices.numbering import Counters, Series
from tallystick.kernel import rows
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Answers
from tallystick.kernel.rows import Writes
from tallystick.payments import settling

Name = Literal[
    "no lock", "maximum plus one", "key written after commit", "key not written", "no postings"
]

T = TypeVar("T")


def apply(name: Name, patch: pytest.MonkeyPatch | None = None) -> None:
    """Put a mistake into the product of this process, until the patch is undone."""
    patch = pytest.MonkeyPatch() if patch is None else patch
    _MISTAKES[name](patch)


def _no_lock(patch: pytest.MonkeyPatch) -> None:
    """Rows are read without being locked."""
    patch.setattr(rows, "find", _find_only)


_find = rows.find


def _find_only(
    conn: Connection,
    columns: Sequence[Column[Any]],
    keys: Collection[rows.Key],
    *,
    lock: bool = False,
) -> Sequence[Row[Any]]:
    del lock
    return _find(conn, columns, keys)


def _maximum_plus_one(patch: pytest.MonkeyPatch) -> None:
    """The next number is looked up among the invoices, and no counter is locked."""

    class Largest(Counters):
        def __init__(self, conn: Connection, wanted: Collection[Series]) -> None:
            super().__init__(conn, wanted)
            for series, count in self._counts.items():
                largest = select(func.max(INVOICES.c.sequence)).where(
                    INVOICES.c.organization_id == series.organization_id,
                    INVOICES.c.series == series.name,
                    INVOICES.c.year == series.year,
                )
                count.last = conn.execute(largest).scalar() or 0

    patch.setattr(numbering, "rows", SimpleNamespace(find=_find_only))
    patch.setattr(issuing, "Counters", Largest)


def _key_written_after_commit(patch: pytest.MonkeyPatch) -> None:
    """The answer is kept in a transaction of its own, when the effect is committed."""
    later: list[Writes] = []
    keep, write = Answers.write, Database.write

    def put_off(self: Answers[Any], writes: Writes) -> None:
        del writes
        own = Writes()
        keep(self, own)
        later.append(own)

    def write_twice(self: Database, command: Callable[[Connection], T]) -> T:
        given = write(self, command)
        write(self, lambda conn: later.pop().flush(conn))
        return given

    patch.setattr(Answers, "write", put_off)
    patch.setattr(Database, "write", write_twice)


def _key_not_written(patch: pytest.MonkeyPatch) -> None:
    """No answer is kept."""
    patch.setattr(Answers, "write", lambda *_: None)


def _no_postings(patch: pytest.MonkeyPatch) -> None:
    """What happens is not booked."""
    for module in (issuing, correcting, settling):
        patch.setattr(module, "post", lambda *_: None)


_MISTAKES: dict[Name, Callable[[pytest.MonkeyPatch], None]] = {
    "no lock": _no_lock,
    "maximum plus one": _maximum_plus_one,
    "key written after commit": _key_written_after_commit,
    "key not written": _key_not_written,
    "no postings": _no_postings,
}
