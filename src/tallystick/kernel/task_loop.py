"""The loop that claims tasks that are due and does them, several at once."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection

from tallystick.kernel import ids, tasks
from tallystick.kernel.clock import Clock
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.looping import Loop
from tallystick.kernel.tasks import Claimed, Handler, Hopeless, Later

POLL_S: Final = 1.0
"""How often it looks for tasks that nobody told it of."""
TASKS_AT_ONCE: Final = 4
"""How many tasks one worker does at the same moment."""
CLAIMED_AT_ONCE: Final = 8
BEGUN_WITHIN_S: Final = tasks.LEASE.total_seconds() / 3
"""A task that cannot be begun so soon after it was claimed is given back: its lease might end in
the midst of it."""

log = structlog.get_logger(__name__)


class TaskLoop:
    """Claims tasks that are due and does them, until it is told to stop."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        handlers: Mapping[str, Handler],
        *,
        stopping: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._database = database
        self._clock = clock
        self._handlers = handlers
        self.kinds = tuple(sorted(handlers))
        self._stopping = stopping
        self._monotonic = monotonic
        self.counts: Counter[str] = Counter()
        """How tasks ended, counted on the thread of the loop."""
        self._pool = ThreadPoolExecutor(TASKS_AT_ONCE, thread_name_prefix="task")
        self._loop = Loop("tasks", self._turn, stopping, failed="tasks not claimed")

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Do tasks on a thread meanwhile, where there are handlers for any."""
        if not self._handlers:
            yield
            return
        try:
            with self._loop.beside():
                yield
        finally:
            self._pool.shutdown(wait=self._loop.ended)

    def wake(self) -> None:
        """Look for tasks at once."""
        self._loop.wake()

    def step(self) -> int:
        """Claim some of the tasks that are due and do them; give how many were due."""
        if not self._handlers:
            return 0
        with ThreadPoolExecutor(TASKS_AT_ONCE, thread_name_prefix="task") as pool:
            return self._step(pool)

    def _turn(self) -> float:
        return 0.0 if self._step(self._pool) else POLL_S

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
            self.counts[ended.result()] += 1
        return len(seen)

    def _do(self, task: Claimed, begin_until: float) -> str:
        """Do one task; give how it ended. Where that is not kept it comes back by itself."""
        at = self._clock()
        told = log.bind(task=str(task.id), kind=task.kind, attempt=task.attempts)
        if self._stopping() or self._monotonic() > begin_until:
            ended = _Ended("tasks_given_back", partial(tasks.release, task=task, now=at))
        elif task.attempts > tasks.ATTEMPTS_MAX:
            reason = "Whoever worked on it died each time."
            told.error("task given up", error=reason)
            ended = self._given_up(task, at, reason)
        else:
            ended = self._attempt(task, at, told)
        try:
            kept = self._database.write(ended.keep)
        except Unavailable as error:
            told.warning("end of a task not kept", error=str(error))
            return "tasks_ends_not_kept"
        if not kept:
            told.warning("task was taken over")
            return "tasks_taken_over"
        return ended.counted_as

    def _attempt(self, task: Claimed, at: datetime, told: Any) -> "_Ended":
        try:
            self._handlers[task.kind](task, at)
        except Hopeless as error:
            told.error("task given up", error=str(error))
            return self._given_up(task, self._clock(), str(error))
        except Later as error:
            if error.rest is not None:
                told.info("task rests", reason=str(error), for_s=error.rest.total_seconds())
                return self._rests(task, str(error), error.rest)
            told.warning("task failed", error=str(error))
            return self._failed(task, str(error))
        except Exception as error:  # noqa: BLE001  # told, and tried again
            # Its words might quote anybody's data, so its name is all that is kept.
            told.exception("task failed")
            return self._failed(task, type(error).__name__)
        told.debug("task done")
        return _Ended("tasks_done", partial(tasks.finish, task=task, now=self._clock()))

    def _failed(self, task: Claimed, reason: str) -> "_Ended":
        keep = partial(tasks.put_off, task=task, now=self._clock(), reason=reason)
        return _Ended("tasks_failed", keep)

    def _rests(self, task: Claimed, reason: str, rest: timedelta) -> "_Ended":
        now = self._clock()
        keep = partial(tasks.put_off, task=task, now=now, reason=reason, rest=rest)
        return _Ended("tasks_rest", keep)

    def _given_up(self, task: Claimed, at: datetime, reason: str) -> "_Ended":
        keep = partial(tasks.give_up, task=task, now=at, reason=reason)
        return _Ended("tasks_given_up", keep)


@dataclass(frozen=True, slots=True)
class _Ended:
    """How a task ended, and what keeps that."""

    counted_as: str
    keep: Callable[[Connection], bool]
