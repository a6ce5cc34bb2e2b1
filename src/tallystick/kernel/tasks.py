"""What is to be done after COMMIT: written by the transaction that wants it, claimed later.

A task is claimed by moving its due time past a lease, so one whose worker died is due again by
itself. It is marked done after its effect: an effect may happen twice where a worker dies between
the two, and its handler must bear that.
"""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Index,
    Row,
    String,
    Update,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import ids, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.kernel.schema import Base, Text, index_of, table_of

DEAD: Final = index_of("dead_at IS NOT NULL")
"""The index of the tasks that were given up."""


class Task(Base):
    """One thing to do. It names what it is about by ids, and holds no personal data or secret."""

    __tablename__ = "task"
    # Like few others these are led by no organization: whoever looks for work looks in all of them
    # at once.
    __table_args__ = (
        Index(None, "due_at", "id"),
        # So that few dead ones are found among many that are done.
        Index(None, "dead_at", **DEAD),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]]
    due_at: Mapped[datetime | None]
    """When it may be claimed; None once it is done or dead."""
    attempts: Mapped[int]
    lease_id: Mapped[UUID | None]
    """Who has claimed it, and whoever finishes it must still be the one; None while it rests."""
    last_error: Mapped[Text | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    """When it was given up."""


TASKS = table_of(Task)

LEASE: Final = timedelta(minutes=3)
"""How long whoever claimed a task has it for themselves; longer than clocks of workers differ."""
ATTEMPTS_MAX: Final = 12
"""After so many attempts, which are half a day, a task is given up."""
PAUSE_FIRST: Final = timedelta(seconds=20)
"""How long a task that failed rests; twice as long each time, up to `PAUSE_MAX`."""
PAUSE_MAX: Final = timedelta(hours=3)
KEPT: Final = timedelta(days=30)
"""How long a task that is done is kept."""
ERROR_MAX: Final = 500
"""Characters that are kept of what an attempt ended with."""


class Later(Exception):
    """What a task needs is not there now. The text says what, and quotes nobody's data.

    A task that has a schedule of its own says how long it rests, and ends it with `Hopeless`: such
    an attempt has not failed and counts for nothing.
    """

    def __init__(self, reason: str, *, rest: timedelta | None = None) -> None:
        super().__init__(reason)
        self.rest = rest


class Hopeless(Exception):
    """A task can never be done. The text says why, and quotes nobody's data."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that somebody has for themselves until its lease ends."""

    organization_id: UUID
    id: UUID
    kind: str
    payload: Mapping[str, Any]
    attempts: int
    """How often it was claimed, this time included."""
    lease_id: UUID
    created_at: datetime
    """When it was wanted."""


_CLAIM: Final[Update] = (
    TASKS.update()
    .where(
        TASKS.c.organization_id == bindparam("in_organization"),
        TASKS.c.id == bindparam("of_task"),
        TASKS.c.attempts == bindparam("seen_attempts"),
        TASKS.c.due_at <= bindparam("now"),
    )
    .values(
        attempts=TASKS.c.attempts + 1,
        lease_id=bindparam("lease"),
        due_at=bindparam("lease_until"),
    )
)
_HASTEN: Final[Update] = (
    TASKS.update()
    .where(
        TASKS.c.organization_id == bindparam("in_organization"),
        TASKS.c.id == bindparam("of_task"),
        TASKS.c.lease_id.is_(None),
        or_(TASKS.c.due_at > bindparam("now"), TASKS.c.dead_at.is_not(None)),
    )
    # Before `dead_at`: MariaDB sees what stands further left as it has become.
    .ordered_values(
        (TASKS.c.attempts, case((TASKS.c.dead_at.is_not(None), 0), else_=TASKS.c.attempts)),
        (TASKS.c.due_at, bindparam("now")),
        (TASKS.c.dead_at, None),
    )
)
_DEAD: Final = TASKS.c.dead_at.is_not(None)

Handler = Callable[[Claimed, datetime], None]
"""Does a task, at a moment. It raises `Later` or `Hopeless`; whatever else it raises is our mistake
and makes the task come back as `Later` does. It must bear to be done twice.
"""


def add(
    writes: Writes,
    act: Act,
    kind: str,
    payload: dict[str, Any],
    *,
    task_id: UUID | None = None,
    due_at: datetime | None = None,
) -> UUID:
    """Add a task to what the transaction writes, due at once if no moment is given; give its id."""
    task_id = task_id or ids.new()
    writes.add(
        TASKS,
        {
            "organization_id": act.organization_id,
            "id": task_id,
            "kind": kind,
            "payload": payload,
            "due_at": due_at or act.at,
            "attempts": 0,
            "lease_id": None,
            "last_error": None,
            "created_at": act.at,
            "done_at": None,
            "dead_at": None,
        },
    )
    return task_id


def move(writes: Writes, act: Act, task_id: UUID, due_at: datetime | None) -> None:
    """Let a task be due at another moment; None says that it is done. One that is gone stays so.

    Whoever has claimed it has it no longer: what moves it knows more than they do.
    """
    key = {"organization_id": act.organization_id, "id": task_id}
    done_at = act.at if due_at is None else None
    moved = {"due_at": due_at, "done_at": done_at, "dead_at": None, "lease_id": None}
    writes.change(TASKS, key, moved)


def hasten(conn: Connection, keys: Collection[tuple[UUID, UUID]], now: datetime) -> None:
    """Let tasks that rest or were given up be due now, by organization and id.

    Those that were given up begin anew, or the next claim would give them up again. What somebody
    has claimed stays theirs, although a lease lies ahead too.
    """
    if keys:
        wanted = [{"in_organization": one[0], "of_task": one[1], "now": now} for one in keys]
        conn.execute(
            _HASTEN, sorted(wanted, key=lambda one: (one["in_organization"], one["of_task"]))
        )


def due(
    conn: Connection, kinds: Collection[str], now: datetime, limit: int
) -> Sequence[Row[UUID, UUID, int]]:
    """List tasks that may be claimed, those that have waited longest first."""
    columns = (TASKS.c.organization_id, TASKS.c.id, TASKS.c.attempts)
    statement = select(*columns).where(TASKS.c.due_at <= now, TASKS.c.kind.in_(sorted(kinds)))
    return conn.execute(statement.order_by(TASKS.c.due_at, TASKS.c.id).limit(limit)).all()


def claim(
    conn: Connection, seen: Sequence[Row[UUID, UUID, int]], lease_id: UUID, now: datetime
) -> list[Claimed]:
    """Claim those of the tasks seen that nobody else has claimed meanwhile.

    Compared and set by `attempts`, which each claim raises, so it needs no lock but that of the
    change itself. Done again after an unanswered COMMIT, it gives what was claimed by it.
    """
    if not seen:
        return []
    wanted = [
        {"in_organization": row.organization_id, "of_task": row.id, "seen_attempts": row.attempts}
        for row in sorted(seen, key=lambda row: (row.organization_id, row.id))
    ]
    lease = {"lease": lease_id, "now": now, "lease_until": now + LEASE}
    conn.execute(_CLAIM, [{**each, **lease} for each in wanted])
    theirs = (TASKS.c.organization_id, TASKS.c.id)
    found = rows.find(conn, theirs, [(row.organization_id, row.id) for row in seen])
    return [
        Claimed(
            row.organization_id,
            row.id,
            row.kind,
            row.payload,
            row.attempts,
            row.lease_id,
            row.created_at,
        )
        for row in found
        if row.lease_id == lease_id
    ]


def finish(conn: Connection, task: Claimed, now: datetime) -> bool:
    """Say that a task is done; False when somebody else has it by now."""
    return _end(conn, task, {"due_at": None, "done_at": now, "last_error": None})


def put_off(
    conn: Connection, task: Claimed, now: datetime, reason: str, rest: timedelta | None = None
) -> bool:
    """Let a task come back after a rest, or give it up after too many attempts.

    An attempt that says itself how long to rest does not count.
    """
    if rest is not None:
        values = {"attempts": task.attempts - 1, "last_error": reason[:ERROR_MAX]}
        return _end(conn, task, {"due_at": now + rest, "lease_id": None, **values})
    if task.attempts >= ATTEMPTS_MAX:
        return give_up(conn, task, now, reason)
    rest = min(PAUSE_FIRST * 2 ** (task.attempts - 1), PAUSE_MAX)
    # Half of it by chance, so that what failed together does not come back together.
    due_at = now + rest * random.uniform(0.5, 1)  # noqa: S311  # not a secret
    kept = {"due_at": due_at, "lease_id": None, "last_error": reason[:ERROR_MAX]}
    return _end(conn, task, kept)


def give_up(conn: Connection, task: Claimed, now: datetime, reason: str) -> bool:
    """Say that a task will never be done, and why."""
    kept = {"dead_at": now, "last_error": reason[:ERROR_MAX]}
    return _end(conn, task, {"due_at": None, "lease_id": None, **kept})


def release(conn: Connection, task: Claimed, now: datetime) -> bool:
    """Give back a task that was claimed and not begun."""
    return _end(conn, task, {"due_at": now, "attempts": task.attempts - 1, "lease_id": None})


def _end(conn: Connection, task: Claimed, values: dict[str, Any]) -> bool:
    statement = TASKS.update().where(
        TASKS.c.organization_id == task.organization_id,
        TASKS.c.id == task.id,
        TASKS.c.lease_id == task.lease_id,
        TASKS.c.due_at.is_not(None),
    )
    return conn.execute(statement.values(values)).rowcount == 1


def forget(conn: Connection, now: datetime, limit: int) -> int:
    """Remove tasks that were done long ago, and say how many; dead ones stay."""
    until = now - KEPT
    # By their ids too: they say when a task was made, and stand in the index.
    old = (TASKS.c.due_at.is_(None), TASKS.c.id < ids.first_at(until), TASKS.c.done_at < until)
    columns = (TASKS.c.organization_id, TASKS.c.id)
    found = conn.execute(select(*columns).where(*old).order_by(TASKS.c.id).limit(limit)).all()
    if found:
        statement = TASKS.delete().where(
            TASKS.c.organization_id == bindparam("in_organization"),
            TASKS.c.id == bindparam("of_task"),
        )
        theirs = [{"in_organization": row.organization_id, "of_task": row.id} for row in found]
        conn.execute(statement, theirs)
    return len(found)


def oldest_due(conn: Connection, now: datetime) -> datetime | None:
    """Say since when the task that waits longest has been due; None when none is."""
    statement = select(TASKS.c.due_at).where(TASKS.c.due_at <= now)
    return conn.scalar(statement.order_by(TASKS.c.due_at).limit(1))


def count_due(conn: Connection, now: datetime) -> int:
    """Count the tasks that may be claimed."""
    statement = select(func.count()).select_from(TASKS).where(TASKS.c.due_at <= now)
    return conn.scalar(statement) or 0


def count_dead(conn: Connection) -> int:
    """Count the tasks that were given up."""
    return conn.scalar(select(func.count()).select_from(TASKS).where(_DEAD)) or 0


def list_waiting(conn: Connection, limit: int) -> Sequence[Row[Any]]:
    """List the tasks that are neither done nor given up, those that are due first."""
    statement = select(TASKS).where(TASKS.c.due_at.is_not(None))
    return conn.execute(statement.order_by(TASKS.c.due_at, TASKS.c.id).limit(limit)).all()


def list_dead(
    conn: Connection, limit: int, *, kinds: Collection[str] | None = None
) -> Sequence[Row[Any]]:
    """List the tasks that were given up, newest first; of all kinds where none is named."""
    chosen = [_DEAD] if kinds is None else [_DEAD, TASKS.c.kind.in_(sorted(kinds))]
    statement = select(TASKS).where(*chosen).order_by(TASKS.c.id.desc())
    return conn.execute(statement.limit(limit)).all()


def retry(conn: Connection, now: datetime, task_id: UUID | None) -> int:
    """Let a task that was given up, or all of them, begin anew; say how many those are."""
    chosen: list[ColumnElement[bool]] = [_DEAD]
    if task_id is not None:
        chosen.append(TASKS.c.id == task_id)
    anew = {"due_at": now, "dead_at": None, "attempts": 0, "lease_id": None}
    return conn.execute(TASKS.update().where(*chosen).values(anew)).rowcount
