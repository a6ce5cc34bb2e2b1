"""The one door to the database: `read` and `write`, each a whole transaction, and one retry loop.

Nothing else in the product commits. A command given to `write` may run several times, so it must do
nothing but speak to its connection: no network call, no file, no message.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from typing import TypeVar

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.engine import URL

from tallystick.kernel import engines, failures
from tallystick.kernel.errors import Refusal, Refused, Unavailable
from tallystick.kernel.rows import ADDED

T = TypeVar("T")

DEADLINE_S = 30.0
"""How long one piece of work is tried before the caller is told to come back."""
PAUSE_FIRST_S, PAUSE_MAX_S = 0.010, 1.0
WRITERS = 2
"""Connections that may write at the same moment: one for the batches of `kernel.coalescing`, one
for what is written beside them."""
TWINS_MAX = 2
"""How often a unique key that somebody else took meanwhile is answered by looking again."""


class Database:
    """A database by its address, with a pool for writers and one for readers.

    On SQLite there is one writer, and its transactions begin with BEGIN IMMEDIATE. On the servers
    transactions are READ COMMITTED, and reads do without. An address may name several hosts
    (`?host=a:5432&host=b:5432`): losing a node switches to the next.
    """

    def __init__(
        self,
        url: str,
        *,
        deadline_s: float = DEADLINE_S,
        writers: int = WRITERS,
        readers: int = 8,
        statement_timeout_s: int = engines.STATEMENT_TIMEOUT_S,
    ) -> None:
        self.url: URL = engines.normal_url(url)
        self.engine_name = engines.engine_name(self.url)
        self.writers = 1 if self.engine_name == "sqlite" else writers
        self.readers = readers
        self._deadline_s = deadline_s
        self._added: Callable[[Collection[Table]], None] = lambda _tables: None
        self._addresses = engines.Addresses(self.url)
        self._failed: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._writer, self._reader = (
            engines.make(
                self._addresses, size=size, writes=writes, statement_timeout_s=statement_timeout_s
            )
            for size, writes in ((self.writers, True), (readers, False))
        )

    @property
    def failures(self) -> dict[str, int]:
        """How many transactions have failed, by what their failure meant (`kernel.failures`)."""
        with self._counting:
            return dict(self._failed)

    def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query that never writes. On the servers each of its statements sees its own moment.

        Raises:
            Unavailable: the database could not be reached until the deadline.
        """
        return self._run(self._reader, query)

    def read_snapshot(self, query: Callable[[Connection], T]) -> T:
        """Run a query whose statements all see the same moment, as an audit must.

        Raises:
            Unavailable: the database could not be reached until the deadline.
        """
        if self.engine_name == "sqlite":
            return self.read(query)
        return self._run(self._reader.execution_options(isolation_level="REPEATABLE READ"), query)

    def write(self, command: Callable[[Connection], T]) -> T:
        """Run a command in one transaction and commit it; repeat all of it while that is safe.

        Repeating is safe after an unknown COMMIT too, because every command carries an idempotency
        key.

        Raises:
            Unavailable: the database could not be reached until the deadline; whether the last
            COMMIT took is unknown.
        """
        return self._run(self._writer, command)

    def close(self) -> None:
        """Close every connection of both pools."""
        self._writer.dispose()
        self._reader.dispose()

    def after_commit(self, listener: Callable[[Collection[Table]], None]) -> None:
        """Call a listener after each COMMIT with the tables that rows were added to.

        It is called on the thread of the transaction, so it must be quick. It may be called for
        rows that a transaction before took back, and is not where a COMMIT went unanswered: who
        listens gains time, and must look by themselves too.
        """
        self._added = listener

    def watch_statements(self, listener: Callable[[str], None]) -> None:
        """Call a listener with the text of every statement sent, for measurements and tests."""
        for engine in (self._writer, self._reader):
            event.listen(
                engine,
                "before_cursor_execute",
                lambda _conn, _cursor, statement, *_rest: listener(statement),
            )

    def _run(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        give_up_at = time.monotonic() + self._deadline_s
        pause_s = PAUSE_FIRST_S
        twins = 0
        while True:
            address = self._addresses.current
            try:
                with engine.begin() as conn:
                    done = work(conn)
                    added = conn.info.pop(ADDED, ())
            except Exception as error:
                failure = failures.classify(error)
                if not isinstance(error, Refused):
                    with self._counting:
                        self._failed[failure] += 1
                if failure == "other" or (failure == "twin" and twins == TWINS_MAX):
                    raise
                if time.monotonic() >= give_up_at:
                    raise Unavailable(
                        "The database does not answer, so the outcome is unknown. Repeat the "
                        "request with the same Idempotency-Key.",
                        retry_after_s=5,
                    ) from error
                if failure == "twin":
                    twins += 1
                    continue
                if failure == "node":
                    self._addresses.leave(address)
            else:
                if added:
                    self._added(added)
                return done
            # Full jitter, so that writers who met once do not meet again.
            time.sleep(random.uniform(0, pause_s))  # noqa: S311  # not a secret
            pause_s = min(pause_s * 2, PAUSE_MAX_S)


def attempt(conn: Connection, work: Callable[[], T]) -> T | Refusal:
    """Run a part of a transaction; when it is refused, take back what it wrote and go on.

    Any other error ends the whole transaction: after a deadlock MariaDB knows no savepoint, and
    going back to one would hide what happened.
    """
    savepoint = conn.begin_nested()
    try:
        done = work()
    except Refused as refused:
        savepoint.rollback()
        return refused.refusal
    savepoint.commit()
    return done
