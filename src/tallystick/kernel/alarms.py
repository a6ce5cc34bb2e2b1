"""What a person has to look at: raised once for each thing, open until somebody clears it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Index, Row, String, and_, func, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import clock, events, ids, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.paging import Place
from tallystick.kernel.rows import Writes
from tallystick.kernel.schema import Base, Text, table_of

RAISED: Final = "alarm.raised"
CLEARED: Final = "alarm.cleared"


class Alarm(Base):
    """Something that needs a person. It names what it is about, and holds no personal data."""

    __tablename__ = "alarm"
    __table_args__ = (Index(None, "organization_id", "raised_at"),)

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    subject_id: Mapped[UUID]
    """The payment, refund or whatever it is about."""
    detail: Mapped[Text]
    """What happened and what to do, in sentences."""
    raised_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]


ALARMS = table_of(Alarm)


def raise_alarm(
    conn: Connection, writes: Writes, act: Act, kind: str, subject_id: UUID, *, detail: str
) -> None:
    """Open the alarm of this kind about a thing, unless it is open.

    The caller has locked the thing, or bears to be repeated: two that open it at once meet at its
    primary key.
    """
    key = {"organization_id": act.organization_id, "id": alarm_id(kind, subject_id)}
    found = rows.find(conn, [ALARMS.c.organization_id, ALARMS.c.id], [tuple(key.values())])
    if found and found[0].cleared_at is None:
        return
    said = {"detail": detail, "raised_at": act.at, "cleared_at": None}
    if found:
        writes.change(ALARMS, key, said)
    else:
        writes.add(ALARMS, {**key, "kind": kind, "subject_id": subject_id, **said})
    events.emit(writes, act, RAISED, subject_id, {"alarm_id": str(key["id"]), "kind": kind})


def clear_alarm(conn: Connection, writes: Writes, act: Act, kind: str, subject_id: UUID) -> None:
    """Close the alarm of this kind about a thing, if it is open."""
    key = {"organization_id": act.organization_id, "id": alarm_id(kind, subject_id)}
    found = rows.find(conn, [ALARMS.c.organization_id, ALARMS.c.id], [tuple(key.values())])
    if found and found[0].cleared_at is None:
        writes.change(ALARMS, key, {"cleared_at": act.at})


def is_open(conn: Connection, organization_id: UUID, kind: str, subject_id: UUID) -> bool:
    """Tell whether the alarm of this kind about a thing is open."""
    key = organization_id, alarm_id(kind, subject_id)
    found = rows.find(conn, [ALARMS.c.organization_id, ALARMS.c.id], [key])
    return bool(found) and found[0].cleared_at is None


def alarm_id(kind: str, subject_id: UUID) -> UUID:
    """Derive the id of the one alarm of a kind about a thing."""
    return ids.derived(subject_id, kind)


def count_open(conn: Connection) -> int:
    """Count the alarms that nobody has cleared, in all organizations."""
    statement = select(func.count()).select_from(ALARMS).where(ALARMS.c.cleared_at.is_(None))
    return conn.scalar(statement) or 0


def list_everywhere(conn: Connection, limit: int, *, cleared: bool) -> Sequence[Row[Any]]:
    """List the alarms of all organizations, newest first; open ones only, unless told otherwise."""
    statement = select(ALARMS).order_by(ALARMS.c.raised_at.desc(), ALARMS.c.id)
    if not cleared:
        statement = statement.where(ALARMS.c.cleared_at.is_(None))
    return conn.execute(statement.limit(limit)).all()


class AlarmDocument(TypedDict):
    """An alarm as its readers see it."""

    id: str
    kind: str
    subject_id: str
    detail: str
    raised_at: str
    cleared_at: str | None


@dataclass(frozen=True, slots=True)
class ClearAlarm:
    """A person has looked at what an alarm is about."""

    act: Act
    alarm_id: UUID
    reason: str
    lasting: frozenset[str] = frozenset()
    """Kinds that only end when what they are about is decided."""


def list_alarms(
    conn: Connection, organization_id: UUID, *, cleared: bool, after: Place | None, limit: int
) -> tuple[list[AlarmDocument], Place | None]:
    """Read one page of the open alarms of an organization or of those cleared, newest first."""
    column = ALARMS.c
    ended = column.cleared_at.is_not(None) if cleared else column.cleared_at.is_(None)
    statement = select(ALARMS).where(column.organization_id == organization_id, ended)
    if after is not None:
        earlier = and_(column.raised_at == after.at, column.id < after.id)
        statement = statement.where(or_(column.raised_at < after.at, earlier))
    statement = statement.order_by(column.raised_at.desc(), column.id.desc())
    found = conn.execute(statement.limit(limit + 1)).all()
    items = [_document(row) for row in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    return items, None if last is None else Place(last.raised_at, last.id)


def clear_alarms(conn: Connection, commands: Sequence[ClearAlarm]) -> list[Answer[AlarmDocument]]:
    """Close alarms, and keep who did and why in the audit trail. Locks the alarms.

    Refuses:
        alarm.unknown
        alarm.lasting: it ends by itself when what it is about is decided; not kept.
    """
    return each(conn, commands, _clear)


def _clear(conn: Connection, command: ClearAlarm) -> AlarmDocument:
    act = command.act
    key = {"organization_id": act.organization_id, "id": command.alarm_id}
    columns = [ALARMS.c.organization_id, ALARMS.c.id]
    found = rows.find(conn, columns, [tuple(key.values())], lock=True)
    if not found:
        message = f"There is no alarm {shown(command.alarm_id)} in this organization."
        raise Refused("alarm.unknown", message)
    alarm = found[0]
    if alarm.cleared_at is not None:
        return _document(alarm)
    if alarm.kind in command.lasting:
        message = "This alarm ends when what it is about is confirmed or declined. Do that."
        raise Refused("alarm.lasting", message, kept=False)
    writes = Writes()
    writes.change(ALARMS, key, {"cleared_at": act.at})
    payload = {"alarm_id": str(alarm.id), "kind": alarm.kind, "reason": command.reason}
    events.emit(writes, act, CLEARED, alarm.subject_id, payload)
    writes.flush(conn)
    [now] = rows.find(conn, columns, [tuple(key.values())])
    return _document(now)


def _document(alarm: Row[Any]) -> AlarmDocument:
    cleared_at = alarm.cleared_at
    return {
        "id": str(alarm.id),
        "kind": alarm.kind,
        "subject_id": str(alarm.subject_id),
        "detail": alarm.detail,
        "raised_at": clock.text(alarm.raised_at),
        "cleared_at": None if cleared_at is None else clock.text(cleared_at),
    }
