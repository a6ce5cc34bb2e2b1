"""A page of a statement reads as many rows at 20,000 entries as at 1,000, wherever it stands."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.ledger import accounts, closing
from tallystick.ledger.models import POSTINGS
from tallystick.migrations.tables import METADATA
from tallystick.reports import statements
from tallystick.reports.statements import Bookmark, Period
from tests.conftest import Databases
from tests.factories import Books, Opening

FEW, MANY = 1_000, 20_000
DAYS, APART = 10, timedelta(days=25)
"""Few days, so that there are many entries of one day to choose a page from."""
LIMIT = 20
FIRST = date(2025, 1, 6)
"""Every entry lies in 2025, and every month of it is summed."""
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + closing.MARKER_REST
PERIOD = Period(date(2025, 1, 1), date(2026, 3, 1))


def fill(books: Books, count: int) -> None:
    """Post entries of 1 of one customer, the same number on each of many days, and sum them."""
    account = accounts.receivable(books.payer)
    own = {
        "organization_id": books.organization_id,
        "kind": "invoice.issued",
        "currency": "EUR",
        "invoice_id": None,
        "payment_id": None,
    }
    values = []
    for number in range(count):
        day = FIRST + number * DAYS // count * APART
        moment = datetime.combine(day, datetime.min.time(), UTC)
        dated = {**own, "date": day, "recorded_at": moment, "entry_id": ids.new()}
        values += [
            {**dated, "leg": 1, "account": account, "amount": 1},
            {**dated, "leg": 2, "account": accounts.SALES, "amount": -1},
        ]
    for start in range(0, len(values), 2_000):
        books.database.write(partial(_insert, values[start : start + 2_000]))
    books.database.write(lambda conn: closing.mark(conn, books.organization_id, NOW))
    for month in books.read(closing.ripe, LATER):
        books.database.write(partial(_sum_month, books.organization_id, month))


def _insert(values: list[dict[str, Any]], conn: Connection) -> None:
    conn.execute(POSTINGS.insert(), values)


def _sum_month(organization_id: UUID, month: date, conn: Connection) -> None:
    assert closing.sum_month(conn, organization_id, month, LATER)


@pytest.fixture(scope="module")
def filled(engine: str, databases: Databases) -> Iterator[dict[int, Books]]:
    """Return two organizations, one with few entries and one with many, in a database of theirs."""
    url = databases.create(engine)
    database = Database(url)
    database.write(METADATA.create_all)
    made = {count: Opening(database)() for count in (FEW, MANY)}
    for count, books in made.items():
        fill(books, count)
    if database.engine_name == "postgresql":
        # It chooses between the two indexes by statistics, which autovacuum keeps. The other
        # engines choose the right one without any.
        database.write(lambda conn: conn.execute(text("ANALYZE")))
    yield made
    database.close()
    databases.drop(url)


def reads(conn: Connection, work: Callable[[], Any]) -> int:
    """Count the rows that a connection reads, in tables and indexes; on SQLite, its steps."""
    if conn.dialect.name == "sqlite":
        return _steps(conn, work)
    words = (
        "SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))"
        " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')"
    )
    if conn.dialect.name in {"mysql", "mariadb"}:
        words = (
            "SELECT sum(variable_value) FROM information_schema.session_status "
            "WHERE variable_name LIKE 'Handler_read%'"
        )
    before = int(conn.execute(text(words)).scalar_one())
    again = int(conn.execute(text(words)).scalar_one())
    work()
    after = int(conn.execute(text(words)).scalar_one())
    return after - again - (again - before)


def _steps(conn: Connection, work: Callable[[], Any]) -> int:
    driver: Any = conn.connection.driver_connection
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    driver.set_progress_handler(step, 1)
    work()
    driver.set_progress_handler(None, 1)
    return count


@pytest.mark.parametrize("whose", ["customer", "organization"])
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_a_page_reads_as_much_at_many_entries_as_at_few(
    filled: dict[int, Books], whose: str, where: str
) -> None:
    counted: dict[int, int] = {}
    for count, books in filled.items():
        customer_id = books.payer if whose == "customer" else None
        done = {"first": 0, "middle": count // 2, "last": count - LIMIT}[where]
        after = _bookmark(books, done) if done else None
        page = partial(_page, books.organization_id, customer_id, after, count)
        # PostgreSQL hands its figures on and begins anew between transactions, so this is one.
        counted[count] = books.database.read_snapshot(partial(_count, page))
    # Where the page crosses a day, its entries come from two scans, and the places from both.
    assert counted[MANY] <= counted[FEW] + 3 * LIMIT


def _count(page: Callable[[Connection], None], conn: Connection) -> int:
    """Count what a page reads on a connection that has read one before."""
    page(conn)
    return reads(conn, partial(page, conn))


def _page(
    organization_id: UUID,
    customer_id: UUID | None,
    after: Bookmark | None,
    count: int,
    conn: Connection,
) -> None:
    [block] = statements.statement(
        conn,
        organization_id,
        PERIOD,
        customer_id=customer_id,
        default_currency="EUR",
        after=after,
        limit=LIMIT,
    )["blocks"]
    assert (block["closing_balance"], len(block["movements"])) == (count, LIMIT)


def _bookmark(books: Books, done: int) -> Bookmark:
    """Stand where so many entries were shown."""
    column = POSTINGS.c
    statement = (
        POSTINGS.select()
        .where(column.organization_id == books.organization_id, column.leg == 1)
        .order_by(column.date, column.entry_id)
        .offset(done - 1)
        .limit(1)
    )
    row = books.database.read(lambda conn: conn.execute(statement).one())
    return Bookmark("EUR", PERIOD, (row.date, row.entry_id), 0, done)
