"""What the tests of faults share: databases of their own, the long runs, and the figures they saw.

`--full` runs the same tests at the size that a release is held to: 10,000 issues, 20 kills.
"""

from collections.abc import Callable, Iterator, Sequence

import pytest

from tallystick.kernel.database import Database
from tests.faults.dying import Mortal

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
