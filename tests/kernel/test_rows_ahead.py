"""Rows that are sent while more are prepared: all of them arrive, or none."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, exc, func, select

from tallystick.kernel import ids, rows
from tallystick.kernel.database import Database
from tallystick.kernel.schema import Id
from tests.conftest import Databases

METADATA = MetaData()
GRAIN = Table(
    "grain",
    METADATA,
    Column("heap_id", Id(), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
)
MANY = 3 * rows.AHEAD_ROWS + 1


@pytest.fixture(scope="module")
def heaps(engine: str, databases: Databases) -> Iterator[Database]:
    """Return a database with one table, and one connection that has written ahead before."""
    url = databases.create(engine)
    made = Database(url, writers=1, deadline_s=10)
    made.write(METADATA.create_all)
    made.write(lambda conn: pour(conn, ids.new(), 1))
    yield made
    made.close()
    databases.drop(url)


def pour(
    conn: Connection, heap_id: UUID, count: int, *, then: Callable[[int], None] = lambda _: None
) -> None:
    writes = rows.Writes()
    with writes.ahead(conn) as send:
        for number in range(count):
            writes.add(GRAIN, {"heap_id": heap_id, "number": number})
            send()
            then(number)
        writes.flush(conn)


def height(heaps: Database, heap_id: UUID) -> int:
    statement = select(func.count()).where(GRAIN.c.heap_id == heap_id)
    return heaps.read(lambda conn: conn.execute(statement).scalar_one())


def test_every_row_arrives(heaps: Database) -> None:
    heap_id = ids.new()
    heaps.write(lambda conn: pour(conn, heap_id, MANY))
    assert height(heaps, heap_id) == MANY


def test_an_error_on_the_way_leaves_nothing(heaps: Database) -> None:
    heap_id = ids.new()

    def stop(number: int) -> None:
        if number == MANY - 1:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        heaps.write(lambda conn: pour(conn, heap_id, MANY, then=stop))
    assert height(heaps, heap_id) == 0
    heaps.write(lambda conn: pour(conn, heap_id, 1))
    assert height(heaps, heap_id) == 1


@pytest.mark.parametrize("twice", [0, MANY - 1])
def test_a_row_that_is_there_already_is_told_as_ever(heaps: Database, twice: int) -> None:
    heap_id, other_id = ids.new(), ids.new()
    writes = rows.Writes()
    writes.add(GRAIN, {"heap_id": heap_id, "number": twice})
    heaps.write(writes.flush)
    tries: list[UUID] = []

    def work(conn: Connection) -> None:
        # The first try meets the row; whoever looks again finds another heap.
        tries.append(heap_id if not tries else other_id)
        pour(conn, tries[-1], MANY)

    heaps.write(work)
    assert tries == [heap_id, other_id]
    assert (height(heaps, heap_id), height(heaps, other_id)) == (1, MANY)


def test_a_value_that_no_column_takes_is_an_error_of_the_database(heaps: Database) -> None:
    heap_id = ids.new()

    def work(conn: Connection) -> None:
        writes = rows.Writes()
        with writes.ahead(conn):
            writes.add(GRAIN, {"heap_id": None, "number": 1})
            writes.flush(conn)

    with pytest.raises((exc.DBAPIError, exc.StatementError)):
        heaps.write(work)
    heaps.write(lambda conn: pour(conn, heap_id, 1))
    assert height(heaps, heap_id) == 1


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True, scope="session")
@pytest.mark.parametrize("at", [0, rows.AHEAD_ROWS, MANY - 1])
def test_a_lost_connection_repeats_all_of_it(heaps: Database, at: int) -> None:
    heap_id = ids.new()
    tries: list[Any] = []

    def work(conn: Connection) -> None:
        raw: Any = conn.connection.driver_connection
        tries.append(raw.info.backend_pid)

        def lose(number: int) -> None:
            if len(tries) == 1 and number == at:
                url = heaps.url.set(drivername="postgresql").render_as_string(hide_password=False)
                with psycopg.connect(url, autocommit=True) as killer:
                    killer.execute("SELECT pg_terminate_backend(%s, 5000)", (tries[0],))

        pour(conn, heap_id, MANY, then=lose)

    heaps.write(lambda conn: pour(conn, ids.new(), 1))
    heaps.write(work)
    assert len(set(tries)) == 2
    assert height(heaps, heap_id) == MANY
