"""Fixtures for every test: the engines, a migrated database on each, the audit after each test.

A test that asks for `database` runs once per engine. Its tables are shared by all tests of the
process, so a test makes an organization of its own and looks at nothing else.
"""

import gc
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from sqlalchemy.engine import make_url

from tests.engines import (
    ENGINES,
    NotFound,
    Server,
    Servers,
    create_database,
    disconnect_all,
    drop_database,
    required,
)
from tests.leaks import Leaks

if TYPE_CHECKING:
    from tallystick.kernel.database import Database

SERVERS = pytest.StashKey[Servers]()

# A database answers in its own time, and a failing example must be repeatable from the log alone.
# CI draws anew as everybody else does: what is drawn until all was seen would never be seen.
settings.register_profile("suite", deadline=None, print_blob=True, derandomize=False)
settings.load_profile("suite")


LONG = (
    "tests/faults/test_kills.py",
    "tests/properties/test_books.py",
    "tests/migrations/",
    "tests/races/test_guessing.py",
    "tests/web/test_schemathesis.py",
    "tests/ledger/test_journal_export.py",
)
"""Where tests take 5 seconds and more."""

TOGETHER = (
    "tests/ledger/test_audit.py",
    "tests/kernel/test_rows.py",
    "tests/kernel/test_rows_ahead.py",
    "tests/kernel/test_statement_counts.py",
    "tests/races/test_guessing.py",
    "tests/reports/test_condition.py",
    "tests/reports/test_reads.py",
)
"""Where tests share what takes a while to make: those of one engine run in one process."""

AUDITED_AT_ONCE = 12
"""After so many tests of one engine the audit looks at what they left: it costs more than most."""


class Databases:
    """The databases of one test process: a shared one per engine, and those of single tests."""

    def __init__(self, servers: Servers, worker: str) -> None:
        self._servers = servers
        self._prefix = f"tallystick_test_{os.getpid()}_{worker}"
        self._count = 0
        self._made: dict[str, tuple[Server, str]] = {}
        self._shared: dict[str, str] = {}
        self._opened: dict[str, Database] = {}
        self._migrated: dict[str, str] = {}
        self._spare: dict[str, list[str]] = {}
        self.unaudited: dict[str, list[str]] = {}
        """The tests of each shared database that the audit has not looked at yet."""

    def shared(self, engine: str) -> str:
        """Return the address of the shared database of an engine, created at the first call."""
        if engine not in self._shared:
            self._shared[engine] = self.migrated(engine)
        return self._shared[engine]

    def _empty(self, engine: str) -> None:
        """Remove every row of the shared database; no test looks at another one's."""
        from tests.factories import remove_all

        self._opened[engine].write(remove_all)

    def audit(self, engine: str) -> None:
        """Let the audit look at what tests left in the shared database, and remove that."""
        from tallystick.wiring import audit

        tests = self.unaudited.pop(engine, [])
        try:
            findings = self._opened[engine].read(audit)
        finally:
            # Whatever it stumbles on, the tests that follow would stumble on it too.
            self._empty(engine)
        if wrong := {each.id: each.examples for each in findings if each.violations}:
            pytest.fail(f"The audit of {engine} found {wrong} after one of these: {tests}")

    def opened(self, engine: str) -> "Database":
        """Return the shared database of an engine."""
        if engine not in self._opened:
            from tallystick.kernel.database import Database

            self._opened[engine] = Database(self.shared(engine), writers=2)
        return self._opened[engine]

    def create(self, engine: str, *, like: str | None = None) -> str:
        """Create a database, empty or a copy of another, and return its address."""
        server = self._servers.find(engine)
        name = f"{self._prefix}_{self._count}"
        self._count += 1
        url = create_database(server, name, like=None if like is None else self._made[like][1])
        self._made[url] = (server, name)
        return url

    def migrated(self, engine: str) -> str:
        """Create a database at head and return its address; it is a copy, which is soon made."""
        from tallystick import migrations

        if engine not in self._migrated:
            self._migrated[engine] = self.create(engine)
            migrations.upgrade(self._migrated[engine])
        return self.create(engine, like=self._migrated[engine])

    def lend(self, engine: str) -> str:
        """Give the address of an empty database at head, until it is taken back."""
        spare = self._spare.setdefault(engine, [])
        return spare.pop() if spare else self.migrated(engine)

    def take_back(self, engine: str, url: str) -> None:
        """Empty a database for the next test: that is sooner done than to make one.

        One that is not at head any more is dropped, and so is a file, which is soon copied.
        """
        from tallystick import migrations
        from tallystick.kernel.database import Database
        from tests.factories import remove_all

        if engine == "sqlite":
            self.drop(url)
            return
        disconnect_all(*self._made[url])
        at, head = migrations.status(url)
        if at != head:
            self.drop(url)
            return
        database = Database(url)
        database.write(remove_all)
        database.close()
        self._spare[engine].append(url)

    def drop(self, url: str) -> None:
        """Drop a database that was created here."""
        drop_database(*self._made.pop(url))

    def close(self) -> None:
        """Disconnect from everything and drop everything, audited."""
        for engine in list(self.unaudited):
            self.audit(engine)
        for database in self._opened.values():
            database.close()
        for url in list(self._made):
            self.drop(url)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--full`."""
    parser.addoption(
        "--full", action="store_true", help="run the long form of the tests of faults and races"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take over the servers that the main process found, or begin with none looked for."""
    try:
        required()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Leaks())
    given = getattr(config, "workerinput", {}).get("servers")
    config.stash[SERVERS] = Servers.from_plain(**given) if given else Servers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Find every server once, before the workers that share them start."""
    config.stash[SERVERS].look_for(set(ENGINES))
    _refuse_without_required(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process the next test, and keep together what shares a history."""
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # it has none

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
        def _split_scope(self, nodeid: str) -> str:
            if not nodeid.startswith(TOGETHER):
                return nodeid
            engine = next((each for each in ENGINES if each in nodeid), "")
            return f"{nodeid.partition('::')[0]} {engine}"

    return Scheduling(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which servers there are."""
    node.workerinput["servers"] = node.config.stash[SERVERS].to_plain()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what stands in the long form alone, and let the longest tests begin first.

    So no process ends long after the others.
    """
    if not config.option.full:
        long = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin; without workers, find the servers that the chosen tests need, and no others."""
    # What was loaded until now stays, so the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    config = session.config
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    calls = [item.callspec for item in session.items if hasattr(item, "callspec")]
    if needed := {call.params["engine"] for call in calls if "engine" in call.params}:
        config.stash[SERVERS].look_for(needed)
        _refuse_without_required(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started; in a worker nothing was."""
    config.stash[SERVERS].close()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say which engines the figures are about, and loudly which ones they are not about."""
    servers = config.stash[SERVERS]
    for server in servers.found.values():
        terminalreporter.line(f"engine {server.engine} {server.version} ({server.origin})")
    for engine, reason in servers.missing.items():
        terminalreporter.section(f"NOT TESTED: {engine}", sep="!", red=True, bold=True)
        terminalreporter.line(f"NOT TESTED: {engine}, because {reason}", red=True, bold=True)


def _refuse_without_required(config: pytest.Config) -> None:
    missing = config.stash[SERVERS].missing
    if reasons := [f"{engine}: {missing[engine]}" for engine in sorted(required() & set(missing))]:
        message = "TALLYSTICK_TEST_REQUIRE cannot be met. " + "; ".join(reasons)
        pytest.exit(message, returncode=pytest.ExitCode.TESTS_FAILED)


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """Return the servers of this run."""
    return pytestconfig.stash[SERVERS]


@pytest.fixture(scope="session")
def databases(servers: Servers, pytestconfig: pytest.Config) -> Iterator[Databases]:
    """Return the databases of this process, dropped when its session ends."""
    worker = getattr(pytestconfig, "workerinput", {}).get("workerid", "main")
    made = Databases(servers, worker)
    yield made
    made.close()


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest, servers: Servers) -> str:
    """Name an engine; every test that uses it runs once per engine."""
    name = str(request.param)
    try:
        servers.find(name)
    except NotFound as error:
        pytest.skip(f"NOT TESTED: {name}, because {error}")
    return name


@pytest.fixture(scope="session")
def database_url(engine: str, databases: Databases) -> str:
    """Return the address of the database that the tests of this process share."""
    return databases.shared(engine)


@pytest.fixture(scope="session")
def database(engine: str, databases: Databases) -> "Database":
    """Return the shared database, migrated to head; every test that uses it is audited."""
    return databases.opened(engine)


@pytest.fixture
def fresh_database_url(engine: str, databases: Databases) -> Iterator[Callable[[], str]]:
    """Return a factory of empty databases, for tests that migrate, kill or corrupt one."""
    made: list[str] = []

    def create() -> str:
        made.append(databases.create(engine))
        return made[-1]

    yield create
    for url in made:
        databases.drop(url)


@pytest.fixture
def migrated_url(engine: str, databases: Databases) -> Iterator[str]:
    """Return the address of a database at head that nobody else uses."""
    url = databases.lend(engine)
    yield url
    databases.take_back(engine, url)


@pytest.fixture(autouse=True)
def audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail when a test leaves an invariant of the shared database violated."""
    if "database" not in request.fixturenames:
        yield
        return
    databases: Databases = request.getfixturevalue("databases")
    engine: str = request.getfixturevalue("engine")
    request.getfixturevalue("database")
    yield
    unaudited = databases.unaudited.setdefault(engine, [])
    unaudited.append(request.node.nodeid)
    if len(unaudited) >= AUDITED_AT_ONCE:
        databases.audit(engine)


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Tell whether the long form was asked for."""
    return bool(request.config.getoption("--full"))


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, which is what the server runs on."""
    return "asyncio"


@pytest.fixture(autouse=True, scope="session")
def _loopback_only(servers: Servers) -> Iterator[None]:
    """Refuse connections that leave the machine, but for the databases the tester named."""
    named = {make_url(server.url).host for server in servers.found.values()}
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex

    def check(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else None
        if host is None or host == "localhost" or host in named:
            return
        if not ipaddress.ip_address(host).is_loopback:
            self.close()
            message = f"A test tried to connect to {host}."
            raise RuntimeError(message)

    def guarded(self: socket.socket, address: Any) -> None:
        check(self, address)
        connect(self, address)

    def guarded_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return connect_ex(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        patch.setattr(socket.socket, "connect_ex", guarded_ex)
        yield
