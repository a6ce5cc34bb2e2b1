"""How the work stands that nobody waits for: who does it, and what has waited for how long.

It counts across all organizations, by indexes that hold little more than what it counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.kernel import alarms, heartbeats, positions, tasks
from tallystick.kernel.heartbeats import LATE
from tallystick.payments import orders

EVENTS_LATE: Final = timedelta(minutes=1)
"""How long an event may wait for its position before something must be wrong."""
TASKS_LATE: Final = timedelta(minutes=5)
"""How long a task may be due before too few workers run, or none that does tasks of its kind."""
UNKNOWN_LATE: Final = timedelta(minutes=5)
"""How long a provider may owe us an answer before somebody should look."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that was heard of lately."""

    id: UUID
    beat_age: timedelta
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Condition:
    """How it all stands at one moment; None is the age of what does not wait."""

    workers: Sequence[Worker]
    """The one that was last heard of first."""
    task_age: timedelta | None
    """Of the task that has been due longest."""
    tasks_due: int
    tasks_dead: int
    event_age: timedelta | None
    """Of the event that has waited longest for its position."""
    unknown_payment_age: timedelta | None
    """Since when nobody knows what became of a payment or refund at its provider, at most."""
    alarms_open: int

    @property
    def beat_age(self) -> timedelta | None:
        """How long ago a worker was last heard of; None where none was for an hour."""
        return self.workers[0].beat_age if self.workers else None

    @property
    def working(self) -> int:
        """How many workers there are, as far as one can tell."""
        return sum(worker.beat_age <= LATE for worker in self.workers)

    def warnings(self) -> list[str]:
        """Say what somebody should look at, and what to do."""
        found = []
        if not self.working:
            found.append("No worker was heard of for a minute. Run `tallystick worker`.")
        elif _over(self.event_age, EVENTS_LATE):
            found.append("Events wait for their positions. See what the worker logs.")
        if _over(self.task_age, TASKS_LATE):
            found.append("Tasks are late. See what the worker logs, or run another.")
        if self.tasks_dead:
            found.append("Tasks were given up. See `tallystick tasks list --dead`.")
        if _over(self.unknown_payment_age, UNKNOWN_LATE):
            found.append("Nobody knows what became of a payment at its provider.")
        if self.alarms_open:
            found.append("Alarms are open. See `tallystick alarms`.")
        return found


def look(conn: Connection, now: datetime) -> Condition:
    """Look at all of it."""

    def age(since: datetime | None) -> timedelta | None:
        # Clocks of several machines differ a little.
        return None if since is None else max(now - since, timedelta(0))

    return Condition(
        workers=[_worker(row, now) for row in heartbeats.workers(conn)],
        task_age=age(tasks.oldest_due(conn, now)),
        tasks_due=tasks.count_due(conn, now),
        tasks_dead=tasks.count_dead(conn),
        event_age=age(positions.oldest_waiting(conn)),
        unknown_payment_age=age(orders.oldest_unknown(conn, now)),
        alarms_open=alarms.count_open(conn),
    )


def _worker(row: Row[Any], now: datetime) -> Worker:
    return Worker(row.id, max(now - row.beat_at, timedelta(0)), row.counts)


def _over(age: timedelta | None, limit: timedelta) -> bool:
    return age is not None and age > limit
