"""Start a payment at a provider: commit it and reserve what it pays, before anybody is called.

The call itself is made outside of any transaction, and what the provider says comes in through
`tallystick.payments.resolving`. Until then nobody else can pay what is reserved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, ids, tasks
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named
from tallystick.payments import allocating, locking, orders, planning, queries
from tallystick.payments.allocating import Share
from tallystick.payments.cards import KeptCard
from tallystick.payments.models import ORDERS, PAYMENTS, RESERVATIONS
from tallystick.payments.planning import Grounds, Incoming
from tallystick.payments.queries import PaymentDocument

STARTED: Final = "payment.started"
GRACE: Final = timedelta(seconds=2)
"""How much longer than a provider's time a call may take before it counts as over."""


@dataclass(frozen=True, slots=True)
class StartPayment:
    """Money that a provider is to take, and what it pays: named invoices, or the oldest due."""

    act: Act
    provider: str
    call_s: float
    """How long the call to the provider may take."""
    currency: str
    amount: int | None = None
    """Minor units; None takes what the invoices are to get, or all of them that nobody pays yet."""
    customer_id: UUID | None = None
    invoices: tuple[Share, ...] = ()
    provider_key: UUID | None = None
    """None takes the payment's id; contract 001 prescribes the invoice's."""
    card: KeptCard | None = None
    description: str | None = None
    """What the payer reads; None names the invoices."""
    return_url: str | None = None
    reference: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RepeatPayment:
    """The payer sends once more what nobody knows the outcome of."""

    act: Act
    payment_id: UUID
    call_s: float
    card: KeptCard | None = None


def start_payments(
    conn: Connection, commands: Sequence[StartPayment]
) -> list[Answer[PaymentDocument]]:
    """Commit payments as processing and reserve what they pay; a task will ask about each.

    Locks the invoices. Nothing of an online payment may be more than what is due: money that has no
    place is not taken.

    Refuses:
        payment.amount_not_positive, payment.payer_missing, payment.too_many_invoices,
        payment.invoice_twice, payment.shares_mixed, payment.shares_exceed_amount, invoice.unknown,
        customer.unknown, invoice.not_payable, payment.customers_differ, money.currency,
        organization.inactive: as in recording.
        payment.exceeds_due: with what nobody pays yet.
        payment.rest_unallocated
        payment.nothing_due: the customer owes nothing that somebody does not pay already.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    wishes = [_wish(command, command.amount or 1) for command in commands]
    keys = planning.named_keys(wishes)
    for place, found in planning.open_invoices(conn, wishes).items():
        keys |= {(place[0], invoice_id) for invoice_id in found}
    invoice_queries.lock_invoices(conn, keys)
    return each(conn, commands, _start)


def repeat_payments(
    conn: Connection, commands: Sequence[RepeatPayment]
) -> list[Answer[PaymentDocument]]:
    """Note that a provider is called once more under the key of an unknown payment.

    Only one caller at a time gets through. Locks the payment.

    Refuses:
        payment.unknown, organization.inactive
        payment.not_online: no provider was asked for it.
        payment.in_flight: the provider is being called at this moment; not kept.
        payment.outcome_known: with its status; not kept.
    """
    locking.lock_payments(conn, [_key(command.act, command.payment_id) for command in commands])
    return each(conn, commands, _repeat)


def _wish(command: StartPayment, amount: int) -> Incoming:
    return Incoming(
        act=command.act,
        amount=amount,
        currency=command.currency,
        method=command.provider,
        customer_id=command.customer_id,
        invoices=command.invoices,
        reference=command.reference,
        note=command.note,
    )


def _start(conn: Connection, command: StartPayment) -> PaymentDocument:
    act = command.act
    wish = _wish(command, _shared(command) or 1 if command.amount is None else command.amount)
    open_ids = planning.open_invoices(conn, [wish])
    keys = planning.named_keys([wish])
    keys |= {(act.organization_id, each) for found in open_ids.values() for each in found}
    standings = invoice_queries.lock_invoices(conn, keys)
    named = Named(
        conn,
        organization_ids=[act.organization_id],
        customer_ids=planning.payers([wish], standings),
    )
    today = clock.day(act.at, named.organization(act.organization_id).time_zone)
    grounds = Grounds(named, standings, open_ids)
    planning.check(wish, today)
    if command.amount is None and not _shared(command):
        wish = _wish(command, _all_due(grounds, wish))
    customer_id, plan = _plan(grounds, wish)
    payment_id = ids.new()
    payment = _payment(command, payment_id, customer_id, wish.amount)
    payment["paid_on"] = today
    over_at = act.at + timedelta(seconds=command.call_s) + GRACE
    order = _order(command, payment_id, wish.amount, plan, over_at)
    writes = Writes()
    writes.add(PAYMENTS, payment)
    writes.add(ORDERS, order)
    for standing, amount in plan:
        standing.reserve(amount)
        key = {"organization_id": act.organization_id, "payment_id": payment_id}
        writes.add(RESERVATIONS, {**key, "invoice_id": standing.id, "amount": amount})
    invoice_queries.write_standings(writes, standings.values(), act.at)
    task_id, kind = orders.asking_task(payment_id), orders.asking_kind(command.provider)
    tasks.add(writes, act, kind, {"order_id": str(payment_id)}, task_id=task_id, due_at=over_at)
    payload = {
        "payment_id": str(payment_id),
        "customer_id": str(customer_id),
        "provider": command.provider,
        "currency": command.currency,
        "amount": wish.amount,
        "invoice_ids": [str(standing.id) for standing, _ in plan],
    }
    events.emit(writes, act, STARTED, payment_id, payload, once=True)
    writes.flush(conn)
    return queries.get_payment(conn, act.organization_id, payment_id)


def _shared(command: StartPayment) -> int:
    """Add up what the named invoices are to get; 0 where that is not said."""
    return sum(share.amount or 0 for share in command.invoices)


def _all_due(grounds: Grounds, wish: Incoming) -> int:
    customer_id, standings = planning.payer(grounds, wish)
    if not wish.invoices:
        organization_id = wish.act.organization_id
        found = grounds.open_ids.get((organization_id, customer_id, wish.currency), [])
        standings = [grounds.standings[organization_id, each] for each in found]
        due = sum(standing.open_due for standing in standings if standing.status == "open")
        if not due:
            raise _nothing_due([])
        return due
    due = sum(standing.open_due for standing in standings)
    if not due:
        raise _nothing_due(standings)
    return due


def _nothing_due(standings: Sequence[Standing]) -> Refused:
    if standings:
        return allocating.exceeds_due(1, standings)
    message = "This customer owes nothing that is not being paid already."
    return Refused("payment.nothing_due", message)


def _plan(grounds: Grounds, wish: Incoming) -> tuple[UUID, list[tuple[Standing, int]]]:
    customer_id, plan = planning.plan(grounds, wish)
    for standing, amount in plan:
        # What was written off is brought back at the counter only.
        if amount > standing.open_due:
            raise allocating.exceeds_due(amount, [standing])
    if sum(amount for _, amount in plan) < wish.amount:
        standings = [standing for standing, _ in plan]
        raise allocating.exceeds_due(wish.amount, standings) if plan else _nothing_due(standings)
    return customer_id, plan


def _payment(
    command: StartPayment, payment_id: UUID, customer_id: UUID, amount: int
) -> dict[str, Any]:
    act = command.act
    return {
        "organization_id": act.organization_id,
        "id": payment_id,
        "customer_id": customer_id,
        "method": command.provider,
        "status": "processing",
        "currency": command.currency,
        "amount": amount,
        "allocated": 0,
        "unallocated": 0,
        "refund_reserved": 0,
        "refunded": 0,
        "charged_back": 0,
        "reference": command.reference,
        "note": command.note,
        "version": 1,
        "created_at": act.at,
        "updated_at": act.at,
    }


def _order(
    command: StartPayment,
    payment_id: UUID,
    amount: int,
    plan: Sequence[tuple[Standing, int]],
    over_at: datetime,
) -> dict[str, Any]:
    act = command.act
    numbers = ", ".join(standing.number or "" for standing, _ in plan)
    return {
        "organization_id": act.organization_id,
        "id": payment_id,
        "payment_id": payment_id,
        "provider": command.provider,
        "provider_key": command.provider_key or payment_id,
        "amount": amount,
        "description": (command.description or numbers)[:255],
        "return_url": command.return_url,
        **_kept(command.card),
        "calls": 1,
        "unknown_from": over_at,
        "late": False,
        "called_at": act.at,
        "created_at": act.at,
        "updated_at": act.at,
    }


def _kept(card: KeptCard | None) -> dict[str, Any]:
    if card is None:
        return {}
    return {
        "card_brand": card.brand,
        "card_first_six": card.first_six,
        "card_last_four": card.last_four,
        "card_expiry": card.expiry,
    }


def _repeat(conn: Connection, command: RepeatPayment) -> PaymentDocument:
    act = command.act
    key = _key(act, command.payment_id)
    holding = locking.lock_payments(conn, [key]).get(key)
    if holding is None:
        raise queries.unknown(command.payment_id)
    Named(conn, organization_ids=[act.organization_id]).organization(act.organization_id)
    order = orders.find(conn, act.organization_id, command.payment_id)
    orders.check_unknown(holding.status, order, act.at)
    over_at = act.at + timedelta(seconds=command.call_s) + GRACE
    writes = Writes()
    called = {
        **_kept(command.card),
        "calls": order.calls + 1,
        "unknown_from": over_at,
        "called_at": act.at,
        "updated_at": act.at,
    }
    writes.change(ORDERS, orders.place(order), called)
    tasks.move(writes, act, orders.asking_task(order.id), over_at)
    writes.flush(conn)
    return queries.get_payment(conn, act.organization_id, command.payment_id)


def _key(act: Act, payment_id: UUID) -> tuple[UUID, UUID]:
    return act.organization_id, payment_id
