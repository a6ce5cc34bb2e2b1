"""Tasks: claimed by one at a time, due again when nobody ends them, given up at last."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, select

from tallystick.kernel import ids, tasks
from tallystick.kernel.database import Database
from tallystick.kernel.rows import Writes
from tallystick.kernel.tasks import (
    ATTEMPTS_MAX,
    KEPT,
    LEASE,
    PAUSE_FIRST,
    PAUSE_MAX,
    TASKS,
    Claimed,
)
from tests.factories import START, Books

SOON = START + timedelta(minutes=1)
LATER = SOON + LEASE


class Shelf:
    """Tasks of one kind, which no other test has."""

    def __init__(self, books: Books) -> None:
        self.kind = f"test.{ids.new().hex}"
        self.database: Database = books.database
        self._books = books

    def add(self, count: int = 1) -> list[UUID]:
        """Add tasks that are due at different moments."""
        made: list[UUID] = []
        for _ in range(count):
            writes = Writes()
            made.append(tasks.add(writes, self._books.act(), self.kind, {"number": len(made)}))
            self.database.write(writes.flush)
        return made

    def due(self, now: Any, limit: int = 10) -> Any:
        return self.database.read(lambda conn: tasks.due(conn, [self.kind], now, limit))

    def claim(self, now: Any, limit: int = 10, lease_id: UUID | None = None) -> list[Claimed]:
        seen = self.due(now, limit)
        lease = lease_id or ids.new()
        return self.database.write(lambda conn: tasks.claim(conn, seen, lease, now))

    def rows(self) -> list[Row[Any]]:
        statement = select(TASKS).where(TASKS.c.kind == self.kind).order_by(TASKS.c.id)
        return list(self.database.read(lambda conn: conn.execute(statement).all()))

    def row(self) -> Row[Any]:
        [row] = self.rows()
        return row


@pytest.fixture
def shelf(books: Books) -> Shelf:
    return Shelf(books)


def test_a_new_task_is_due_at_once(shelf: Shelf, books: Books) -> None:
    [task_id] = shelf.add()
    row = shelf.row()
    assert row._asdict() == {
        "organization_id": books.organization_id,
        "id": task_id,
        "kind": shelf.kind,
        "payload": {"number": 0},
        "due_at": row.created_at,
        "attempts": 0,
        "lease_id": None,
        "last_error": None,
        "created_at": START + timedelta(seconds=1),
        "done_at": None,
        "dead_at": None,
    }
    assert [row.id for row in shelf.due(SOON)] == [task_id]
    assert shelf.due(START) == []


def test_those_that_wait_longest_come_first_and_others_kinds_never(shelf: Shelf) -> None:
    made = shelf.add(4)
    assert [row.id for row in shelf.due(SOON, limit=3)] == made[:3]
    found = shelf.database.read(lambda conn: tasks.due(conn, ["test.unknown"], SOON, 3))
    assert list(found) == []


def test_a_claimed_task_is_due_again_when_its_lease_has_ended(shelf: Shelf, books: Books) -> None:
    [task_id] = shelf.add()
    lease_id = ids.new()
    [claimed] = shelf.claim(SOON, lease_id=lease_id)
    assert claimed == Claimed(
        books.organization_id,
        task_id,
        shelf.kind,
        {"number": 0},
        1,
        lease_id,
        START + timedelta(seconds=1),
    )
    assert shelf.claim(LATER - timedelta(microseconds=1)) == []
    [again] = shelf.claim(LATER)
    assert (again.id, again.attempts) == (task_id, 2)
    # Whoever had it before has lost it.
    assert not shelf.database.write(lambda conn: tasks.finish(conn, claimed, LATER))
    assert shelf.row().done_at is None
    assert shelf.database.write(lambda conn: tasks.finish(conn, again, LATER))
    assert shelf.row().done_at == LATER


def test_what_two_saw_is_claimed_by_one(shelf: Shelf) -> None:
    made = shelf.add(3)
    seen = shelf.due(SOON)
    first, second = ids.new(), ids.new()
    claim: Callable[[UUID], list[Claimed]] = lambda lease: shelf.database.write(  # noqa: E731
        lambda conn: tasks.claim(conn, seen, lease, SOON)
    )
    assert [task.id for task in claim(first)] == made
    assert claim(second) == []
    # As after a COMMIT whose answer was lost.
    assert [(task.id, task.attempts) for task in claim(first)] == [(each, 1) for each in made]
    assert claim(ids.new()) == []


def test_a_task_that_is_done_stays_done(shelf: Shelf) -> None:
    shelf.add()
    [claimed] = shelf.claim(SOON)
    assert shelf.database.write(lambda conn: tasks.finish(conn, claimed, SOON))
    assert not shelf.database.write(lambda conn: tasks.finish(conn, claimed, LATER))
    assert not shelf.database.write(lambda conn: tasks.give_up(conn, claimed, LATER, "no"))
    row = shelf.row()
    assert (row.due_at, row.done_at, row.dead_at, row.last_error) == (None, SOON, None, None)
    assert shelf.claim(LATER) == []


def test_a_task_that_failed_rests_longer_each_time(shelf: Shelf) -> None:
    shelf.add()
    now, rests = SOON, []
    for attempt in range(1, ATTEMPTS_MAX + 1):
        [claimed] = shelf.claim(now)
        assert claimed.attempts == attempt
        at = now
        assert shelf.database.write(lambda conn: tasks.put_off(conn, claimed, at, "not yet"))  # noqa: B023
        row = shelf.row()
        assert row.last_error == "not yet"
        if row.due_at is None:
            break
        rests.append(row.due_at - now)
        now = row.due_at
    assert len(rests) == ATTEMPTS_MAX - 1
    for number, rest in enumerate(rests):
        longest = min(PAUSE_FIRST * 2**number, PAUSE_MAX)
        assert longest / 2 <= rest <= longest
    row = shelf.row()
    assert (row.dead_at, row.done_at, row.attempts) == (now, None, ATTEMPTS_MAX)


def test_a_task_that_was_not_begun_is_given_back(shelf: Shelf) -> None:
    shelf.add()
    [claimed] = shelf.claim(SOON)
    assert shelf.database.write(lambda conn: tasks.release(conn, claimed, SOON))
    row = shelf.row()
    assert (row.due_at, row.attempts, row.lease_id) == (SOON, 0, None)
    assert len(shelf.claim(SOON)) == 1


def test_the_dead_are_counted_listed_and_begin_anew(shelf: Shelf) -> None:
    count = shelf.database.read(tasks.count_dead)
    shelf.add(3)
    for claimed in shelf.claim(SOON):
        reason = "x" * 1_000
        shelf.database.write(lambda conn: tasks.give_up(conn, claimed, SOON, reason))  # noqa: B023
    assert shelf.database.read(tasks.count_dead) == count + 3
    dead = shelf.database.read(lambda conn: tasks.list_dead(conn, 3))
    assert [(row.kind, row.last_error) for row in dead] == [(shelf.kind, "x" * 500)] * 3
    assert shelf.database.write(lambda conn: tasks.retry(conn, LATER, dead[1].id)) == 1
    assert shelf.database.write(lambda conn: tasks.retry(conn, LATER, dead[1].id)) == 0
    assert shelf.database.read(tasks.count_dead) == count + 2
    [anew] = shelf.claim(LATER)
    assert (anew.id, anew.attempts) == (dead[1].id, 1)


def test_one_that_was_given_up_begins_anew_when_it_is_hastened(shelf: Shelf) -> None:
    dead, resting = shelf.add(2)
    for claimed in shelf.claim(SOON):
        end = tasks.give_up if claimed.id == dead else tasks.put_off
        shelf.database.write(lambda conn: end(conn, claimed, SOON, "away"))  # noqa: B023
    keys = [(row.organization_id, row.id) for row in shelf.rows()]
    shelf.database.write(lambda conn: tasks.hasten(conn, keys, SOON))
    found = {claimed.id: claimed.attempts for claimed in shelf.claim(SOON)}
    assert found == {dead: 1, resting: 2}


def test_what_was_done_long_ago_is_forgotten(shelf: Shelf) -> None:
    # Their ids say when they were made, which is now, so what is long ago lies ahead.
    from tallystick.kernel.clock import now as present  # noqa: PLC0415

    now = present()
    shelf.add(3)
    done, _dead, _waiting = shelf.claim(SOON)
    shelf.database.write(lambda conn: tasks.finish(conn, done, now))
    shelf.database.write(lambda conn: tasks.give_up(conn, _dead, now, "no"))
    for at, left in ((now + KEPT - timedelta(hours=1), 3), (now + KEPT + timedelta(hours=1), 2)):
        while shelf.database.write(lambda conn: tasks.forget(conn, at, 100)):  # noqa: B023
            pass
        assert len(shelf.rows()) == left
    assert done.id not in {row.id for row in shelf.rows()}


def test_since_when_the_oldest_is_due(shelf: Shelf) -> None:
    shelf.add(2)
    oldest = shelf.database.read(lambda conn: tasks.oldest_due(conn, SOON))
    assert oldest is not None
    assert oldest <= START + timedelta(seconds=1)
    long_ago = START - timedelta(days=36_500)
    assert shelf.database.read(lambda conn: tasks.oldest_due(conn, long_ago)) is None
