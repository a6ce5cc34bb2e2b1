"""Positions of events: no gap, none twice, and nothing ever appears behind a reader."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tallystick.kernel import events, ids, positions
from tallystick.kernel.database import Database
from tallystick.kernel.positions import Stretch, Waiting
from tallystick.kernel.rows import Writes
from tests.factories import START, Books, Opening

WAIT_MAX_S = 30
ALL = frozenset({"test", "test_case"})


def _add(books: Books, *kinds: str, **act: Any) -> list[UUID]:
    """Commit events of these types."""
    added = []
    writes = Writes()
    for kind in kinds:
        added.append(ids.new())
        events.emit(writes, books.act(**act), kind, added[-1], {})
    books.database.write(writes.flush)
    return added


def _seen(*several: Books, database: Database | None = None) -> Waiting:
    """List what waits as the worker does, of these organizations only."""
    database = database or several[0].database
    ours = {books.organization_id for books in several}
    seen = database.read_snapshot(lambda conn: positions.waiting(conn, 10_000))
    return Waiting(
        [row for row in seen.events if row.organization_id in ours],
        {each: position for each, position in seen.reached.items() if each in ours},
    )


def _stamp(books: Books, database: Database | None = None) -> int:
    database = database or books.database
    seen = _seen(books, database=database)
    return database.write(lambda conn: positions.stamp(conn, seen))


def _read(books: Books, after: int = 0, limit: int = 100, **wanted: Any) -> Stretch:
    wanted = {"nouns": ALL, **wanted}
    return books.read(positions.read, after=after, limit=limit, **wanted)


def _told(stretch: Stretch) -> list[tuple[int, UUID]]:
    return [(row.position, row.subject_id) for row in stretch.events]


@pytest.fixture
def open_one(books: Books) -> Iterator[Callable[[], Database]]:
    """Return a factory of pools of their own on the shared database."""
    url = books.database.url.render_as_string(hide_password=False)
    made: list[Database] = []

    def open_one() -> Database:
        made.append(Database(url))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


def test_each_organization_has_its_own_without_a_gap(books: Books, open_books: Opening) -> None:
    other = open_books()
    later = _add(books, "test.a", at=START + timedelta(days=2))
    early = _add(books, "test.a", "test.b", at=START + timedelta(days=1))
    elsewhere = _add(other, "test.a")
    everybodys = _seen(books, other)
    assert books.database.write(lambda conn: positions.stamp(conn, everybodys)) == 4
    assert _told(_read(books)) == [(1, early[0]), (2, early[1]), (3, later[0])]
    assert _told(_read(other)) == [(1, elsewhere[0])]
    # Again, as after a COMMIT whose answer was lost, and by a worker who had seen the same.
    assert books.database.write(lambda conn: positions.stamp(conn, everybodys)) == 0
    oldest = _add(books, "test.a", at=START)
    assert _stamp(books) == 1
    assert _told(_read(books, after=3)) == [(4, oldest[0])]


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True)
def test_what_is_committed_late_stands_behind_what_was_told(books: Books) -> None:
    written, go_on = threading.Event(), threading.Event()
    slow_id = ids.new()

    def slowly(conn: Connection) -> None:
        writes = Writes()
        events.emit(writes, books.act(at=START), "test.slow", slow_id, {})
        writes.flush(conn)
        written.set()
        assert go_on.wait(WAIT_MAX_S)

    slow = threading.Thread(target=books.database.write, args=(slowly,))
    slow.start()
    assert written.wait(WAIT_MAX_S)
    quick = _add(books, "test.quick", at=START + timedelta(hours=1))
    assert _stamp(books) == 1
    told = _read(books)
    go_on.set()
    slow.join(WAIT_MAX_S)
    assert _stamp(books) == 1
    assert (_told(told), told.next_after) == ([(1, quick[0])], 1)
    assert _told(_read(books, after=told.next_after)) == [(2, slow_id)]


def test_several_workers_and_writers_at_once(
    books: Books, open_one: Callable[[], Database]
) -> None:
    over = threading.Event()
    count = 120

    def write() -> None:
        for _ in range(count // 4):
            _add(books, "test.a", "test.b")

    def stamp(database: Database) -> None:
        while not over.is_set():
            _stamp(books, database)

    databases = [open_one() for _ in range(3)]
    seen: list[tuple[int, UUID]] = []
    after = 0
    with ThreadPoolExecutor(5) as pool:
        busy = [pool.submit(write) for _ in range(2)]
        busy += [pool.submit(stamp, each) for each in databases]
        try:
            while len(seen) < count and not any(each.done() and each.exception() for each in busy):
                stretch = _read(books, after=after, limit=7)
                seen += _told(stretch)
                after = stretch.next_after
        finally:
            over.set()
    assert [each.exception() for each in busy] == [None] * 5
    # One reader, who never went back, has met all of them, each once and in order.
    assert [position for position, _ in seen] == list(range(1, count + 1))
    assert len({subject for _, subject in seen}) == count


def test_where_a_reader_goes_on(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _read(books) == Stretch([], 0)
    made = _add(books, "test.a", "test_case.a", "other.a", "test.b", "testing.a", "test.a")
    # Nothing is told that has no position yet.
    assert _read(books).next_after == 0
    _stamp(books)
    whole = _read(books)
    shown = [1, 2, 4, 6]
    assert _told(whole) == [(number, made[number - 1]) for number in shown]
    assert whole.next_after == 6
    first = _read(books, limit=2)
    assert ([row.position for row in first.events], first.next_after) == ([1, 2], 2)
    # To the end, over what is not wanted; there it stays.
    assert _read(books, after=6) == Stretch([], 6)
    assert _read(books, after=99) == Stretch([], 99)
    of_a = _read(books, kind="test.a")
    assert ([row.position for row in of_a.events], of_a.next_after) == ([1, 6], 6)
    assert _read(books, kind="other.a") == Stretch([], 6)
    monkeypatch.setattr(positions, "LOOKED_AT_MAX", 2)
    few = _read(books, after=2, kind="test.a")
    assert few == Stretch([], 4)
