"""How connections are made: drivers, pragmas, isolation and time-outs of each engine.

Nothing outside `tallystick.kernel` asks which engine it speaks to.
"""

import threading
from pathlib import Path
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import IsolationLevel

from tallystick.kernel import failures
from tallystick.kernel.errors import Invalid, shown

EngineName = Literal["sqlite", "postgresql", "mysql"]

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 30
LOCK_TIMEOUT_S = 10
RECYCLE_S = 30
"""How long a connection to PostgreSQL is used: plans that were made while tables were small, those
of foreign keys included, live as long as their connection where nothing analyzes the tables."""

# A writer finds rows by their keys and nothing else. A plan that was made while a table was small
# would go on reading the whole of it as it grows, and lock its way through it.
_SCANS = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")

_DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mariadb+pymysql",
    "mariadb": "mariadb+pymysql",
}
_NAMES: dict[str, EngineName] = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}


def normal_url(url: str) -> URL:
    """Read a database address and name its driver where the address leaves it open.

    Raises:
        Invalid: settings.database_url, when it is no address or its engine is not supported.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        message = (
            "TALLYSTICK_DATABASE_URL is not a database address such as sqlite:///tallystick.db."
        )
        raise Invalid("settings.database_url", message) from None
    if parsed.drivername in _DRIVERS:
        parsed = parsed.set(drivername=_DRIVERS[parsed.drivername])
    if parsed.get_backend_name() not in _NAMES:
        message = (
            f"The engine {shown(parsed.drivername)} of TALLYSTICK_DATABASE_URL is not supported. "
            "Use sqlite, postgresql, mariadb or mysql."
        )
        raise Invalid("settings.database_url", message)
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        message = "TALLYSTICK_DATABASE_URL names no file. Use one such as sqlite:///tallystick.db."
        raise Invalid("settings.database_url", message)
    return parsed


def engine_name(url: URL) -> EngineName:
    """Name the engine behind an address, MariaDB and MySQL as one."""
    return _NAMES[url.get_backend_name()]


def is_absent(url: URL) -> bool:
    """Say whether an address is that of a file which connecting would make, and which is not there.

    A `file:` address says for itself whether the file may be made. In a folder that is not there
    none can be, which connecting tells.
    """
    if engine_name(url) != "sqlite" or not url.database or url.database.startswith("file:"):
        return False
    path = Path(url.database)
    return path.parent.is_dir() and not path.exists()


class Addresses:
    """The hosts of one database and which of them is used now; safe to use from several threads."""

    def __init__(self, url: URL) -> None:
        listed = url.query.get("host", ())
        hosts = (listed,) if isinstance(listed, str) else listed
        self.hosts: list[tuple[str, int | None]] = []
        # A single host in the query may be the folder of a socket: the driver knows what to do.
        if len(hosts) > 1:
            for host in hosts:
                name, _, port = host.partition(":")
                self.hosts.append((name, int(port) if port else None))
            url = url.difference_update_query(["host"])
        self.url = url
        self._index = 0
        self._lock = threading.Lock()

    @property
    def current(self) -> int:
        """The place in the list of the host that is used now."""
        return self._index

    def leave(self, index: int) -> None:
        """Move on from a node that was lost, once, however many threads lost it."""
        with self._lock:
            if self.hosts and index == self._index:
                self._index = (self._index + 1) % len(self.hosts)

    def place(self, arguments: dict[str, Any]) -> None:
        """Put the host that is used now into a driver's arguments."""
        if self.hosts:
            host, port = self.hosts[self._index]
            arguments["host"] = host
            if port is not None:
                arguments["port"] = port


def make(addresses: Addresses, *, size: int, writes: bool, statement_timeout_s: int) -> Engine:
    """Make an engine with a pool of at most `size` connections."""
    url = addresses.url
    name = engine_name(url)
    options: dict[str, Any] = {
        "json_serializer": lambda value: orjson.dumps(value).decode(),
        "json_deserializer": orjson.loads,
        # What is written may be secret or personal, and an error goes to the log.
        "hide_parameters": True,
        "pool_size": size,
        "max_overflow": 0,
        "pool_timeout": STATEMENT_TIMEOUT_S,
    }
    if name == "sqlite":
        engine = create_engine(url, connect_args={"check_same_thread": False}, **options)
        _prepare_sqlite(engine, begin="BEGIN IMMEDIATE" if writes else "BEGIN")
        return engine
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S}
    if name == "mysql":
        arguments |= {
            "charset": "utf8mb4",
            "read_timeout": statement_timeout_s,
            "write_timeout": statement_timeout_s,
            "init_command": "SET time_zone = '+00:00', "
            f"innodb_lock_wait_timeout = {LOCK_TIMEOUT_S}",
        }
    else:
        # The statements of the hot path are few and constant, so each is worth preparing at once.
        arguments |= {"prepare_threshold": 0}
        options["pool_recycle"] = RECYCLE_S
    # Under READ COMMITTED each statement sees its own moment, also within a transaction, so whoever
    # only reads would gain nothing from one but two more round trips.
    level: IsolationLevel = "READ COMMITTED" if writes else "AUTOCOMMIT"
    engine = create_engine(url, isolation_level=level, connect_args=arguments, **options)

    @event.listens_for(engine, "do_connect")
    def _place(_dialect: Any, _record: Any, _args: Any, keywords: dict[str, Any]) -> None:
        addresses.place(keywords)

    @event.listens_for(engine, "handle_error")
    def _lose(context: ExceptionContext) -> None:
        # Whoever loses a node distrusts every connection to it: each is made anew when it is needed
        # next. To dispose of the pool would leave those that are in use to nobody.
        error = context.sqlalchemy_exception
        if error is not None and failures.classify(error) == "node":
            context.is_disconnect = True

    if name == "postgresql":
        _prepare_postgresql(engine, statement_timeout_s, writes=writes)
    return engine


def _prepare_sqlite(engine: Engine, *, begin: str) -> None:
    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        # The driver's own transactions would begin with a read and then fail to become a write.
        raw.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={STATEMENT_TIMEOUT_S * 1000}",
        ):
            raw.execute(f"PRAGMA {pragma}")
        # Its own knows the letters of English only, and people look for names.
        raw.create_function("lower", 1, _lower, deterministic=True)

    @event.listens_for(engine, "begin")
    def _begin(conn: Connection) -> None:
        conn.exec_driver_sql(begin)


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _prepare_postgresql(engine: Engine, statement_timeout_s: int, *, writes: bool) -> None:
    settings = {
        "TimeZone": "UTC",
        "lock_timeout": f"{LOCK_TIMEOUT_S}s",
        "statement_timeout": f"{statement_timeout_s}s",
        **dict.fromkeys(_SCANS if writes else (), "off"),
    }
    # One statement for all of them: each is a round trip in which the connection may be lost.
    called = ", ".join(
        f"set_config('{name}', '{value}', false)" for name, value in settings.items()
    )

    @event.listens_for(engine, "connect")
    def _connect(raw: Any, _record: Any) -> None:
        try:
            raw.autocommit = True
            raw.execute(f"SELECT {called}")
            raw.autocommit = not writes
        except Exception:
            # The pool does not know this connection yet, so nobody else would close it.
            raw.close()
            raise
