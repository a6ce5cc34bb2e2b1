"""The commands that carry whole books: their way out, and the way in.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli import exits
from tallystick.cli.options import Json, Organization, help_text

export = typer.Typer(no_args_is_help=True)
imports = typer.Typer(no_args_is_help=True)

File = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="File that ends with .csv or .jsonl.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")]
Partial = Annotated[
    bool, typer.Option("--partial", help="Write what is right, though other rows are wrong.")
]


class Journal(StrEnum):
    """The programs whose files are written."""

    BEANCOUNT = "beancount"
    HLEDGER = "hledger"


@export.callback()
def _export() -> None:
    """Keep `books` a command below this one, though it is the only one."""


@export.command(
    "books",
    help=help_text(
        "Write every entry of an organization's books for Beancount or hledger.",
        "The file ends with the balance of each account, which the reading program compares. "
        "Without --output it goes to standard output.",
        examples=(
            "export books --organization northfield --format beancount --output books.beancount",
            "export books --organization northfield --format hledger | hledger -f - balance",
        ),
    ),
)
def export_books(
    *,
    organization: Organization,
    form: Annotated[Journal, typer.Option("--format", help="The program that reads it.")],
    output: Annotated[Path | None, typer.Option(help="File to write, replaced as a whole.")] = None,
) -> None:
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise typer.BadParameter(f"{output} cannot be a file. Name one in a folder that exists.")
    from tallystick.cli import exporting

    exporting.books(slug=organization, form=form.value, output=output)


@imports.command(
    "customers",
    help=help_text(
        "Make customers from a file, one a row. Lists what is wrong, by line, and exits with 1.",
        "Run it again after a stop: it goes on where it stopped and doubles nothing.",
        examples=(
            "import customers students.csv --organization northfield --dry-run",
            "import customers students.csv --organization northfield",
        ),
    ),
)
def import_customers(
    file: File,
    *,
    organization: Organization,
    dry_run: DryRun = False,
    partial: Partial = False,
    as_json: Json = False,
) -> None:
    from tallystick.cli import importing

    if not importing.run(
        "customers", file, slug=organization, dry_run=dry_run, partial=partial, as_json=as_json
    ):
        raise typer.Exit(exits.PROBLEM)


@imports.command(
    "invoices",
    help=help_text(
        "Make invoices from a file, one line of an invoice a row.",
        "Lists what is wrong, by line, and exits with 1. Run it again after a stop: it goes on "
        "where it stopped and doubles nothing.",
        examples=(
            "import invoices autumn.csv --organization northfield --dry-run",
            "import invoices autumn.jsonl --organization northfield --partial --json",
        ),
    ),
)
def import_invoices(
    file: File,
    *,
    organization: Organization,
    dry_run: DryRun = False,
    partial: Partial = False,
    as_json: Json = False,
) -> None:
    from tallystick.cli import importing

    if not importing.run(
        "invoices", file, slug=organization, dry_run=dry_run, partial=partial, as_json=as_json
    ):
        raise typer.Exit(exits.PROBLEM)
