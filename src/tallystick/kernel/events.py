"""Facts that happened, written in the transaction that made them happen, told on after COMMIT.

A payload is thin (ids, numbers, amounts) and holds no personal data, so that erasing a person
leaves nothing here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Connection,
    ForeignKeyConstraint,
    Index,
    Select,
    String,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import ids
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.kernel.schema import Base, Line, Word, index_of, table_of

WAITING: Final = index_of("position IS NULL")
"""The index of the events that have no position yet."""
STAMPED: Final = index_of("position IS NOT NULL")
"""The index of the events that have one."""


class Event(Base):
    """One fact about one subject."""

    __tablename__ = "event"
    __table_args__ = (
        Index(None, "organization_id", "subject_id"),
        # The ids of what happens once do not tell when.
        Index(None, "organization_id", "at", "id"),
        # Two indexes for one column, of which a new event stands in the small one only, where the
        # engine has indexes of some rows: that of events that wait for their positions.
        Index(None, "position", "at", "id", **WAITING),
        Index(None, "organization_id", "position", unique=True, **STAMPED),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[UUID]
    payload: Mapped[dict[str, Any]]
    actor_kind: Mapped[Word]
    actor_id: Mapped[UUID]
    request_id: Mapped[str] = mapped_column(String(64))
    act_key: Mapped[str] = mapped_column(String(255))
    """The idempotency key of the command that made it happen."""
    address: Mapped[str | None] = mapped_column(String(45))
    """The network address that the command came from."""
    reason: Mapped[Line | None]
    """Why one of the platform did it in an organization that is not theirs."""
    at: Mapped[datetime]
    position: Mapped[int | None] = mapped_column(BigInteger)
    """The place in the organization's stream, stamped after commit: the only order that a reader
    may follow.
    """


class EventChange(Base):
    """What an event changed, as it was and as it became: the changed members only.

    The one part of an event that may hold personal data; erasing a person empties it.
    """

    __tablename__ = "event_change"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "event_id"], ["event.organization_id", "event.id"]
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]


EVENTS = table_of(Event)
EVENT_CHANGES = table_of(EventChange)


def keys_of(
    conn: Connection,
    organization_id: UUID,
    subjects: Sequence[UUID] | Select[UUID] | CompoundSelect[UUID],
) -> list[str]:
    """List the idempotency keys of all commands by which something happened to subjects."""
    statement = select(EVENTS.c.act_key).where(
        EVENTS.c.organization_id == organization_id, EVENTS.c.subject_id.in_(subjects)
    )
    return sorted(set(conn.execute(statement).scalars()))


def happened(conn: Connection, act: Act) -> bool:
    """Tell whether this very act has made something happen above all organizations.

    Then its transaction is being repeated, although its COMMIT took. For what is under no
    idempotency key, since it holds a secret; other commands find their answer.
    """
    statement = select(EVENTS.c.id).where(
        EVENTS.c.organization_id == ids.NIL,
        # An event is made after its act has begun, so only the newest are looked at.
        EVENTS.c.id >= ids.first_at(act.at),
        EVENTS.c.act_key == act.key,
    )
    return conn.execute(statement.limit(1)).first() is not None


def emit(
    writes: Writes,
    act: Act,
    kind: str,
    subject_id: UUID,
    payload: dict[str, Any],
    *,
    once: bool = False,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Add an event to what the transaction writes.

    With `once` the id is derived from subject and kind, so that the primary key keeps the same fact
    from being told twice.

    `before` and `after` are members of master data as they were and as they became, ready for JSON;
    only those that differ are kept. Personal data may stand in them and nowhere else, and no
    secret; whoever erases a person calls `forget_changes`.
    """
    event_id = ids.derived(subject_id, kind) if once else ids.new()
    writes.add(
        EVENTS,
        {
            "organization_id": act.organization_id,
            "id": event_id,
            "type": kind,
            "subject_id": subject_id,
            "payload": payload,
            "actor_kind": act.actor.kind,
            "actor_id": act.actor.id,
            "request_id": act.request_id,
            "act_key": act.key,
            "address": act.address or None,
            "reason": act.reason,
            "at": act.at,
            "position": None,
        },
    )
    was, became = _differing(before or {}, after or {}), _differing(after or {}, before or {})
    if was or became:
        changed = {"organization_id": act.organization_id, "event_id": event_id}
        writes.add(EVENT_CHANGES, {**changed, "before": was, "after": became})


def forget_changes(conn: Connection, organization_id: UUID, subject_id: UUID) -> None:
    """Empty what was kept of the changes of a subject, because a person is erased."""
    theirs = select(EVENTS.c.id).where(
        EVENTS.c.organization_id == organization_id, EVENTS.c.subject_id == subject_id
    )
    statement = EVENT_CHANGES.update().where(
        EVENT_CHANGES.c.organization_id == organization_id, EVENT_CHANGES.c.event_id.in_(theirs)
    )
    conn.execute(statement, {"before": {}, "after": {}})


def _differing(members: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value != others.get(name)}
