"""The rules of an organization as they are asked: read once for each version of them.

Whoever writes in an organization has its row, and that says which version its rules have. So a
process that has read them asks the database nothing, and one whose organization has none neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.kernel import rows
from tallystick.parties.models import ORGANIZATIONS
from tallystick.rules import catalog, conditions
from tallystick.rules.catalog import Action
from tallystick.rules.conditions import Condition
from tallystick.rules.facts import Facts, Subject, Trigger
from tallystick.rules.models import RULES

KEPT_MAX: Final = 1_000
"""Organizations whose rules one process remembers."""


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """One rule that is switched on, ready to be asked."""

    id: UUID
    version: int
    name: str
    fires_on: Trigger
    currency: str
    customer_id: UUID | None
    customer_kind: str | None
    condition: Condition | None
    """None always holds."""
    actions: tuple[Action, ...]
    valid_from: date | None
    valid_until: date | None
    asks: frozenset[Subject]
    """What it has to know of."""
    updated_at: datetime | None = None
    """Since when it is as it is; None for one that was not saved."""

    def applies(self, facts: Facts, today: date) -> bool:
        """Tell whether it is about this case, and its condition holds."""
        return (
            (self.valid_from is None or self.valid_from <= today)
            and (self.valid_until is None or today <= self.valid_until)
            and (self.customer_id is None or facts["customer.id"] == self.customer_id)
            and (self.customer_kind is None or facts["customer.kind"] == self.customer_kind)
            and (self.condition is None or conditions.holds(self.condition, facts))
        )


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of one organization that are switched on, those that come first first."""

    by_trigger: Mapping[Trigger, Sequence[ActiveRule]]

    def on(self, trigger: Trigger, currency: str) -> Sequence[ActiveRule]:
        """List the rules for something that happens in a currency."""
        return [rule for rule in self.by_trigger.get(trigger, ()) if rule.currency == currency]

    def asks(self, trigger: Trigger, subject: Subject) -> bool:
        """Tell whether any rule for a trigger asks about a subject."""
        return any(subject in rule.asks for rule in self.by_trigger.get(trigger, ()))


EMPTY: Final = Rulebook({})


def of(conn: Connection, organization: Row[Any]) -> Rulebook:
    """Give the rules of an organization, whose row was read in this transaction."""
    if not organization.rules_version:
        return EMPTY
    key = organization.id, organization.rules_version
    known = _BOOKS.get(key)
    if known is not None:
        return known
    book = _read(conn, organization.id)
    statement = select(ORGANIZATIONS.c.rules_version).where(ORGANIZATIONS.c.id == organization.id)
    # Somebody may have changed the rules since the row was read; then nothing is remembered.
    if conn.execute(statement).scalar_one() == organization.rules_version:
        if len(_BOOKS) >= KEPT_MAX:
            _BOOKS.clear()
        _BOOKS[key] = book
    return book


_BOOKS: Final[dict[tuple[UUID, int], Rulebook]] = {}


OF_ROW: Final = (
    *("id", "version", "name", "fires_on", "currency"),
    *("customer_id", "customer_kind", "valid_from", "valid_until", "updated_at"),
)
"""What a rule that is ready takes from its row as it is."""


def active(row: Row[Any]) -> ActiveRule:
    """Make a rule ready from its row; what was saved was checked."""
    return make(row.form, **{name: getattr(row, name) for name in OF_ROW})


def make(form: Mapping[str, Any], **values: Any) -> ActiveRule:
    """Make a rule ready from its form.

    Refuses:
        rule.malformed
    """
    trigger, currency = values["fires_on"], values["currency"]
    written = form.get("condition")
    condition = None if written is None else conditions.read(written, trigger, currency, kept=True)
    asks: set[Subject] = set()
    if condition is not None:
        asks = {test.field.subject for test in conditions.tests(condition)}
    if values["customer_kind"] is not None:
        asks.add("customer")
    return ActiveRule(
        condition=condition,
        actions=catalog.read(form.get("actions"), trigger, currency),
        asks=frozenset(asks),
        **values,
    )


def _read(conn: Connection, organization_id: UUID) -> Rulebook:
    found = [
        row
        for row in rows.find(conn, [RULES.c.organization_id], [(organization_id,)])
        if row.enabled and row.removed_at is None
    ]
    by_trigger: dict[Trigger, list[ActiveRule]] = {}
    for row in sorted(found, key=lambda row: (row.priority, row.id)):
        by_trigger.setdefault(row.fires_on, []).append(active(row))
    return Rulebook(by_trigger)
