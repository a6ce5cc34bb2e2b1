"""The books that writers meet in, and as many ways into one database as there are processes."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from tallystick.kernel.database import Database
from tests.races.books import Books


@pytest.fixture
def books(database: Database) -> Books:
    """Return the books of an organization of its own, with nothing in them."""
    return Books.open(database)


@pytest.fixture
def rounds(full: bool) -> int:  # noqa: FBT001  # a fixture
    """Tell how often two writers meet; `--full` is what a release is held to."""
    return 1_000 if full else 100


@pytest.fixture
def processes(database: Database) -> Iterator[Callable[[int], Sequence[Database]]]:
    """Return a factory of connections to the shared database, as separate processes have them."""
    made: list[Database] = []
    url = database.url.render_as_string(hide_password=False)

    def connect(count: int) -> Sequence[Database]:
        new = [Database(url) for _ in range(count)]
        made.extend(new)
        return new

    yield connect
    for each in made:
        each.close()
