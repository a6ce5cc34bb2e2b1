"""Databases whose every row belongs to one test."""

from collections.abc import Iterator

import pytest

from tallystick.kernel.database import Database


@pytest.fixture
def own_database(migrated_url: str) -> Iterator[Database]:
    """Return a migrated database that nobody else uses."""
    database = Database(migrated_url)
    yield database
    database.close()
