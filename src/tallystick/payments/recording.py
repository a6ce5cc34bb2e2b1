"""Record money that the organization already holds: cash, a cheque, a transfer and the like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.numbering import RECEIPT_SERIES, Counters, Series
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refusal, Refused, shown
from tallystick.kernel.idempotency import Answer, Answers
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named, buyer_copy, seller_copy
from tallystick.payments import allocating
from tallystick.payments.allocating import Share
from tallystick.payments.queries import PaymentDocument, document
from tallystick.payments.settling import settle
from tallystick.payments.states import OfflineMethod

INVOICES_MAX = 100
"""Invoices that one payment may name."""

Excess = Literal["refuse", "credit"]
Key = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class RecordPayment:
    """Money that came in, and what it pays.

    It names invoices of one customer, or only the customer: then the oldest due is paid first, and
    the rest stays as the customer's credit. Amounts are minor units of `currency`.
    """

    act: Act
    amount: int
    currency: str
    method: OfflineMethod
    customer_id: UUID | None = None
    invoices: tuple[Share, ...] = ()
    excess: Excess = "refuse"
    """What becomes of more than the named invoices are due."""
    paid_on: date | None = None
    """The day the money came; None takes today in the organization's zone."""
    reference: str | None = None
    note: str | None = None


def record_payments(
    conn: Connection, commands: Sequence[RecordPayment]
) -> list[Answer[PaymentDocument]]:
    """Record payments and pay the named invoices with them.

    The statements sent do not grow with the number of commands. Outcomes stand in the order of the
    commands; a later command sees what an earlier one did. Locks the invoices, ordered by id,
    before it judges, so two payments cannot pay the same due; then the counter of receipts, last.

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
    open_ids = _open_invoices(conn, commands)
    keys = {
        (command.act.organization_id, share.invoice_id)
        for command in commands
        for share in command.invoices
    }
    keys |= {(place[0], invoice_id) for place, found in open_ids.items() for invoice_id in found}
    standings = invoice_queries.lock_invoices(conn, keys)
    answers: Answers[PaymentDocument] = Answers(conn, commands)
    named = Named(
        conn,
        organization_ids={command.act.organization_id for command in commands},
        customer_ids=_payers(commands, standings),
    )
    counters = Counters(conn, {_receipts(named, command.act) for command in commands})
    batch = _Batch(named, standings, open_ids, counters, Writes())
    given = []
    for command in commands:
        answer = answers.known(command.act)
        if answer is None:
            answer = answers.give(command.act, _record(batch, command))
        given.append(answer)
    if commands:
        allocating.write_invoices(batch.writes, standings.values(), commands[-1].act.at)
    counters.write(batch.writes)
    answers.write(batch.writes)
    batch.writes.flush(conn)
    return given


@dataclass(frozen=True, slots=True)
class _Batch:
    named: Named
    standings: dict[Key, Standing]
    open_ids: dict[tuple[UUID, UUID, str], list[UUID]]
    counters: Counters
    writes: Writes


def _open_invoices(
    conn: Connection, commands: Sequence[RecordPayment]
) -> dict[tuple[UUID, UUID, str], list[UUID]]:
    places = {
        (command.act.organization_id, command.customer_id, command.currency)
        for command in commands
        if command.customer_id is not None and not command.invoices
    }
    return invoice_queries.open_of_customers(conn, places)


def _payers(commands: Sequence[RecordPayment], standings: Mapping[Key, Standing]) -> set[Key]:
    """List the customers that the judge may have to look at: the named, and who may get credit."""
    payers = set()
    for command in commands:
        organization_id = command.act.organization_id
        if command.customer_id is not None:
            payers.add((organization_id, command.customer_id))
        elif command.excess == "credit":
            places = [(organization_id, share.invoice_id) for share in command.invoices]
            found = [standings[place] for place in places if place in standings]
            payers |= {(organization_id, standing.customer_id) for standing in found}
    return payers


def _receipts(named: Named, act: Act) -> Series:
    today = clock.day(act.at, named.zone(act.organization_id))
    return Series(act.organization_id, "receipt", RECEIPT_SERIES, today.year)


def _record(batch: _Batch, command: RecordPayment) -> PaymentDocument | Refusal:
    act = command.act
    try:
        organization = batch.named.organization(act.organization_id)
        today = clock.day(act.at, organization.time_zone)
        _check(command, today)
        customer_id, plan = _plan(batch, command)
    except Refused as refused:
        return refused.refusal
    parts = allocating.allocate(plan)
    series = _receipts(batch.named, act)
    # Another process's clock may be a little ahead at midnight.
    receipt = batch.counters.take(series, max(today, batch.counters.last_date(series) or today))
    payment: dict[str, Any] = {
        "id": ids.new(),
        "customer_id": customer_id,
        "method": command.method,
        "currency": command.currency,
        "amount": command.amount,
        "paid_on": command.paid_on or today,
        "reference": command.reference,
        "note": command.note,
        "parties": None if parts else _copied(batch, organization, customer_id),
    }
    settle(batch.writes, act, payment, parts, receipt=receipt)
    paid = [(part.invoice.id, part.invoice.number, part.amount) for part in parts]
    return document(payment, paid)


def _copied(batch: _Batch, organization: Row[Any], customer_id: UUID) -> dict[str, Any]:
    """Copy both parties for a receipt that names no invoice."""
    customer = batch.named.customer(organization.id, customer_id)
    return {"seller": seller_copy(organization), "buyer": buyer_copy(customer)}


def _check(command: RecordPayment, today: date) -> None:
    """Refuse a command that contradicts itself, whatever the state of the books."""
    if command.amount <= 0:
        message = "A payment must be above 0. Give the amount that was received."
        raise Invalid("payment.amount_not_positive", message, pointer="/amount")
    if command.paid_on is not None and command.paid_on > today:
        message = f"The payment date {shown(command.paid_on)} is after today, {today}."
        raise Invalid("payment.date_in_future", message, pointer="/paid_on")
    if not command.invoices and command.customer_id is None:
        message = "Name the invoices that are paid, or the customer who pays."
        raise Invalid("payment.payer_missing", message, pointer="/invoices")
    if len(command.invoices) > INVOICES_MAX:
        message = f"A payment names at most {INVOICES_MAX} invoices. Name the customer instead."
        raise Invalid("payment.too_many_invoices", message, pointer="/invoices")
    if len({share.invoice_id for share in command.invoices}) < len(command.invoices):
        message = "The payment names an invoice twice. Name each invoice once."
        raise Invalid("payment.invoice_twice", message, pointer="/invoices")
    amounts = [share.amount for share in command.invoices if share.amount is not None]
    if amounts and len(amounts) < len(command.invoices):
        message = (
            "Give an amount for each of the invoices, or for none: then the oldest is paid first."
        )
        raise Invalid("payment.shares_mixed", message, pointer="/invoices")
    if any(amount <= 0 for amount in amounts):
        message = "The amount for each invoice must be above 0."
        raise Invalid("payment.amount_not_positive", message, pointer="/invoices")
    if sum(amounts) > command.amount:
        message = "The amounts for the invoices are more than the payment itself."
        raise Invalid("payment.shares_exceed_amount", message, pointer="/invoices")


def _plan(batch: _Batch, command: RecordPayment) -> tuple[UUID, list[tuple[Standing, int]]]:
    """Decide who pays and what is paid, on the locked invoices."""
    organization_id, customer_id = command.act.organization_id, command.customer_id
    if customer_id is not None:
        batch.named.customer(organization_id, customer_id)
    if not command.invoices:
        assert customer_id is not None, "the check made sure"
        place = organization_id, customer_id, command.currency
        found = [batch.standings[organization_id, each] for each in batch.open_ids.get(place, [])]
        still_open = [standing for standing in found if standing.status == "open"]
        return customer_id, allocating.oldest_first(still_open, command.amount)
    standings = []
    for index, share in enumerate(command.invoices):
        pointer = f"/invoices/{index}/invoice_id"
        standing = batch.standings.get((organization_id, share.invoice_id))
        if standing is None:
            raise invoice_queries.unknown(share.invoice_id, pointer=pointer)
        allocating.check_payable(standing, command.currency, pointer=pointer)
        customer_id = customer_id or standing.customer_id
        if standing.customer_id != customer_id:
            message = "A payment comes from one customer, and the invoices named here have several."
            raise Refused("payment.customers_differ", message, pointer=pointer)
        standings.append(standing)
    assert customer_id is not None, "there is at least one invoice"
    return customer_id, _plan_named(command, standings)


def _plan_named(
    command: RecordPayment, standings: Sequence[Standing]
) -> list[tuple[Standing, int]]:
    amounts = [share.amount for share in command.invoices if share.amount is not None]
    if amounts:
        plan = allocating.given(standings, amounts)
        if sum(amounts) < command.amount and command.excess == "refuse":
            message = (
                "The amounts for the invoices are less than the payment, so the rest has no "
                "place. Give it to an invoice, or say excess: credit."
            )
            raise Refused("payment.rest_unallocated", message, pointer="/invoices")
        return plan
    payable = sum(standing.payable for standing in standings)
    if command.amount > payable and command.excess == "refuse":
        raise allocating.exceeds_due(command.amount, standings)
    return allocating.oldest_first(standings, command.amount)
