"""Gapless numbers: one counter row per organization, kind, series and year.

It is moved in the issuing transaction.

Take numbers as late as possible: the row stays locked until COMMIT. Dates follow numbers, so no
document is dated before the last one of its series.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from tallystick.invoices.models import COUNTERS
from tallystick.kernel import rows

Kind = Literal["invoice", "receipt", "credit_note"]
RECEIPT_SERIES = "REC"
CREDIT_NOTE_SERIES = "CN"
RESERVED_SERIES = frozenset({RECEIPT_SERIES, CREDIT_NOTE_SERIES})
"""No invoice may bear the text of another document's number."""


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """A run of numbers without gaps."""

    organization_id: UUID
    kind: Kind
    name: str
    year: int


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a series and the date of the document that bears it."""

    series: Series
    sequence: int
    date: date

    @property
    def text(self) -> str:
        """The number as people write it, such as `INV-2026-000241`."""
        return f"{self.series.name}-{self.series.year}-{self.sequence:06d}"


@dataclass(slots=True)
class _Count:
    last: int
    last_date: date
    version: int
    stored: bool
    moved: bool = False


class Counters:
    """The locked counters of one batch."""

    def __init__(self, conn: Connection, wanted: Collection[Series]) -> None:
        """Lock the counters of these series, in order, until the end of the transaction."""
        columns = [COUNTERS.c.organization_id, COUNTERS.c.kind, COUNTERS.c.series, COUNTERS.c.year]
        keys = [
            (series.organization_id, series.kind, series.name, series.year) for series in wanted
        ]
        self._counts = {
            Series(row.organization_id, row.kind, row.series, row.year): _Count(
                row.last, row.last_date, row.version, stored=True
            )
            for row in rows.find(conn, columns, keys, lock=True)
        }

    def last_date(self, series: Series) -> date | None:
        """Give the date of the last document of a series, or None before the first."""
        count = self._counts.get(series)
        return None if count is None else count.last_date

    def take(self, series: Series, on: date) -> Number:
        """Take the next number of a series for a document of this date."""
        count = self._counts.get(series)
        if count is None:
            count = self._counts[series] = _Count(0, on, 0, stored=False)
        assert on >= count.last_date, "dates follow numbers"
        count.last += 1
        count.last_date = on
        count.moved = True
        return Number(series, count.last, on)

    def write(self, writes: rows.Writes) -> None:
        """Add the moved counters to what the transaction writes.

        Two batches that both begin a series collide on its key; the later one looks again.
        """
        for series, count in self._counts.items():
            if not count.moved:
                continue
            key = {
                "organization_id": series.organization_id,
                "kind": series.kind,
                "series": series.name,
                "year": series.year,
            }
            values = {
                "last": count.last,
                "last_date": count.last_date,
                "version": count.version + 1,
            }
            if count.stored:
                writes.change(COUNTERS, key, values)
            else:
                writes.add(COUNTERS, key | values)


def gaps(kind: Kind, series: ColumnElement[str], year: Any, sequence: Any) -> Select[Any]:
    """Select the series whose numbers do not run from 1 to their counter, for the audit.

    Give the columns of the documents of a kind; those without a number are left out.
    """
    owner = sequence.table.c.organization_id
    given = (
        select(
            owner,
            series.label("series"),
            year.label("year"),
            func.min(sequence).label("first"),
            func.max(sequence).label("last"),
            func.count().label("times"),
            func.count(sequence.distinct()).label("different"),
        )
        .where(sequence.is_not(None))
        .group_by(owner, "series", "year")
        .subquery()
    )
    same = and_(
        COUNTERS.c.organization_id == given.c.organization_id,
        COUNTERS.c.kind == kind,
        COUNTERS.c.series == given.c.series,
        COUNTERS.c.year == given.c.year,
    )
    wrong = or_(
        given.c.first != 1,
        given.c.last != given.c.times,
        given.c.last != given.c.different,
        func.coalesce(COUNTERS.c.last, 0) != given.c.last,
    )
    named = select(given.c.organization_id, given.c.series, given.c.year)
    return named.select_from(given.outerjoin(COUNTERS, same)).where(wrong)
