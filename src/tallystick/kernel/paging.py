"""Pages of a list, newest first, each found by the last key of the one before.

So page 1,000 costs what page 1 costs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Column, Connection, Row, Select

LIMIT_DEFAULT, LIMIT_MAX = 50, 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_BYTES: Final = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the id to go on after, or None at the end."""

    items: list[T]
    next_after: UUID | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends: not by id alone, where ids do not tell the time."""

    at: datetime
    id: UUID

    def packed(self) -> bytes:
        """Write it as the value of a cursor."""
        micros = (self.at - _EPOCH) // timedelta(microseconds=1)
        return micros.to_bytes(_TIME_BYTES, "big") + self.id.bytes

    @staticmethod
    def unpacked(value: bytes | None) -> "Place | None":
        """Read what a cursor carries; None stands for the first page."""
        if value is None:
            return None
        micros = int.from_bytes(value[:_TIME_BYTES], "big")
        return Place(_EPOCH + timedelta(microseconds=micros), UUID(bytes=value[_TIME_BYTES:]))


def newest_first(
    conn: Connection,
    statement: Select[Any],
    key: Column[UUID],
    *,
    after: UUID | None,
    limit: int,
    shape: Callable[[Row[Any]], T],
) -> Page[T]:
    """Read one page in the order of falling ids.

    An id says when its object was made, and one made while somebody turns pages stands before their
    place, so no page shows anything twice or leaves out what was there at the start.
    """
    if after is not None:
        statement = statement.where(key < after)
    found = conn.execute(statement.order_by(key.desc()).limit(limit + 1)).all()
    items = [shape(row) for row in found[:limit]]
    more = len(found) > limit
    return Page(items, getattr(found[limit - 1], key.name) if more else None)
