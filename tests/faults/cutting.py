"""Somebody who cuts the connections of others: the server ends one session after another."""

import random
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, create_engine, exc, text
from sqlalchemy.engine import URL

EVERY_S = 0.050
CUTS_MAX = 60
"""Then they are left alone: a slow machine could not finish anything between two cuts."""
STOP_S = 30.0

# Those in the middle of something stand first: an idle connection is easily made again.
_SESSIONS = {
    "postgresql": """SELECT pid FROM pg_stat_activity
        WHERE datname = :name AND pid <> pg_backend_pid() AND backend_type = 'client backend'
        ORDER BY state = 'idle', random()""",
    "mysql": """SELECT id FROM information_schema.processlist
        WHERE db = :name ORDER BY command = 'Sleep', rand()""",
}
_CUT = {"postgresql": "SELECT pg_terminate_backend({0})", "mysql": "KILL CONNECTION {0}"}


class Cutter:
    """Cuts a connection to one database every 50 ms, one in use if there is any, until it ends."""

    def __init__(self, server_url: URL, database_name: str) -> None:
        # The database's own connections are cut, so this one is to another database.
        self._engine = create_engine(server_url, isolation_level="AUTOCOMMIT", pool_size=1)
        self._backend = "mysql" if server_url.get_backend_name() == "mariadb" else "postgresql"
        self._name = database_name
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._cut_on)
        self.cuts = 0
        self.sessions_max = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._enough.set()
        self._thread.join(STOP_S)
        self._engine.dispose()

    def _cut_on(self) -> None:
        with self._engine.connect() as conn:
            while self.cuts < CUTS_MAX and not self._enough.wait(EVERY_S):
                self._cut_one(conn)

    def _cut_one(self, conn: Connection) -> None:
        found: Sequence[Any] = (
            conn.execute(text(_SESSIONS[self._backend]), {"name": self._name}).scalars().all()
        )
        self.sessions_max = max(self.sessions_max, len(found))
        if not found:
            return
        # Mostly one that works, now and then any.
        chosen = found[0] if random.random() < 0.8 else random.choice(found)
        # It may have ended by itself meanwhile, which MariaDB calls an error.
        with suppress(exc.DBAPIError):
            conn.exec_driver_sql(_CUT[self._backend].format(int(chosen)))
            self.cuts += 1
