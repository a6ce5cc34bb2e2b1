"""Make, change, switch on and off, and remove the rules of an organization.

Each change raises the version of the rule and of the organization's rules, and keeps the rule as it
became; what it was before stands in the version before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.kernel import events, ids, positions, rows, versions
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties import customers, organizations
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS
from tallystick.rules import catalog, conditions, queries
from tallystick.rules.facts import FOLLOWED, TRIGGERS, Trigger
from tallystick.rules.models import READINGS, RULE_VERSIONS, RULES
from tallystick.rules.queries import RuleDocument

RULES_MAX: Final = 50
"""Rules of one organization that are there at once, switched on or off."""
PRIORITY_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class RuleContent:
    """All that a person says of a rule; condition and actions as they were written."""

    name: str
    trigger: Trigger
    actions: Any
    condition: Any = None
    """None applies always."""
    customer_id: UUID | None = None
    customer_kind: str | None = None
    priority: int = 100
    enabled: bool = True
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class CreateRule:
    """A new rule."""

    act: Act
    content: RuleContent


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """Put another content in the place of a rule's, if it still has this version."""

    act: Act
    rule_id: UUID
    version: int | None
    content: RuleContent


@dataclass(frozen=True, slots=True)
class EnableRule:
    """Switch a rule on or off."""

    act: Act
    rule_id: UUID
    enabled: bool


@dataclass(frozen=True, slots=True)
class RemoveRule:
    """Take a rule away; what it did stays."""

    act: Act
    rule_id: UUID
    version: int | None = None


def create_rules(conn: Connection, commands: Sequence[CreateRule]) -> list[Answer[RuleDocument]]:
    """Make rules. Locks the organization, so the rules of one change one after another.

    Refuses:
        rule.malformed: with the place in condition or actions, and what is allowed there.
        rule.name_taken: by a rule that stands; a file of rules knows them by their names.
        rule.too_many
        customer.unknown: for the one customer that it is about.
        organization.unknown, organization.inactive
    """
    return each(conn, commands, _create)


def change_rules(conn: Connection, commands: Sequence[ChangeRule]) -> list[Answer[RuleDocument]]:
    """Change rules. Locks the organization.

    Refuses:
        rule.unknown, precondition.stale, and the codes of `create_rules`.
    """
    return each(conn, commands, _change)


def enable_rules(conn: Connection, commands: Sequence[EnableRule]) -> list[Answer[RuleDocument]]:
    """Switch rules on or off. Locks the organization.

    Refuses:
        rule.unknown, organization.unknown, organization.inactive
    """
    return each(conn, commands, _enable)


def remove_rules(conn: Connection, commands: Sequence[RemoveRule]) -> list[Answer[RuleDocument]]:
    """Take rules away. Locks the organization.

    Refuses:
        rule.unknown, precondition.stale, organization.unknown, organization.inactive
    """
    return each(conn, commands, _remove)


def _create(conn: Connection, command: CreateRule) -> RuleDocument:
    place = locked(conn, command.act)
    standing = queries.standing(conn, place.organization.id)
    bound(len(standing) + 1)
    values = checked(place.conn, place.organization, command.content)
    _check_free(command.content.name, standing)
    return created(place, values)


def bound(count: int) -> None:
    """Refuse more rules than there may be, with rule.too_many."""
    if count > RULES_MAX:
        message = f"An organization has at most {RULES_MAX} rules. Remove one that is not needed."
        raise Refused("rule.too_many", message)


def _check_free(name: str, standing: Sequence[RuleDocument]) -> None:
    if any(each["name"] == name for each in standing):
        message = f"There is a rule {shown(name)} already. Choose another name."
        raise Refused("rule.name_taken", message, pointer="/name")


def created(place: "Place", values: dict[str, Any]) -> RuleDocument:
    """Write a rule of the values that `checked` gave."""
    act = place.act
    row = {
        "organization_id": act.organization_id,
        "id": ids.new(),
        **values,
        "version": 1,
        "created_at": act.at,
        "updated_at": act.at,
        "removed_at": None,
    }
    writes = Writes()
    writes.add(RULES, row)
    return _written(place, writes, row, "rule.created", None)


def _change(conn: Connection, command: ChangeRule) -> RuleDocument:
    place = locked(conn, command.act)
    before = _rule(conn, command.act, command.rule_id)
    versions.check(before.version, command.version)
    values = checked(place.conn, place.organization, command.content)
    if command.content.name != before.name:
        # Two that had one name before this was refused can be changed, one by one.
        _check_free(command.content.name, queries.standing(conn, place.organization.id))
    return updated(place, before, values, "rule.changed")


def _enable(conn: Connection, command: EnableRule) -> RuleDocument:
    place = locked(conn, command.act)
    before = _rule(conn, command.act, command.rule_id)
    if before.enabled == command.enabled:
        return queries.document(before._asdict())
    kind = "rule.enabled" if command.enabled else "rule.disabled"
    values = {"enabled": command.enabled}
    return updated(place, before, values, kind)


def _remove(conn: Connection, command: RemoveRule) -> RuleDocument:
    place = locked(conn, command.act)
    before = _rule(conn, command.act, command.rule_id)
    versions.check(before.version, command.version)
    values = {"enabled": False, "removed_at": command.act.at}
    return updated(place, before, values, "rule.removed")


def locked(conn: Connection, act: Act) -> "Place":
    """Lock the organization of an act.

    Refuses:
        organization.unknown, organization.inactive
    """
    found = rows.find(conn, [ORGANIZATIONS.c.id], [(act.organization_id,)], lock=True)
    if not found:
        raise organizations.unknown(act.organization_id)
    if not found[0].active:
        raise organizations.inactive(found[0].name)
    return Place(conn, act, found[0])


def _rule(conn: Connection, act: Act, rule_id: UUID) -> Row[Any]:
    found = queries.find(conn, act.organization_id, rule_id)
    if found is None or found.removed_at is not None:
        raise queries.unknown(rule_id)
    return found


def checked(conn: Connection, organization: Row[Any], content: RuleContent) -> dict[str, Any]:
    """Check a content whole, and give it in the columns of its row.

    Refuses:
        rule.malformed, customer.unknown
    """
    if content.trigger not in TRIGGERS:
        raise conditions.unknown_name("/trigger", "trigger", content.trigger, TRIGGERS)
    if not 0 <= content.priority <= PRIORITY_MAX:
        message = f"A priority is from 0 to {PRIORITY_MAX}; lower ones come first."
        raise conditions.malformed("/priority", message)
    ends = content.valid_from, content.valid_until
    if ends[0] is not None and ends[1] is not None and ends[1] < ends[0]:
        message = f"The last day, {shown(ends[1])}, is before the first, {shown(ends[0])}."
        raise conditions.malformed("/valid_until", message)
    _check_customer(conn, organization, content)
    currency, trigger = organization.currency, content.trigger
    condition = content.condition
    if condition is not None:
        condition = conditions.write(conditions.read(condition, trigger, currency), currency)
    actions = catalog.read(content.actions, trigger, currency)
    return {
        "name": content.name,
        "fires_on": trigger,
        "currency": currency,
        "customer_id": content.customer_id,
        "customer_kind": content.customer_kind,
        "form": {
            "condition": condition,
            "actions": [catalog.write(action, currency) for action in actions],
        },
        "priority": content.priority,
        "enabled": content.enabled,
        "valid_from": content.valid_from,
        "valid_until": content.valid_until,
    }


def _check_customer(conn: Connection, organization: Row[Any], content: RuleContent) -> None:
    if content.customer_id is None:
        return
    if content.customer_kind is not None:
        message = "A rule is about one customer or about a kind of customers, not both."
        raise conditions.malformed("/customer_kind", message)
    key = organization.id, content.customer_id
    if not rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], [key]):
        refusal = customers.unknown(content.customer_id).refusal
        raise Refused(refusal.code, refusal.detail, pointer="/customer_id")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule is written: one act in a locked organization."""

    conn: Connection
    act: Act
    organization: Row[Any]


def updated(place: Place, before: Row[Any], values: dict[str, Any], kind: str) -> RuleDocument:
    """Write other values over those of a rule, and what kind of change that is."""
    act = place.act
    changed = {**values, "version": before.version + 1, "updated_at": act.at}
    writes = Writes()
    writes.change(RULES, {"organization_id": act.organization_id, "id": before.id}, changed)
    was = before._asdict()
    return _written(place, writes, was | changed, kind, queries.document(was))


def _written(
    place: Place, writes: Writes, row: dict[str, Any], kind: str, before: RuleDocument | None
) -> RuleDocument:
    act, document = place.act, queries.document(row)
    version = {
        "organization_id": act.organization_id,
        "rule_id": row["id"],
        "version": row["version"],
        "content": document,
        "at": act.at,
    }
    writes.add(RULE_VERSIONS, version)
    if row["fires_on"] in FOLLOWED and row["enabled"]:
        _follow_from_here(place, writes, row["id"])
    raised = {"rules_version": (place.organization.rules_version or 0) + 1}
    writes.change(ORGANIZATIONS, {"id": act.organization_id}, raised)
    told = {"rule_id": str(row["id"]), "version": row["version"]}
    was = None if before is None else _content(before)
    events.emit(writes, act, kind, row["id"], told, before=was, after=_content(document))
    writes.flush(place.conn)
    return document


def _follow_from_here(place: Place, writes: Writes, rule_id: UUID) -> None:
    """Have the events read from here on: what happened before is none of the rule's business.

    Where another rule follows them too, they are read on for it from where they were.
    """
    conn, organization_id = place.conn, place.act.organization_id
    here = [(organization_id,)]
    for row in rows.find(conn, [RULES.c.organization_id], here):
        if row.id != rule_id and row.enabled and row.fires_on in FOLLOWED:
            return
    # Whoever reads just now is waited for, so that the position never goes back.
    found = rows.find(conn, [READINGS.c.organization_id], here, lock=True)
    reached = {"position": positions.reached(conn, organization_id)}
    if found:
        writes.change(READINGS, {"organization_id": organization_id}, reached)
    else:
        writes.add(READINGS, {"organization_id": organization_id, **reached})


def _content(document: RuleDocument) -> dict[str, Any]:
    told = {"id", "version", "created_at", "updated_at", "sentence"}
    return {name: value for name, value in document.items() if name not in told}
