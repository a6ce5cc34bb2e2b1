"""Charge a late fee or interest on an overdue invoice, because a rule says so.

The charge is an invoice of its own that relates to the first one, which never changes. It is no
invoice that anything is charged on again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import facts, queries
from tallystick.invoices.content import DraftContent
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.models import LATE_CHARGES
from tallystick.invoices.states import Standing
from tallystick.invoices.totals import MILLION, PERCENT_DECIMALS, Line
from tallystick.kernel import clock, decimals, ids, money, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named
from tallystick.rules import firing, rulebook
from tallystick.rules.catalog import Action
from tallystick.rules.facts import Facts
from tallystick.rules.firing import About, Result
from tallystick.rules.models import FIRINGS
from tallystick.rules.rulebook import ActiveRule

DAYS_OF_YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class ChargeLate:
    """Do the step of a rule on an invoice, if it is due."""

    act: Act
    rule_id: UUID
    invoice_id: UUID


class Charged(TypedDict):
    """What became of a step."""

    invoice_id: str
    charge_id: str | None
    """The invoice with the charge; None where there is nothing to charge, or it was refused."""


@dataclass(frozen=True, slots=True)
class Case:
    """An overdue invoice, and a rule that is about it."""

    rule: ActiveRule
    invoice: Standing
    facts: Facts
    today: date

    @property
    def action(self) -> Action:
        """The one action of a rule that is a step."""
        return self.rule.actions[0]

    def is_due(self, fired_on: date | None) -> bool:
        """Tell whether the step is to be done now; `fired_on` is when it last was."""
        invoice, values = self.invoice, self.action.values
        if invoice.status != "open" or invoice.open_due == 0 or invoice.due_date is None:
            return False
        ripe = invoice.due_date + timedelta(days=values["after_days"])
        if fired_on is not None:
            every = values.get("every_days")
            if every is None:
                return False
            ripe = max(ripe, fired_on + timedelta(days=every))
        return ripe <= self.today and self.rule.applies(self.facts, self.today)


def case_of(
    rule: ActiveRule, invoice: Standing, organization: Row[Any], customer: Row[Any], today: date
) -> Case:
    """Put together what a step is judged on."""
    known = {**facts.invoice_facts(invoice, today), **facts.party_facts(organization, customer)}
    return Case(rule, invoice, known, today)


def interest(due: int, rate_ppm: int, days: int) -> int:
    """Compute simple interest by a yearly rate for days, rounded once.

    Source: Actual/365 (Fixed), 2006 ISDA Definitions section 4.16 (d).
    """
    return money.divide_rounded(due * rate_ppm * days, MILLION * DAYS_OF_YEAR)


def charge_late(conn: Connection, commands: Sequence[ChargeLate]) -> list[Answer[Charged]]:
    """Issue what rules charge on overdue invoices, and keep why. Each step happens once.

    All is judged under the lock of the invoice: what was paid, or charged by another worker,
    meanwhile is seen. A charge that is refused is kept as such, and not tried again. Locks the
    invoices, then the counters of their series.

    Refuses:
        invoice.unknown, organization.inactive
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    queries.lock_invoices(
        conn, [(command.act.organization_id, command.invoice_id) for command in commands]
    )
    return each(conn, commands, _charge)


def _charge(conn: Connection, command: ChargeLate) -> Charged:
    act = command.act
    place = act.organization_id, command.invoice_id
    invoice = queries.lock_invoices(conn, [place]).get(place)
    if invoice is None:
        raise queries.unknown(command.invoice_id)
    named = Named(
        conn,
        organization_ids=[act.organization_id],
        customer_ids=[(act.organization_id, invoice.customer_id)],
    )
    organization = named.organization(act.organization_id)
    customer = named.customer(act.organization_id, invoice.customer_id)
    nothing: Charged = {"invoice_id": str(invoice.id), "charge_id": None}
    rule = _rule(conn, organization, command.rule_id, invoice.currency)
    if rule is None or not customer.active or _is_charge(conn, place):
        return nothing
    today = clock.day(act.at, organization.time_zone)
    case = case_of(rule, invoice, organization, customer, today)
    before = _before(conn, place, rule.id)
    fired_on = clock.day(before[-1].at, organization.time_zone) if before else None
    if not case.is_due(fired_on):
        return nothing
    step = _step(case, ids.derived(rule.id, f"{invoice.id} {len(before)}"), _since(conn, case))
    if step.amount == 0:
        return nothing
    return {**nothing, "charge_id": _issue(conn, act, case, step)}


def _rule(
    conn: Connection, organization: Row[Any], rule_id: UUID, currency: str
) -> ActiveRule | None:
    standing = rulebook.of(conn, organization).on("invoice_overdue", currency)
    return next((rule for rule in standing if rule.id == rule_id), None)


def _is_charge(conn: Connection, place: tuple[UUID, UUID]) -> bool:
    columns = [LATE_CHARGES.c.organization_id, LATE_CHARGES.c.invoice_id]
    return bool(rows.find(conn, columns, [place]))


def _before(conn: Connection, place: tuple[UUID, UUID], rule_id: UUID) -> list[Row[Any]]:
    """List the steps of a rule on a locked invoice, the oldest first."""
    found = rows.find(conn, [FIRINGS.c.organization_id, FIRINGS.c.invoice_id], [place])
    return sorted((row for row in found if row.rule_id == rule_id), key=lambda row: row.at)


def _since(conn: Connection, case: Case) -> date:
    """Say from when on interest was not charged yet, by whichever rule."""
    invoice = case.invoice
    assert invoice.due_date is not None, "what is overdue has a due date"
    columns = [LATE_CHARGES.c.organization_id, LATE_CHARGES.c.relates_to]
    charges = rows.find(conn, columns, [(invoice.organization_id, invoice.id)])
    charged: list[date] = [row.charged_until for row in charges if row.charged_until is not None]
    return max([invoice.due_date, *charged])


@dataclass(frozen=True, slots=True)
class _Step:
    """What is charged, and the name under which it is charged once."""

    once_id: UUID
    amount: int
    text: str
    charged_until: date | None = None


def _step(case: Case, once_id: UUID, since: date) -> _Step:
    invoice, values, due = case.invoice, case.action.values, case.invoice.open_due
    if case.action.kind.name == "add_interest":
        days = (case.today - since).days
        rate = decimals.scaled_text(values["percent"], PERCENT_DECIMALS)
        on = f"{money.text(due, invoice.currency)} {invoice.currency}"
        span = f"{days} {'day' if days == 1 else 'days'}"
        text = f"Interest for {invoice.number}: {rate} % a year on {on} for {span}"
        return _Step(once_id, interest(due, values["percent"], days), text, case.today)
    late = case.facts["invoice.days_overdue"]
    text = f"Late fee for {invoice.number}, {late} {'day' if late == 1 else 'days'} overdue"
    if "amount" in values:
        return _Step(once_id, values["amount"], text)
    return _Step(once_id, money.divide_rounded(due * values["percent"], MILLION), text)


def _issue(conn: Connection, act: Act, case: Case, step: _Step) -> str | None:
    """Issue the charge by the use case that a person would use, and keep why."""
    invoice, name = case.invoice, case.action.kind.name
    line = Line(step.text, MILLION, step.amount, 0)
    content = DraftContent(invoice.customer_id, invoice.currency, (line,), relates_to=invoice.id)
    command = IssueNew(firing.act_of(case.rule, act, step.once_id, name), content)
    outcome = issue_new(conn, [command])[0].outcome
    if isinstance(outcome, Refusal):
        result = firing.refused(name, outcome)
    else:
        charged = f"{money.text(step.amount, invoice.currency)} {invoice.currency}"
        detail = f"{charged} are charged by {outcome['number']}. {step.text}."
        result = Result(name, "applied", detail=detail, amount=step.amount)
    about = About(customer_id=invoice.customer_id, invoice_id=invoice.id)
    fired = firing.Fired(case.rule, act, step.once_id, about, case.facts).row([result])
    writes = Writes()
    writes.add(FIRINGS, fired)
    # What was decided on is changed too, so that an engine that certifies at commit notices.
    invoice.changed = True
    queries.write_standings(writes, [invoice], act.at)
    charge_id = None
    if not isinstance(outcome, Refusal):
        charge_id = outcome["id"]
        charge = {
            "organization_id": act.organization_id,
            "invoice_id": UUID(charge_id),
            "relates_to": invoice.id,
            "firing_id": fired["id"],
            "charged_until": step.charged_until,
        }
        writes.add(LATE_CHARGES, charge)
    writes.flush(conn)
    return charge_id
