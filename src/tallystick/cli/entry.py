"""Every command with its options and examples, and what each way to fail exits with.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from tallystick.cli import books, exits, invoices, key, people, rules, upkeep
from tallystick.cli.options import DAY, Json, Organization
from tallystick.cli.options import help_text as _help
from tallystick.testing.fakepay.kinds import Kind as FakePayFault

EXIT_CODES = """Exit codes: 0 done; 1 a violation or a problem was found; 2 wrong usage or a bad \
setting; 3 there is no such thing; 4 a rule refuses, or the database is not \
migrated; 5 the database does not answer.

Settings are read from variables that begin with TALLYSTICK_ and from the file .env of the working \
directory."""


class DemoData(StrEnum):
    """What `demo` makes."""

    ORGANIZATIONS = "organizations"
    SCHOOL_BILLING = "school-billing"
    CARD_INVOICES = "card-invoices"
    CONFIGURABLE_PAYMENTS = "configurable-payments"


class _Root(TyperGroup):
    """Every command, with mistakes in what was typed told in our words."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            from tallystick.cli import usage

            usage.put_plainly(error)
            raise


def _group(name: str, words: str) -> typer.Typer:
    made = typer.Typer(no_args_is_help=True)
    app.add_typer(made, name=name, help=words)
    return made


app = typer.Typer(
    name="tallystick",
    cls=_Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog=EXIT_CODES,
    help="Issue invoices, collect what is owed, and keep books that both sides can check.",
)
migrate = _group("migrate", "Bring the database to the tables that this version needs.")
organizations = _group("organizations", "Organizations: those who are owed.")
app.add_typer(key.key, name="key", help="API keys.")
app.add_typer(books.export, name="export", help="The books for other programs.")
app.add_typer(invoices.invoices, name="invoices", help="Invoices: what is owed.")
app.add_typer(rules.rules, name="rules", help="Rules: what happens by itself.")
app.add_typer(upkeep.secrets, name="secrets", help="Secrets that the database keeps sealed.")
app.add_typer(upkeep.tasks, name="tasks", help="What the worker does, such as sending mails.")
app.add_typer(people.user, name="user", help="Users: people who log in.")
app.add_typer(books.imports, name="import", help="Customers and invoices from files.")
app.command(
    "alarms",
    help=_help(
        "List what a person has to look at, newest first, such as a payment that nobody can tell.",
        examples=("alarms", "alarms --all --json"),
    ),
)(upkeep.alarms)
app.command(
    "reconcile",
    help=_help(
        "Compare what providers report with the books; exit 1 when they do not say the same.",
        "What was charged and is undecided or given up here is settled. The rest raises alarms. "
        "The worker does the same every day.",
        examples=("reconcile", "reconcile --provider fakepay --since 2026-03-01 --json"),
    ),
)(upkeep.reconcile)

Host = Annotated[str | None, typer.Option(help="Address to listen on, instead of TALLYSTICK_HOST.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on, instead of TALLYSTICK_PORT.")]

RootDialect = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Older contract to serve at the root too, instead of TALLYSTICK_ROOT_DIALECT.",
    ),
]


def _version(wanted: bool) -> None:  # noqa: FBT001  # the option's own value
    if wanted:
        from tallystick import __version__

        typer.echo(f"tallystick {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    del version


@app.command(
    help=_help(
        "Migrate and serve, in one process.",
        "Says where to look and what to try next.",
        examples=("up", "up --port 8080"),
    )
)
def up(host: Host = None, port: Port = None, root_dialect: RootDialect = None) -> None:
    from tallystick.cli import serving

    serving.up(host=host, port=port, root_dialect=root_dialect)


@app.command(
    help=_help(
        "Serve a database that is migrated already.",
        examples=("serve", "serve --host 0.0.0.0 --workers 4", "serve --reload"),
    )
)
def serve(
    *,
    host: Host = None,
    port: Port = None,
    root_dialect: RootDialect = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again when a source file changes.")
    ] = False,
) -> None:
    if reload and workers > 1:
        raise typer.BadParameter("--reload works with one worker. Leave out one of the two.")
    from tallystick.cli import serving

    serving.serve(host=host, port=port, root_dialect=root_dialect, workers=workers, reload=reload)


@app.command(
    help=_help(
        "Do what is to be done without anybody asking: send mails, keep the sums of closed months.",
        "`up` does it too; `serve` does not. Several may run at once.",
        examples=("worker",),
    )
)
def worker() -> None:
    from tallystick.cli import working

    working.work()


@app.command(
    help=_help(
        "Stand in for FakePay, which takes card payments, while developing and testing.",
        "Its books are a SQLite file of its own. It fails on demand: by --fault, or while it runs "
        "by a POST to /fakepay/faults.",
        examples=("fakepay", "fakepay --port 9001 --fault drop-after --fault hang-before"),
    )
)
def fakepay(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 9000,
    ledger: Annotated[Path, typer.Option(help="File of its books.")] = Path("fakepay.db"),
    fault: Annotated[
        list[FakePayFault] | None, typer.Option(help="What goes wrong; may be repeated.")
    ] = None,
    share: Annotated[
        float, typer.Option(min=0, max=1, help="How likely each fault befalls a payment.")
    ] = 1.0,
    seconds: Annotated[
        float, typer.Option(min=0, max=3600, help="How late a delay or a late success is.")
    ] = 1.0,
    events_to: Annotated[
        str | None, typer.Option(metavar="URL", help="Where to post signed events.")
    ] = None,
) -> None:
    from tallystick.cli import standing_in

    kinds = [one.value for one in fault or []]
    standing_in.fakepay(
        port=port, ledger=ledger, kinds=kinds, share=share, seconds=seconds, events_to=events_to
    )


@migrate.command(
    "up",
    help=_help(
        "Bring the database up to a revision.",
        "May be killed and started again, and started twice at once.",
        examples=("migrate up", "migrate up 0003"),
    ),
)
def migrate_up(
    revision: Annotated[str, typer.Argument(help="Revision to reach.")] = "head",
) -> None:
    from tallystick.cli import migrating

    migrating.up(revision)


@migrate.command(
    "down",
    help=_help(
        "Bring the database down to a revision.",
        "Tables above it are removed with everything in them: make a backup first.",
        examples=("migrate down 0005", "migrate down base --yes"),
    ),
)
def migrate_down(
    revision: Annotated[str, typer.Argument(help="Revision to reach; base removes everything.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    if not yes:
        question = f"Remove every table above revision {revision}, with its rows?"
        if not sys.stdin.isatty():
            raise typer.BadParameter("This removes data and nobody can be asked. Add --yes.")
        typer.confirm(question, abort=True, err=True)
    from tallystick.cli import migrating

    migrating.down(revision)


@migrate.command(
    "status",
    help=_help(
        "Print the revision of the database and the one that is needed; exit 1 if they differ.",
        examples=("migrate status", "migrate status --json"),
    ),
)
def migrate_status(*, as_json: Json = False) -> None:
    from tallystick.cli import migrating

    _exit_unless(migrating.status(as_json=as_json))


@app.command(
    help=_help(
        "Look at settings and database, and say what to do about each problem; exit 1 if any.",
        examples=("doctor", "doctor --json"),
    )
)
def doctor(*, as_json: Json = False) -> None:
    from tallystick.cli import diagnosis

    _exit_unless(diagnosis.doctor(as_json=as_json))


@organizations.command(
    "list",
    help=_help(
        "List the organizations, newest first.",
        examples=("organizations list", "organizations list --json"),
    ),
)
def organizations_list(*, as_json: Json = False) -> None:
    from tallystick.cli import reading

    reading.organizations(as_json=as_json)


@app.command(
    help=_help(
        "Count every invariant of the books on the live database; exit 1 on a violation.",
        examples=("audit", "audit --json"),
    )
)
def audit(*, as_json: Json = False) -> None:
    from tallystick.cli import reading

    _exit_unless(reading.audit(as_json=as_json))


@app.command(
    help=_help(
        "Fill the database with two plainly marked demonstration organizations.",
        "Or with what an older contract shows: three schools, their students, invoices and "
        "payments; or the customers and invoices of card-invoices or configurable-payments. A "
        "second run changes nothing.",
        examples=("demo", "demo --data school-billing", "demo --data card-invoices"),
    )
)
def demo(
    *,
    data: Annotated[DemoData, typer.Option(help="What to fill it with.")] = DemoData.ORGANIZATIONS,
) -> None:
    if data is DemoData.SCHOOL_BILLING:
        from tallystick.cli import school_demo

        school_demo.run()
        return
    if data is DemoData.CARD_INVOICES:
        from tallystick.cli import card_demo

        card_demo.run()
        return
    if data is DemoData.CONFIGURABLE_PAYMENTS:
        from tallystick.cli import configurable_demo

        configurable_demo.run()
        return
    from tallystick.cli import demo as demonstration

    demonstration.run()


@app.command(
    help=_help(
        "Print what happened to what is owed: balances, and each entry between them.",
        "Without --customer of all customers together. From the first day of the year of its end, "
        "until today, unless told otherwise.",
        examples=(
            "statement --organization northfield --customer S-2026-0117",
            "statement --organization northfield --as-of 2026-03-31 --json",
        ),
    )
)
def statement(
    *,
    organization: Organization,
    customer: Annotated[
        str | None, typer.Option(help="Customer, by id or by their reference.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option("--from", formats=DAY, help="First day.")
    ] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=DAY, help="Last day.")] = None,
    as_of: Annotated[
        datetime | None, typer.Option(formats=DAY, help="As it stood at the end of this day.")
    ] = None,
    as_json: Json = False,
) -> None:
    from tallystick.cli import stating

    days = [None if given is None else given.date() for given in (start, end, as_of)]
    stating.statement(
        slug=organization,
        customer=customer,
        start=days[0],
        end=days[1],
        as_of=days[2],
        as_json=as_json,
    )


def main() -> NoReturn:
    """Run the command that the arguments name, and end the process with its exit code."""
    try:
        get_command(app)()
    except Exception as error:  # noqa: BLE001  # raised on, unless it can be explained
        from tallystick.cli import failing

        failing.end(error)
    sys.exit(0)


def _exit_unless(fine: bool) -> None:  # noqa: FBT001  # reads as a sentence
    if not fine:
        raise typer.Exit(exits.PROBLEM)
