"""The commands on API keys.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

from typing import Annotated

import typer

from tallystick.cli.options import Json, help_text

key = typer.Typer(no_args_is_help=True)

_Organization = Annotated[
    str | None, typer.Option(metavar="SLUG", help="Organization whose key it is.")
]
_Platform = Annotated[bool, typer.Option("--platform", help="Keys for every organization.")]


@key.command(
    "create",
    help=help_text(
        "Make an API key. The key alone goes to standard output, and is never shown again.",
        "Roles are owner, accountant, cashier, viewer and those that the organization made; a "
        "viewer only reads. Scopes take away from what the role allows.",
        examples=(
            "key create --organization northfield --role owner",
            "key create --organization northfield --role viewer --name 'parents portal'",
            "key create --organization northfield --role cashier --scope read --expires-days 90",
            "key create --platform",
        ),
    ),
)
def create(
    *,
    organization: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Organization that the key is for.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="What the key may do there.")] = None,
    platform: Annotated[
        bool, typer.Option("--platform", help="A key for every organization, and to make new ones.")
    ] = False,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "command line",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="A permission that the key is limited to; may be given several times."),
    ] = None,
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Days that the key is good for.")
    ] = None,
) -> None:
    from tallystick.cli import keys

    if platform:
        if organization or role:
            message = "A platform key has no organization and no role. Leave them out."
            raise typer.BadParameter(message)
    elif not organization or not role:
        message = "Say whose key it is: --organization SLUG --role ROLE, or --platform."
        raise typer.BadParameter(message)
    keys.create(slug=organization, role=role, name=name, scopes=scope, expires_days=expires_days)


@key.command(
    "list",
    help=help_text(
        "List the API keys of an organization or of the platform, newest first.",
        "The keys themselves are not kept, only their first characters.",
        examples=("key list --organization northfield", "key list --platform --json"),
    ),
)
def list_keys(
    *, organization: _Organization = None, platform: _Platform = False, as_json: Json = False
) -> None:
    from tallystick.cli import keys

    _check_whose(organization, platform=platform)
    keys.show_list(slug=organization, as_json=as_json)


@key.command(
    "revoke",
    help=help_text(
        "Let an API key be good for nothing. A running server forgets it within 5 seconds.",
        examples=(
            "key revoke tsk_AbCdEfGh --organization northfield",
            "key revoke 018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f --platform",
        ),
    ),
)
def revoke(
    *,
    name: Annotated[
        str, typer.Argument(metavar="KEY", help="Its first characters or its id, as listed.")
    ],
    organization: _Organization = None,
    platform: _Platform = False,
) -> None:
    from tallystick.cli import keys

    _check_whose(organization, platform=platform)
    keys.revoke(slug=organization, name=name)


def _check_whose(organization: str | None, *, platform: bool) -> None:
    if platform == (organization is not None):
        message = "Say whose key it is: --organization SLUG, or --platform."
        raise typer.BadParameter(message)
