"""The commands about people who log in.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

import sys
from typing import Annotated

import typer

from tallystick.cli.options import help_text

user = typer.Typer(no_args_is_help=True)


@user.callback()
def _people() -> None:
    """Keep `add` a command below this one, although it is alone."""


@user.command(
    "add",
    help=help_text(
        "Make a user; their id goes to standard output.",
        "The password is asked for, or read from standard input: never given as an argument, which "
        "others on the machine can see. The address counts as proved.",
        examples=(
            "user add --email ada@example.com --name Ada --organization northfield --role cashier",
            "user add --email ada@example.com --name Ada --platform --password-stdin",
        ),
    ),
)
def add(
    *,
    email: Annotated[str, typer.Option(help="Their address; they log in by it.")],
    name: Annotated[str, typer.Option(help="Their name, as others see it.")],
    user_name: Annotated[
        str | None, typer.Option(help="Another name to log in by, such as ada.obi.")
    ] = None,
    organization: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Organization that they belong to.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="What they are there, such as owner.")] = None,
    platform: Annotated[
        bool, typer.Option("--platform", help="They may do everything, everywhere.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    from tallystick.cli import adding

    if (organization is None) != (role is None):
        raise typer.BadParameter("Give --organization SLUG and --role ROLE together, or neither.")
    adding.add(
        email=email,
        name=name,
        user_name=user_name,
        slug=organization,
        role=role,
        platform=platform,
        password=_password(from_stdin=password_stdin),
    )


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        message = "Nobody can be asked for the password. Send it with --password-stdin."
        raise typer.BadParameter(message)
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer
