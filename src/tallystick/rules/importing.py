"""Take over the rules of a file: all of them or none, and none twice.

A rule is known by its name. What stands in the organization and not in the file is left alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.kernel import rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refusal, Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.rules import conditions, managing
from tallystick.rules.managing import Place, RuleContent
from tallystick.rules.models import RULES


class Imported(TypedDict):
    """The names of the rules, by what became of them."""

    added: list[str]
    changed: list[str]
    unchanged: list[str]


@dataclass(frozen=True, slots=True)
class ImportRules:
    """The rules of one file, in its order."""

    act: Act
    rules: tuple[RuleContent, ...]


def import_rules(conn: Connection, commands: Sequence[ImportRules]) -> list[Answer[Imported]]:
    """Add the rules that are new, and change those that differ. Locks the organization.

    Refuses:
        the codes of `managing.create_rules`, for the first rule that is wrong, with its place.
    """
    return each(conn, commands, _import)


def check_rules(conn: Connection, act: Act, rules: Sequence[RuleContent]) -> list[Refusal | None]:
    """Judge rules that are to be imported together, and write nothing. Locks the organization.

    Raises:
        Refused: organization.unknown, organization.inactive.
    """
    judged = _judged(managing.locked(conn, act), rules)
    return [found if isinstance(found, Refusal) else None for found in judged]


def _import(conn: Connection, command: ImportRules) -> Imported:
    place = managing.locked(conn, command.act)
    named = _named(conn, place.organization.id)
    new = {content.name for content in command.rules} - named.keys()
    managing.bound(sum(map(len, named.values())) + len(new))
    done: Imported = {"added": [], "changed": [], "unchanged": []}
    for index, values in enumerate(_judged(place, command.rules)):
        if isinstance(values, Refusal):
            pointer = f"/rules/{index}{values.pointer}"
            raise Invalid(values.code, values.detail, pointer=pointer)
        name = values["name"]
        if name not in named:
            managing.created(place, values)
            done["added"].append(name)
            continue
        [before] = named[name]
        if all(getattr(before, column) == value for column, value in values.items()):
            done["unchanged"].append(name)
            continue
        managing.updated(place, before, values, "rule.changed")
        done["changed"].append(name)
    return done


def _judged(place: Place, rules: Sequence[RuleContent]) -> list[dict[str, Any] | Refusal]:
    """Give the columns of each rule, or why it cannot be one."""
    named = _named(place.conn, place.organization.id)
    counts = Counter(content.name for content in rules)
    judged: list[dict[str, Any] | Refusal] = []
    for content in rules:
        try:
            if counts[content.name] > 1:
                message = f"{counts[content.name]} rules in the file are called so."
                raise conditions.malformed("/name", message)
            if len(named.get(content.name, ())) > 1:
                message = (
                    f"Several rules of the organization are called {shown(content.name)}. Rename "
                    "all but one, so that it is known which one is meant."
                )
                raise conditions.malformed("/name", message)
            judged.append(managing.checked(place.conn, place.organization, content))
        except Refused as refused:
            judged.append(refused.refusal)
    return judged


def _named(conn: Connection, organization_id: UUID) -> dict[str, list[Row[Any]]]:
    """Read the rules that stand, by their names."""
    named: dict[str, list[Row[Any]]] = {}
    for row in rows.find(conn, [RULES.c.organization_id], [(organization_id,)]):
        if row.removed_at is None:
            named.setdefault(row.name, []).append(row)
    return named
