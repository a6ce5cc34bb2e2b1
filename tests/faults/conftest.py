"""What the tests of faults share: databases of their own, the long runs, and the figures they saw.

`--full` runs the same tests at the size that a release is held to: 10,000 issues, 50 kills,
5,000 charges.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tallystick.kernel.clock import now
from tallystick.kernel.database import Database
from tallystick.testing.fakepay.faults import Faults
from tallystick.testing.fakepay.ledger import Ledger
from tallystick.testing.fakepay.server import Server
from tests.faults import charging
from tests.faults.chaos import Journal
from tests.faults.dying import Mortal
from tests.races.books import Books
from tests.races.server import ServerProcess, WorkerProcess

Figures = Callable[..., None]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that passing tests noted."""
    for report in terminalreporter.stats.get("passed", []):
        noted = [f"{name} {value}" for name, value in report.user_properties]
        if noted and report.when == "call":
            terminalreporter.line(f"{report.nodeid.split('::')[-1]}: {', '.join(noted)}")


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Return a function that notes figures by name."""

    def note(**values: object) -> None:
        for name, value in values.items():
            record_property(name.replace("_", " "), value)

    return note


@pytest.fixture
def own_database(migrated_url: str) -> Iterator[Database]:
    """Return a migrated database that nobody else uses."""
    database = Database(migrated_url)
    yield database
    database.close()


@pytest.fixture
def own_processes(migrated_url: str) -> Iterator[Callable[[int], Sequence[Database]]]:
    """Return a factory of connections to one's own database, as separate processes have them."""
    made: list[Database] = []

    def connect(count: int) -> Sequence[Database]:
        new = [Database(migrated_url) for _ in range(count)]
        made.extend(new)
        return new

    yield connect
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def mortal() -> Iterator[Mortal]:
    """Return a process whose children die on command."""
    process = Mortal()
    yield process
    process.close()


@pytest.fixture
def own_books(own_database: Database) -> Books:
    """Return an organization with a database to itself."""
    return Books.open(own_database)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Return a journal of what was acknowledged."""
    made = Journal(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture
def fakepay(tmp_path: Path) -> Iterator[Server]:
    """Return a stand-in with a ledger on disk."""
    ledger = Ledger(tmp_path / "fakepay.db", now)
    with Server(0, ledger, Faults(seed=1)).beside() as made:
        yield made
    ledger.close()


@pytest.fixture
def online(fakepay: Server) -> dict[str, str]:
    """Return the settings by which a process finds the stand-in."""
    return {
        "FAKEPAY_URL": fakepay.url,
        "FAKEPAY_SECRET": charging.SECRET,
        "PROVIDER_TIMEOUT_S": "1",
    }


@pytest.fixture
def server(migrated_url: str, tmp_path: Path, online: dict[str, str]) -> Iterator[ServerProcess]:
    """Return a server to be started, which takes payments through the stand-in."""
    process = ServerProcess(migrated_url, tmp_path, **online)
    yield process
    _end(process)


@pytest.fixture
def worker(migrated_url: str, tmp_path: Path, online: dict[str, str]) -> Iterator[WorkerProcess]:
    """Return a worker to be started, which asks the stand-in."""
    process = WorkerProcess(migrated_url, tmp_path, **online)
    yield process
    _end(process)


def _end(process: ServerProcess) -> None:
    process.stop()
    if process.log.exists():
        # Shown when the test fails.
        sys.stdout.write(process.log.read_text(encoding="utf-8")[-5_000:])
