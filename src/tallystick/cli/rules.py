"""The commands about rules: what happens by itself.

What a command does is imported when it runs, so that `--help` answers at once.
"""
# ruff: noqa: PLC0415, D103  # for that reason; and each command's help says what it does

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from tallystick.cli.options import DAY, Json, Organization, help_text

rules = typer.Typer(no_args_is_help=True)

Rule = Annotated[str, typer.Argument(help="Its exact name, or its id.")]
OneFile = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="YAML with one rule, as `show` writes.")
]


@rules.command(
    "list",
    help=help_text(
        "List the rules in the order in which they come, each as a sentence.",
        examples=("rules list --organization northfield",),
    ),
)
def list_rules(*, organization: Organization, as_json: Json = False) -> None:
    from tallystick.cli import ruling

    ruling.show_list(organization, as_json=as_json)


@rules.command(
    "show",
    help=help_text(
        "Write one rule as YAML, as `change` takes it.",
        examples=('rules show "Small rests" --organization northfield > rule.yaml',),
    ),
)
def show_rule(rule: Rule, *, organization: Organization, as_json: Json = False) -> None:
    from tallystick.cli import ruling

    ruling.show_one(organization, rule, as_json=as_json)


@rules.command(
    "add",
    help=help_text(
        "Make the rule of a file; its id goes to standard output.",
        "It takes part from then on.",
        examples=("rules add rule.yaml --organization northfield",),
    ),
)
def add_rule(file: OneFile, *, organization: Organization, as_json: Json = False) -> None:
    from tallystick.cli import ruling

    ruling.add(organization, file, as_json=as_json)


@rules.command(
    "change",
    help=help_text(
        "Put the rule of a file in the place of another. What it was stays in its history.",
        examples=('rules change "Small rests" rule.yaml --organization northfield',),
    ),
)
def change_rule(
    rule: Rule, file: OneFile, *, organization: Organization, as_json: Json = False
) -> None:
    from tallystick.cli import ruling

    ruling.change(organization, rule, file, as_json=as_json)


@rules.command(
    "enable",
    help=help_text(
        "Switch a rule on.", examples=('rules enable "Small rests" --organization northfield',)
    ),
)
def enable_rule(rule: Rule, *, organization: Organization, as_json: Json = False) -> None:
    from tallystick.cli import ruling

    ruling.enable(organization, rule, enabled=True, as_json=as_json)


@rules.command(
    "disable",
    help=help_text(
        "Switch a rule off. What it did stays.",
        examples=('rules disable "Small rests" --organization northfield',),
    ),
)
def disable_rule(rule: Rule, *, organization: Organization, as_json: Json = False) -> None:
    from tallystick.cli import ruling

    ruling.enable(organization, rule, enabled=False, as_json=as_json)


@rules.command(
    "remove",
    help=help_text(
        "Remove a rule. Its history and what it did stay.",
        examples=('rules remove "Small rests" --organization northfield',),
    ),
)
def remove_rule(rule: Rule, *, organization: Organization) -> None:
    from tallystick.cli import ruling

    ruling.remove(organization, rule)


@rules.command(
    "history",
    help=help_text(
        "List what a rule was, the newest version first; one that was removed is named by its id.",
        examples=('rules history "Small rests" --organization northfield --json',),
    ),
)
def show_history(rule: Rule, *, organization: Organization, as_json: Json = False) -> None:
    from tallystick.cli import ruling

    ruling.show_history(organization, rule, as_json=as_json)


@rules.command(
    "log",
    help=help_text(
        "List what rules did, newest first, and why they could not; all that is given must hold.",
        examples=(
            "rules log --organization northfield --invoice INV-2026-000001",
            'rules log --organization northfield --rule "Small rests" --json',
        ),
    ),
)
def show_log(
    *,
    organization: Organization,
    rule: Annotated[
        str | None, typer.Option(help="Of this rule, by its exact name or its id.")
    ] = None,
    payment: Annotated[UUID | None, typer.Option(help="About this payment, by its id.")] = None,
    invoice: Annotated[
        str | None, typer.Option(help="About this invoice, by its number or its id.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    from tallystick.cli import ruling

    ruling.show_log(
        organization,
        rule=rule,
        payment_id=payment,
        invoice=invoice,
        limit=limit,
        as_json=as_json,
    )


@rules.command(
    "export",
    help=help_text(
        "Write all rules of an organization as one YAML document, as `import` takes it.",
        examples=("rules export --organization northfield > rules.yaml",),
    ),
)
def export_rules(*, organization: Organization) -> None:
    from tallystick.cli import ruling

    ruling.export(organization)


@rules.command(
    "import",
    help=help_text(
        "Add the rules of a file and change those that differ: all of them or none.",
        "A rule is known by its name. What is not in the file is left alone. Run it again, and "
        "nothing changes.",
        examples=("rules import rules.yaml --organization northfield",),
    ),
)
def import_rules(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="YAML as `export` writes it.")
    ],
    *,
    organization: Organization,
    as_json: Json = False,
) -> None:
    from tallystick.cli import ruling

    ruling.take_over(organization, file, as_json=as_json)


@rules.command(
    "try",
    help=help_text(
        "Say what the rules of a file would have made of past payments. Nothing is written.",
        "Each payment is asked about as it stood then, and each rule alone.",
        examples=(
            "rules try rule.yaml --organization northfield --since 2026-01-01",
            "rules try rules.yaml --organization northfield --since 2026-01-01 --json",
        ),
    ),
)
def try_rules(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="YAML with one rule or several."),
    ],
    *,
    organization: Organization,
    since: Annotated[datetime, typer.Option(formats=DAY, help="The first day.")],
    until: Annotated[
        datetime | None, typer.Option(formats=DAY, help="The last day, instead of today.")
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, max=10_000, help="List at most so many cases of each rule.")
    ] = 50,
    as_json: Json = False,
) -> None:
    from tallystick.cli import trying

    last = None if until is None else until.date()
    trying.try_rules(
        organization, file, since=since.date(), until=last, limit=limit, as_json=as_json
    )
