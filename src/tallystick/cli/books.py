"""The commands that carry whole books: export, and later their way in.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.options import Organization, help_text

export = typer.Typer(no_args_is_help=True)


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
