"""Payments that somebody says they have made, until the organization has seen the money.

A claim moves nothing and reserves nothing; it is judged as a payment when it is confirmed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.auth import persons
from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.numbering import Counters
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, ids, money, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger import closing
from tallystick.parties.named import Named
from tallystick.payments import allocating, bounding, locking, planning, queries, ruling
from tallystick.payments.allocating import Share
from tallystick.payments.locking import Holding, Key
from tallystick.payments.models import CLAIMS, PAYMENTS
from tallystick.payments.planning import Excess, Grounds, Incoming
from tallystick.payments.queries import PaymentDocument, document
from tallystick.payments.settling import settle

CLAIMED, DECLINED = "payment.claimed", "payment.declined"


@dataclass(frozen=True, slots=True)
class ClaimPayment(Incoming):
    """Money that somebody says has come in, and what it is to pay."""

    by_payer: bool = False
    """Whether the payer says so, of one invoice, and not the organization's own people."""


@dataclass(frozen=True, slots=True)
class ConfirmPayment:
    """The claimed money is here: settle the payment. What is None stays as it was claimed."""

    act: Act
    payment_id: UUID
    amount: int | None = None
    """What came, in minor units of the payment's currency."""
    paid_on: date | None = None
    excess: Excess | None = None
    invoices: tuple[Share, ...] | None = None
    """What it pays instead of what was claimed; with no invoice the customer's oldest due."""


@dataclass(frozen=True, slots=True)
class DeclinePayment:
    """The claimed money did not come."""

    act: Act
    payment_id: UUID
    reason: str


def claim_payments(
    conn: Connection, commands: Sequence[ClaimPayment]
) -> list[Answer[PaymentDocument]]:
    """Note payments that wait to be confirmed: no receipt, no posting, nothing reserved.

    Locks the named invoices.

    Refuses:
        payment.amount_not_positive, payment.payer_missing, payment.too_many_invoices,
        payment.invoice_twice, payment.shares_mixed, payment.shares_exceed_amount,
        payment.date_in_future, invoice.unknown, customer.unknown, invoice.not_payable,
        payment.customers_differ, money.currency, organization.inactive: as in recording.
        payment.before_invoice, payment.claims_waiting, payment.exceeds_due: what a payer says.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    invoice_queries.lock_invoices(conn, planning.named_keys(commands))
    return each(conn, commands, _claim)


def confirm_payments(
    conn: Connection, commands: Sequence[ConfirmPayment]
) -> list[Answer[PaymentDocument]]:
    """Settle claimed payments: judged now as if they were recorded now, with receipts of today.

    Locks the invoices, then the payments, then the counter of receipts.

    Refuses:
        payment.unknown
        payment.not_claimed: it is settled or was declined already, with its status.
        payment.same_person: a rule holds it for somebody else than who recorded or claimed it.
        The codes of recording, for what is to be paid.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    found = _find(conn, commands)
    _lock(conn, commands, found)
    named = Named(conn, organization_ids={command.act.organization_id for command in commands})
    Counters(conn, {planning.receipts(named, command.act) for command in commands})
    closing.lock(conn, [(wish.act, wish.paid_on) for wish in found.wishes(commands)])
    return each(conn, commands, partial(_confirm, found=found))


def decline_payments(
    conn: Connection, commands: Sequence[DeclinePayment]
) -> list[Answer[PaymentDocument]]:
    """Decline claimed payments; nothing was moved, so nothing is moved back. Locks the payments.

    Refuses:
        payment.unknown, organization.inactive
        payment.not_claimed: it is settled or was declined already, with its status.
    """
    keys = [(command.act.organization_id, command.payment_id) for command in commands]
    locking.lock_payments(conn, keys)
    return each(conn, commands, _decline)


def _claim(conn: Connection, command: ClaimPayment) -> PaymentDocument:
    act = command.act
    standings = invoice_queries.lock_invoices(conn, planning.named_keys([command]))
    customers = planning.payers([command], standings)
    named = Named(conn, organization_ids=[act.organization_id], customer_ids=customers)
    today = clock.day(act.at, named.organization(act.organization_id).time_zone)
    planning.check(command, today)
    customer_id, claimed_of = planning.payer(Grounds(named, standings, {}), command)
    if command.by_payer:
        [standing] = claimed_of
        bounding.check_claim(conn, command, standing)
    payment = waiting_payment(command, customer_id, command.paid_on or today)
    claim = waiting_claim(command, payment["id"])
    writes = Writes()
    writes.add(PAYMENTS, payment)
    writes.add(CLAIMS, claim)
    payload = _payload(payment["id"], customer_id, command.currency, command.amount)
    events.emit(writes, act, CLAIMED, payment["id"], payload, once=True)
    writes.flush(conn)
    return document(payment, [])


def waiting_payment(command: Incoming, customer_id: UUID, paid_on: date) -> dict[str, Any]:
    """Make the row of a payment that waits for somebody's decision."""
    act = command.act
    return {
        "organization_id": act.organization_id,
        "id": ids.new(),
        "customer_id": customer_id,
        "method": command.method,
        "status": "pending_confirmation",
        "currency": command.currency,
        "amount": command.amount,
        "allocated": 0,
        "unallocated": 0,
        "refund_reserved": 0,
        "refunded": 0,
        "charged_back": 0,
        "paid_on": paid_on,
        "reference": command.reference,
        "note": command.note,
        "receipt_number": None,
        "receipt_date": None,
        "version": 1,
        "created_at": act.at,
        "updated_at": act.at,
        "booked_on": None,
    }


def waiting_claim(command: Incoming, payment_id: UUID) -> dict[str, Any]:
    """Make the row of what a payment that waits is to pay."""
    shares = [
        {"invoice_id": str(share.invoice_id), "amount": share.amount} for share in command.invoices
    ]
    return {
        "organization_id": command.act.organization_id,
        "payment_id": payment_id,
        "shares": shares,
        "excess": command.excess,
        "held_by": command.act.actor.id,
    }


@dataclass(frozen=True, slots=True)
class _Found:
    """What a batch confirms, read once and before anything is locked.

    A claim stays as it was made, and so does its payment until somebody decides on it, which the
    locked payment will tell.
    """

    payments: dict[Key, Row[Any]]
    claims: dict[Key, Row[Any]]
    open_ids: dict[tuple[UUID, UUID, str], list[UUID]]

    def wish(self, command: ConfirmPayment) -> Incoming | None:
        """Say what a claim comes to when it is confirmed; None where there is no claim."""
        key = command.act.organization_id, command.payment_id
        if key not in self.claims:
            return None
        return _wish(command, self.payments[key], self.claims[key])

    def wishes(self, commands: Sequence[ConfirmPayment]) -> list[Incoming]:
        """List what the claims of a batch come to."""
        return [wish for command in commands if (wish := self.wish(command)) is not None]


def _find(conn: Connection, commands: Sequence[ConfirmPayment]) -> _Found:
    keys = {(command.act.organization_id, command.payment_id) for command in commands}
    payments = {
        (row.organization_id, row.id): row
        for row in rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], keys)
    }
    claims = {
        (row.organization_id, row.payment_id): row
        for row in rows.find(conn, [CLAIMS.c.organization_id, CLAIMS.c.payment_id], keys)
    }
    found = _Found(payments, claims, {})
    return replace(found, open_ids=planning.open_invoices(conn, found.wishes(commands)))


def _lock(
    conn: Connection, commands: Sequence[ConfirmPayment], found: _Found
) -> tuple[dict[Key, Standing], dict[Key, Holding]]:
    wishes = found.wishes(commands)
    wanted = planning.named_keys(wishes)
    for wish in wishes:
        assert wish.customer_id is not None, "a claim has its payer"
        place = wish.act.organization_id, wish.customer_id, wish.currency
        wanted |= {(place[0], invoice_id) for invoice_id in found.open_ids.get(place, [])}
    standings = invoice_queries.lock_invoices(conn, wanted)
    keys = [(command.act.organization_id, command.payment_id) for command in commands]
    return standings, locking.lock_payments(conn, keys)


def _wish(command: ConfirmPayment, payment: Row[Any], claim: Row[Any]) -> Incoming:
    claimed = tuple(Share(UUID(share["invoice_id"]), share["amount"]) for share in claim.shares)
    return Incoming(
        act=command.act,
        amount=payment.amount if command.amount is None else command.amount,
        currency=payment.currency,
        method=payment.method,
        customer_id=payment.customer_id,
        invoices=claimed if command.invoices is None else command.invoices,
        excess=command.excess or claim.excess,
        paid_on=command.paid_on or payment.paid_on,
        reference=payment.reference,
    )


def _confirm(conn: Connection, command: ConfirmPayment, *, found: _Found) -> PaymentDocument:
    act = command.act
    key = act.organization_id, command.payment_id
    # What the batch has locked already, as the commands before this one left it.
    standings, holdings = _lock(conn, [command], found)
    customers = {(act.organization_id, each.customer_id) for each in holdings.values()}
    named = Named(conn, organization_ids=[act.organization_id], customer_ids=customers)
    organization = named.organization(act.organization_id)
    holding = _claimed(holdings, key)
    wish = found.wish(command)
    assert wish is not None, "whatever waits was claimed"
    assert wish.paid_on is not None, "and its money has a day"
    today = clock.day(act.at, organization.time_zone)
    planning.check(wish, today)
    _check_other_person(conn, organization, wish, found.claims[key], holding.amount)
    grounds = Grounds(named, standings, found.open_ids)
    customer_id, plan = planning.plan(grounds, wish)
    parts = allocating.allocate(plan, on=wish.paid_on, today=today)
    counters = Counters(conn, {planning.receipts(named, act)})
    payment = {
        **found.payments[key]._asdict(),
        "amount": wish.amount,
        "paid_on": wish.paid_on,
        "version": holding.version,
        "parties": None if parts else planning.copied(grounds, organization, customer_id),
    }
    writes = Writes()
    receipt = planning.receipt(counters, act, today)
    settle(writes, act, payment, parts, receipt=receipt, stored=True)
    _decide(writes, act, holding.id, None)
    invoice_queries.write_standings(writes, standings.values(), act.at)
    counters.write(writes)
    writes.flush(conn)
    if ruling.follow(conn, named, act, payment, parts):
        return queries.get_payment(conn, act.organization_id, holding.id)
    return document(
        payment, [(part.invoice.id, part.invoice.number, part.amount) for part in parts]
    )


def _check_other_person(
    conn: Connection, organization: Row[Any], wish: Incoming, claim: Row[Any], claimed: int
) -> None:
    """Let nobody approve alone what a rule held when it was recorded, or holds as it is now.

    Whoever confirms more than was claimed says that by themselves.
    """
    held_by, here = claim.held_by, organization.id
    own = held_by is not None and persons.are_one(conn, here, held_by, wish.act.actor.id)
    if own and (claim.rule_id is not None or _holds(conn, organization, wish)):
        message = (
            "A rule wants another person to approve this payment than the one who recorded it."
        )
        raise Refused("payment.same_person", message)
    if wish.amount > claimed and _holds(conn, organization, wish):
        message = (
            f"{money.text(claimed, wish.currency)} {wish.currency} were claimed, and a rule wants "
            f"another person to approve {money.text(wish.amount, wish.currency)}. Confirm what was "
            "claimed, or decline it and record the payment anew."
        )
        raise Refused("payment.same_person", message)


def _holds(conn: Connection, organization: Row[Any], wish: Incoming) -> bool:
    if not organization.rules_version:
        return False
    payment = {
        "organization_id": organization.id,
        "customer_id": wish.customer_id,
        "amount": wish.amount,
        "currency": wish.currency,
        "method": wish.method,
        "paid_on": wish.paid_on,
        "reference": wish.reference,
    }
    matches = ruling.on_recording(conn, organization, wish.act, payment)
    return any(match.does("hold_for_approval") for match in matches)


def _decline(conn: Connection, command: DeclinePayment) -> PaymentDocument:
    act = command.act
    key = act.organization_id, command.payment_id
    holdings = locking.lock_payments(conn, [key])
    Named(conn, organization_ids=[act.organization_id]).organization(act.organization_id)
    holding = _claimed(holdings, key)
    writes = Writes()
    writes.change(
        PAYMENTS,
        {"organization_id": act.organization_id, "id": holding.id},
        {"status": "declined", "version": holding.version + 1, "updated_at": act.at},
    )
    _decide(writes, act, holding.id, command.reason)
    payload = _payload(holding.id, holding.customer_id, holding.currency, holding.amount)
    events.emit(writes, act, DECLINED, holding.id, payload, once=True)
    writes.flush(conn)
    return queries.get_payment(conn, act.organization_id, holding.id)


def _claimed(holdings: Mapping[Key, Holding], key: Key) -> Holding:
    """Give a locked payment that waits to be confirmed."""
    holding = holdings.get(key)
    if holding is None:
        raise queries.unknown(key[1])
    if holding.status != "pending_confirmation":
        became = "was declined" if holding.status == "declined" else "is settled already"
        message = f"The payment {shown(holding.id)} {became}, so nobody waits for a decision."
        raise Refused("payment.not_claimed", message, facts={"payment_status": holding.status})
    return holding


def _decide(writes: Writes, act: Act, payment_id: UUID, reason: str | None) -> None:
    key = {"organization_id": act.organization_id, "payment_id": payment_id}
    writes.change(CLAIMS, key, {"decline_reason": reason, "decided_at": act.at})


def _payload(payment_id: UUID, customer_id: UUID, currency: str, amount: int) -> dict[str, Any]:
    return {
        "payment_id": str(payment_id),
        "customer_id": str(customer_id),
        "currency": currency,
        "amount": amount,
    }
