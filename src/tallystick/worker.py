"""What is done without anybody asking: the table of jobs on top, the loops that run them below.

A job is done at intervals. It has no business of its own; it calls use cases of the core, each
transaction through `Database.write`. A task is done once, after the COMMIT that wanted it
(`tallystick.kernel.task_loop`); who does tasks of which kind is told by the composition root.
Events get their positions after they were committed (`tallystick.kernel.positions`). Several
workers may run at once: every job is safe to run twice at the same time, and a task is claimed.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Table

from tallystick.auth import guessing, mailed
from tallystick.kernel import positions, tasks
from tallystick.kernel.clock import Clock
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.events import EVENTS
from tallystick.kernel.heartbeats import Heart
from tallystick.kernel.looping import PAUSE_FIRST_S, STOP_S, Loop
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.kernel.task_loop import TaskLoop
from tallystick.kernel.tasks import TASKS, Handler
from tallystick.ledger import closing
from tallystick.parties.organizations import list_organizations
from tallystick.payments import following, overdue

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """One kind of work: its name, how often, and what to do at a moment."""

    name: str
    every_s: float
    run: "Callable[[Work], bool | None]"
    """Tells whether it left something: then it runs again at once, after the others."""


def jobs() -> Sequence[Job]:
    """List every job there is."""
    return (
        Job("close_months", 15 * 60, close_months),
        Job("forget_tasks", 60 * 60, forget_tasks),
        Job("forget_tries", 15 * 60, forget_tries),
        Job("forget_tokens", 60 * 60, forget_tokens),
        Job("charge_late", overdue.EVERY_S, charge_late),
        Job("follow_rules", following.EVERY_S, follow_rules),
    )


MONTHS_AT_ONCE: Final = 24
"""How many months of one organization are summed in one run."""
FORGOTTEN_AT_ONCE: Final = 500
"""How many tasks that were done long ago are removed in one transaction."""
POLL_S: Final = 1.0
"""How often a worker looks for events that nobody told it of."""
STAMPED_AT_ONCE: Final = 1_000
"""How many events get their positions in one transaction."""
STAMP_REST_S: Final = 0.1
"""How long events gather meanwhile: on SQLite whoever writes waits for us."""


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


def forget_tasks(work: Work) -> None:
    """Remove the tasks that were done long ago."""
    forget = partial(tasks.forget, now=work.now, limit=FORGOTTEN_AT_ONCE)
    while not work.stopping() and work.database.write(forget) == FORGOTTEN_AT_ONCE:
        pass


def forget_tries(work: Work) -> None:
    """Remove the counters of guesses that are over (`tallystick.auth.guessing`)."""
    work.database.write(partial(guessing.prune, at=work.now))


def forget_tokens(work: Work) -> None:
    """Remove the tokens of mails that were over long ago (`tallystick.auth.mailed`)."""
    work.database.write(partial(mailed.prune, at=work.now))


def charge_late(work: Work) -> bool:
    """Charge what rules charge on overdue invoices (`tallystick.payments.overdue`)."""
    return overdue.charge_all(work.database, work.now, work.stopping)


def follow_rules(work: Work) -> None:
    """Do what rules want of what has happened (`tallystick.payments.following`)."""
    following.follow_all(work.database, work.now, work.stopping)


@dataclass(slots=True)
class _Turn:
    """When a job is due, and how often it has failed since it last did not."""

    job: Job
    due: float
    failures: int = 0


class Worker:
    """Runs jobs when they are due, one after another, until it is told to stop.

    Beside them, on threads of their own, it does the tasks that there are handlers for, gives
    events their positions, and says that it is there. The handlers of each further lane have
    threads of their own: whoever waits for another company keeps nothing waiting but its lane.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        table: Sequence[Job],
        *,
        handlers: Mapping[str, Handler] | None = None,
        lanes: Sequence[Mapping[str, Handler]] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._stopping = threading.Event()
        stopping = self._stopping.is_set
        self._counts: Counter[str] = Counter()
        """What was done beside tasks; each is counted on one thread."""
        self._lanes = [
            TaskLoop(database, clock, lane, stopping=stopping, monotonic=monotonic)
            for lane in (handlers or {}, *lanes)
        ]
        self._stamping = Loop("events", self.stamp, stopping, failed="events not stamped")
        self._heart = Heart(database, clock, stopping, self._does, self._counted)
        self._loops: tuple[Heart | Loop | TaskLoop, ...] = (
            self._heart,
            self._stamping,
            *self._lanes,
        )
        begun = monotonic()
        self._turns = [_Turn(job, begun) for job in table]

    def run(self) -> None:
        """Work until `stop`."""
        jobs = [turn.job.name for turn in self._turns]
        log.info("worker started", jobs=jobs, tasks=list(self.handled))
        with ExitStack() as beside:
            for loop in self._loops:
                beside.enter_context(loop.beside())
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
        """Begin nothing further."""
        self._stopping.set()
        for loop in self._loops:
            loop.wake()

    def wake(self, tables: Collection[Table]) -> None:
        """Look at once for what there is to do, because rows were added to tables."""
        if TASKS in tables:
            for lane in self._lanes:
                lane.wake()
        if EVENTS in tables:
            self._stamping.wake()

    @property
    def handled(self) -> tuple[str, ...]:
        """The kinds of tasks that it does."""
        return tuple(kind for lane in self._lanes for kind in lane.kinds)

    def do_tasks(self) -> int:
        """Claim some of the tasks that are due and do them; give how many were due."""
        return sum(lane.step() for lane in self._lanes)

    def stamp(self) -> float:
        """Give events that wait their positions; give the seconds until the next look."""
        look = partial(positions.waiting, limit=STAMPED_AT_ONCE)
        seen = self._database.read_snapshot(look)
        if not seen.events:
            return POLL_S
        self._counts["events_stamped"] += self._database.write(
            lambda conn: positions.stamp(conn, seen)
        )
        self._stopping.wait(STAMP_REST_S)
        return 0.0

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Work on a thread of its own meanwhile."""
        thread = threading.Thread(target=self.run, name="worker", daemon=True)
        try:
            # Whoever stops the process may do so at this very moment.
            thread.start()
            yield
        finally:
            self.stop()
            if thread.ident is not None:
                thread.join(STOP_S)

    def _does(self) -> list[str]:
        return [*(turn.job.name for turn in self._turns), *self.handled]

    def _counted(self) -> Counter[str]:
        counted: Counter[str] = Counter()
        for part in (self._counts, *(lane.counts for lane in self._lanes)):
            # A copy, since others count on.
            counted.update(dict(part))
        return counted

    def _run(self, turn: _Turn) -> float:
        """Run a job; give the seconds until it runs again."""
        job = turn.job
        try:
            left = job.run(Work(self._database, self._clock(), self._stopping.is_set))
        except Exception as error:  # noqa: BLE001  # told, and tried again
            wait_s = min(PAUSE_FIRST_S * float(1 << min(turn.failures, 20)), job.every_s)
            turn.failures += 1
            self._counts["jobs_failed"] += 1
            tell = log.warning if isinstance(error, Unavailable) else log.exception
            tell("job failed", job=job.name, error=str(error), retry_in_s=wait_s)
            return wait_s
        turn.failures = 0
        self._counts["jobs_done"] += 1
        log.debug("job done", job=job.name)
        return 0.0 if left else job.every_s
