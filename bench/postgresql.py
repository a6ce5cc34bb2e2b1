"""The PostgreSQL server that is measured on: databases of our own, and the CPU of their backends.

The server is found as the test suite finds it: TALLYSTICK_TEST_POSTGRESQL_URL, then 127.0.0.1:5432,
then one started from the development lock.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import sql

from bench import machine
from tallystick import migrations
from tests.engines import Server, create_database, drop_database

SAMPLE_S: Final = 0.1
SETTINGS: Final = (
    *("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method"),
    *("shared_buffers", "max_wal_size", "autovacuum", "jit", "data_checksums"),
)


class Base:
    """One database of ours on the server."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self.name = name
        self.url = create_database(server, name)

    def migrate(self) -> None:
        """Make the product's tables."""
        migrations.upgrade(self.url)

    def copy_to(self, name: str) -> "Base":
        """Copy the database; nobody may be connected to it."""
        copied = Base.__new__(Base)
        copied._server, copied.name = self._server, name  # noqa: SLF001  # its own class
        copied.url = self.url.removesuffix(self.name) + name
        with self._admin() as conn:
            conn.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(self.name)
                )
            )
        return copied

    def settle(self) -> None:
        """Do what autovacuum does in time where it is on, so that no run waits for it."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("VACUUM (ANALYZE)")
            conn.execute("CHECKPOINT")

    def counts(self, statements: Mapping[str, str]) -> dict[str, int]:
        """Give the one figure that each statement selects, all of the same moment."""
        names = list(statements)
        together = "SELECT " + ", ".join(f"({statements[name]}) AS {name}" for name in names)
        return {name: int(value) for name, value in self.one(together).items()}

    def one(self, statement: str) -> dict[str, str]:
        """Give the one row that a statement selects, as text."""
        with psycopg.connect(self.url) as conn:
            cursor = conn.execute(statement.encode())
            row = cursor.fetchone()
            assert row is not None, statement
            assert cursor.description is not None
            return {
                column.name: str(value)
                for column, value in zip(cursor.description, row, strict=True)
            }

    def settings(self) -> dict[str, str]:
        """Tell the version and what decides on durability and speed."""
        with psycopg.connect(self.url) as conn:
            rows = conn.execute(
                "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY(%s)",
                (list(SETTINGS),),
            ).fetchall()
        return {str(name): str(value) for name, value in rows}

    @contextmanager
    def watched(self) -> "Iterator[Backends]":
        """Account for the CPU of everybody who is connected to this database meanwhile."""
        backends = Backends(self._postmaster(), self.name)
        with backends:
            yield backends

    def drop(self) -> None:
        """Remove the database, whoever is connected to it."""
        drop_database(self._server, self.name)

    def _admin(self) -> psycopg.Connection:
        return psycopg.connect(self._server.url, autocommit=True)

    def _postmaster(self) -> int | None:
        """Find the process that starts the backends; None when it runs on another machine."""
        with psycopg.connect(self.url) as conn:
            pid = conn.info.backend_pid
            try:
                return machine.parent(pid) if self.name in machine.title(pid) else None
            except OSError:
                return None


class Backends:
    """Reads the CPU of a database's backends again and again, since they come and go."""

    def __init__(self, postmaster: int | None, name: str) -> None:
        self._postmaster = postmaster
        self._name = f" {name} "
        self._first: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    @property
    def cpu_s(self) -> float | None:
        """What they used while they were watched; None when nothing could be seen."""
        if self._postmaster is None or not self._last:
            return None
        return sum(used - self._first.get(pid, 0.0) for pid, used in self._last.items())

    def __enter__(self) -> None:
        self._look()
        self._first = dict(self._last)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_S):
            self._look()

    def _look(self) -> None:
        if self._postmaster is None:
            return
        for pid in machine.children(self._postmaster):
            if pid in self._last or self._name in machine.title(pid):
                # A backend that has ended meanwhile keeps what was seen last.
                self._last[pid] = max(machine.cpu_s(pid), self._last.get(pid, 0.0))
