"""Charge a late fee or interest on an overdue invoice, because a rule says so.

The charge is an invoice of its own that relates to the first one, which never changes. It is no
invoice that anything is charged on again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries
from tallystick.invoices.content import DraftContent
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.models import LATE_CHARGES
from tallystick.invoices.totals import MILLION, Line
from tallystick.kernel import clock, money, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named
from tallystick.payments import lateness
from tallystick.payments.lateness import Case, Step
from tallystick.rules import firing, rulebook
from tallystick.rules.firing import About, Result
from tallystick.rules.models import FIRINGS
from tallystick.rules.rulebook import ActiveRule


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
    [case] = lateness.cases(conn, rule, organization, [invoice], today)
    step = case.step
    return nothing if step is None else {**nothing, "charge_id": _issue(conn, act, case, step)}


def _rule(
    conn: Connection, organization: Row[Any], rule_id: UUID, currency: str
) -> ActiveRule | None:
    standing = rulebook.of(conn, organization).on("invoice_overdue", currency)
    return next((rule for rule in standing if rule.id == rule_id), None)


def _is_charge(conn: Connection, place: tuple[UUID, UUID]) -> bool:
    columns = [LATE_CHARGES.c.organization_id, LATE_CHARGES.c.invoice_id]
    return bool(rows.find(conn, columns, [place]))


def _issue(conn: Connection, act: Act, case: Case, step: Step) -> str | None:
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
