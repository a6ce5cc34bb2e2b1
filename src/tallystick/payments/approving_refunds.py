"""Decide on refunds that a rule lets wait for another person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.auth import persons
from tallystick.kernel import clock, events, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named
from tallystick.payments import holding_refunds, locking, refunding, refunds, returning
from tallystick.payments.holding_refunds import PENDING
from tallystick.payments.models import REFUND_HOLDS, REFUNDS
from tallystick.payments.refunding import Locked
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.states import OFFLINE_METHODS

DECLINED: Final = "refund.declined"


@dataclass(frozen=True, slots=True)
class ApproveRefund:
    """Let a refund go that waits."""

    act: Act
    refund_id: UUID
    call_s: float
    """How long the call to the provider may take that gives it back, where one does."""


@dataclass(frozen=True, slots=True)
class DeclineRefund:
    """Let nothing go back."""

    act: Act
    refund_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A locked refund that waits, and what it is judged on."""

    refund: Row[Any]
    hold: Row[Any]
    organization: Row[Any]
    locked: Locked


def approve_refunds(
    conn: Connection, commands: Sequence[ApproveRefund]
) -> list[Answer[RefundDocument]]:
    """Do what the refunds say, dated today, judged as if they were asked for now.

    Money at a provider is processing then, and the provider is to be called; all other has gone.
    Locks the invoices that the payments pay, the payments, then the refunds.

    Refuses:
        refund.unknown, organization.inactive
        refund.not_held: somebody has decided on it, or nobody had to.
        refund.same_person: who wanted it does not approve it.
        refund.exceeds_payment: so much is not left any more.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    returning.lock(conn, [(each.act.organization_id, each.refund_id) for each in commands])
    return each(conn, commands, _approve)


def decline_held_refunds(
    conn: Connection, commands: Sequence[DeclineRefund]
) -> list[Answer[RefundDocument]]:
    """Decline refunds that wait; nothing was moved. Who wanted one may do so. Locks as approving.

    Refuses:
        refund.unknown, refund.not_held, organization.inactive
    """
    returning.lock(conn, [(each.act.organization_id, each.refund_id) for each in commands])
    return each(conn, commands, _decline)


def _approve(conn: Connection, command: ApproveRefund) -> RefundDocument:
    act = command.act
    waiting = _waiting(conn, act, command.refund_id)
    refund, locked = waiting.refund, waiting.locked
    if persons.are_one(conn, act.organization_id, waiting.hold.held_by, act.actor.id):
        message = "A rule wants another person to approve this refund than the one who wanted it."
        raise Refused("refund.same_person", message)
    holding = locking.settled(locked.holdings, (act.organization_id, refund.payment_id))
    held = holding_refunds.held_of(conn, waiting.organization, holding)
    refunding.amount_of(refund.amount, holding, held - refund.amount)
    today = clock.day(act.at, waiting.organization.time_zone)
    writes = Writes()
    if refund.method in OFFLINE_METHODS:
        gone = {**refund._asdict(), "refunded_on": holding.day(today, today)}
        refunding.give(writes, act, locked, holding, gone)
        _decide(writes, act, refund, "succeeded", refunded_on=gone["refunded_on"])
    else:
        going = {**refund._asdict(), "refunded_on": today}
        returning.begin(writes, act, locked, holding, going, call_s=command.call_s)
        _decide(writes, act, refund, "processing", refunded_on=today)
    writes.flush(conn)
    return refunds.get_refund(conn, act.organization_id, refund.id)


def _decline(conn: Connection, command: DeclineRefund) -> RefundDocument:
    act = command.act
    waiting = _waiting(conn, act, command.refund_id)
    refund = waiting.refund
    writes = Writes()
    _decide(writes, act, refund, "declined", reason=command.reason)
    # What it kept free of the payment may go back otherwise.
    [holding] = waiting.locked.holdings.values()
    holding.changed = True
    locking.write_payments(writes, [holding], act.at)
    told = holding_refunds.payload(refund._asdict(), waiting.hold.rule_id)
    events.emit(writes, act, DECLINED, refund.id, told, once=True)
    writes.flush(conn)
    return refunds.get_refund(conn, act.organization_id, refund.id)


def _waiting(conn: Connection, act: Act, refund_id: UUID) -> _Waiting:
    """Give a locked refund that waits to be approved."""
    found, locked = returning.lock(conn, [(act.organization_id, refund_id)])
    if not found:
        raise refunds.unknown(refund_id)
    named = Named(conn, organization_ids=[act.organization_id])
    organization = named.organization(act.organization_id)
    if found[0].status != PENDING:
        message = f"The refund {shown(refund_id)} is {found[0].status}; nobody waits for approval."
        facts = {"refund_status": found[0].status}
        raise Refused("refund.not_held", message, facts=facts, kept=False)
    columns = [REFUND_HOLDS.c.organization_id, REFUND_HOLDS.c.refund_id]
    [hold] = rows.find(conn, columns, [(act.organization_id, refund_id)])
    return _Waiting(found[0], hold, organization, locked)


def _decide(
    writes: Writes,
    act: Act,
    refund: Row[Any],
    status: str,
    *,
    reason: str | None = None,
    **day: Any,
) -> None:
    place = {"organization_id": act.organization_id}
    changed = {"status": status, "version": refund.version + 1, "updated_at": act.at, **day}
    writes.change(REFUNDS, place | {"id": refund.id}, changed)
    decided = {"decline_reason": reason, "decided_at": act.at}
    writes.change(REFUND_HOLDS, place | {"refund_id": refund.id}, decided)
