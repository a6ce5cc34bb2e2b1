"""The commands that look after alarms, tasks, sealed secrets, and what providers report.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from tallystick.cli import exits
from tallystick.cli.options import DAY, Json, help_text

tasks = typer.Typer(no_args_is_help=True)
secrets = typer.Typer(no_args_is_help=True)


def alarms(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Those that were cleared too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    as_json: Json = False,
) -> None:
    from tallystick.cli import tending

    tending.show_alarms(cleared=everything, limit=limit, as_json=as_json)


def reconcile(
    *,
    provider: Annotated[str | None, typer.Option(help="The one provider to compare with.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=DAY, help="First day, in UTC; else three days ago.")
    ] = None,
    as_json: Json = False,
) -> None:
    from tallystick.cli import reconciling

    start = None if since is None else since.date()
    if not reconciling.reconcile(provider=provider, since=start, as_json=as_json):
        raise typer.Exit(exits.PROBLEM)


@tasks.command(
    "list",
    help=help_text(
        "List tasks that wait, or those that were given up.",
        examples=("tasks list", "tasks list --dead", "tasks list --dead --json"),
    ),
)
def list_tasks(
    *,
    dead: Annotated[bool, typer.Option("--dead", help="Those that were given up.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    from tallystick.cli import tending

    tending.show_tasks(dead=dead, limit=limit, as_json=as_json)


@tasks.command(
    "retry",
    help=help_text(
        "Let tasks that were given up begin anew: one by its id, or all of them.",
        examples=("tasks retry 01930000-0000-7000-8000-000000000000", "tasks retry --all"),
    ),
)
def retry_tasks(
    task: Annotated[UUID | None, typer.Argument(help="Id of the task.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that were given up.")] = False,
) -> None:
    if (task is None) != everything:
        raise typer.BadParameter("Name one task by its id, or all of them with --all.")
    from tallystick.cli import tending

    tending.retry(task)


@secrets.command(
    "rotate",
    help=help_text(
        "Seal every secret in the database anew, with the first of TALLYSTICK_SEALING_KEYS.",
        "May be stopped and started again. Says how many it sealed; exit 1 when some do not open.",
        examples=("secrets rotate",),
    ),
)
def rotate_secrets() -> None:
    from tallystick.cli import tending

    if not tending.rotate():
        raise typer.Exit(exits.PROBLEM)
