"""The worker: what it runs when, what it does about failures, and how it ends."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from tallystick import worker
from tallystick.kernel import positions
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.ledger import closing, movements
from tallystick.ledger.models import CLOSED_MONTHS
from tallystick.worker import Job, Work, Worker
from tests.factories import Books, Opening

NOW = datetime(2026, 5, 20, 9, tzinfo=UTC)
LATER = NOW + closing.MARKER_REST


class Hours:
    """A clock that runs when it is told to."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def monotonic(self) -> float:
        return self.passed_s

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.passed_s)


@pytest.fixture
def own_database(migrated_url: str) -> Iterator[Database]:
    """Return a database with no organizations but those of one test: the worker looks at all."""
    made = Database(migrated_url)
    yield made
    made.close()


@pytest.fixture
def two(own_database: Database) -> list[Books]:
    """Return the books of two organizations with invoices in March and April."""
    made = [Opening(own_database)() for _ in range(2)]
    for books in made:
        for month in (3, 4):
            books.issued(100 * month, at=datetime(2026, month, 2, 9, tzinfo=UTC))
    return made


def _worker(database: Any, hours: Hours, *table: Job) -> Worker:
    return Worker(database, hours.now, table, monotonic=hours.monotonic)


def _markers(books: Books) -> list[tuple[date, bool, int]]:
    column = CLOSED_MONTHS.c
    statement = (
        select(column.month, column.stale, column.version)
        .where(column.organization_id == books.organization_id)
        .order_by(column.month)
    )
    return [
        (row.month, row.stale, row.version)
        for row in books.database.read(lambda conn: conn.execute(statement).all())
    ]


def _close(database: Database, now: datetime) -> None:
    worker.close_months(Work(database, now, lambda: False))


def test_the_months_of_every_organization_are_closed(two: list[Books]) -> None:
    march, april = date(2026, 3, 1), date(2026, 4, 1)
    database = two[0].database
    _close(database, NOW)
    assert [_markers(books) for books in two] == [[(march, True, 0), (april, True, 0)]] * 2
    _close(database, LATER)
    assert [_markers(books) for books in two] == [[(march, False, 1), (april, False, 1)]] * 2
    _close(database, LATER)
    assert [_markers(books) for books in two] == [[(march, False, 1), (april, False, 1)]] * 2
    for books in two:
        held = books.read(movements.held_before, "EUR", ["Assets:Receivable"], [date(2026, 5, 1)])
        assert held == [700]


def test_two_workers_may_run_at_once(two: list[Books]) -> None:
    url = two[0].database.url.render_as_string(hide_password=False)
    others = [Database(url) for _ in range(2)]
    for now in (NOW, LATER):
        start = threading.Barrier(2)

        def run(database: Database, start: threading.Barrier = start, now: datetime = now) -> None:
            start.wait(20)
            _close(database, now)

        threads = [threading.Thread(target=run, args=(each,)) for each in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    for each in others:
        each.close()
    assert [[row[1:] for row in _markers(books)] for books in two] == [[(False, 1)] * 2] * 2


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_one_organization_that_fails_stops_no_other(
    two: list[Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = two[0].database
    _close(database, NOW)
    sum_month = closing.sum_month

    def broken(conn: Any, organization_id: UUID, month: date, now: datetime) -> bool:
        if organization_id == two[1].organization_id:
            raise ZeroDivisionError
        return sum_month(conn, organization_id, month, now)

    monkeypatch.setattr(closing, "sum_month", broken)
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        _close(database, LATER)
    assert [[row[1] for row in _markers(books)] for books in two] == [[False] * 2, [True] * 2]
    told = [line for line in logs if line["event"] == "months not closed"]
    assert [line["organization"] for line in told] == [two[1].organization["id"]]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_it_stops_between_two_months(two: list[Books]) -> None:
    database = two[0].database
    _close(database, NOW)
    asked = iter([False, False, True, True])
    worker.close_months(Work(database, LATER, lambda: next(asked)))
    # The newest organization stands first, and of its months the newest.
    assert [[row[1] for row in _markers(books)] for books in two] == [[True, True], [True, False]]


def test_a_job_runs_when_it_is_due() -> None:
    hours = Hours()
    ran: list[tuple[str, datetime]] = []
    often = Job("often", 60, lambda work: ran.append(("often", work.now)))
    seldom = Job("seldom", 150, lambda work: ran.append(("seldom", work.now)))
    made = _worker(None, hours, often, seldom)
    for _ in range(4):
        hours.passed_s += made.step()
    assert [(name, (at - NOW).seconds) for name, at in ran] == [
        ("often", 0),
        ("seldom", 0),
        ("often", 60),
        ("often", 120),
        ("seldom", 150),
    ]


def test_a_job_that_left_something_runs_again_after_the_others() -> None:
    left = [True, True, False]
    ran: list[str] = []

    def much(_work: Work) -> bool:
        ran.append("much")
        return left.pop(0)

    hours = Hours()
    made = _worker(
        None, hours, Job("much", 60, much), Job("often", 0, lambda _work: ran.append("often"))
    )
    for _ in range(3):
        made.step()
    assert ran == ["much", "often"] * 3
    hours.passed_s = 59
    made.step()
    assert ran[-1] == "often"


def _failing(error: Exception) -> Callable[[Work], None]:
    def run(_work: Work) -> None:
        raise error

    return run


def test_a_job_that_fails_is_told_and_tried_again() -> None:
    hours = Hours()
    made = _worker(None, hours, Job("wrong", 10, _failing(ZeroDivisionError("no"))))
    waits = []
    with capture_logs() as logs:
        for _ in range(6):
            waits.append(made.step())
            hours.passed_s += waits[-1]
    assert waits == [1, 2, 4, 8, 10, 10]
    assert [line["event"] for line in logs] == ["job failed"] * 6
    assert (logs[0]["log_level"], logs[0]["job"], logs[0]["error"]) == ("error", "wrong", "no")
    away = _worker(None, hours, Job("away", 10, _failing(Unavailable("no database"))))
    with capture_logs() as logs:
        assert away.step() == 1
    assert (logs[0]["log_level"], logs[0]["error"]) == ("warning", "no database")


def test_a_job_that_works_again_has_its_interval_back() -> None:
    hours = Hours()
    left = [ZeroDivisionError(), ZeroDivisionError()]

    def run(_work: Work) -> None:
        if left:
            raise left.pop()

    made = _worker(None, hours, Job("at times", 100, run))
    waits = []
    with capture_logs():
        for _ in range(4):
            waits.append(made.step())
            hours.passed_s += waits[-1]
            if len(waits) == 3:
                left.append(ZeroDivisionError())
    assert waits == [1, 2, 100, 1]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_it_works_beside_and_stops_when_told(own_database: Database) -> None:
    begun, asked = threading.Event(), threading.Event()

    def run(work: Work) -> None:
        begun.set()
        while not work.stopping():
            asked.wait(0.01)

    made = Worker(own_database, lambda: NOW, [Job("long", 60, run)])
    before = threading.active_count()
    with capture_logs() as logs, made.beside():
        assert begun.wait(20)
    assert threading.active_count() == before
    told = [line["event"] for line in logs]
    assert told == ["worker started", "job done", "worker stopped"]


def test_every_job_has_a_name_of_its_own() -> None:
    names = [job.name for job in worker.jobs()]
    forgetting = ["forget_tasks", "forget_tries", "forget_tokens"]
    assert names == ["close_months", *forgetting, "charge_late", "follow_rules"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_events_get_their_positions_as_they_come(
    two: list[Books], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = two[0].database
    # Nobody waits for the next look by itself here.
    monkeypatch.setattr(worker, "POLL_S", 600.0)
    looked, stamped = threading.Event(), threading.Event()
    waiting, stamp = positions.waiting, positions.stamp

    def look(conn: Any, limit: int) -> Any:
        seen = waiting(conn, limit)
        if not seen.events:
            looked.set()
        return seen

    def note(conn: Any, seen: Any) -> int:
        count = stamp(conn, seen)
        if looked.is_set():
            stamped.set()
        return count

    monkeypatch.setattr(positions, "waiting", look)
    monkeypatch.setattr(positions, "stamp", note)
    made = Worker(database, lambda: NOW, [Job("none", 600, lambda _work: None)])
    database.after_commit(made.wake)
    with made.beside():
        assert looked.wait(20)
        two[0].customer()
        assert stamped.wait(20)
    count = two[0].read(positions.read, after=0, limit=100, nouns={"customer", "invoice"})
    assert [row.type for row in count.events][-1] == "customer.created"
    assert database.read(positions.oldest_waiting) is None
