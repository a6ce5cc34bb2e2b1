"""Options, examples and exit codes: what holds for every command."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from tallystick import __version__, migrations, settings
from tallystick.cli import opened
from tallystick.cli.entry import app
from tallystick.kernel.errors import Refused
from tests.cli.conftest import Run

WORKING = [("organizations", "list"), ("audit",), ("demo",), ("key", "create", "--platform")]


def _commands() -> Iterator[tuple[str, ...]]:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        if isinstance(command, TyperGroup):
            yield from ((name, below) for below in command.commands)
        else:
            yield (name,)


COMMANDS = list(_commands())


def test_the_published_commands_exist() -> None:
    assert {" ".join(command) for command in COMMANDS} == {
        "alarms",
        "audit",
        "demo",
        "doctor",
        "export books",
        "fakepay",
        "import customers",
        "import invoices",
        "invoices list",
        "invoices show",
        "key create",
        "key list",
        "key revoke",
        "migrate down",
        "migrate status",
        "migrate up",
        "organizations list",
        "reconcile",
        "rules add",
        "rules change",
        "rules disable",
        "rules enable",
        "rules export",
        "rules history",
        "rules import",
        "rules list",
        "rules log",
        "rules remove",
        "rules show",
        "rules try",
        "secrets rotate",
        "serve",
        "statement",
        "tasks list",
        "tasks retry",
        "up",
        "user add",
        "worker",
    }


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_examples(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, "--help")
    assert ended.code == 0
    assert f"tallystick {' '.join(command)}" in ended.out.partition("Examples:")[2]


def test_help_says_what_the_exit_codes_mean(run: Run) -> None:
    ended = run("--help")
    assert ended.code == 0
    assert "5 the database does not answer" in ended.out


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; import tallystick.cli; "
        "print({'sqlalchemy', 'alembic', 'fastapi', 'pydantic', 'uvicorn'} & set(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert loaded.stdout == "set()\n"


def test_the_package_runs_as_a_module(folder: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tallystick", "--version"],
        capture_output=True,
        check=True,
        text=True,
        cwd=folder,
    )
    assert ended.stdout == f"tallystick {__version__}\n"
    assert ended.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("sing",),
        ("serve", "--workers", "0"),
        ("serve", "--workers", "2", "--reload"),
        ("key", "create"),
        ("key", "create", "--organization", "x"),
        ("key", "create", "--platform", "--expires-days", "0"),
        ("key", "list"),
        ("key", "list", "--platform", "--organization", "x"),
        ("key", "revoke", "tsk_AbCdEfGh"),
        ("key", "create", "--platform", "--role", "owner"),
        ("migrate", "up", "12"),
        ("migrate", "down", "base"),
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_prints_no_data(run: Run, arguments: tuple[str, ...]) -> None:
    ended = run(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err != ""


DAY = "is not a day as it is written here. Write year, month and day, such as 2026-11-20."
ID = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"


@pytest.mark.parametrize(
    ("arguments", "option", "said"),
    [
        (
            ("tasks", "retry", "abc"),
            "task",
            f"“abc” cannot be used. This is not an id. Ids look like {ID}.",
        ),
        (
            ("rules", "try", "f.yaml", "--organization", "x", "--since", "01/02/2026"),
            "--since",
            f"“01/02/2026” {DAY}",
        ),
        (("statement", "--organization", "x", "--as-of", "soon"), "--as-of", f"“soon” {DAY}"),
        (("up", "--port", "x"), "--port", "“x” cannot be used. Write a whole number."),
        (("serve", "--workers", "0"), "--workers", "“0” cannot be used. Write 1 or more."),
        (("fakepay", "--share", "x"), "--share", "“x” is not a number. Write one such as 0.5."),
        (
            ("demo", "--data", "x"),
            "--data",
            "'x' is not one of 'organizations', 'school-billing',",
        ),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_read_is_told_in_words(
    run: Run, folder: Path, arguments: tuple[str, ...], option: str, said: str
) -> None:
    (folder / "f.yaml").touch()
    ended = run(*arguments)
    assert ended.code == 2
    assert f"Invalid value for '{option}': {said}" in " ".join(ended.err.replace("│", " ").split())


@pytest.mark.parametrize("command", [*WORKING, ("up",), ("serve",), ("doctor",)], ids=" ".join)
def test_a_bad_setting_is_one_sentence(run: Run, command: tuple[str, ...]) -> None:
    ended = run(*command, PORT="x")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        "TALLYSTICK_PORT is “x”, which cannot be used. Set it to a whole number from 1 to 65535, "
        "such as 8000.\n"
    )


TODO = "Run `tallystick migrate up`, or correct TALLYSTICK_DATABASE_URL."
LOOKING = [
    *WORKING,
    ("worker",),
    ("serve",),
    ("migrate", "down", "base", "--yes"),
    ("rules", "list", "--organization", "northfield"),
]


@pytest.mark.parametrize("command", LOOKING, ids=" ".join)
def test_a_database_that_is_not_there_is_refused_and_not_made(
    run: Run, folder: Path, command: tuple[str, ...]
) -> None:
    ended = run(*command)
    assert (ended.code, ended.out) == (4, "")
    assert ended.err == f"There is no database sqlite:///tallystick.db yet. {TODO}\n"
    assert list(folder.iterdir()) == []


def test_where_the_database_would_be_is_said_without_making_it(run: Run, folder: Path) -> None:
    head = migrations.head()
    status = run("migrate", "status")
    assert (status.code, status.out) == (1, f"current none\nhead    {head}\n")
    assert status.err.startswith("The database sqlite:///tallystick.db is not at head.")
    found = run("doctor", "--json").json["findings"]
    assert [each["found"] for each in found if not each["ok"]] == ["is not there"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("command", WORKING, ids=" ".join)
def test_a_database_without_tables_is_refused(
    run: Run, folder: Path, command: tuple[str, ...]
) -> None:
    (folder / "tallystick.db").touch()
    ended = run(*command)
    assert (ended.code, ended.out) == (4, "")
    state = f"has no tables yet, but this program needs {migrations.head()}"
    assert ended.err == f"The database sqlite:///tallystick.db {state}. {TODO}\n"


def test_the_database_is_named_without_its_password(folder: Path) -> None:
    assert folder.is_dir()
    found = settings.load(database_url="postgresql://me:hush@127.0.0.1/books")
    with pytest.raises(Refused) as refused:
        opened.check_revision(found, "0002")
    said = refused.value.refusal.detail
    assert said.startswith("The database postgresql://me:***@127.0.0.1/books is at revision 0002,")


def test_the_help_says_what_the_codes_mean(run: Run) -> None:
    said = " ".join(run("--help").out.split())
    assert "4 a rule refuses, or the database is not migrated; 5 the database does not" in said


@pytest.mark.parametrize("command", [*WORKING, ("migrate", "up")], ids=" ".join)
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:hush@127.0.0.1:1/books", "postgresql://me:***@127.0.0.1:1/books"),
        ("mariadb://me:hush@127.0.0.1:1/books", "mariadb://me:***@127.0.0.1:1/books"),
        ("sqlite:///nowhere/books.db", "unable to open database file"),
    ],
    ids=["postgresql", "mariadb", "sqlite"],
)
def test_a_database_that_does_not_answer_exits_with_5(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], url: str, said: str
) -> None:
    monkeypatch.setattr("tallystick.cli.opened.DEADLINE_S", 0.1)
    ended = run(*command, DATABASE_URL=url)
    assert (ended.code, ended.out) == (5, "")
    assert said in ended.err
    assert "hush" not in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "books.db",
            "TALLYSTICK_DATABASE_URL is not a database address such as sqlite:///tallystick.db.",
        ),
        (
            "oracle://me@db/books",
            "The engine “oracle” of TALLYSTICK_DATABASE_URL is not supported.",
        ),
        ("postgresql+asyncpg://me:hush@db/books", "is not installed. Leave it out"),
        ("postgresql+hugo://me:hush@db/books", "is not installed. Leave it out"),
    ],
)
def test_a_database_that_cannot_be_is_a_bad_setting(run: Run, url: str, sentence: str) -> None:
    ended = run("organizations", "list", DATABASE_URL=url)
    assert (ended.code, ended.out) == (2, "")
    assert sentence in ended.err
    assert "hush" not in ended.err


def test_development_does_not_serve_other_machines(run: Run) -> None:
    ended = run("up", "--host", "0.0.0.0")
    assert (ended.code, ended.out) == (2, "")
    assert "TALLYSTICK_HOST is “0.0.0.0”" in ended.err
