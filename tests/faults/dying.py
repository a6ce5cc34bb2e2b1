"""A process whose children run one command each and die at one exact moment of it.

Run as a program it imports and warms the product once and then forks for every order it reads, so
that a death costs milliseconds. A child dies by SIGKILL: nothing is rolled back, closed or said.
"""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn

from sqlalchemy import Connection, Engine, event

from tallystick.kernel import logs
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Command
from tallystick.outbound.client import Client, Result
from tests.faults import mutants
from tests.races.books import UseCase

ROOT = Path(__file__).parent.parent.parent
CHILD_S = 60

Moment = Literal["statement", "commit", "committed", "asking", "asked"]
"""Before a statement is sent; before COMMIT is sent; after COMMIT was answered; before a request
leaves for a provider; after the provider acted on it, and before anything is made of its answer.
"""
Fate = Literal["died", "finished", "failed"]


@dataclass(frozen=True)
class Batch:
    """A batch of commands of one use case."""

    use_case: UseCase
    commands: Sequence[Command]

    def __call__(self, database: Database) -> None:
        """Run it in one transaction."""
        database.write(lambda conn: self.use_case(conn, self.commands))


@dataclass(frozen=True)
class Order:
    """What a child does, and the n-th moment of a kind at which it dies; at 0 nobody dies."""

    url: str
    deed: Callable[[Database], object]
    moment: Moment
    number: int
    mutant: mutants.Name | None = None


class Mortal:
    """The process that forks, seen from the tests."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.dying"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def obey(self, order: Order) -> Fate:
        """Let a child run an order, and tell how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        pickle.dump(order, self._process.stdin)
        self._process.stdin.flush()
        fate: Fate = pickle.load(self._process.stdout)
        assert fate != "failed", "the child met an error of its own, which stands above"
        return fate

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(CHILD_S)
        self._process.stdout.close()


def serve() -> None:
    """Read orders until there are no more, and fork for each."""
    # Standard output is for the fates.
    logs.start(level="error", form="json", colors=False)
    databases: dict[str, Database] = {}
    while True:
        try:
            order: Order = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if order.url not in databases:
            databases[order.url] = Database(order.url, writers=1, readers=1)
        fate = _obey(databases[order.url], order)
        pickle.dump(fate, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _obey(database: Database, order: Order) -> Fate:
    if order.number == 0:
        # Whatever is prepared on the way is there for all children; a connection cannot be shared.
        order.deed(database)
        database.close()
        return "finished"
    child = os.fork()
    if child == 0:
        signal.alarm(CHILD_S)
        _run(database, order)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "died"
    return "finished" if status == 0 else "failed"


def _run(database: Database, order: Order) -> NoReturn:
    """Run a command to its death or its end; never return."""
    status = 1
    try:
        if order.mutant is not None:
            mutants.apply(order.mutant)
        _arm(order.moment, order.number)
        order.deed(database)
        status = 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
        raise
    finally:
        sys.stderr.flush()
        os._exit(status)


def _arm(moment: Moment, number: int) -> None:
    left = {moment: number}

    def pass_by(kind: Moment) -> None:
        left[kind] = left.get(kind, 0) - 1
        if left[kind] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    send = Client.send

    def observed(self: Client, *args: Any, **values: Any) -> Result:
        pass_by("asking")
        result = send(self, *args, **values)
        pass_by("asked")
        return result

    Client.send = observed  # type: ignore[method-assign]
    event.listen(Engine, "before_cursor_execute", lambda *_: pass_by("statement"))
    event.listen(Engine, "commit", lambda _: pass_by("commit"))

    @event.listens_for(Engine, "engine_connect")
    def watch(conn: Connection) -> None:
        # There is no event for a COMMIT that was answered.
        commit: Callable[[Any], None] = type(conn.dialect).do_commit.__get__(conn.dialect)

        def answered(raw: Any) -> None:
            commit(raw)
            pass_by("committed")

        conn.dialect.do_commit = answered  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    serve()
