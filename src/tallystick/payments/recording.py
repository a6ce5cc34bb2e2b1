"""Record money that the organization already holds: cash, a cheque, a transfer and the like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.numbering import Counters
from tallystick.kernel import clock, ids
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer, Answers
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named
from tallystick.payments import allocating, approving, planning, queries, ruling
from tallystick.payments.planning import Grounds, Incoming
from tallystick.payments.queries import PaymentDocument, document
from tallystick.payments.ruling import Match, Settled
from tallystick.payments.settling import settle


@dataclass(frozen=True, slots=True)
class RecordPayment(Incoming):
    """Money that came in, and what it pays."""


def record_payments(
    conn: Connection, commands: Sequence[RecordPayment]
) -> list[Answer[PaymentDocument]]:
    """Record payments and pay the named invoices with them.

    The statements sent do not grow with the number of commands, but by what rules add: one that
    asks about the customer of a payment before it is settled reads them, and each action that
    applies sends the statements of its own use case. Outcomes stand in the order of the commands; a
    later command sees what an earlier one did. Locks the invoices, ordered by id, before it judges,
    so two payments cannot pay the same due; then the counter of receipts, last.

    Refuses:
        payment.amount_not_positive, payment.payer_missing, payment.too_many_invoices,
        payment.invoice_twice,
        payment.shares_mixed, payment.shares_exceed_amount, payment.date_in_future: the command
            contradicts itself.
        invoice.unknown, customer.unknown: also when the actor may not see it.
        invoice.not_payable: the invoice is a draft or void.
        payment.customers_differ: one payment comes from one customer.
        money.currency: payment and invoice differ.
        payment.exceeds_due: with the due, unless the command says `excess: credit`.
        payment.rest_unallocated: the amounts for the invoices are less than the payment, likewise.
        organization.inactive
    """
    open_ids = planning.open_invoices(conn, commands)
    keys = planning.named_keys(commands)
    keys |= {(place[0], invoice_id) for place, found in open_ids.items() for invoice_id in found}
    standings = invoice_queries.lock_invoices(conn, keys)
    answers: Answers[PaymentDocument] = Answers(conn, commands)
    named = Named(
        conn,
        organization_ids={command.act.organization_id for command in commands},
        customer_ids=planning.payers(commands, standings),
    )
    counters = Counters(conn, {planning.receipts(named, command.act) for command in commands})
    batch = _Batch(conn, Grounds(named, standings, open_ids), counters, Writes(), [])
    given = []
    for command in commands:
        answer = answers.known(command.act)
        if answer is None:
            answer = answers.give(command.act, _record(batch, command))
        given.append(answer)
    if commands:
        invoice_queries.write_standings(batch.writes, standings.values(), commands[-1].act.at)
    counters.write(batch.writes)
    matches = ruling.matching(conn, named, batch.settled)
    if matches:
        batch.writes.flush(conn)
        ruling.act_on(conn, named, matches)
        given = _read_again(conn, given, answers, commands, matches)
    answers.write(batch.writes)
    batch.writes.flush(conn)
    return given


def _read_again(
    conn: Connection,
    given: Sequence[Answer[PaymentDocument]],
    answers: Answers[PaymentDocument],
    commands: Sequence[RecordPayment],
    matches: Sequence[Match],
) -> list[Answer[PaymentDocument]]:
    """Answer with what the rules have made of the payments that they were about."""
    moved = {(match.act.organization_id, match.payment["id"]): match.act for match in matches}
    found = queries.get_payments(conn, moved.keys())
    again = {
        (act.organization_id, act.key): answers.give(act, found[key]) for key, act in moved.items()
    }
    places = [(command.act.organization_id, command.act.key) for command in commands]
    return [
        replace(again.get(place, answer), replayed=answer.replayed)
        for place, answer in zip(places, given, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Batch:
    conn: Connection
    grounds: Grounds
    counters: Counters
    writes: Writes
    settled: list[Settled]
    """What was settled until now, for the rules."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """A command as rules have made it, and the one that wants it held."""

    command: RecordPayment
    matches: Sequence[Match] = ()
    """The rules that apply to it."""
    held_by: Match | None = None


def _decide(batch: _Batch, command: RecordPayment, organization: Row[Any], today: date) -> _Decided:
    """Ask the rules that are about payments before they are settled."""
    if not organization.rules_version:
        return _Decided(command)
    payer_id, _ = planning.payer(batch.grounds, command)
    payment = {
        "organization_id": organization.id,
        "customer_id": payer_id,
        "amount": command.amount,
        "currency": command.currency,
        "method": command.method,
        "paid_on": command.paid_on or today,
        "reference": command.reference,
    }
    matches = ruling.on_recording(batch.conn, organization, command.act, payment)
    if any(match.does("keep_overpayment") for match in matches):
        command = replace(command, excess="credit")
    holding = [match for match in matches if match.does("hold_for_approval")]
    return _Decided(command, matches, holding[0] if holding else None)


def _record(batch: _Batch, command: RecordPayment) -> PaymentDocument | Refusal:
    act = command.act
    try:
        organization = batch.grounds.named.organization(act.organization_id)
        today = clock.day(act.at, organization.time_zone)
        planning.check(command, today)
        decided = _decide(batch, command, organization, today)
        command = decided.command
        customer_id, plan = planning.plan(batch.grounds, command)
    except Refused as refused:
        return refused.refusal
    paid_on = command.paid_on or today
    if decided.held_by is not None:
        return approving.hold(batch.writes, command, customer_id, paid_on, decided.held_by)
    parts = allocating.allocate(plan, on=paid_on, today=today)
    if not parts:
        # Where a rule keeps what is more than the due, nobody knew that the payer must be copied.
        batch.grounds.named.read_customer(batch.conn, act.organization_id, customer_id)
    receipt = planning.receipt(batch.counters, act, today)
    payment: dict[str, Any] = {
        "id": ids.new(),
        "customer_id": customer_id,
        "method": command.method,
        "currency": command.currency,
        "amount": command.amount,
        "paid_on": paid_on,
        "reference": command.reference,
        "note": command.note,
        "parties": None if parts else planning.copied(batch.grounds, organization, customer_id),
    }
    settle(batch.writes, act, payment, parts, receipt=receipt)
    ruling.keep(batch.writes, decided.matches, payment)
    if batch.grounds.named.known_organization(act.organization_id).rules_version:
        batch.settled.append(ruling.settled(act, payment, parts, today))
    paid = [(part.invoice.id, part.invoice.number, part.amount) for part in parts]
    return document(payment, paid)
