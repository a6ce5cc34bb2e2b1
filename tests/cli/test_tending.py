"""Tasks that wait or were given up, as an operator sees them."""

from datetime import timedelta
from uuid import UUID

from tallystick.kernel import ids, tasks
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.clock import now
from tallystick.kernel.database import Database
from tallystick.kernel.rows import Writes
from tests.cli.conftest import Run


def _add(url: str, *, dead: bool, ago: timedelta = timedelta(0)) -> UUID:
    database = Database(url)
    at = now() - ago
    act = Act(OPERATOR, ids.NIL, at, "key", "0" * 64)
    writes = Writes()
    kind = f"test.{ids.new().hex}"
    task_id = tasks.add(writes, act, kind, {})
    database.write(writes.flush)
    if dead:
        seen = database.read(lambda conn: tasks.due(conn, [kind], now(), 1))
        [task] = database.write(lambda conn: tasks.claim(conn, seen, ids.new(), now()))
        database.write(lambda conn: tasks.give_up(conn, task, now(), "550 no such mailbox"))
    database.close()
    return task_id


def _finding(run: Run, name: str) -> tuple[bool, str, str]:
    findings = {each["name"]: each for each in run("doctor", "--json").json["findings"]}
    return findings[name]["ok"], findings[name]["found"], findings[name]["todo"]


def test_what_was_given_up_is_told_and_begins_anew(run: Run, migrated: str) -> None:
    assert run("tasks", "list", "--dead").err == "No task was given up.\n"
    assert _finding(run, "given up") == (True, "no task", "")
    task_id = _add(migrated, dead=True)
    assert run("tasks", "list", "--json").json == []
    assert run("doctor").code == 1
    todo = "See `tallystick tasks list --dead`, then `tallystick tasks retry`."
    assert _finding(run, "given up") == (False, "1 tasks", todo)
    [dead] = run("tasks", "list", "--dead", "--json").json
    assert (dead["id"], dead["attempts"]) == (str(task_id), 1)
    assert (dead["last_error"], dead["due_at"]) == ("550 no such mailbox", None)
    assert "550 no such mailbox" in run("tasks", "list", "--dead").out
    assert run("tasks", "retry").code == 2
    other = run("tasks", "retry", str(ids.new()))
    assert (other.code, other.out) == (3, "")
    assert run("tasks", "retry", str(task_id)).err == "1 begin anew. A worker does them.\n"
    [waiting] = run("tasks", "list", "--json").json
    assert (waiting["id"], waiting["attempts"]) == (str(task_id), 0)
    assert run("tasks", "retry", "--all").err == "0 begin anew. A worker does them.\n"


def test_a_task_that_waits_long_looks_like_no_worker(run: Run, migrated: str) -> None:
    _add(migrated, dead=False, ago=timedelta(minutes=59))
    assert _finding(run, "tasks") == (True, "the oldest has been due for 59 minutes", "")
    _add(migrated, dead=False, ago=timedelta(minutes=90))
    todo = "See that a worker runs: `tallystick up` or `tallystick worker`."
    assert _finding(run, "tasks") == (False, "the oldest has been due for 90 minutes", todo)
    assert run("doctor").code == 1
