"""Databases whose every row belongs to one test."""

from collections.abc import Callable, Iterator

import pytest

from tallystick import migrations
from tallystick.kernel.database import Database


@pytest.fixture
def own_database(fresh_database_url: Callable[[], str]) -> Iterator[Database]:
    """Return a migrated database that nobody else uses."""
    url = fresh_database_url()
    migrations.upgrade(url)
    database = Database(url)
    yield database
    database.close()
