"""The worker's tasks: done once by several workers, again where one died, told when they fail."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, select
from structlog.testing import capture_logs

from tallystick.kernel import ids, tasks
from tallystick.kernel.clock import now as present
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.rows import Writes
from tallystick.kernel.task_loop import CLAIMED_AT_ONCE
from tallystick.kernel.tasks import LEASE, TASKS, Claimed, Handler, Hopeless, Later
from tallystick.worker import Job, Worker
from tests.factories import START, Books

SOON = START + timedelta(hours=1)
WAIT_MAX_S = 20

IDLE = Job("none", 600, lambda _work: None)

DYING = """
import sys, time
from tallystick.kernel.clock import now
from tallystick.kernel.database import Database
from tallystick.worker import Worker

def stay(task, at):
    print("begun", flush=True)
    time.sleep(600)

database = Database(sys.argv[1])
Worker(database, now, (), handlers={sys.argv[2]: stay}).do_tasks()
"""
"""A worker that begins a task and never ends it."""


DRAINING = """
import os, sys
from datetime import datetime
from tallystick.kernel import logs
from tallystick.kernel.database import Database
from tallystick.worker import Worker

logs.start(level="error", form="json", colors=False)

def tell(task, at):
    # In one piece, since four threads tell at once.
    os.write(1, f"{task.id}\\n".encode())

database = Database(sys.argv[1])
at = datetime.fromisoformat(sys.argv[3])
worker = Worker(database, lambda: at, (), handlers={sys.argv[2]: tell})
print("ready", flush=True)
sys.stdin.readline()
while worker.do_tasks():
    pass
database.close()
"""
"""A worker that does all there is, once it is told to begin."""


@pytest.fixture
def kind() -> str:
    """Name a kind of task that no other test has."""
    return f"test.{ids.new().hex}"


@pytest.fixture
def add(books: Books, kind: str) -> Callable[..., list[UUID]]:
    def add(count: int = 1, at: datetime = START) -> list[UUID]:
        writes = Writes()
        made = [
            tasks.add(writes, books.act(at=at), kind, {"number": number}) for number in range(count)
        ]
        books.database.write(writes.flush)
        return made

    return add


@pytest.fixture
def opened(books: Books) -> Iterator[Callable[[], Database]]:
    """Return a factory of pools of their own on the shared database."""
    url = books.database.url.render_as_string(hide_password=False)
    made: list[Database] = []

    def open_one() -> Database:
        made.append(Database(url))
        return made[-1]

    yield open_one
    for each in made:
        each.close()


def _worker(database: Database, kind: str, handler: Handler, *, at: datetime = SOON) -> Worker:
    return Worker(database, lambda: at, (), handlers={kind: handler})


def _row(books: Books, task_id: UUID) -> Row[Any]:
    statement = select(TASKS).where(TASKS.c.id == task_id)
    return books.database.read(lambda conn: conn.execute(statement).one())


def _raising(error: Exception) -> Handler:
    def handle(_task: Claimed, _at: datetime) -> None:
        raise error

    return handle


def test_three_workers_do_each_task_once(
    books: Books,
    kind: str,
    add: Callable[..., list[UUID]],
    opened: Callable[[], Database],
) -> None:
    made = add(60)
    done: list[UUID] = []
    by: set[str] = set()

    def handler(name: str) -> Handler:
        def handle(task: Claimed, _at: datetime) -> None:
            done.append(task.id)
            by.add(name)

        return handle

    workers = [_worker(opened(), kind, handler(name)) for name in ("first", "second", "third")]
    start = threading.Barrier(len(workers))

    def drain(worker: Worker) -> None:
        start.wait(WAIT_MAX_S)
        while worker.do_tasks():
            pass

    threads = [threading.Thread(target=drain, args=(each,)) for each in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_MAX_S * 3)
    assert Counter(done) == dict.fromkeys(made, 1)
    assert by
    rows = [_row(books, task_id) for task_id in made]
    assert {(row.due_at, row.done_at, row.attempts) for row in rows} == {(None, SOON, 1)}


def test_two_processes_do_each_task_once(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    made = add(60)
    url = books.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", DRAINING, url, kind, SOON.isoformat()]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for each in started:
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    # All of them wait now, so they begin together.
    for each in started:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    done = [line for each in started for line in each.communicate(timeout=60)[0].split()]
    assert [each.returncode for each in started] == [0, 0]
    assert sorted(done) == sorted(str(task_id) for task_id in made)


def test_a_worker_that_is_killed_loses_nothing(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    now = present()
    [task_id] = add(at=now)
    url = books.database.url.render_as_string(hide_password=False)
    dying = subprocess.Popen([sys.executable, "-c", DYING, url, kind], stdout=subprocess.PIPE)
    assert dying.stdout is not None
    assert dying.stdout.readline().strip() == b"begun"
    os.kill(dying.pid, signal.SIGKILL)
    dying.wait(WAIT_MAX_S)
    dying.stdout.close()
    done: list[int] = []

    def handle(task: Claimed, _at: datetime) -> None:
        done.append(task.attempts)

    assert _worker(books.database, kind, handle, at=now + LEASE / 2).do_tasks() == 0
    assert _worker(books.database, kind, handle, at=present() + LEASE).do_tasks() == 1
    assert done == [2]
    assert _row(books, task_id).done_at is not None


def test_a_task_that_failed_comes_back(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    [task_id] = add()
    with capture_logs() as lines:
        _worker(books.database, kind, _raising(Later("The server is away."))).do_tasks()
    row = _row(books, task_id)
    assert (row.attempts, row.last_error) == (1, "The server is away.")
    assert row.due_at > SOON
    [line] = lines
    assert (line["log_level"], line["event"], line["error"]) == (
        *("warning", "task failed", "The server is away."),
    )
    assert (line["task"], line["kind"], line["attempt"]) == (str(task_id), kind, 1)


def test_what_a_mistake_of_ours_says_is_not_kept(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    [task_id] = add()
    with capture_logs() as lines:
        _worker(books.database, kind, _raising(ValueError("ann@example.com"))).do_tasks()
    row = _row(books, task_id)
    assert (row.last_error, row.done_at, row.dead_at) == ("ValueError", None, None)
    assert [(line["log_level"], line["event"]) for line in lines] == [("error", "task failed")]


def test_a_hopeless_task_is_given_up_at_once(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    [task_id] = add()
    with capture_logs() as lines:
        _worker(books.database, kind, _raising(Hopeless("550 no such mailbox"))).do_tasks()
    row = _row(books, task_id)
    assert (row.due_at, row.dead_at, row.last_error) == (None, SOON, "550 no such mailbox")
    assert [(line["log_level"], line["event"]) for line in lines] == [("error", "task given up")]


def test_a_task_that_kills_each_worker_is_given_up(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    [task_id] = add()
    now = SOON
    for _ in range(tasks.ATTEMPTS_MAX):
        at = now
        seen = books.database.read(lambda conn: tasks.due(conn, [kind], at, 1))  # noqa: B023
        books.database.write(lambda conn: tasks.claim(conn, seen, ids.new(), at))  # noqa: B023
        now += LEASE
    done: list[UUID] = []
    with capture_logs():
        _worker(books.database, kind, lambda task, _at: done.append(task.id), at=now).do_tasks()
    assert done == []
    assert _row(books, task_id).last_error == "Whoever worked on it died each time."


def test_a_kind_without_a_handler_waits(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    [task_id] = add()
    other = _worker(books.database, f"{kind}.other", _raising(AssertionError()))
    assert other.do_tasks() == 0
    assert _row(books, task_id).attempts == 0


def test_a_batch_has_a_size(books: Books, kind: str, add: Callable[..., list[UUID]]) -> None:
    add(CLAIMED_AT_ONCE + 1)
    done: list[UUID] = []
    worker = _worker(books.database, kind, lambda task, _at: done.append(task.id))
    assert worker.do_tasks() == CLAIMED_AT_ONCE
    assert worker.do_tasks() == 1
    assert worker.do_tasks() == 0
    assert len(done) == CLAIMED_AT_ONCE + 1


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_claimed_and_not_begun_is_given_back(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    [task_id] = add()
    done: list[UUID] = []
    worker = _worker(books.database, kind, lambda task, _at: done.append(task.id))
    worker.stop()
    assert worker.do_tasks() == 1
    row = _row(books, task_id)
    assert (done, row.due_at, row.attempts, row.lease_id) == ([], SOON, 0, None)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_it_is_woken_and_stops_when_told(
    books: Books, kind: str, add: Callable[..., list[UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody waits for the next look by itself here.
    monkeypatch.setattr("tallystick.kernel.task_loop.POLL_S", 600.0)
    done: list[UUID] = []
    finished = threading.Event()

    def handle(task: Claimed, _at: datetime) -> None:
        done.append(task.id)
        finished.set()

    looked = threading.Event()
    clock_asked: list[int] = []

    def clock() -> datetime:
        clock_asked.append(1)
        looked.set()
        return SOON

    worker = Worker(books.database, clock, [IDLE], handlers={kind: handle})
    books.database.after_commit(worker.wake)
    before = threading.active_count()
    with worker.beside():
        assert looked.wait(WAIT_MAX_S)
        made = add()
        assert finished.wait(WAIT_MAX_S)
    books.database.after_commit(lambda _tables: None)
    assert done == made
    assert threading.active_count() == before


def test_a_database_that_is_away_is_told_and_asked_again(kind: str) -> None:
    asked: list[float] = []
    again = threading.Event()

    class Away:
        def read(self, _query: Any) -> Any:
            if threading.current_thread().name == "tasks":
                asked.append(time.monotonic())
            if len(asked) > 1:
                again.set()
            raise Unavailable("no database")

        write = read

    worker = Worker(Away(), present, [IDLE], handlers={kind: _raising(AssertionError())})  # type: ignore[arg-type]
    with capture_logs() as lines, worker.beside():
        assert again.wait(WAIT_MAX_S)
    told = [line for line in lines if line["event"] == "tasks not claimed"]
    assert [line["retry_in_s"] for line in told[:1]] == [1.0]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_whoever_waits_for_another_company_keeps_its_own_lane_only(
    books: Books, kind: str, add: Callable[..., list[UUID]]
) -> None:
    # More than a lane does at once, and all of them are due before the one that follows.
    add(CLAIMED_AT_ONCE * 2)
    hangs, done = threading.Event(), threading.Event()
    writes = Writes()
    tasks.add(writes, books.act(), f"{kind}.mail", {})
    books.database.write(writes.flush)

    def hang(_task: Claimed, _at: datetime) -> None:
        hangs.wait(WAIT_MAX_S)

    worker = Worker(
        books.database,
        lambda: SOON,
        [IDLE],
        handlers={f"{kind}.mail": lambda _task, _at: done.set()},
        lanes=[{kind: hang}],
    )
    assert worker.handled == (f"{kind}.mail", kind)
    with worker.beside():
        assert done.wait(WAIT_MAX_S)
        hangs.set()
