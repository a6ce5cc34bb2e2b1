"""What is done without anybody asking: the table of jobs on top, the loop that runs them below.

A job has no business of its own; it calls use cases of the core, each transaction through
`Database.write`. Several workers may run at once: every job is safe to run twice at the same time.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection

from tallystick.kernel.clock import Clock
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.ledger import closing
from tallystick.parties.organizations import list_organizations

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work: its name, how often, and what to do at a moment."""

    name: str
    every_s: float
    run: "Callable[[Work], None]"


def jobs() -> Sequence[Job]:
    """List every job there is."""
    return (Job("close_months", 15 * 60, close_months),)


PAUSE_FIRST_S: Final = 1.0
"""How long a job that failed waits; twice as long each time, until it is its own interval."""
MONTHS_AT_ONCE: Final = 24
"""How many months of one organization are summed in one run."""
STOP_S: Final = 20.0
"""How long a worker that is told to stop may take to end the transaction that it is in."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a job works with."""

    database: Database
    now: datetime
    stopping: Callable[[], bool]
    """Asked between two transactions."""


def close_months(work: Work) -> None:
    """Keep the sums of closed months of every organization (`tallystick.ledger.closing`).

    An organization whose months cannot be summed stops none of the others.

    Raises:
        Exception: the last one met, after all the others were done.
    """
    failed: Exception | None = None
    for organization_id in _organizations(work.database):
        if work.stopping():
            return
        try:
            _close_months_of(work, organization_id)
        except Unavailable:
            raise
        except Exception as error:
            log.exception("months not closed", organization=str(organization_id))
            failed = error
    if failed is not None:
        raise failed


def _close_months_of(work: Work, organization_id: UUID) -> None:
    database, now = work.database, work.now
    # Looked at by a reader first: most often there is nothing to write.
    if database.read(lambda conn: closing.unmarked(conn, organization_id, now)):
        database.write(lambda conn: closing.mark(conn, organization_id, now))
    months = database.read(lambda conn: closing.ripe(conn, organization_id, now))
    for month in months[:MONTHS_AT_ONCE]:
        if work.stopping():
            return
        if database.write(partial(_sum_month, organization_id, month, now)):
            log.info("month closed", organization=str(organization_id), month=month.isoformat())


def _sum_month(organization_id: UUID, month: date, now: datetime, conn: Connection) -> bool:
    return closing.sum_month(conn, organization_id, month, now)


def _organizations(database: Database) -> Iterator[UUID]:
    after: UUID | None = None
    while True:
        page = database.read(partial(list_organizations, after=after, limit=LIMIT_MAX))
        yield from (UUID(item["id"]) for item in page.items)
        after = page.next_after
        if after is None:
            return


@dataclass(slots=True)
class _Turn:
    """When a job is due, and how often it has failed since it last did not."""

    job: Job
    due: float
    failures: int = 0


class Worker:
    """Runs jobs when they are due, one after another, until it is told to stop."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        table: Sequence[Job],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._stopping = threading.Event()
        begun = monotonic()
        self._turns = [_Turn(job, begun) for job in table]

    def run(self) -> None:
        """Work until `stop`."""
        log.info("worker started", jobs=[turn.job.name for turn in self._turns])
        while not self._stopping.is_set():
            wait_s = self.step()
            self._stopping.wait(wait_s)
        log.info("worker stopped")

    def step(self) -> float:
        """Run the jobs that are due; give the seconds until the next one is."""
        for turn in self._turns:
            if turn.due <= self._monotonic() and not self._stopping.is_set():
                turn.due = self._run(turn) + self._monotonic()
        return max(0.0, min(turn.due for turn in self._turns) - self._monotonic())

    def stop(self) -> None:
        """Begin no further transaction."""
        self._stopping.set()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Work on a thread of its own meanwhile."""
        thread = threading.Thread(target=self.run, name="worker", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stop()
            thread.join(STOP_S)

    def _run(self, turn: _Turn) -> float:
        """Run a job; give the seconds until it runs again."""
        job = turn.job
        try:
            job.run(Work(self._database, self._clock(), self._stopping.is_set))
        except Exception as error:  # noqa: BLE001  # told, and tried again
            wait_s = min(PAUSE_FIRST_S * float(1 << min(turn.failures, 20)), job.every_s)
            turn.failures += 1
            tell = log.warning if isinstance(error, Unavailable) else log.exception
            tell("job failed", job=job.name, error=str(error), retry_in_s=wait_s)
            return wait_s
        turn.failures = 0
        log.debug("job done", job=job.name)
        return job.every_s
