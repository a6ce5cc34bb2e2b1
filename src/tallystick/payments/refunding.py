"""Give money of a settled payment back to the payer, in part or whole.

A refund takes what is free first and then what invoices have, the newest allocation first; those
invoices are due again. To give money back for good, credit the invoice first, then refund.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, ids, money, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts, closing
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.parties.named import Named
from tallystick.payments import holding_refunds, locking
from tallystick.payments.locking import Holding, Key, Live
from tallystick.payments.models import PAYMENTS, REFUNDS
from tallystick.payments.refunds import RefundDocument, document
from tallystick.payments.releasing import add_release
from tallystick.payments.states import OFFLINE_METHODS, OfflineMethod, held_at

REFUNDED = "refund.settled"


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """Money that went back to the payer. The amount is in minor units of the payment's currency."""

    act: Act
    payment_id: UUID
    amount: int | None = None
    """None gives back all that is left."""
    refunded_on: date | None = None
    """The day the money went; None takes today in the organization's zone."""
    method: OfflineMethod | None = None
    """None takes the way by which it came, unless a provider took it (`payments.returning`)."""
    reference: str | None = None
    reason: str | None = None


def refund_payments(
    conn: Connection, commands: Sequence[RefundPayment]
) -> list[Answer[RefundDocument]]:
    """Record that money of payments was given back.

    The day of a refund that names none is today. Locks the invoices that the payments pay, then the
    payments.

    Refuses:
        payment.unknown, organization.inactive
        payment.not_settled: the payment waits to be confirmed or was declined.
        refund.amount_not_positive, refund.date_in_future
        refund.before_payment: the money is to have gone back before the day it came.
        refund.before_last_movement: or before the day it was last allocated, released or refunded,
            when it was somewhere else.
        refund.exceeds_payment: with what can be given back.
        refund.method_missing: a provider took the payment.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    lock(conn, [(command.act.organization_id, command.payment_id) for command in commands])
    closing.lock(conn, [(command.act, command.refunded_on) for command in commands])
    return each(conn, commands, _refund)


@dataclass(frozen=True, slots=True)
class Locked:
    """What a refund is judged on."""

    standings: dict[Key, Standing]
    holdings: dict[Key, Holding]
    live: list[Live]
    """What the payments give to invoices, the newest first."""


def lock(conn: Connection, keys: Collection[Key]) -> Locked:
    """Lock payments and every invoice that they pay."""
    wanted = _paid_by(locking.live_of_payments(conn, keys))
    standings = invoice_queries.lock_invoices(conn, wanted)
    holdings = locking.lock_payments(conn, keys)
    # Until the payment was locked it may have come to pay a further invoice, which then is locked
    # after its payment. Whoever holds that invoice and waits for the payment makes a circle with
    # us: the engine detects it as a deadlock, and `Database.write` runs one of the two again.
    live = locking.live_of_payments(conn, keys)
    standings |= invoice_queries.lock_invoices(conn, _paid_by(live) - wanted)
    return Locked(standings, holdings, live)


def _paid_by(live: Collection[Live]) -> set[Key]:
    return {(each.organization_id, each.invoice_id) for each in live}


def _refund(conn: Connection, command: RefundPayment) -> RefundDocument:
    act = command.act
    key = act.organization_id, command.payment_id
    locked = lock(conn, [key])
    organization = Named(conn, organization_ids=[act.organization_id]).organization(
        act.organization_id
    )
    holding = locking.settled(locked.holdings, key)
    if command.method is None and holding.method not in OFFLINE_METHODS:
        raise method_missing(holding.method)
    payment = rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], [key])[0]
    today = clock.day(act.at, organization.time_zone)
    day = _day(command, holding, payment.paid_on, today)
    held = holding_refunds.held_of(conn, organization, holding)
    amount = amount_of(command.amount, holding, held)
    refund = asked_for(command, holding, command.method or holding.method, amount, day)
    match = holding_refunds.match(conn, organization, act, refund, held=held)
    if match is not None:
        refund["refunded_on"] = today
        return holding_refunds.hold(conn, match, holding, refund)
    writes = Writes()
    writes.add(REFUNDS, refund)
    give(writes, act, locked, holding, refund)
    writes.flush(conn)
    return document(refund)


class Asked(Protocol):
    """What says who gets what back, whichever way it goes."""

    @property
    def act(self) -> Act:
        """Who does it."""

    @property
    def reference(self) -> str | None:
        """What names it elsewhere."""

    @property
    def reason(self) -> str | None:
        """Why."""


def asked_for(
    command: Asked, holding: Holding, method: str, amount: int, day: date
) -> dict[str, Any]:
    """Lay out a new refund."""
    act = command.act
    return {
        "organization_id": act.organization_id,
        "id": ids.new(),
        "payment_id": holding.id,
        "customer_id": holding.customer_id,
        "method": method,
        "status": "succeeded",
        "currency": holding.currency,
        "amount": amount,
        "refunded_on": day,
        "reference": command.reference,
        "reason": command.reason,
        "version": 1,
        "created_at": act.at,
        "updated_at": act.at,
    }


def give(
    writes: Writes, act: Act, locked: Locked, holding: Holding, refund: Mapping[str, Any]
) -> None:
    """Book that the money of a refund has gone on its day, and tell of it."""
    amount, day = refund["amount"], refund["refunded_on"]
    plan = releases(locked, amount - holding.unallocated)
    if plan:
        add_release(writes, act, holding, plan, on=day)
    holding.refund(amount, on=day)
    post(writes, act, entry(refund))
    invoice_queries.write_standings(writes, locked.standings.values(), act.at)
    locking.write_payments(writes, [holding], act.at)
    payload = {
        "refund_id": str(refund["id"]),
        "payment_id": str(holding.id),
        "customer_id": str(holding.customer_id),
        "currency": holding.currency,
        "amount": amount,
        "invoice_ids": [str(standing.id) for standing, _ in plan],
    }
    events.emit(writes, act, REFUNDED, refund["id"], payload, once=True)


def method_missing(provider: str) -> Refused:
    """Say that a provider gives nothing back here, so somebody else has to."""
    message = (
        f"The provider {provider} took this payment and gives no money back here. Give it back in "
        "another way, and name that as the method."
    )
    return Refused("refund.method_missing", message, pointer="/method")


def _day(command: RefundPayment, holding: Holding, paid_on: date, today: date) -> date:
    if command.refunded_on is None:
        return holding.day(today, today)
    if command.refunded_on > today:
        message = f"The refund date {shown(command.refunded_on)} is after today, {today}."
        raise Invalid("refund.date_in_future", message, pointer="/refunded_on")
    if command.refunded_on < paid_on:
        message = (
            f"The refund date {shown(command.refunded_on)} is before {paid_on}, the day "
            "the money came."
        )
        raise Refused("refund.before_payment", message, pointer="/refunded_on")
    first = holding.day(command.refunded_on, today)
    if command.refunded_on < first:
        message = (
            f"The refund date {shown(command.refunded_on)} is before {first}, the day on which "
            "money of this payment was last moved. Date the refund on that day or later."
        )
        facts = {"last_moved_on": first.isoformat()}
        raise Refused("refund.before_last_movement", message, pointer="/refunded_on", facts=facts)
    return command.refunded_on


def amount_of(wanted: int | None, holding: Holding, held: int) -> int:
    """Say how much of a payment is given back; None gives back all that is left.

    What refunds that wait for approval will give back is not left.

    Refuses:
        refund.amount_not_positive, refund.exceeds_payment
    """
    if wanted is not None and wanted <= 0:
        message = "A refund must be above 0. Give the amount that was given back."
        raise Invalid("refund.amount_not_positive", message, pointer="/amount")
    left, currency = holding.allocated + holding.unallocated - held, holding.currency
    amount = left if wanted is None else wanted
    if amount > left or left <= 0:
        left = max(0, left)
        message = (
            f"{money.text(left, currency)} {currency} of the payment {shown(holding.id)} can be "
            "given back, no more."
        )
        facts = {"refundable": money.text(left, currency), "currency": currency}
        raise Refused("refund.exceeds_payment", message, pointer="/amount", facts=facts)
    return amount


def releases(locked: Locked, missing: int) -> list[tuple[Standing, int]]:
    """Plan what invoices give back, the newest allocation first."""
    plan = []
    for given in locked.live:
        part = min(missing, given.amount)
        if part > 0:
            plan.append((locked.standings[given.organization_id, given.invoice_id], part))
            missing -= part
    return plan


def entry(refund: Mapping[str, Any]) -> Entry:
    """Say what moves in the books when a refund has gone."""
    amount = refund["amount"]
    legs = [
        Leg(accounts.credit(refund["customer_id"]), amount),
        Leg(held_at(refund["method"]), -amount),
    ]
    return Entry(
        kind=REFUNDED,
        date=refund["refunded_on"],
        currency=refund["currency"],
        legs=legs,
        payment_id=refund["payment_id"],
        id=refund["id"],
    )
