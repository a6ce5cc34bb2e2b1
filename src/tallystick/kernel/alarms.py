"""What a person has to look at: raised once for each thing, open until somebody clears it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Index, Row, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import events, ids, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.kernel.schema import Base, Text, table_of

RAISED: Final = "alarm.raised"


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
