"""Give money back through the provider that took it.

As with payments (`starting`, `resolving`): a refund is committed and its amount set aside before
anybody is called, and what the provider says comes in through one door, in any order and as often
as it likes. The money is the customer's credit until the provider has given it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.kernel import clock, events, rows, tasks
from tallystick.kernel.actor import Act
from tallystick.kernel.alarms import clear_alarm, is_open, raise_alarm
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger.posting import post
from tallystick.parties.named import Named
from tallystick.payments import holding_refunds, locking, orders, refunding, refunds
from tallystick.payments import refund_alarms as alarms
from tallystick.payments.locking import Holding
from tallystick.payments.models import ORDERS, REFUNDS
from tallystick.payments.provider import Absent, Failed, Found, Pending, RequiresAction, Succeeded
from tallystick.payments.refunding import REFUNDED, Locked
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.releasing import add_release
from tallystick.payments.resolving import ABSENT_FOR, ASKED_FIRST
from tallystick.payments.starting import GRACE

STARTED: Final = "refund.started"
FAILED: Final = "refund.failed"


@dataclass(frozen=True, slots=True)
class StartRefund:
    """Money that a provider is to give back. The amount is in minor units of the payment."""

    act: Act
    payment_id: UUID
    call_s: float
    """How long the call to the provider may take."""
    amount: int | None = None
    """None gives back all that is left."""
    reference: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ResolveRefund:
    """What a provider says of a refund."""

    act: Act
    refund_id: UUID
    outcome: Found
    asking: bool = False
    """Whether the task that asks about it says so, which ends by itself."""


@dataclass(frozen=True, slots=True)
class DecideRefund:
    """A person has looked at the provider's own pages and says what became of a refund."""

    act: Act
    refund_id: UUID
    outcome: Succeeded | Failed


def start_refunds(
    conn: Connection, commands: Sequence[StartRefund]
) -> list[Answer[RefundDocument]]:
    """Commit refunds as processing and set their amounts aside; a task will ask about each.

    What invoices have is released as in refunding, so they are due again at once. Locks the
    invoices that the payments pay, then the payments.

    Refuses:
        payment.unknown, payment.not_settled, organization.inactive
        payment.not_online: no provider took the payment.
        refund.amount_not_positive, refund.exceeds_payment: as in refunding.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    refunding.lock(conn, [(each.act.organization_id, each.payment_id) for each in commands])
    return each(conn, commands, _start)


def resolve_refunds(
    conn: Connection, commands: Sequence[ResolveRefund]
) -> list[Answer[RefundDocument]]:
    """Make of refunds what their provider says; what changes nothing is answered all the same.

    Locks as `start_refunds`, then the refunds. Nothing about the organization refuses it: the money
    has moved.

    Refuses:
        refund.unknown
        payment.not_online: no provider was asked for the refund.
    """
    lock(conn, [(command.act.organization_id, command.refund_id) for command in commands])
    return each(conn, commands, _resolve)


def decide_refunds(
    conn: Connection, commands: Sequence[DecideRefund]
) -> list[Answer[RefundDocument]]:
    """Confirm or decline refunds whose outcome nobody knows. Locks as `resolve_refunds`.

    Refuses:
        refund.unknown, payment.not_online, organization.inactive
        refund.in_flight, refund.outcome_known: there is nothing to decide; not kept.
    """
    lock(conn, [(command.act.organization_id, command.refund_id) for command in commands])
    return each(conn, commands, _decide)


def _start(conn: Connection, command: StartRefund) -> RefundDocument:
    act = command.act
    key = act.organization_id, command.payment_id
    locked = refunding.lock(conn, [key])
    named = Named(conn, organization_ids=[act.organization_id])
    organization = named.organization(act.organization_id)
    holding = locking.settled(locked.holdings, key)
    taken = orders.find(conn, act.organization_id, command.payment_id)
    held = holding_refunds.held_of(conn, organization, holding)
    amount = refunding.amount_of(command.amount, holding, held)
    today = clock.day(act.at, organization.time_zone)
    refund = refunding.asked_for(command, holding, taken.provider, amount, today)
    match = holding_refunds.match(conn, organization, act, refund, held=held)
    if match is not None:
        return holding_refunds.hold(conn, match, holding, refund)
    writes = Writes()
    writes.add(REFUNDS, refund | {"status": "processing"})
    begin(writes, act, locked, holding, refund, call_s=command.call_s)
    writes.flush(conn)
    return refunds.get_refund(conn, act.organization_id, refund["id"])


def begin(
    writes: Writes,
    act: Act,
    locked: Locked,
    holding: Holding,
    refund: dict[str, Any],
    *,
    call_s: float,
) -> None:
    """Set the amount of a refund aside, and say what its provider is asked; it is called next."""
    amount, refund_id, provider = refund["amount"], refund["id"], refund["method"]
    today = refund["refunded_on"]
    _set_aside(writes, act, locked, holding, amount, on=holding.day(today, today))
    over_at = act.at + timedelta(seconds=call_s) + GRACE
    order = {
        "organization_id": act.organization_id,
        "id": refund_id,
        "payment_id": holding.id,
        "refund_id": refund_id,
        "provider": provider,
        "provider_key": refund_id,
        "amount": amount,
        "description": "",
        "calls": 1,
        "unknown_from": over_at,
        "late": False,
        "called_at": act.at,
        "created_at": act.at,
        "updated_at": act.at,
    }
    writes.add(ORDERS, order)
    invoice_queries.write_standings(writes, locked.standings.values(), act.at)
    locking.write_payments(writes, [holding], act.at)
    task_id, kind = orders.asking_task(refund_id), orders.asking_kind(provider)
    tasks.add(writes, act, kind, {"order_id": str(refund_id)}, task_id=task_id, due_at=over_at)
    payload = _payload(refund) | {"provider": provider}
    events.emit(writes, act, STARTED, refund_id, payload, once=True)


def _set_aside(
    writes: Writes, act: Act, locked: Locked, holding: Holding, amount: int, *, on: date
) -> None:
    """Keep an amount of a payment for a refund: what is free first, then what invoices have."""
    plan = refunding.releases(locked, amount - holding.unallocated)
    if plan:
        add_release(writes, act, holding, plan, on=on)
    holding.reserve_refund(amount)


@dataclass(slots=True)
class _Case:
    """One locked refund, and what its transaction will write."""

    conn: Connection
    act: Act
    locked: Locked
    holding: Holding
    refund: Row[Any]
    order: Row[Any]
    today: date
    writes: Writes
    asking: bool


def lock(conn: Connection, keys: Sequence[tuple[UUID, UUID]]) -> tuple[Sequence[Row[Any]], Locked]:
    """Lock refunds, before them their payments, and before those what they pay."""
    columns = [REFUNDS.c.organization_id, REFUNDS.c.id]
    found = rows.find(conn, columns, keys)
    locked = refunding.lock(conn, {(row.organization_id, row.payment_id) for row in found})
    return rows.find(conn, columns, keys, lock=True), locked


def _case(conn: Connection, act: Act, refund_id: UUID, *, asking: bool) -> _Case:
    found, locked = lock(conn, [(act.organization_id, refund_id)])
    if not found:
        raise refunds.unknown(refund_id)
    holding = locked.holdings[act.organization_id, found[0].payment_id]
    named = Named(conn, organization_ids=[act.organization_id])
    return _Case(
        conn=conn,
        act=act,
        locked=locked,
        holding=holding,
        refund=found[0],
        order=orders.find(conn, act.organization_id, refund_id),
        today=clock.day(act.at, named.zone(act.organization_id)),
        writes=Writes(),
        asking=asking,
    )


def _resolve(conn: Connection, command: ResolveRefund) -> RefundDocument:
    case = _case(conn, command.act, command.refund_id, asking=command.asking)
    overtaken = case.asking and case.order.updated_at > case.act.at
    if isinstance(command.outcome, Succeeded) or not overtaken:
        # What became known while the provider was being asked counts for more than its answer.
        _judge(case, command.outcome)
    return _written(case)


def _decide(conn: Connection, command: DecideRefund) -> RefundDocument:
    act = command.act
    case = _case(conn, act, command.refund_id, asking=False)
    Named(conn, organization_ids=[act.organization_id]).organization(act.organization_id)
    _check_unknown(case)
    _judge(case, command.outcome)
    return _written(case)


def _check_unknown(case: _Case) -> None:
    status, unknown_from = case.refund.status, case.order.unknown_from
    if status == "processing" and unknown_from is None:
        place = case.act.organization_id, alarms.UNKNOWN, case.refund.id
        if is_open(case.conn, *place):
            # It has waited so long that an alarm asks a person.
            return
    if status != "processing" or unknown_from is None:
        message = f"What became of the refund {shown(case.refund.id)} is known: it is {status}."
        facts = {"refund_status": status}
        raise Refused("refund.outcome_known", message, facts=facts, kept=False)
    if unknown_from > case.act.at:
        message = (
            f"The provider is being asked for the refund {shown(case.refund.id)} at this moment. "
            "Wait for its answer, then look again."
        )
        raise Refused("refund.in_flight", message, kept=False)


def _written(case: _Case) -> RefundDocument:
    invoice_queries.write_standings(case.writes, case.locked.standings.values(), case.act.at)
    locking.write_payments(case.writes, [case.holding], case.act.at)
    case.writes.flush(case.conn)
    return refunds.get_refund(case.conn, case.act.organization_id, case.refund.id)


def _judge(case: _Case, outcome: Found) -> None:
    status = case.refund.status
    if isinstance(outcome, Succeeded):
        if status != "succeeded":
            _succeed(case, outcome)
    elif status == "succeeded":
        if isinstance(outcome, Failed | Absent):
            _alarm(case, alarms.CONTRADICTED, alarms.SAYS_NO)
    elif status == "failed":
        return
    elif isinstance(outcome, Failed):
        _fail(case, outcome)
    elif isinstance(outcome, Absent):
        if case.act.at >= orders.over_since(case.order) + ABSENT_FOR:
            _fail(case, None)
        else:
            _stay_unknown(case, "absent")
    elif isinstance(outcome, Pending | RequiresAction):
        _keep(case, {"unknown_from": None, "unknown_why": None, **_named(outcome.reference)})
    else:
        _stay_unknown(case, outcome.why)


def _succeed(case: _Case, outcome: Succeeded) -> None:
    amount, late = case.refund.amount, case.refund.status == "failed"
    if outcome.amount is not None and outcome.amount != amount:
        _alarm(case, alarms.AMOUNT, alarms.amounts_differ(case.refund, outcome.amount))
        if not late:
            _stay_unknown(case, "amount")
        return
    day = case.holding.day(case.today, case.today)
    if late:
        if amount > case.holding.allocated + case.holding.unallocated:
            _alarm(case, alarms.LATE, alarms.gone_already(case.refund))
            return
        _set_aside(case.writes, case.act, case.locked, case.holding, amount, on=day)
        _alarm(case, alarms.LATE, alarms.late(case.refund))
    case.holding.end_refund(amount, gone_on=day)
    refund = {**case.refund._asdict(), "refunded_on": day}
    post(case.writes, case.act, refunding.entry(refund))
    _change(case, {"status": "succeeded", "refunded_on": day})
    _end(case, {"late": late, **_named(outcome.reference)})
    events.emit(case.writes, case.act, REFUNDED, case.refund.id, _payload(refund), once=True)


def _fail(case: _Case, failed: Failed | None) -> None:
    case.holding.end_refund(case.refund.amount, gone_on=None)
    _change(case, {"status": "failed"})
    told: dict[str, Any] = {"failure_code": None, "failure_reason": None}
    reason = "The provider knows nothing of it."
    if failed is not None:
        told = {"failure_code": failed.code, "failure_reason": failed.reason[:255]}
        reason = failed.reason
    _end(case, told)
    payload = _payload(case.refund._asdict())
    events.emit(case.writes, case.act, FAILED, case.refund.id, payload, once=True)
    _alarm(case, alarms.FAILED, alarms.failed(case.refund, reason))


def _stay_unknown(case: _Case, why: str) -> None:
    since = case.order.unknown_from
    since = case.act.at if since is None else min(since, case.act.at)
    _keep(case, {"unknown_from": since, "unknown_why": why})


def _keep(case: _Case, values: dict[str, Any]) -> None:
    """Note what is known of a refund that stays on its way, and when the provider is asked."""
    changed = {**values, "updated_at": case.act.at}
    case.writes.change(ORDERS, orders.place(case.order), changed)
    if not case.asking:
        ask_at = case.act.at + ASKED_FIRST
        tasks.move(case.writes, case.act, orders.asking_task(case.order.id), ask_at)


def _end(case: _Case, values: dict[str, Any]) -> None:
    """Note what is known of a refund that is decided; nobody asks about it any more."""
    known = {"unknown_from": None, "unknown_why": None, **values, "updated_at": case.act.at}
    case.writes.change(ORDERS, orders.place(case.order), known)
    if not case.asking:
        tasks.move(case.writes, case.act, orders.asking_task(case.order.id), None)
    for kind in (alarms.UNKNOWN, alarms.AMOUNT):
        clear_alarm(case.conn, case.writes, case.act, kind, case.refund.id)


def _change(case: _Case, values: dict[str, Any]) -> None:
    key = {"organization_id": case.act.organization_id, "id": case.refund.id}
    changed = {**values, "version": case.refund.version + 1, "updated_at": case.act.at}
    case.writes.change(REFUNDS, key, changed)


def _named(reference: str | None) -> dict[str, Any]:
    return {} if reference is None else {"reference": reference[:255]}


def _payload(refund: dict[str, Any]) -> dict[str, Any]:
    return {
        "refund_id": str(refund["id"]),
        "payment_id": str(refund["payment_id"]),
        "customer_id": str(refund["customer_id"]),
        "currency": refund["currency"],
        "amount": refund["amount"],
    }


def _alarm(case: _Case, kind: str, detail: str) -> None:
    raise_alarm(case.conn, case.writes, case.act, kind, case.refund.id, detail=detail)
