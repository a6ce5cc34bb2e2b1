"""The sums of closed months: when they are made, and that no posting escapes them."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Table, select

from tallystick.kernel.database import Database
from tallystick.kernel.rows import Writes
from tallystick.ledger import closing, movements
from tallystick.ledger.models import CLOSED_MONTHS, MONTH_SUMS
from tallystick.ledger.posting import Entry, Leg, post
from tests.factories import Books

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
MARKED = datetime(2026, 3, 10, 9, tzinfo=UTC)
LATER = MARKED + closing.MARKER_REST

Line = tuple[date, str, str, int]


def book(
    writes: Writes, books: Books, day: date, currency: str, *legs: tuple[str, int], **act: Any
) -> None:
    entry = Entry("test.booked", day, currency, [Leg(*leg) for leg in legs])
    post(writes, books.act(**act), entry)


def booked(books: Books, day: date, amount: int, *, currency: str = "EUR", **act: Any) -> None:
    """Let customer A owe an amount more."""
    writes = Writes()
    legs = ("Assets:Receivable:A", amount), ("Income:Sales", -amount)
    book(writes, books, day, currency, *legs, **act)
    books.database.write(writes.flush)


def on_time(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


@pytest.fixture
def history(books: Books) -> Books:
    """Return books with entries in three months and two currencies, none of them late."""
    writes = Writes()
    for day, currency, legs in (
        (date(2026, 1, 5), "EUR", (("Assets:Receivable:A", 100), ("Income:Sales", -100))),
        (date(2026, 1, 31), "EUR", (("Assets:Receivable:B", 40), ("Income:Sales", -40))),
        (date(2026, 2, 1), "EUR", (("Assets:Receivable:A", -70), ("Liabilities:Credit:A", 70))),
        (date(2026, 2, 28), "JPY", (("Assets:Receivable:B", 7), ("Income:Sales", -7))),
        (date(2026, 3, 1), "EUR", (("Assets:Receivable:A", 9), ("Income:Sales", -9))),
    ):
        book(writes, books, day, currency, *legs, at=on_time(day))
    books.database.write(writes.flush)
    return books


def marked(books: Books, now: datetime = MARKED) -> list[date]:
    return books.database.write(lambda conn: closing.mark(conn, books.organization_id, now))


def summed(books: Books, now: datetime = LATER) -> list[date]:
    months = books.read(closing.ripe, now)
    return [
        month
        for month in months
        if books.database.write(partial(_sum_month, books.organization_id, month, now))
    ]


def _sum_month(organization_id: UUID, month: date, now: datetime, conn: Connection) -> bool:
    return closing.sum_month(conn, organization_id, month, now)


def markers(books: Books) -> list[tuple[date, bool, int]]:
    own = CLOSED_MONTHS.c.organization_id == books.organization_id
    column = CLOSED_MONTHS.c
    statement = select(column.month, column.stale, column.version).where(own).order_by(column.month)
    return [tuple(row) for row in books.database.read(lambda conn: conn.execute(statement).all())]


def sums(books: Books) -> list[Line]:
    column = MONTH_SUMS.c
    statement = (
        select(column.month, column.currency, column.account, column.amount)
        .where(column.organization_id == books.organization_id)
        .order_by(column.month, column.currency, column.account)
    )
    return [tuple(row) for row in books.database.read(lambda conn: conn.execute(statement).all())]


def held(books: Books, day: date, *names: str, currency: str = "EUR") -> int:
    return books.read(movements.held_before, currency, names, [day])[0]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def another(database: Database) -> Iterator[Callable[[], Database]]:
    """Return a factory of further ways into the shared database, as another process has one."""
    made: list[Database] = []

    def make() -> Database:
        made.append(Database(database.url.render_as_string(hide_password=False)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_the_days_that_are_in_no_month() -> None:
    assert closing.without([], MARCH) == [(None, MARCH)]
    assert closing.without([JANUARY, FEBRUARY], MARCH) == [(None, JANUARY)]
    assert closing.without([JANUARY], date(2026, 2, 2)) == [
        (None, JANUARY),
        (FEBRUARY, date(2026, 2, 2)),
    ]
    assert closing.without([date(2025, 11, 1), JANUARY], MARCH) == [
        (None, date(2025, 11, 1)),
        (date(2025, 12, 1), JANUARY),
        (FEBRUARY, MARCH),
    ]
    assert closing.first_of_next(date(2025, 12, 31)) == JANUARY
    assert closing.first_of_next(date(2024, 1, 31)) == date(2024, 2, 1)


def test_each_month_is_summed_by_account_and_currency(history: Books) -> None:
    assert marked(history) == [JANUARY, FEBRUARY]
    assert marked(history) == []
    assert markers(history) == [(JANUARY, True, 0), (FEBRUARY, True, 0)]
    assert summed(history, LATER - timedelta(microseconds=1)) == []
    assert summed(history) == [FEBRUARY, JANUARY]
    assert markers(history) == [(JANUARY, False, 1), (FEBRUARY, False, 1)]
    assert sums(history) == [
        (JANUARY, "EUR", "Assets:Receivable", 140),
        (JANUARY, "EUR", "Assets:Receivable:A", 100),
        (JANUARY, "EUR", "Assets:Receivable:B", 40),
        (JANUARY, "EUR", "Income:Sales", -140),
        (FEBRUARY, "EUR", "Assets:Receivable", -70),
        (FEBRUARY, "EUR", "Assets:Receivable:A", -70),
        (FEBRUARY, "EUR", "Liabilities:Credit", 70),
        (FEBRUARY, "EUR", "Liabilities:Credit:A", 70),
        (FEBRUARY, "JPY", "Assets:Receivable", 7),
        (FEBRUARY, "JPY", "Assets:Receivable:B", 7),
        (FEBRUARY, "JPY", "Income:Sales", -7),
    ]
    assert summed(history) == []


def test_a_month_rests_for_two_days_before_it_is_summed(history: Books) -> None:
    early = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)
    marked(history, early)
    rested = early + closing.MARKER_REST
    assert history.read(closing.ripe, rested - timedelta(minutes=10)) == []
    assert history.read(closing.ripe, datetime(2026, 3, 3, 0, 8, tzinfo=UTC)) == []
    assert history.read(closing.ripe, rested) == [FEBRUARY, JANUARY]


@pytest.mark.parametrize("closed", ["nothing", "markers", "one", "all"])
def test_what_was_held_before_a_day(history: Books, closed: str) -> None:
    if closed != "nothing":
        marked(history)
    if closed == "one":
        assert history.database.write(
            lambda conn: closing.sum_month(conn, history.organization_id, JANUARY, LATER)
        )
    if closed == "all":
        assert len(summed(history)) == 2
    days = [date(2026, 1, 5), date(2026, 1, 31), FEBRUARY, date(2026, 2, 2), MARCH]
    after = date(2026, 3, 2)
    assert [held(history, day, "Assets:Receivable:A") for day in [*days, after]] == [
        *(0, 100, 100, 30, 30, 39)
    ]
    assert [held(history, day, "Assets:Receivable") for day in [*days, after]] == [
        *(0, 100, 140, 70, 70, 79)
    ]
    both = "Assets:Receivable", "Liabilities:Credit"
    assert [held(history, day, *both) for day in [*days, after]] == [0, 100, 140, 140, 140, 149]
    own = "Assets:Receivable:A", "Liabilities:Credit:A"
    assert [held(history, day, *own) for day in [*days, after]] == [0, 100, 100, 100, 100, 109]
    assert held(history, date(2026, 2, 28), "Assets:Receivable", currency="JPY") == 0
    assert held(history, MARCH, "Assets:Receivable", currency="JPY") == 7
    assert held(history, MARCH, "Assets:Receivable", currency="USD") == 0


def test_a_late_entry_makes_its_month_stale_until_it_is_summed_again(history: Books) -> None:
    marked(history)
    summed(history)
    landed = datetime(2026, 3, 12, 9, tzinfo=UTC)
    booked(history, date(2026, 1, 20), 1_000, at=landed)
    assert markers(history) == [(JANUARY, True, 1), (FEBRUARY, False, 1)]
    assert held(history, FEBRUARY, "Assets:Receivable:A") == 1_100
    assert held(history, MARCH, "Assets:Receivable") == 1_070
    # The rest begins anew, so that a series of late entries is added up once.
    assert summed(history, landed + timedelta(minutes=9)) == []
    assert summed(history, landed + timedelta(minutes=10)) == [JANUARY]
    assert markers(history) == [(JANUARY, False, 2), (FEBRUARY, False, 1)]
    assert (JANUARY, "EUR", "Assets:Receivable:A", 1_100) in sums(history)
    assert (JANUARY, "EUR", "Assets:Receivable", 1_140) in sums(history)
    assert held(history, FEBRUARY, "Assets:Receivable:A") == 1_100


def test_a_clock_that_is_slow_makes_no_marker_older(history: Books) -> None:
    """Whoever began before the marker was there has its whole rest to end."""
    marked(history)
    booked(history, date(2026, 1, 20), 1_000, at=MARKED - timedelta(minutes=9))
    assert summed(history, LATER - timedelta(seconds=1)) == []
    assert summed(history, LATER) == [FEBRUARY, JANUARY]


def test_a_late_entry_before_everything_is_marked_on_the_next_look(history: Books) -> None:
    marked(history)
    summed(history)
    booked(history, date(2024, 6, 1), 5, currency="CHF", at=LATER)
    booked(history, date(2025, 12, 31), 5, at=LATER)
    assert held(history, MARCH, "Assets:Receivable:A") == 35
    assert held(history, MARCH, "Assets:Receivable:A", currency="CHF") == 5
    assert marked(history, LATER) == [date(2024, 6, 1), date(2025, 12, 1)]
    assert summed(history, LATER + closing.MARKER_REST) == [date(2025, 12, 1), date(2024, 6, 1)]
    assert held(history, MARCH, "Assets:Receivable:A") == 35
    assert held(history, MARCH, "Assets:Receivable:A", currency="CHF") == 5


@pytest.mark.parametrize(
    ("at", "version"),
    [
        # Still the last day of January in Honolulu.
        (datetime(2026, 2, 1, 23, 59, tzinfo=UTC), "as it was"),
        (datetime(2026, 2, 2, tzinfo=UTC), "stale"),
    ],
)
def test_an_entry_is_late_a_day_after_its_month(books: Books, at: datetime, version: str) -> None:
    booked(books, date(2026, 1, 20), 1, at=on_time(date(2026, 1, 20)))
    marked(books)
    summed(books)
    booked(books, date(2026, 1, 31), 1, at=at)
    assert markers(books) == [(JANUARY, version == "stale", 1)]
    # It could not have come after the sums: nobody may have summed the month so early.
    _take_back(books)


def _take_back(books: Books) -> None:
    def work(conn: Connection) -> None:
        own = CLOSED_MONTHS.c.organization_id == books.organization_id
        conn.execute(CLOSED_MONTHS.update().where(own).values(stale=True))

    books.database.write(work)


class Watched(Writes):
    """Remembers which rows it was told to add and change."""

    def __init__(self) -> None:
        super().__init__()
        self.added: list[str] = []
        self.changed: list[tuple[str, date]] = []

    def add(self, table: Table, values: dict[str, Any]) -> None:
        self.added.append(table.name)
        super().add(table, values)

    def change(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self.changed.append((table.name, key["month"]))
        super().change(table, key, values)


def test_entries_of_one_flush_change_a_marker_once(history: Books) -> None:
    marked(history)
    summed(history)
    writes = Watched()
    for day in (date(2026, 1, 9), date(2026, 1, 8), date(2026, 2, 3), date(2026, 3, 9)):
        legs = ("Assets:Receivable:A", 1), ("Income:Sales", -1)
        book(writes, history, day, "EUR", *legs, at=LATER)
    assert writes.changed == [("closed_month", JANUARY), ("closed_month", FEBRUARY)]
    history.database.write(writes.flush)
    assert markers(history) == [(JANUARY, True, 1), (FEBRUARY, True, 1)]


def test_an_entry_of_today_changes_no_row(books: Books) -> None:
    writes = Watched()
    book(writes, books, MARCH, "EUR", ("A", 1), ("B", -1))
    assert (writes.added, writes.changed) == (["posting", "posting"], [])


def test_two_workers_close_the_same_months(
    history: Books, threads: ThreadPoolExecutor, another: Callable[[], Database]
) -> None:
    start = threading.Barrier(2)

    def work(database: Database) -> list[bool]:
        start.wait(20)
        database.write(lambda conn: closing.mark(conn, history.organization_id, MARKED))
        start.wait(20)
        return [
            database.write(partial(_sum_month, history.organization_id, month, LATER))
            for month in (JANUARY, FEBRUARY)
        ]

    did: Sequence[list[bool]] = list(threads.map(work, [another(), another()]))
    # Each month was summed by exactly one of them.
    assert [sorted(pair) for pair in zip(*did, strict=True)] == [[False, True], [False, True]]
    assert markers(history) == [(JANUARY, False, 1), (FEBRUARY, False, 1)]
    assert held(history, MARCH, "Assets:Receivable") == 70


def test_a_worker_and_late_entries_at_the_same_moment(
    history: Books, threads: ThreadPoolExecutor, another: Callable[[], Database]
) -> None:
    marked(history)
    rounds = 20
    databases = [another(), another()]
    expected = 100
    for turn in range(rounds):
        start = threading.Barrier(2)
        # Late enough that the rest of the marker is over again in each round.
        now = LATER + closing.MARKER_REST * turn

        def sum_up(start: threading.Barrier = start, now: datetime = now) -> None:
            start.wait(20)
            databases[0].write(
                lambda conn: closing.sum_month(conn, history.organization_id, JANUARY, now)
            )

        def post_late(start: threading.Barrier = start, now: datetime = now) -> None:
            writes = Writes()
            legs = ("Assets:Receivable:A", 1), ("Income:Sales", -1)
            book(writes, history, date(2026, 1, 7), "EUR", *legs, at=now)
            start.wait(20)
            databases[1].write(writes.flush)

        for done in [threads.submit(sum_up), threads.submit(post_late)]:
            done.result(30)
        expected += 1
        assert markers(history)[0][:2] == (JANUARY, True)
        assert held(history, FEBRUARY, "Assets:Receivable:A") == expected
    last = LATER + closing.MARKER_REST * rounds
    assert summed(history, last) == [FEBRUARY, JANUARY]
    assert held(history, FEBRUARY, "Assets:Receivable:A") == expected
