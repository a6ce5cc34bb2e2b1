"""What is configured in an organization, whatever it is kept as, and the use cases that change it.

Whoever adds or changes a configuration here holds the block of their numbers first, so two who add
the same one at once make one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, count
from typing import Any, Final, TypedDict, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from tallystick.kernel import alias_numbers, ids
from tallystick.kernel.actor import Act
from tallystick.kernel.alias_numbers import Block
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer, each
from tallystick.parties import across as parties
from tallystick.parties.customers import ChangeCustomer, change_customers, get_customer
from tallystick.parties.organizations import (
    ChangeOrganization,
    change_organizations,
    get_organization,
)
from tallystick.rules import queries as rules
from tallystick.rules.managing import (
    ChangeRule,
    CreateRule,
    RemoveRule,
    RuleContent,
    change_rules,
    create_rules,
    remove_rules,
)
from tallystick.rules.queries import RuleDocument
from tallystick.web.dialects.configurable_payments import words
from tallystick.web.dialects.configurable_payments.numbers import CONFIGURATION, NAME
from tallystick.web.dialects.configurable_payments.words import Settles, Tolerates, Wanted

T = TypeVar("T")

TAKEN: Final = "rule.taken"
FIXED: Final = "rule.fixed"


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration: a rule, or the tolerance of a customer or of the organization itself."""

    object_id: UUID
    rule: RuleDocument | None = None
    tolerance: int = 0
    """In minor units."""


@dataclass(frozen=True, slots=True)
class SetConfiguration:
    """Configure something; what was configured under the same conditions is replaced."""

    act: Act
    wanted: Wanted
    instead_of: UUID | None = None
    """What is replaced, whatever its conditions; None finds out."""


@dataclass(frozen=True, slots=True)
class RemoveConfiguration:
    """Take a configuration away."""

    act: Act
    object_id: UUID


class Kept(TypedDict):
    """What became of a configuration."""

    number: int
    added: bool
    """Whether there was none under these conditions."""


def standing(conn: Connection, organization_id: UUID) -> list[Configured]:
    """List what is configured in an organization and has words in the contract."""
    organization = get_organization(conn, organization_id)
    found = [
        Configured(UUID(each["id"]), rule=each)
        for each in rules.standing(conn, organization_id)
        if words.can_be_written(each, organization["currency"])
    ]
    if organization["payment_tolerance"]:
        found.append(Configured(organization_id, tolerance=organization["payment_tolerance"]))
    tolerances = parties.tolerances(conn, organization_id)
    return found + [Configured(each, tolerance=amount) for each, amount in tolerances.items()]


def set_configurations(
    conn: Connection, commands: Sequence[SetConfiguration]
) -> list[Answer[Kept]]:
    """Add configurations or replace them.

    Refuses:
        TAKEN: another one has the conditions that this one is to have.
        FIXED: a configuration stays what it is, and a tolerance whose it is.
        rule.unknown, rule.too_many, customer.unknown, customer.erased, organization.inactive
    """
    block = Block(conn, NAME, CONFIGURATION)
    return each(conn, commands, partial(_set, block))


def remove_configurations(
    conn: Connection, commands: Sequence[RemoveConfiguration]
) -> list[Answer[None]]:
    """Take configurations away; of a tolerance, what held without it holds again.

    Refuses:
        rule.unknown, customer.unknown, customer.erased, organization.inactive
    """
    Block(conn, NAME, CONFIGURATION)
    return each(conn, commands, _remove)


def _set(block: Block, conn: Connection, command: SetConfiguration) -> Kept:
    act = command.act
    if isinstance(command.wanted, Settles):
        object_id, added = _settle(conn, command, command.wanted)
    else:
        object_id, added = _tolerate(conn, command, command.wanted)
    given = block.give([alias_numbers.Wanted(act.organization_id, object_id)], act.at)
    return {"number": given[object_id].number, "added": added}


def _settle(conn: Connection, command: SetConfiguration, wanted: Settles) -> tuple[UUID, bool]:
    act, target = _inner(command.act), command.instead_of
    known = {
        each.object_id: each.rule
        for each in standing(conn, act.organization_id)
        if each.rule is not None
    }
    if target is not None and target not in known:
        raise _fixed()
    same = [each for each, rule in known.items() if rule["condition"] == wanted.condition]
    if target is not None and set(same) - {target}:
        message = "Another configuration has these conditions. Change that one, or delete it."
        raise Refused(TAKEN, message)
    target = target or (same[0] if same else None)
    content = RuleContent(
        name=_free_name(conn, act.organization_id, wanted.name, target),
        trigger="payment_settled",
        actions=words.SETTLES,
        condition=wanted.condition,
    )
    if target is None:
        return UUID(_done(create_rules(conn, [CreateRule(act, content)]))["id"]), True
    before = known[target]
    name = before["name"] if target in same else content.name
    content = replace(content, name=name, priority=before["priority"])
    _done(change_rules(conn, [ChangeRule(act, target, None, content)]))
    return target, False


def _free_name(conn: Connection, organization_id: UUID, wanted: str, target: UUID | None) -> str:
    """Make a name that no other rule has: the contract has no names, so none may be in the way."""
    standing = rules.standing(conn, organization_id)
    taken = {each["name"] for each in standing if each["id"] != str(target)}
    numbered = (f"{wanted} ({number})" for number in count(2))
    return next(name for name in chain([wanted], numbered) if name not in taken)


def _tolerate(conn: Connection, command: SetConfiguration, wanted: Tolerates) -> tuple[UUID, bool]:
    place = command.act.organization_id
    object_id = wanted.customer_id or place
    if command.instead_of not in {None, object_id}:
        raise _fixed()
    if wanted.customer_id is None:
        added = not get_organization(conn, place)["payment_tolerance"]
    else:
        added = get_customer(conn, place, object_id)["payment_tolerance"] is None
    _change_tolerance(conn, command.act, object_id, wanted.amount)
    return object_id, added


def _change_tolerance(conn: Connection, act: Act, object_id: UUID, amount: int | None) -> None:
    changes: dict[str, Any] = {"payment_tolerance": amount}
    if object_id == act.organization_id:
        changes = {"payment_tolerance": amount or 0}
        _done(change_organizations(conn, [ChangeOrganization(_inner(act), None, changes)]))
    else:
        _done(change_customers(conn, [ChangeCustomer(_inner(act), object_id, None, changes)]))


def _remove(conn: Connection, command: RemoveConfiguration) -> None:
    act, object_id = command.act, command.object_id
    known = {each.object_id: each for each in standing(conn, act.organization_id)}
    if object_id not in known:
        raise Refused("rule.unknown", "This configuration was deleted meanwhile.")
    if known[object_id].rule is None:
        _change_tolerance(conn, act, object_id, None)
    else:
        _done(remove_rules(conn, [RemoveRule(_inner(act), object_id)]))


def _inner(act: Act) -> Act:
    """Make the act of the one command that does it; the act's own key has the answer here."""
    return replace(act, key=f"config:{ids.derived(act.organization_id, act.key)}")


def _done(answers: list[Answer[T]]) -> T:
    [answer] = answers
    if isinstance(answer.outcome, Refusal):
        refusal = answer.outcome
        raise Refused(refusal.code, refusal.detail, pointer=refusal.pointer, facts=refusal.facts)
    return answer.outcome


def _fixed() -> Refused:
    message = (
        "The instance_type of a configuration does not change, nor whose threshold it is. Delete "
        "it and add another."
    )
    return Refused(FIXED, message)
