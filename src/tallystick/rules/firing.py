"""What came of a rule that applied, as a row of the log; and the act in which a rule does it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from tallystick.kernel import ids
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.errors import Refusal
from tallystick.rules.facts import Facts, Value
from tallystick.rules.rulebook import ActiveRule


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one action."""

    action: str
    outcome: str
    """applied, refused, or idle where there was nothing to do."""
    code: str | None = None
    detail: str | None = None
    amount: int | None = None
    """What was moved, in minor units."""


@dataclass(frozen=True, slots=True)
class About:
    """What a rule fires on."""

    customer_id: UUID | None = None
    payment_id: UUID | None = None
    invoice_id: UUID | None = None


def refused(action: str, refusal: Refusal) -> Result:
    """Say why an action could not be done."""
    return Result(action, "refused", refusal.code, refusal.detail)


def act_of(rule: ActiveRule, act: Act, once_id: UUID, action: str) -> Act:
    """Make the act of a rule: done by the rule, and once."""
    actor = Actor("rule", rule.id, rule.name, act.organization_id)
    key = f"rule:{ids.derived(once_id, action)}"
    return replace(act, actor=actor, key=key, fingerprint="rule", address="")


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that applied, to what, and what it saw."""

    rule: ActiveRule
    act: Act
    once_id: UUID
    """Names this firing, the same however often it is tried."""
    about: About
    facts: Facts

    def row(self, results: Sequence[Result]) -> dict[str, Any]:
        """Lay out what came of it."""
        refused_any = any(result.outcome == "refused" for result in results)
        return {
            "organization_id": self.act.organization_id,
            "id": ids.new(),
            "once_id": self.once_id,
            "rule_id": self.rule.id,
            "rule_version": self.rule.version,
            "fires_on": self.rule.fires_on,
            **asdict(self.about),
            "facts": {name: _plain(value) for name, value in self.facts.items()},
            "outcome": "refused" if refused_any else "applied",
            "results": [asdict(result) for result in results],
            "at": self.act.at,
        }


def _plain(value: Value) -> Any:
    """Write a fact for JSON; amounts stay minor units."""
    if isinstance(value, UUID | date):
        return str(value)
    return value
