"""Heartbeats: each worker says that it is there, and those that are gone are forgotten."""

import threading
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tallystick.kernel import heartbeats, ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.heartbeats import BEAT_S, KEPT, Beat, Heart
from tests.factories import START

WAIT_MAX_S = 20


def _beat(database: Database, worker_id: UUID, at: datetime, **counts: int) -> None:
    said = Beat(worker_id, START, at, ["close_months", "mail.reset"], counts)
    database.write(lambda conn: heartbeats.beat(conn, said))


def _found(database: Database, *those: UUID) -> list[dict[str, Any]]:
    found = database.read(heartbeats.workers)
    return [row._asdict() for row in found if row.id in those]


def test_a_worker_says_that_it_is_there_until_it_leaves(database: Database) -> None:
    first, second = ids.new(), ids.new()
    _beat(database, first, START, tasks_done=1)
    _beat(database, second, START + timedelta(seconds=1))
    _beat(database, first, START + timedelta(seconds=2), tasks_done=3)
    told = {"started_at": START, "does": ["close_months", "mail.reset"]}
    assert _found(database, first, second) == [
        {"id": first, "beat_at": START + timedelta(seconds=2), "counts": {"tasks_done": 3}, **told},
        {"id": second, "beat_at": START + timedelta(seconds=1), "counts": {}, **told},
    ]
    database.write(lambda conn: heartbeats.leave(conn, first))
    assert [row["id"] for row in _found(database, first, second)] == [second]


def test_one_that_ended_without_a_word_is_forgotten(database: Database) -> None:
    dead, alive = ids.new(), ids.new()
    _beat(database, dead, START)
    _beat(database, alive, START + KEPT)
    assert len(_found(database, dead, alive)) == 2
    _beat(database, alive, START + KEPT + timedelta(microseconds=1))
    assert [row["id"] for row in _found(database, dead, alive)] == [alive]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_heart_beats_from_its_start_and_leaves_at_its_end(database: Database) -> None:
    stopping, beaten = threading.Event(), threading.Event()

    def clock() -> datetime:
        if heart_beats():
            beaten.set()
        return START

    def heart_beats() -> list[dict[str, Any]]:
        found = database.read(heartbeats.workers)
        return [row._asdict() for row in found if row.does == ["a test of hearts"]]

    counts = {"tasks_done": 7}
    heart = Heart(database, clock, stopping.is_set, lambda: ["a test of hearts"], lambda: counts)
    with heart.beside():
        for _ in range(WAIT_MAX_S):
            # Each beat but the first sees the row of the one before.
            heart.wake()
            if beaten.wait(1):
                break
        [row] = heart_beats()
        assert (row["started_at"], row["beat_at"], row["counts"]) == (START, START, counts)
        stopping.set()
        heart.wake()
    assert heart_beats() == []


def test_a_database_that_is_away_ends_no_heart() -> None:
    stopping, again = threading.Event(), threading.Event()

    class Away:
        tries = 0

        def write(self, _command: Any) -> Any:
            self.tries += 1
            if self.tries > 1:
                again.set()
            raise Unavailable("no database")

    heart = Heart(Away(), lambda: START, stopping.is_set, list, dict)  # type: ignore[arg-type]
    with capture_logs() as lines, heart.beside():
        assert again.wait(WAIT_MAX_S)
        stopping.set()
        heart.wake()
    events = [line["event"] for line in lines]
    assert events[0] == "heartbeat not kept"
    assert events[-1] == "end of the worker not kept"
    assert heartbeats.LATE.total_seconds() > 2 * BEAT_S
