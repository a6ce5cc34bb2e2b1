"""What an organization's rules make of a payment, in the transaction of the payment.

First it is found out which rules apply, from what the transaction has in its hands and without a
statement where the rules were read before. Only when the rows of the payments are written, and only
for rules that apply, the actions are done, each by the use case that a person would use.

An action settles no payment, so no rule makes another fire; and a rule fires on a payment and an
invoice once, whatever happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.facts import invoice_facts
from tallystick.invoices.models import INVOICES
from tallystick.invoices.states import Standing
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import clock, ids, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal
from tallystick.kernel.rows import Writes
from tallystick.parties.models import CUSTOMERS
from tallystick.parties.named import Named
from tallystick.payments import deciding, labelling
from tallystick.payments.allocating import Part
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.models import PAYMENTS
from tallystick.rules import rulebook
from tallystick.rules.catalog import Action, ActionName
from tallystick.rules.facts import Facts
from tallystick.rules.firing import About, Fired, Result, act_of, refused
from tallystick.rules.models import FIRINGS
from tallystick.rules.rulebook import ActiveRule

_ASKED_OF_CUSTOMERS: Final = (
    *(CUSTOMERS.c.organization_id, CUSTOMERS.c.id),
    *(CUSTOMERS.c.kind, CUSTOMERS.c.external_reference, CUSTOMERS.c.language),
)


@dataclass(frozen=True, slots=True)
class Settled:
    """One payment that was settled in this transaction."""

    act: Act
    payment: Mapping[str, Any]
    facts: Sequence[tuple[UUID | None, Facts]]
    """What is the case with each invoice that it pays, right after; once with none."""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that applies to a payment and one of its invoices."""

    rule: ActiveRule
    act: Act
    payment: Mapping[str, Any]
    invoice_id: UUID | None
    facts: Facts

    @property
    def once_id(self) -> UUID:
        """Name this firing, the same however often it is tried.

        A rule may have been about something else when it fired on the same payment before.
        """
        name = f"{self.rule.fires_on} {self.payment['id']} {self.invoice_id}"
        return ids.derived(self.rule.id, name)

    def does(self, name: ActionName) -> bool:
        """Tell whether an action is among the rule's."""
        return any(action.kind.name == name for action in self.rule.actions)


def settled(act: Act, payment: Mapping[str, Any], parts: Sequence[Part], today: date) -> Settled:
    """Keep what is the case right after a payment was settled; a later one may change it."""
    facts: list[tuple[UUID | None, Facts]] = [
        (part.invoice.id, facts_of(payment, part.invoice, today=today)) for part in parts
    ]
    return Settled(act, payment, facts or [(None, facts_of(payment, None, today=today))])


def facts_of(payment: Mapping[str, Any], invoice: Standing | None, *, today: date) -> Facts:
    """Write down what a rule may ask about a payment and one invoice of it."""
    facts: Facts = {
        "payment.amount": payment["amount"],
        "payment.unallocated": payment.get("unallocated"),
        "payment.method": payment["method"],
        "payment.currency": payment["currency"],
        "payment.paid_on": payment["paid_on"],
        "payment.reference": payment["reference"],
        "customer.id": payment["customer_id"],
    }
    return facts if invoice is None else {**facts, **invoice_facts(invoice, today)}


def matching(conn: Connection, named: Named, done: Sequence[Settled]) -> list[Match]:
    """Find the rules that apply to payments settled in this transaction, in their order.

    One statement for all customers of the batch, where any rule asks about them.
    """
    places = {
        each: named.known_organization(each) for each in {each.act.organization_id for each in done}
    }
    books = {each: rulebook.of(conn, place) for each, place in places.items()}
    curious = {each for each, book in books.items() if book.asks("payment_settled", "customer")}
    asking = [each.payment for each in done if each.act.organization_id in curious]
    customers = customer_facts(conn, asking) if asking else {}
    matches: list[Match] = []
    for each in done:
        organization_id = each.act.organization_id
        rules = books[organization_id].on("payment_settled", each.payment["currency"])
        if not rules:
            continue
        organization = places[organization_id]
        more: Facts = {
            "organization.country": organization.country,
            **customers.get((organization_id, each.payment["customer_id"]), {}),
        }
        today = clock.day(each.act.at, organization.time_zone)
        for invoice_id, found in each.facts:
            facts = {**found, **more}
            matches += [
                Match(rule, each.act, each.payment, invoice_id, facts)
                for rule in rules
                if rule.applies(facts, today)
            ]
    return matches


def follow(
    conn: Connection,
    named: Named,
    act: Act,
    payment: Mapping[str, Any],
    parts: Sequence[Part],
) -> bool:
    """Do what rules want of a settled payment whose rows are written; tell whether any applied."""
    organization = named.known_organization(act.organization_id)
    if not organization.rules_version:
        return False
    today = clock.day(act.at, organization.time_zone)
    matches = matching(conn, named, [settled(act, payment, parts, today)])
    if matches:
        act_on(conn, named, matches)
    return bool(matches)


def customer_facts(
    conn: Connection, payments: Sequence[Mapping[str, Any]]
) -> dict[tuple[UUID, UUID], Facts]:
    """Read what a rule may ask about the customers of payments, by organization and id."""
    keys = {(each["organization_id"], each["customer_id"]) for each in payments}
    return {
        (row.organization_id, row.id): {
            "customer.kind": row.kind,
            "customer.external_reference": row.external_reference,
            "customer.language": row.language,
        }
        for row in rows.find(
            conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], keys, shown=_ASKED_OF_CUSTOMERS
        )
    }


def act_on(conn: Connection, named: Named, matches: Sequence[Match]) -> None:
    """Do the actions of rules that apply, and keep what came of each.

    The rows of the payments must have been written. An action that is refused stops none of the
    others, and the payment stands. Locks what the use cases lock: in one process nobody else writes
    in the organization meanwhile, and across processes the engine tells of a circle and the whole
    transaction is run again.
    """
    writes = Writes()
    for match in matches:
        results = [
            _do(conn, match, action, named.known_organization(match.act.organization_id))
            for action in match.rule.actions
        ]
        if any(result.outcome != "idle" for result in results):
            writes.add(FIRINGS, firing(match, results))
    writes.flush(conn)


def _do(conn: Connection, match: Match, action: Action, organization: Row[Any]) -> Result:
    match action.kind.name:
        case "settle_within_tolerance":
            return _settle_rest(conn, match, action, organization)
        case "early_payment_discount":
            return _discount(conn, match, action)
        case "allocate_to_open_invoices":
            return _allocate(conn, match, action)
        case "add_label":
            return _label(conn, match, action)
        case _:
            raise AssertionError(f"{action.kind.name} is decided before a payment is settled")


def _settle_rest(conn: Connection, match: Match, action: Action, organization: Row[Any]) -> Result:
    invoice = _locked(conn, match)
    decided = deciding.give_up_rest(
        action, invoice, lambda: tolerance_of(conn, match.payment, organization)
    )
    if invoice is None or decided.outcome != "applied":
        return decided
    command = WriteOff(_act(match, action), invoice.id, _reason(match), decided.amount)
    [answer] = write_off_invoices(conn, [command])
    return _done(decided, answer.outcome)


def _discount(conn: Connection, match: Match, action: Action) -> Result:
    invoice = _locked(conn, match)
    decided = deciding.discount(
        action, invoice, match.payment["paid_on"], lambda found: _issued_on(conn, found)
    )
    if invoice is None or decided.outcome != "applied":
        return decided
    command = CreditInvoice(_act(match, action), invoice.id, _reason(match), decided.amount)
    [answer] = credit_invoices(conn, [command])
    return _done(decided, answer.outcome)


def _allocate(conn: Connection, match: Match, action: Action) -> Result:
    payment_id = match.payment["id"]
    key = match.act.organization_id, payment_id
    [row] = rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], [key])
    if not row.unallocated:
        return deciding.idle(action)
    [answer] = apply_credit(conn, [ApplyCredit(_act(match, action), payment_id)])
    if not isinstance(answer.outcome, Refusal):
        return deciding.applied(action, row.unallocated - answer.outcome["unallocated"])
    if answer.outcome.code == "payment.nothing_due":
        return deciding.idle(action)
    return _done(deciding.applied(action, 0), answer.outcome)


def _label(conn: Connection, match: Match, action: Action) -> Result:
    about = About(match.payment["customer_id"], match.payment["id"], match.invoice_id)
    fired = Fired(match.rule, match.act, match.once_id, about, match.facts)
    return labelling.label(conn, fired, action, "payment", match.payment["id"])


def on_recording(
    conn: Connection, organization: Row[Any], act: Act, payment: Mapping[str, Any]
) -> list[Match]:
    """Find the rules that apply to a payment before it is settled, in their order."""
    book = rulebook.of(conn, organization)
    rules = book.on("payment_recorded", payment["currency"])
    if not rules:
        return []
    today = clock.day(act.at, organization.time_zone)
    more: Facts = {"organization.country": organization.country}
    if book.asks("payment_recorded", "customer"):
        [of_customer] = customer_facts(conn, [payment]).values()
        more = {**more, **of_customer}
    facts = {**facts_of(payment, None, today=today), **more}
    return [Match(rule, act, payment, None, facts) for rule in rules if rule.applies(facts, today)]


def keep(
    writes: Writes, matches: Sequence[Match], payment: Mapping[str, Any], *, held: bool = False
) -> None:
    """Keep what came of rules that apply to a payment as it was recorded, which has its row now."""
    for match in matches:
        results = [
            deciding.recorded(action, payment["amount"], payment["unallocated"], held=held)
            for action in match.rule.actions
        ]
        if any(result.outcome != "idle" for result in results):
            writes.add(FIRINGS, firing(replace(match, payment=payment), results))


def tolerance_of(conn: Connection, payment: Mapping[str, Any], organization: Row[Any]) -> int:
    """Tell how large a rest may be written off: the customer's own tolerance or the general one."""
    key = organization.id, payment["customer_id"]
    [customer] = rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], [key])
    return tolerance(customer, organization)


def tolerance(customer: Row[Any], organization: Row[Any]) -> int:
    """Take the customer's own tolerance, or the general one where they have none."""
    own: int | None = customer.payment_tolerance
    general: int = organization.payment_tolerance or 0
    return general if own is None else own


def _locked(conn: Connection, match: Match) -> Standing | None:
    if match.invoice_id is None:
        return None
    key = match.act.organization_id, match.invoice_id
    return invoice_queries.lock_invoices(conn, [key]).get(key)


def _act(match: Match, action: Action) -> Act:
    return act_of(match.rule, match.act, match.once_id, action.kind.name)


def _issued_on(conn: Connection, invoice: Standing) -> date:
    key = invoice.organization_id, invoice.id
    [row] = rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], [key])
    issued_on: date = row.issue_date
    return issued_on


def _reason(match: Match) -> str:
    return f"Rule {match.rule.name}"


def _done(decided: Result, outcome: object) -> Result:
    """Say what came of an action that was decided on, and asked of its use case."""
    if isinstance(outcome, Refusal):
        return refused(decided.action, outcome)
    return decided


def firing(match: Match, results: Sequence[Result]) -> dict[str, Any]:
    """Make the row that keeps what came of a rule."""
    payment = match.payment
    about = About(payment["customer_id"], payment["id"], match.invoice_id)
    return Fired(match.rule, match.act, match.once_id, about, match.facts).row(results)
