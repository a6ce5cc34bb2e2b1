"""The order in which an organization's events are told: a position for each, without a gap.

An id is made before its COMMIT, so neither ids nor moments tell which event became visible first: a
reader who went by them would pass by what is committed late. So positions are given afterwards, to
events that are committed, by one worker at a time for each organization. Whoever has read up to a
position has read all there will ever be up to it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Row, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import rows
from tallystick.kernel.events import EVENTS
from tallystick.kernel.rows import Writes
from tallystick.kernel.schema import Base, table_of


class EventStream(Base):
    """How far the events of one organization have their positions."""

    __tablename__ = "event_stream"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    """The last position that was given; 0 before the first."""


STREAMS = table_of(EventStream)

LOOKED_AT_MAX: Final = 10_000
"""Positions that one reading looks at, however few of their events are wanted."""

_WAITING: Final = EVENTS.c.position.is_(None)
# Said with the position, which is the same for all that wait, so that the index gives this order.
_LONGEST: Final = (EVENTS.c.position, EVENTS.c.at, EVENTS.c.id)
_SHOWN: Final[Sequence[Column[Any]]] = [
    EVENTS.c[name] for name in ("id", "position", "type", "subject_id", "payload", "at")
]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a stream: the events that were wanted, and where to read on."""

    events: Sequence[Row[Any]]
    next_after: int
    """All up to here was looked at. Where it is what the reader came with, nothing is new."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Events without a position, of any organization, as they stood at one moment."""

    events: Sequence[Row[UUID, UUID]]
    """Organizations and ids, those that have waited longest first."""
    reached: Mapping[UUID, int]
    """The last position of each of their organizations."""


def waiting(conn: Connection, limit: int) -> Waiting:
    """List the events that wait. Give it a snapshot, so that both parts are of one moment."""
    statement = select(EVENTS.c.organization_id, EVENTS.c.id).where(_WAITING)
    found = conn.execute(statement.order_by(*_LONGEST).limit(limit)).all()
    return Waiting(found, _reached(conn, {row.organization_id for row in found}))


def stamp(conn: Connection, seen: Waiting) -> int:
    """Give the events seen the next positions, in their order; say how many got one.

    Locks the streams of their organizations, in the order of their ids, and passes by what has gone
    on since it was seen: another worker, or this very command before its COMMIT went unanswered,
    has given positions there. It reads no event, so it holds its locks for little more than the
    changes take.
    """
    if not seen.events:
        return 0
    organizations = set(seen.reached)
    now = _reached(conn, organizations, lock=True)
    if len(now) < len(organizations):
        for organization_id in sorted(organizations - now.keys()):
            rows.ensure(conn, STREAMS, {"organization_id": organization_id, "position": 0})
        now = _reached(conn, organizations, lock=True)
    reached = {each: position for each, position in now.items() if position == seen.reached[each]}
    writes, count = Writes(), 0
    for row in seen.events:
        if row.organization_id in reached:
            reached[row.organization_id] += 1
            count += 1
            key = {"organization_id": row.organization_id, "id": row.id}
            writes.change(EVENTS, key, {"position": reached[row.organization_id]})
    for organization_id, position in reached.items():
        writes.change(STREAMS, {"organization_id": organization_id}, {"position": position})
    writes.flush(conn)
    return count


def _reached(
    conn: Connection, organizations: Collection[UUID], *, lock: bool = False
) -> dict[UUID, int]:
    """Read the last positions; without a lock a stream that has not begun has reached 0."""
    found = rows.find(
        conn, [STREAMS.c.organization_id], [(each,) for each in organizations], lock=lock
    )
    begun = {row.organization_id: row.position for row in found}
    return begun if lock else dict.fromkeys(organizations, 0) | begun


def read(
    conn: Connection,
    organization_id: UUID,
    *,
    after: int,
    limit: int,
    nouns: Collection[str],
    kind: str | None = None,
) -> Stretch:
    """Read the events behind a position, of these nouns only, or of one type that has such a noun.

    How far the stream goes is read first: what gets its position meanwhile is left for the next
    reading.
    """
    until = min(reached(conn, organization_id), after + LOOKED_AT_MAX)
    columns = EVENTS.c
    statement = select(*_SHOWN).where(
        columns.organization_id == organization_id,
        columns.position > after,
        columns.position <= until,
        _of(nouns, kind),
    )
    found = conn.execute(statement.order_by(columns.position).limit(limit)).all()
    return Stretch(found, found[-1].position if len(found) == limit else max(until, after))


def reached(conn: Connection, organization_id: UUID) -> int:
    """Say which position of an organization was given last; 0 before the first."""
    statement = select(STREAMS.c.position).where(STREAMS.c.organization_id == organization_id)
    return conn.scalar(statement) or 0


def _of(nouns: Collection[str], kind: str | None) -> ColumnElement[bool]:
    ours = [EVENTS.c.type.startswith(f"{noun}.", autoescape=True) for noun in sorted(nouns)]
    return or_(*ours) if kind is None else or_(*ours) & (EVENTS.c.type == kind)


def oldest_waiting(conn: Connection) -> datetime | None:
    """Say when the event happened that has waited longest for its position; None when none does."""
    return conn.scalar(select(EVENTS.c.at).where(_WAITING).order_by(*_LONGEST).limit(1))
