"""How the work stands: nothing waits, things wait, and what is told of it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tallystick.kernel import alarms, heartbeats, ids, positions, tasks
from tallystick.kernel.database import Database
from tallystick.kernel.heartbeats import LATE, Beat
from tallystick.kernel.rows import Writes
from tallystick.migrations.tables import METADATA
from tallystick.payments.starting import GRACE
from tallystick.reports import condition
from tallystick.reports.condition import EVENTS_LATE, TASKS_LATE, UNKNOWN_LATE, Condition
from tests.conftest import Databases
from tests.factories import START, Books, Opening
from tests.payments.online import CALL_S, started

MOMENT = timedelta(microseconds=1)


@pytest.fixture
def own_books(engine: str, databases: Databases) -> Iterator[Books]:
    """Return the books of a database of one test: all organizations are counted together."""
    url = databases.create(engine)
    made = Database(url)
    made.write(METADATA.create_all)
    yield Opening(made)()
    made.close()
    databases.drop(url)


def _look(books: Books, now: datetime) -> Condition:
    return books.database.read(lambda conn: condition.look(conn, now))


def _stamp_all(books: Books) -> None:
    seen = books.database.read_snapshot(lambda conn: positions.waiting(conn, 1_000))
    books.database.write(lambda conn: positions.stamp(conn, seen))


def test_what_waits_and_for_how_long(own_books: Books) -> None:
    books, hour = own_books, timedelta(hours=1)
    _stamp_all(books)
    assert _look(books, START) == Condition([], None, 0, 0, None, None, 0)

    writes = Writes()
    due_at = START + hour
    for ahead in (timedelta(0), timedelta(minutes=2), timedelta(days=9)):
        tasks.add(writes, books.act(at=due_at + ahead), "test.due", {})
    books.database.write(writes.flush)
    books.customer()
    happened_at = books.act.now
    now = due_at + timedelta(minutes=5)
    found = _look(books, now)
    assert (found.task_age, found.tasks_due) == (timedelta(minutes=5), 2)
    assert found.event_age == now - happened_at
    assert found.unknown_payment_age is None


def test_what_nobody_knows_of_a_payment(own_books: Books) -> None:
    books = own_books
    invoice = books.issued(200)
    started(books, 100, invoice)
    first_at = books.act.now
    started(books, 100, invoice)
    over_at = first_at + timedelta(seconds=CALL_S) + GRACE
    # A call that is on its way is nothing to look at.
    assert _look(books, over_at - MOMENT).unknown_payment_age is None
    assert _look(books, over_at).unknown_payment_age == timedelta(0)
    assert _look(books, over_at + UNKNOWN_LATE).unknown_payment_age == UNKNOWN_LATE


def test_who_works(own_books: Books) -> None:
    database, first, second = own_books.database, ids.new(), ids.new()
    for worker_id, at in ((first, START), (second, START + timedelta(seconds=50))):
        said = Beat(worker_id, START, at, [], {"tasks_done": 2})
        database.write(lambda conn: heartbeats.beat(conn, said))  # noqa: B023
    found = _look(own_books, START + LATE)
    assert [(worker.id, worker.beat_age) for worker in found.workers] == [
        (second, timedelta(seconds=10)),
        (first, LATE),
    ]
    assert (found.working, found.beat_age) == (2, timedelta(seconds=10))
    assert found.workers[0].counts == {"tasks_done": 2}
    assert _look(own_books, START + LATE + MOMENT).working == 1
    # Its clock is ahead of ours.
    assert _look(own_books, START).beat_age == timedelta(0)


def test_alarms_and_what_was_given_up(own_books: Books) -> None:
    books, writes = own_books, Writes()
    tasks.add(writes, books.act(), "test.dead", {})
    books.database.write(writes.flush)
    now = books.act.now
    seen = books.database.read(lambda conn: tasks.due(conn, ["test.dead"], now, 1))
    [task] = books.database.write(lambda conn: tasks.claim(conn, seen, ids.new(), now))
    books.database.write(lambda conn: tasks.give_up(conn, task, now, "no"))

    def raise_one(conn: Any) -> None:
        kept = Writes()
        alarms.raise_alarm(conn, kept, books.act(), "test", ids.new(), detail="Look.")
        kept.flush(conn)

    books.database.write(raise_one)
    found = _look(books, now)
    assert (found.tasks_dead, found.alarms_open, found.tasks_due) == (1, 1, 0)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, []),
        ({"workers": []}, ["No worker was heard of for a minute."]),
        # That nobody stamps them is told already.
        ({"workers": [], "event_age": timedelta(days=1)}, ["No worker was heard"]),
        ({"event_age": EVENTS_LATE}, []),
        ({"event_age": EVENTS_LATE + MOMENT}, ["Events wait"]),
        ({"task_age": TASKS_LATE}, []),
        ({"task_age": TASKS_LATE + MOMENT}, ["Tasks are late."]),
        ({"tasks_dead": 1}, ["Tasks were given up."]),
        ({"unknown_payment_age": UNKNOWN_LATE}, []),
        ({"unknown_payment_age": UNKNOWN_LATE + MOMENT}, ["Nobody knows"]),
        ({"alarms_open": 1}, ["Alarms are open. See `tallystick alarms`."]),
    ],
)
def test_what_somebody_should_look_at(changed: dict[str, Any], words: list[str]) -> None:
    fine: dict[str, Any] = {
        "workers": [condition.Worker(ids.NIL, timedelta(0), {})],
        "task_age": None,
        "tasks_due": 0,
        "tasks_dead": 0,
        "event_age": None,
        "unknown_payment_age": None,
        "alarms_open": 0,
    }
    warnings = Condition(**fine | changed).warnings()
    assert [warning.startswith(word) for warning, word in zip(warnings, words, strict=True)] == [
        True for _ in words
    ]
