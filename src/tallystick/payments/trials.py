"""What a dry run is: a rule, the days over which it is tried, and what it comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypedDict
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row

from tallystick.invoices.states import Standing
from tallystick.kernel import clock, ids, rows
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.parties.models import ORGANIZATIONS
from tallystick.payments import ruling
from tallystick.rules import managing, rulebook
from tallystick.rules.facts import Facts, Trigger
from tallystick.rules.firing import Result
from tallystick.rules.managing import RuleContent
from tallystick.rules.rulebook import ActiveRule

FIRST: Final = date(1900, 1, 1)
"""The first day there is: an earlier one is a slip."""
TRIABLE: Final[tuple[Trigger, ...]] = ("payment_settled", "payment_recorded")

CAVEATS: Final[Mapping[str, str]] = {
    "keep_overpayment": "Payments that were refused because they were more than the due are not "
    "kept, so what the rule would have let in is not counted. The amount is what was left over of "
    "payments that were recorded, whatever let them in.",
    "hold_for_approval": "Whether somebody would have confirmed them is not known, and neither is "
    "when.",
}
"""What an estimate leaves out, by the name of the action."""


class Place(TypedDict):
    """Where a chunk ended."""

    at: datetime
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule and the time over which it is tried."""

    rule: ActiveRule
    organization: Row[Any]
    since: date
    until: date
    """The last day, in the organization's zone."""
    end: datetime
    """Until when: the end of the last day, or the moment at which the trial began."""

    @property
    def start(self) -> datetime:
        """The beginning of the first day."""
        return _midnight(self.since, self.organization.time_zone)

    def does(self, name: str) -> bool:
        """Tell whether an action is among the rule's."""
        return any(action.kind.name == name for action in self.rule.actions)


@dataclass(frozen=True, slots=True)
class Case:
    """A payment, and one of its invoices, to which the rule would have applied."""

    payment: Mapping[str, Any]
    invoice_id: UUID | None
    invoice_number: str | None
    at: datetime
    facts: Facts
    results: Sequence[Result]

    @property
    def fires(self) -> bool:
        """Tell whether the log would have a row of it."""
        return any(result.outcome != "idle" for result in self.results)

    @property
    def outcome(self) -> str:
        """Tell what the log would say: applied, or refused where an action could not be done."""
        refused = any(result.outcome == "refused" for result in self.results)
        return "refused" if refused else "applied"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some payments, in the order of time."""

    looked_at: int
    cases: Sequence[Case]
    next_after: Place | None
    """None where there are no more."""


@dataclass(slots=True)
class Sum:
    """What one action comes to."""

    applied: int = 0
    refused: int = 0
    idle: int = 0
    amount: int = 0
    """What is moved by those that are applied, in minor units."""


@dataclass(slots=True)
class Tally:
    """What a trial comes to until now."""

    looked_at: int = 0
    matched: int = 0
    """Payments of which the condition holds."""
    fires: int = 0
    """Cases in which something would have been done or refused."""
    sums: dict[str, Sum] = field(default_factory=dict)

    def add(self, chunk: Chunk) -> None:
        """Count a chunk."""
        self.looked_at += chunk.looked_at
        self.matched += len({case.payment["id"] for case in chunk.cases})
        self.fires += sum(case.fires for case in chunk.cases)
        for case in chunk.cases:
            for result in case.results:
                found = self.sums.setdefault(result.action, Sum())
                found.applied += result.outcome == "applied"
                found.refused += result.outcome == "refused"
                found.idle += result.outcome == "idle"
                found.amount += result.amount or 0


def prepare(
    conn: Connection,
    organization_id: UUID,
    content: RuleContent,
    *,
    since: date,
    until: date | None,
    now: datetime,
) -> Trial:
    """Check a rule as if it were saved, and the days over which it is to be tried.

    Refuses:
        the codes of `managing.create_rules` for what a rule says.
        rule.not_triable: it is about something else than payments.
        rule.period: the days end before they begin, or begin after today.
    """
    [organization] = rows.find(conn, [ORGANIZATIONS.c.id], [(organization_id,)])
    values = managing.checked(conn, organization, content)
    if values["fires_on"] not in TRIABLE:
        message = f"A dry run is of rules about {' and '.join(TRIABLE)}, not {content.trigger}."
        raise Refused("rule.not_triable", message, pointer="/trigger")
    today = clock.day(now, organization.time_zone)
    if since > today or since < FIRST:
        than = f"after today, {today}" if since > today else f"before {FIRST}"
        raise Invalid("rule.period", f"The first day, {since}, is {than}.", pointer="/since")
    last = min(until or today, today)
    if last < since:
        message = f"The last day, {shown(until)}, is before the first, {since}."
        raise Invalid("rule.period", message, pointer="/until")
    named = {name: values[name] for name in rulebook.OF_ROW if name in values}
    rule = rulebook.make(values["form"], id=ids.NIL, version=0, **named)
    until_now = now + timedelta(microseconds=1)
    end = min(_midnight(last + timedelta(days=1), organization.time_zone), until_now)
    return Trial(rule, organization, since, last, end)


class Known:
    """What does not change from payment to payment, or is known as it is today."""

    def __init__(self, conn: Connection, trial: Trial, found: Sequence[Row[Any]]) -> None:
        self._organization = trial.organization
        self._customers: Mapping[tuple[UUID, UUID], Facts] = {}
        if "customer" in trial.rule.asks:
            here = trial.organization.id
            theirs = [{"organization_id": here, "customer_id": row.customer_id} for row in found]
            self._customers = ruling.customer_facts(conn, theirs)

    def day(self, at: datetime) -> date:
        """Tell the day of a moment in the organization's zone."""
        return clock.day(at, self._organization.time_zone)

    def facts(self, payment: Mapping[str, Any], invoice: Standing | None, at: datetime) -> Facts:
        """Write down what the rule may ask."""
        customer = self._customers.get((self._organization.id, payment["customer_id"]), {})
        return {
            **ruling.facts_of(payment, invoice, today=self.day(at)),
            "organization.country": self._organization.country,
            **customer,
        }


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)
