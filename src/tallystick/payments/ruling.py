"""What an organization's rules make of a payment, in the transaction of the payment.

First it is found out which rules apply, from what the transaction has in its hands and without a
statement where the rules were read before. Only when the rows of the payments are written, and only
for rules that apply, the actions are done, each by the use case that a person would use.

An action settles no payment, so no rule makes another fire; and a rule fires on a payment and an
invoice once, whatever happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.models import INVOICES
from tallystick.invoices.states import Standing, payment_status
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import clock, ids, money, rows
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.errors import Refusal, shown
from tallystick.kernel.rows import Writes
from tallystick.parties.models import CUSTOMERS
from tallystick.parties.named import Named
from tallystick.payments.allocating import Part
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.models import PAYMENTS
from tallystick.rules import rulebook
from tallystick.rules.catalog import Action
from tallystick.rules.facts import Facts, Value
from tallystick.rules.models import FIRINGS
from tallystick.rules.rulebook import ActiveRule

PPM: Final = 10**6


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
        """Name this firing, the same however often it is tried."""
        return ids.derived(self.rule.id, f"{self.payment['id']} {self.invoice_id}")


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


def settled(act: Act, payment: Mapping[str, Any], parts: Sequence[Part], today: date) -> Settled:
    """Keep what is the case right after a payment was settled; a later one may change it."""
    facts: list[tuple[UUID | None, Facts]] = [
        (part.invoice.id, facts_of(payment, part.invoice, today=today)) for part in parts
    ]
    return Settled(act, payment, facts or [(None, facts_of(payment, None, today=today))])


def facts_of(payment: Mapping[str, Any], invoice: Standing | None, *, today: date) -> Facts:
    """Write down what a rule may ask about a payment and one invoice of it."""
    facts: dict[str, Value] = {
        "payment.amount": payment["amount"],
        "payment.unallocated": payment.get("unallocated"),
        "payment.method": payment["method"],
        "payment.currency": payment["currency"],
        "payment.paid_on": payment["paid_on"],
        "payment.reference": payment["reference"],
        "customer.id": payment["customer_id"],
    }
    if invoice is not None:
        late = 0 if invoice.due_date is None else (today - invoice.due_date).days
        facts |= {
            "invoice.id": invoice.id,
            "invoice.number": invoice.number,
            "invoice.currency": invoice.currency,
            "invoice.total": invoice.total,
            "invoice.amount": invoice.total - invoice.credited - invoice.written_off,
            "invoice.paid": invoice.paid,
            "invoice.due": invoice.due,
            "invoice.status": invoice.status,
            "invoice.payment_status": payment_status(
                total=invoice.total,
                paid=invoice.paid,
                credited=invoice.credited,
                written_off=invoice.written_off,
            ),
            "invoice.due_date": invoice.due_date,
            "invoice.days_overdue": max(0, late) if invoice.due else 0,
        }
    return facts


def matching(conn: Connection, named: Named, done: Sequence[Settled]) -> list[Match]:
    """Find the rules that apply to payments settled in this transaction, in their order.

    One statement for all customers of the batch, where any rule asks about them.
    """
    books = {
        each.act.organization_id: rulebook.of(
            conn, named.known_organization(each.act.organization_id)
        )
        for each in done
    }
    asking = [
        each.payment
        for each in done
        if books[each.act.organization_id].asks("payment_settled", "customer")
    ]
    customers = customer_facts(conn, asking) if asking else {}
    matches: list[Match] = []
    for each in done:
        organization = named.known_organization(each.act.organization_id)
        rules = books[organization.id].on("payment_settled", each.payment["currency"])
        if not rules:
            continue
        more: Facts = {
            "organization.country": organization.country,
            **customers.get((organization.id, each.payment["customer_id"]), {}),
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
        for row in rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], keys)
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
            writes.add(FIRINGS, _row(match, results))
    writes.flush(conn)


def _do(conn: Connection, match: Match, action: Action, organization: Row[Any]) -> Result:
    match action.kind.name:
        case "settle_within_tolerance":
            return _settle_rest(conn, match, action, organization)
        case "early_payment_discount":
            return _discount(conn, match, action)
        case "allocate_to_open_invoices":
            return _allocate(conn, match, action)
        case _:
            raise AssertionError(f"{action.kind.name} is decided before a payment is settled")


def _settle_rest(conn: Connection, match: Match, action: Action, organization: Row[Any]) -> Result:
    invoice = _locked(conn, match)
    # What a payment on its way has reserved is no rest.
    rest = invoice.open_due if invoice is not None and invoice.status == "open" else 0
    if invoice is None or not rest:
        return Result(action.kind.name, "idle")
    tolerance = tolerance_of(conn, match.payment, organization)
    # Together with earlier rests: several payments must not add up beyond it.
    if rest + invoice.written_off > tolerance:
        currency = invoice.currency
        before = ""
        if invoice.written_off:
            before = f"{money.text(invoice.written_off, currency)} {currency} were written off, "
        detail = (
            f"{money.text(rest, currency)} {currency} are left on {shown(invoice.number)}, {before}"
            f"and no more than {money.text(tolerance, currency)} {currency} may be written off."
        )
        return Result(action.kind.name, "refused", "rule.beyond_tolerance", detail)
    command = WriteOff(_act(match, action), invoice.id, _reason(match), rest)
    [answer] = write_off_invoices(conn, [command])
    return _result(action, answer.outcome, rest)


def _discount(conn: Connection, match: Match, action: Action) -> Result:
    invoice = _locked(conn, match)
    # A credit note over what is reserved would take back money that was paid.
    if invoice is None or invoice.status != "open" or not invoice.due or invoice.reserved:
        return Result(action.kind.name, "idle")
    key = invoice.organization_id, invoice.id
    [row] = rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], [key])
    until = row.issue_date + timedelta(days=action.values["within_days"])
    most = money.divide_rounded(invoice.total * action.values["percent"], PPM)
    # Together with what was credited before: several payments must not add up beyond it.
    if match.payment["paid_on"] > until or invoice.due + invoice.credited > most:
        return Result(action.kind.name, "idle")
    command = CreditInvoice(_act(match, action), invoice.id, _reason(match), invoice.due)
    [answer] = credit_invoices(conn, [command])
    return _result(action, answer.outcome, invoice.due)


def _allocate(conn: Connection, match: Match, action: Action) -> Result:
    payment_id = match.payment["id"]
    key = match.act.organization_id, payment_id
    [row] = rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], [key])
    if not row.unallocated:
        return Result(action.kind.name, "idle")
    [answer] = apply_credit(conn, [ApplyCredit(_act(match, action), payment_id)])
    if isinstance(answer.outcome, Refusal):
        if answer.outcome.code == "payment.nothing_due":
            return Result(action.kind.name, "idle")
        return _result(action, answer.outcome, 0)
    return _result(action, answer.outcome, row.unallocated - answer.outcome["unallocated"])


def on_recording(
    conn: Connection, organization: Row[Any], act: Act, payment: Mapping[str, Any]
) -> list[ActiveRule]:
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
    return [rule for rule in rules if rule.applies(facts, today)]


def tolerance_of(conn: Connection, payment: Mapping[str, Any], organization: Row[Any]) -> int:
    """Tell how large a rest may be written off: the customer's own tolerance or the general one."""
    key = organization.id, payment["customer_id"]
    [customer] = rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], [key])
    own: int | None = customer.payment_tolerance
    general: int = organization.payment_tolerance or 0
    return general if own is None else own


def _locked(conn: Connection, match: Match) -> Standing | None:
    if match.invoice_id is None:
        return None
    key = match.act.organization_id, match.invoice_id
    return invoice_queries.lock_invoices(conn, [key]).get(key)


def _act(match: Match, action: Action) -> Act:
    """Make the act of a rule: done by the rule, once."""
    actor = Actor("rule", match.rule.id, match.rule.name, match.act.organization_id)
    key = f"rule:{ids.derived(match.once_id, action.kind.name)}"
    return replace(match.act, actor=actor, key=key, fingerprint="rule", address="")


def _reason(match: Match) -> str:
    return f"Rule {match.rule.name}"


def _result(action: Action, outcome: object, amount: int) -> Result:
    if isinstance(outcome, Refusal):
        return Result(action.kind.name, "refused", outcome.code, outcome.detail)
    return Result(action.kind.name, "applied", amount=amount)


def _row(match: Match, results: Sequence[Result]) -> dict[str, Any]:
    refused = any(result.outcome == "refused" for result in results)
    return {
        "organization_id": match.act.organization_id,
        "id": ids.new(),
        "once_id": match.once_id,
        "rule_id": match.rule.id,
        "rule_version": match.rule.version,
        "fires_on": match.rule.fires_on,
        "customer_id": match.payment["customer_id"],
        "payment_id": match.payment["id"],
        "invoice_id": match.invoice_id,
        "facts": {name: _plain(value) for name, value in match.facts.items()},
        "outcome": "refused" if refused else "applied",
        "results": [
            {
                "action": result.action,
                "outcome": result.outcome,
                "code": result.code,
                "detail": result.detail,
                "amount": result.amount,
            }
            for result in results
        ],
        "at": match.act.at,
    }


def _plain(value: Value) -> Any:
    """Write a fact for JSON; amounts stay minor units."""
    if isinstance(value, UUID | date):
        return str(value)
    return value
