"""Tasks that wait or were given up, as an operator sees them."""

import base64
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from tallystick.auth.models import USERS
from tallystick.auth.two_factor import SEALED_AS
from tallystick.kernel import ids, tasks
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.alarms import clear_alarm, raise_alarm
from tallystick.kernel.clock import now, text
from tallystick.kernel.database import Database
from tallystick.kernel.rows import Writes
from tallystick.kernel.sealing import Sealer
from tallystick.settings import DEVELOPMENT_SECRET_KEY
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


def _sealed(url: str) -> dict[UUID, str | None]:
    database = Database(url)
    found = database.read(lambda conn: conn.execute(select(USERS.c.id, USERS.c.totp_sealed)).all())
    database.close()
    return {row.id: row.totp_sealed for row in found}


def _user(url: str, sealed: str | None) -> UUID:
    user_id = ids.new()
    row = {
        "id": user_id,
        "email": f"{user_id.hex}@example.com",
        "email_key": f"{user_id.hex}@example.com",
        "name": "Ann",
        "totp_sealed": sealed,
        "platform": False,
        "active": True,
        "version": 1,
        "created_at": now(),
        "updated_at": now(),
    }
    database = Database(url)
    database.write(lambda conn: conn.execute(USERS.insert(), row))
    database.close()
    return user_id


def test_secrets_are_sealed_anew(run: Run, migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.cli.tending.AT_ONCE", 2)
    old, new = (base64.b64encode(each * 32).decode() for each in (b"o", b"n"))
    first = Sealer.derived(DEVELOPMENT_SECRET_KEY)
    people = [_user(migrated, first.seal(SEALED_AS, b"JBSWY3DP")) for _ in range(5)]
    without = _user(migrated, None)
    lost = _user(migrated, Sealer({"lost": b"x" * 32}).seal(SEALED_AS, b"x"))
    ended = run("secrets", "rotate", SEALING_KEYS=f"new:{new},old:{old}")
    assert (ended.code, ended.out) == (1, f"cannot be opened: login {lost}\n")
    assert ended.err.startswith("5 secrets were sealed anew with the key new.\n1 open with none")
    held = _sealed(migrated)
    after = Sealer({"new": b"n" * 32})
    assert {after.open(SEALED_AS, held[each] or "") for each in people} == {b"JBSWY3DP"}
    assert held[without] is None
    again = run(
        "secrets", "rotate", SEALING_KEYS=f"new:{new},lost:{base64.b64encode(b'x' * 32).decode()}"
    )
    assert (again.code, again.err) == (0, "1 secrets were sealed anew with the key new.\n")
    assert run("secrets", "rotate", SEALING_KEYS=f"new:{new}").err.startswith("0 secrets")
    assert run("secrets", "rotate", SEALING_KEYS="hush").code == 2


def test_alarms_are_listed_until_they_are_cleared(run: Run, migrated: str) -> None:
    assert run("alarms").err == "No alarm is open.\n"
    database, at = Database(migrated), now()
    act = Act(OPERATOR, ids.NIL, at, "key", "0" * 64)
    payment_id = ids.new()

    def raised(conn: Connection) -> None:
        writes = Writes()
        raise_alarm(conn, writes, act, "payment.late_success", payment_id, detail="Look.")
        writes.flush(conn)

    def cleared(conn: Connection) -> None:
        writes = Writes()
        clear_alarm(conn, writes, act, "payment.late_success", payment_id)
        writes.flush(conn)

    database.write(raised)
    [alarm] = run("alarms", "--json").json
    assert (alarm["kind"], alarm["subject_id"]) == ("payment.late_success", str(payment_id))
    assert (alarm["raised_at"], alarm["cleared_at"]) == (text(at), None)
    assert "Look." in run("alarms").out
    assert _finding(run, "payments") == (False, "1 alarms are open", "See `tallystick alarms`.")
    database.write(cleared)
    database.close()
    assert run("alarms", "--json").json == []
    [alarm] = run("alarms", "--all", "--json").json
    assert alarm["cleared_at"] == text(at)
