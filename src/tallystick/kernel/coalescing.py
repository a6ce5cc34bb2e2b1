"""Group commit in the application: the commands that wait at the same moment share one transaction.

No timer: a batch starts at once when the writer is idle, and while it runs the next one gathers.
Who was just answered often asks again at once, so the next batch starts when the event loop has
nobody left to hear. An answer leaves only after COMMIT. State lives on the event loop, transactions
on one thread, so nothing here needs a lock.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.idempotency import Answer, Command

BATCH_MAX = 64
WAITING_MAX = 2_048
"""Commands that may wait before a new one is turned away."""
QUIET_TURNS, TURNS_MAX = 4, 16
"""Turns of the event loop without a new command after which nobody is expected, and turns at all.

An answer is sent in one, the next request arrives in another, and its command comes to us in a
third; fewer than three caught few of them.
"""

SIZES = tuple(2**power for power in range(BATCH_MAX.bit_length()))
"""The bounds by which the sizes of batches are counted: 1, 2, 4, and so on to the largest."""

T = TypeVar("T")
UseCase = Callable[[Connection, Sequence[Any]], list[Answer[T]]]
_Waiting = tuple[Any, "asyncio.Future[Answer[Any]]"]
_Result = Answer[Any] | BaseException


@dataclass(frozen=True, slots=True)
class Told:
    """What one coalescer has done, and what waits."""

    commands: int
    sizes: Sequence[int]
    """Batches by their size, up to each of `SIZES` and above the one before."""
    waiting: int
    turned_away: int


class Coalescer:
    """Runs use cases for one process. Make, use and close it on one event loop."""

    def __init__(self, database: Database, *, waiting_max: int = WAITING_MAX) -> None:
        self._database = database
        self._waiting_max = waiting_max
        self._queues: dict[UseCase[Any], deque[_Waiting]] = {}
        self._waiting = 0
        self._commands = 0
        self._sizes = [0] * len(SIZES)
        self._turned_away = 0
        self._closed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._writing: asyncio.Task[None] | None = None

    async def run(self, use_case: UseCase[T], command: Command) -> Answer[T]:
        """Run one command together with those of the same use case that wait with it.

        Raises:
            Unavailable: too many commands wait, the product is shutting down, or the database does
            not answer.
        """
        self._admit(1)
        future: asyncio.Future[Answer[T]] = asyncio.get_running_loop().create_future()
        self._queues.setdefault(use_case, deque()).append((command, future))
        self._waiting += 1
        self._start()
        return await future

    async def run_together(
        self, use_case: UseCase[T], commands: Sequence[Command]
    ) -> list[Answer[T] | BaseException]:
        """Run commands that came together, in their order.

        There may be as many as a batch takes. What stops one of them stands in its place. Whoever
        has more waits for these first, so that others get their turn between.

        Raises:
            Unavailable: too many commands wait, or the product is shutting down; none was run.
        """
        assert len(commands) <= BATCH_MAX, "the caller divides what is more"
        self._admit(len(commands))
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Answer[T]]] = [loop.create_future() for _ in commands]
        if futures:
            queue = self._queues.setdefault(use_case, deque())
            queue.extend(zip(commands, futures, strict=True))
            self._waiting += len(futures)
            self._start()
        return await asyncio.gather(*futures, return_exceptions=True)

    def told(self) -> Told:
        """Tell what was done until now."""
        return Told(self._commands, tuple(self._sizes), self._waiting, self._turned_away)

    async def close(self) -> None:
        """Finish what waits, refuse what comes, and end the thread."""
        self._closed = True
        while self._writing is not None:
            await asyncio.wait([self._writing])
        self._thread.shutdown()

    def _admit(self, count: int) -> None:
        if self._closed:
            raise Unavailable("The server is shutting down. Repeat the request.")
        if self._waiting + count > self._waiting_max:
            self._turned_away += count
            raise Unavailable("Too many requests wait to be written. Repeat this one shortly.")

    def _start(self) -> None:
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        """Write batch after batch until nobody waits."""
        try:
            while self._queues:
                use_case, batch = self._next()
                results = await self._results(use_case, [command for command, _ in batch])
                for (_, future), result in zip(batch, results, strict=True):
                    if future.cancelled():
                        continue
                    if isinstance(result, BaseException):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
                await self._gather()
        finally:
            self._writing = None
            if self._queues:
                # Somebody ended this task, and those who wait must not wait for ever.
                self._start()

    def _next(self) -> tuple[UseCase[Any], list[_Waiting]]:
        use_case, queue = next(iter(self._queues.items()))
        batch = [queue.popleft() for _ in range(min(BATCH_MAX, len(queue)))]
        # The use case goes to the end of the line, so that none starves another.
        del self._queues[use_case]
        if queue:
            self._queues[use_case] = queue
        self._waiting -= len(batch)
        self._commands += len(batch)
        self._sizes[(len(batch) - 1).bit_length()] += 1
        # Whoever gave up while waiting is left out; once it runs, it runs to its end.
        return use_case, [(command, future) for command, future in batch if not future.cancelled()]

    async def _results(self, use_case: UseCase[Any], commands: list[Any]) -> list[_Result]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._attempt, use_case, commands)
        except BaseException as error:  # noqa: BLE001  # whatever it is, nobody may wait for ever
            return [error] * len(commands)

    async def _gather(self) -> None:
        """Wait while each few turns of the event loop bring another command, but for no clock."""
        quiet, seen = 0, self._waiting
        for _ in range(TURNS_MAX):
            if quiet == QUIET_TURNS or self._waiting >= BATCH_MAX:
                return
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._waiting == seen else 0
            seen = self._waiting

    def _attempt(self, use_case: UseCase[Any], commands: list[Any]) -> list[_Result]:
        if not commands:
            return []
        try:
            return list(self._transaction(use_case, commands))
        except Unavailable as error:
            # An outage is nobody's fault: trying each command again would only wait once for each.
            return [error] * len(commands)
        except StopIteration as error:
            # A future cannot carry it.
            return [RuntimeError(f"{error!r} was raised")] * len(commands)
        except Exception as error:  # noqa: BLE001  # told to the one command that caused it
            if len(commands) == 1:
                return [error]
        return self._attempt_each(use_case, commands)

    def _attempt_each(self, use_case: UseCase[Any], commands: list[Any]) -> list[_Result]:
        results: list[_Result] = []
        for command in commands:
            results += self._attempt(use_case, [command])
            if isinstance(results[-1], Unavailable):
                return results + [results[-1]] * (len(commands) - len(results))
        return results

    def _transaction(self, use_case: UseCase[Any], commands: list[Any]) -> list[Answer[Any]]:
        answers = self._database.write(lambda conn: use_case(conn, commands))
        if len(answers) != len(commands):
            raise RuntimeError("a use case answers each command once")
        return answers
