"""What is done without anybody asking: the table of jobs on top, the loops that run them below.

A job is done at intervals. It has no business of its own; it calls use cases of the core, each
transaction through `Database.write`. A task is done once, after the COMMIT that wanted it
(`tallystick.kernel.tasks`); who does tasks of which kind is told by the composition root. Several
workers may run at once: every job is safe to run twice at the same time, and a task is claimed.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection

from tallystick.auth import guessing, mailed
from tallystick.kernel import ids, tasks
from tallystick.kernel.clock import Clock
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.paging import LIMIT_MAX
from tallystick.kernel.tasks import Claimed, Handler, Hopeless, Later
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
    return (
        Job("close_months", 15 * 60, close_months),
        Job("forget_tasks", 60 * 60, forget_tasks),
        Job("forget_tries", 15 * 60, forget_tries),
        Job("forget_tokens", 60 * 60, forget_tokens),
    )


PAUSE_FIRST_S: Final = 1.0
"""How long a job that failed waits; twice as long each time, until it is its own interval."""
MONTHS_AT_ONCE: Final = 24
"""How many months of one organization are summed in one run."""
FORGOTTEN_AT_ONCE: Final = 500
"""How many tasks that were done long ago are removed in one transaction."""
STOP_S: Final = 20.0
"""How long a worker that is told to stop may take to end what it is in."""
POLL_S: Final = 1.0
"""How often a worker looks for tasks that nobody told it of."""
TASKS_AT_ONCE: Final = 4
"""How many tasks one worker does at the same moment."""
CLAIMED_AT_ONCE: Final = 8
BEGUN_WITHIN_S: Final = tasks.LEASE.total_seconds() / 3
"""A task that cannot be begun so soon after it was claimed is given back: its lease might end in
the midst of it."""


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


@dataclass(slots=True)
class _Turn:
    """When a job is due, and how often it has failed since it last did not."""

    job: Job
    due: float
    failures: int = 0


class Worker:
    """Runs jobs when they are due, one after another, until it is told to stop.

    Beside them, on threads of their own, it does the tasks that there are handlers for.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        table: Sequence[Job],
        *,
        handlers: Mapping[str, Handler] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._clock = clock
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._tasks = _Tasks(database, clock, handlers or {}, self._stopping.is_set, monotonic)
        begun = monotonic()
        self._turns = [_Turn(job, begun) for job in table]

    def run(self) -> None:
        """Work until `stop`."""
        jobs = [turn.job.name for turn in self._turns]
        log.info("worker started", jobs=jobs, tasks=list(self.handled))
        with self._tasks.beside():
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
        self.wake()

    def wake(self) -> None:
        """Look for tasks at once, because one was added."""
        self._tasks.wake()

    @property
    def handled(self) -> tuple[str, ...]:
        """The kinds of tasks that it does."""
        return self._tasks.kinds

    def do_tasks(self) -> int:
        """Claim some of the tasks that are due and do them; give how many were due."""
        return self._tasks.step()

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


class _Tasks:
    """Claims tasks that are due and does them, until it is told to stop."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        stopping: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self.kinds = tuple(sorted(handlers))
        self._stopping = stopping
        self._monotonic = monotonic
        self._woken = threading.Event()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Do tasks on a thread meanwhile, where there are handlers for any."""
        if not self._handlers:
            yield
            return
        thread = threading.Thread(target=self._run, name="tasks", daemon=True)
        thread.start()
        try:
            yield
        finally:
            thread.join(STOP_S)

    def wake(self) -> None:
        """Look for tasks at once."""
        self._woken.set()

    def step(self) -> int:
        """Claim some of the tasks that are due and do them; give how many were due."""
        with ThreadPoolExecutor(TASKS_AT_ONCE, thread_name_prefix="task") as pool:
            return self._step(pool)

    def _run(self) -> None:
        failures = 0
        with ThreadPoolExecutor(TASKS_AT_ONCE, thread_name_prefix="task") as pool:
            while not self._stopping():
                wait_s = POLL_S
                self._woken.clear()
                try:
                    if self._step(pool):
                        wait_s = 0.0
                    failures = 0
                except Exception as error:  # noqa: BLE001  # told, and tried again
                    wait_s = min(PAUSE_FIRST_S * float(1 << min(failures, 5)), BEGUN_WITHIN_S)
                    failures += 1
                    tell = log.warning if isinstance(error, Unavailable) else log.exception
                    tell("tasks not claimed", error=str(error), retry_in_s=wait_s)
                self._woken.wait(wait_s)

    def _step(self, pool: ThreadPoolExecutor) -> int:
        now, lease_id = self._clock(), ids.new()
        seen = self._database.read(
            lambda conn: tasks.due(conn, self.kinds, now, limit=CLAIMED_AT_ONCE)
        )
        if not seen:
            return 0
        claimed = self._database.write(lambda conn: tasks.claim(conn, seen, lease_id, now))
        begin_until = self._monotonic() + BEGUN_WITHIN_S
        for ended in [pool.submit(self._do, task, begin_until) for task in claimed]:
            ended.result()
        return len(seen)

    def _do(self, task: Claimed, begin_until: float) -> None:
        """Do one task and say how it ended. Where that cannot be said it comes back by itself."""
        at = self._clock()
        told = log.bind(task=str(task.id), kind=task.kind, attempt=task.attempts)
        end: Callable[[Connection], bool]
        if self._stopping() or self._monotonic() > begin_until:
            end = partial(tasks.release, task=task, now=at)
        elif task.attempts > tasks.ATTEMPTS_MAX:
            reason = "Whoever worked on it died each time."
            told.error("task given up", error=reason)
            end = partial(tasks.give_up, task=task, now=at, reason=reason)
        else:
            end = self._attempt(task, at, told)
        try:
            kept = self._database.write(end)
        except Unavailable as error:
            told.warning("end of a task not kept", error=str(error))
            return
        if not kept:
            told.warning("task was taken over")

    def _attempt(self, task: Claimed, at: datetime, told: Any) -> Callable[[Connection], bool]:
        try:
            self._handlers[task.kind](task, at)
        except Hopeless as error:
            told.error("task given up", error=str(error))
            return partial(tasks.give_up, task=task, now=self._clock(), reason=str(error))
        except Later as error:
            told.warning("task failed", error=str(error))
            return partial(tasks.put_off, task=task, now=self._clock(), reason=str(error))
        except Exception as error:  # noqa: BLE001  # told, and tried again
            # Its words might quote anybody's data, so its name is all that is kept.
            told.exception("task failed")
            return partial(tasks.put_off, task=task, now=self._clock(), reason=type(error).__name__)
        told.debug("task done")
        return partial(tasks.finish, task=task, now=self._clock())
