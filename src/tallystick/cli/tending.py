"""Look at alarms and tasks, let tasks that were given up begin anew; seal secrets anew."""

from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from tallystick import settings, wiring
from tallystick.auth.resealing import SEALED, reseal
from tallystick.cli import opened
from tallystick.cli.output import say, show_json, show_line, show_table
from tallystick.kernel import alarms, clock, tasks
from tallystick.kernel.errors import Refused

AT_ONCE = 100
"""Secrets that are sealed anew in one transaction."""
ALARM_SHOWN = ("organization_id", "kind", "subject_id", "raised_at", "cleared_at", "detail")
SHOWN = ("id", "kind", "attempts", "created_at", "due_at", "dead_at", "last_error")


def show_tasks(*, dead: bool, limit: int, as_json: bool) -> None:
    """List tasks, newest first when they are dead, else those that wait longest first."""
    with opened.database() as database:
        query = tasks.list_dead if dead else tasks.list_waiting
        found = [_shown(row) for row in database.read(lambda conn: query(conn, limit))]
    if as_json:
        show_json(found)
        return
    show_table(SHOWN, [[each[name] or "" for name in SHOWN] for each in found])
    if not found:
        say("No task was given up." if dead else "No task waits.")


def show_alarms(*, cleared: bool, limit: int, as_json: bool) -> None:
    """List what a person has to look at, newest first."""
    with opened.database() as database:
        rows = database.read(lambda conn: alarms.list_everywhere(conn, limit, cleared=cleared))
    found = [_alarm(row) for row in rows]
    if as_json:
        show_json(found)
        return
    head = [name for name in ALARM_SHOWN if cleared or name != "cleared_at"]
    show_table(head, [[each[name] or "" for name in head] for each in found])
    if not found:
        say("There was no alarm." if cleared else "No alarm is open.")


def retry(task_id: UUID | None) -> None:
    """Let one task that was given up, or all of them, begin anew.

    Raises:
        Refused: task.unknown, when the one named was not given up.
    """
    with opened.database() as database:
        count = database.write(lambda conn: tasks.retry(conn, clock.now(), task_id))
    if task_id is not None and not count:
        raise Refused("task.unknown", f"No task {task_id} was given up.")
    say(f"{count} begin anew. A worker does them.")


def rotate() -> bool:
    """Seal every secret with the newest key; give whether all of them could be opened."""
    sealer = wiring.sealer(settings.load())
    resealed, unopened = 0, []
    with opened.database() as database:
        for column, purpose in SEALED:
            after: UUID | None = None
            while True:
                page = partial(
                    reseal,
                    sealer=sealer,
                    column=column,
                    purpose=purpose,
                    after=after,
                    limit=AT_ONCE,
                )
                done = database.write(page)
                resealed += done.resealed
                unopened += done.unopened
                after = done.next_after
                if after is None:
                    break
    for row in unopened:
        show_line(f"cannot be opened: {row}")
    say(f"{resealed} secrets were sealed anew with the key {sealer.newest}.")
    if unopened:
        say(
            f"{len(unopened)} open with none of the keys. Add the one that sealed them, and repeat."
        )
    return not unopened


def _shown(row: Row[Any]) -> dict[str, Any]:
    values = row._asdict()
    moments = {
        name: None if values[name] is None else clock.text(values[name])
        for name in ("created_at", "due_at", "dead_at")
    }
    return {name: values[name] for name in SHOWN} | moments | {"id": str(row.id)}


def _alarm(row: Row[Any]) -> dict[str, Any]:
    values = row._asdict()
    moments = {
        name: None if values[name] is None else clock.text(values[name])
        for name in ("raised_at", "cleared_at")
    }
    named = {name: str(values[name]) for name in ALARM_SHOWN}
    return {"id": str(row.id)} | named | moments
