"""Group commit in the application: the commands that wait at the same moment share one transaction.

No timer: a batch starts at once when a writer is idle, and while it runs the next one gathers. An
answer leaves only after COMMIT. State lives on the event loop, transactions on threads, so nothing
here needs a lock.

Each organization has its writer: two batches never wait for the same counter, and while one is on
its way to the disk the other one is being judged.
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
        self._lanes: list[dict[UseCase[Any], deque[_Waiting]]] = [
            {} for _ in range(database.writers)
        ]
        self._waiting = 0
        self._commands = 0
        self._sizes = [0] * len(SIZES)
        self._turned_away = 0
        self._busy = [False] * database.writers
        self._closed = False
        self._threads = ThreadPoolExecutor(database.writers, thread_name_prefix="writer")
        self._batches: set[asyncio.Task[None]] = set()

    async def run(self, use_case: UseCase[T], command: Command) -> Answer[T]:
        """Run one command together with those of the same use case that wait with it.

        Raises:
            Unavailable: too many commands wait, the product is shutting down, or the database does
            not answer.
        """
        self._admit(1)
        future: asyncio.Future[Answer[T]] = asyncio.get_running_loop().create_future()
        lane = self._lane(command)
        self._lanes[lane].setdefault(use_case, deque()).append((command, future))
        self._waiting += 1
        self._start(lane)
        return await future

    async def run_together(
        self, use_case: UseCase[T], commands: Sequence[Command]
    ) -> list[Answer[T] | BaseException]:
        """Run commands of one organization that came together, in their order.

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
            lane = self._lane(commands[0])
            queue = self._lanes[lane].setdefault(use_case, deque())
            queue.extend(zip(commands, futures, strict=True))
            self._waiting += len(futures)
            self._start(lane)
        return await asyncio.gather(*futures, return_exceptions=True)

    def told(self) -> Told:
        """Tell what was done until now."""
        return Told(self._commands, tuple(self._sizes), self._waiting, self._turned_away)

    async def close(self) -> None:
        """Finish what waits, refuse what comes, and end the threads."""
        self._closed = True
        while self._batches:
            await asyncio.wait(self._batches)
        self._threads.shutdown()

    def _admit(self, count: int) -> None:
        if self._closed:
            raise Unavailable("The server is shutting down. Repeat the request.")
        if self._waiting + count > self._waiting_max:
            self._turned_away += count
            raise Unavailable("Too many requests wait to be written. Repeat this one shortly.")

    def _lane(self, command: Command) -> int:
        return command.act.organization_id.int % len(self._lanes)

    def _start(self, lane: int) -> None:
        queues = self._lanes[lane]
        if self._busy[lane] or not queues:
            return
        use_case, queue = next(iter(queues.items()))
        batch = [queue.popleft() for _ in range(min(BATCH_MAX, len(queue)))]
        # The use case goes to the end of the line, so that none starves another.
        del queues[use_case]
        if queue:
            queues[use_case] = queue
        self._waiting -= len(batch)
        self._commands += len(batch)
        self._sizes[(len(batch) - 1).bit_length()] += 1
        self._busy[lane] = True
        task = asyncio.get_running_loop().create_task(self._finish(lane, use_case, batch))
        self._batches.add(task)
        task.add_done_callback(self._batches.discard)

    async def _finish(self, lane: int, use_case: UseCase[Any], batch: list[_Waiting]) -> None:
        # Whoever gave up while waiting is left out; once it runs, it runs to its end.
        batch = [(command, future) for command, future in batch if not future.cancelled()]
        loop = asyncio.get_running_loop()
        try:
            commands = [command for command, _ in batch]
            results = await loop.run_in_executor(self._threads, self._attempt, use_case, commands)
        except BaseException as error:  # noqa: BLE001  # whatever it is, nobody may wait for ever
            results = [error] * len(batch)
        finally:
            self._busy[lane] = False
        for (_, future), result in zip(batch, results, strict=True):
            if future.cancelled():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._start(lane)

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
        assert len(answers) == len(commands), "a use case answers each command once"
        return answers
