"""The one door through which what a provider says of a payment becomes what the payment is.

The answer to a call, a look-up, an event, a report and a person who has looked at the provider's
own pages all come through here, in any order and as often as they like: the payment is locked, and
only a change that `tallystick.payments.states.EDGES` knows is made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.numbering import Counters
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, rows, tasks
from tallystick.kernel.actor import Act
from tallystick.kernel.alarms import clear_alarm, is_open, raise_alarm
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named
from tallystick.payments import allocating, locking, orders, planning, queries, ruling, worries
from tallystick.payments.allocating import Part
from tallystick.payments.locking import Holding, Key
from tallystick.payments.models import ORDERS, PAYMENTS, RESERVATIONS
from tallystick.payments.planning import Grounds
from tallystick.payments.provider import (
    Absent,
    Failed,
    Found,
    Pending,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.settling import settle
from tallystick.payments.states import EDGES, GIVEN_UP, ON_THE_WAY, SETTLED

FAILED: Final = "payment.failed"
CANCELED: Final = "payment.canceled"
EXPIRED: Final = "payment.expired"
ACTION_REQUIRED: Final = "payment.action_required"

ASKED_FIRST: Final = timedelta(seconds=10)
"""How long after an unanswered call the provider is first asked what became of it."""
ABSENT_FOR: Final = timedelta(seconds=30)
"""How long a call must have been over before a provider that knows nothing of it is believed."""
ACTION_WITHIN: Final = timedelta(hours=24)
"""How long a payer may take on the provider's page."""


@dataclass(frozen=True, slots=True)
class ResolvePayment:
    """What a provider says of a payment."""

    act: Act
    payment_id: UUID
    outcome: Found
    of_one_call: bool = False
    """Whether it speaks of a single call, and not of an earlier one under the same key: the answer
    of a provider that does not repeat safely (`Abilities.repeats_safely`).
    """
    asking: bool = False
    """Whether the task that asks about it says so, which ends by itself."""
    called_at: datetime | None = None
    """Which call it speaks of, where it speaks of one (`provider_order.called_at`)."""


@dataclass(frozen=True, slots=True)
class DecidePayment:
    """A person has looked at the provider's own pages and says what became of a payment."""

    act: Act
    payment_id: UUID
    outcome: Succeeded | Failed


def resolve_payments(
    conn: Connection, commands: Sequence[ResolvePayment]
) -> list[Answer[PaymentDocument]]:
    """Make of payments what their provider says; what changes nothing is answered all the same.

    Locks the invoices that are reserved, then the payments, then the counter of receipts. Nothing
    about the organization refuses it: the money has moved.

    Refuses:
        payment.unknown, payment.not_online
    """
    _lock_all(conn, commands)
    return each(conn, commands, _resolve)


def decide_payments(
    conn: Connection, commands: Sequence[DecidePayment]
) -> list[Answer[PaymentDocument]]:
    """Confirm or decline payments whose outcome nobody knows. Locks as `resolve_payments`.

    Refuses:
        payment.unknown, payment.not_online, organization.inactive
        payment.in_flight, payment.outcome_known: there is nothing to decide; not kept. Money that
            came after all may be confirmed when the payment was given up.
    """
    _lock_all(conn, commands)
    return each(conn, commands, _decide)


@dataclass(slots=True)
class _Case:
    """One locked payment, and what its transaction will write."""

    conn: Connection
    act: Act
    holding: Holding
    payment: Row[Any]
    order: Row[Any]
    reserved: list[tuple[Standing, int]]
    today: date
    named: Named
    writes: Writes
    asking: bool
    settled: tuple[dict[str, Any], list[Part]] | None = None
    """The payment and what it pays, when it was settled just now."""


def _lock_all(conn: Connection, commands: Sequence[ResolvePayment | DecidePayment]) -> None:
    """Lock all of a batch, in order: two batches must not wait for each other in a circle."""
    _lock(conn, [(command.act.organization_id, command.payment_id) for command in commands])
    acts = [command.act for command in commands if isinstance(command.outcome, Succeeded)]
    named = Named(conn, organization_ids={act.organization_id for act in acts})
    Counters(conn, {planning.receipts(named, act) for act in acts})


def _lock(
    conn: Connection, keys: Sequence[Key]
) -> tuple[dict[Key, list[tuple[UUID, int]]], dict[Key, Standing], dict[Key, Holding]]:
    """Lock payments and all invoices of which they have reserved something, which never changes."""
    columns = [RESERVATIONS.c.organization_id, RESERVATIONS.c.payment_id]
    shares: dict[Key, list[tuple[UUID, int]]] = {}
    for row in rows.find(conn, columns, keys):
        place = row.organization_id, row.payment_id
        shares.setdefault(place, []).append((row.invoice_id, row.amount))
    wanted = {(key[0], invoice_id) for key, found in shares.items() for invoice_id, _ in found}
    standings = invoice_queries.lock_invoices(conn, wanted)
    return shares, standings, locking.lock_payments(conn, keys)


def _case(conn: Connection, act: Act, payment_id: UUID, *, asking: bool) -> _Case:
    key = act.organization_id, payment_id
    shares, standings, holdings = _lock(conn, [key])
    holding = holdings.get(key)
    if holding is None:
        raise queries.unknown(payment_id)
    named = Named(
        conn,
        organization_ids=[act.organization_id],
        customer_ids=[(act.organization_id, holding.customer_id)],
    )
    return _Case(
        conn=conn,
        act=act,
        holding=holding,
        payment=rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], [key])[0],
        order=orders.find(conn, act.organization_id, payment_id),
        reserved=sorted(
            [(standings[key[0], each], amount) for each, amount in shares.get(key, [])],
            # As they were reserved, the oldest due first: receipts and answers list them so.
            key=lambda part: (str(part[0].due_date), part[0].id),
        ),
        today=clock.day(act.at, named.zone(act.organization_id)),
        named=named,
        writes=Writes(),
        asking=asking,
    )


def _resolve(conn: Connection, command: ResolvePayment) -> PaymentDocument:
    case = _case(conn, command.act, command.payment_id, asking=command.asking)
    outcome = command.outcome
    if isinstance(outcome, Failed) and case.order.calls > 1 and _of_last(command, outcome):
        # An earlier call may have taken the money.
        outcome = Unknown("cannot_ask")
    if not _overtaken(case, command, outcome):
        _judge(case, outcome, of_a_call=command.called_at is not None)
    return _written(case)


def _of_last(command: ResolvePayment, failed: Failed) -> bool:
    # What was not sent or not offered is said of the last call alone, whoever says it.
    return command.of_one_call or failed.code != "declined"


def _overtaken(case: _Case, command: ResolvePayment, outcome: Found) -> bool:
    """Tell whether another call went out since, or more is known since the provider was asked.

    Only a success outlives that.
    """
    if isinstance(outcome, Succeeded):
        return False
    order = case.order
    if command.called_at not in {None, order.called_at}:
        return True
    known_at = max(order.updated_at, order.unknown_from or order.updated_at)
    return case.asking and known_at > case.act.at


def _decide(conn: Connection, command: DecidePayment) -> PaymentDocument:
    case = _case(conn, command.act, command.payment_id, asking=False)
    case.named.organization(command.act.organization_id)
    _check_decidable(case, command.outcome)
    _judge(case, command.outcome)
    return _written(case)


def _check_decidable(case: _Case, outcome: Succeeded | Failed) -> None:
    """Refuse to decide what is known already, but for money that came after all.

    What has waited so long that an alarm asks a person is decided by a person, whatever it waits
    for.
    """
    status, order = case.holding.status, case.order
    if status in GIVEN_UP and isinstance(outcome, Succeeded):
        if orders.counted_already(case.conn, order):
            raise worries.counted_already(case.holding)
        return
    on_its_way = status in ON_THE_WAY and (order.unknown_from or case.act.at) <= case.act.at
    if on_its_way and is_open(case.conn, order.organization_id, worries.UNKNOWN_ALARM, order.id):
        return
    orders.check_unknown(status, order, case.act.at)


def _written(case: _Case) -> PaymentDocument:
    standings = [standing for standing, _ in case.reserved]
    invoice_queries.write_standings(case.writes, standings, case.act.at)
    case.writes.flush(case.conn)
    if case.settled is not None:
        ruling.follow(case.conn, case.named, case.act, *case.settled)
    return queries.get_payment(case.conn, case.act.organization_id, case.holding.id)


def _judge(case: _Case, outcome: Found, *, of_a_call: bool = False) -> None:
    status = case.holding.status
    if isinstance(outcome, Succeeded):
        _succeed(case, outcome, of_a_call=of_a_call)
    elif status in SETTLED:
        if isinstance(outcome, Failed | Absent):
            _alarm(case, worries.CONTRADICTED_ALARM, worries.CONTRADICTED)
    elif status not in ON_THE_WAY:
        return
    elif isinstance(outcome, Failed):
        _give_up(case, "failed", outcome)
    elif isinstance(outcome, Absent):
        if case.act.at >= orders.over_since(case.order) + ABSENT_FOR:
            _give_up(case, "canceled", None)
        else:
            _stay_unknown(case, "absent")
    elif isinstance(outcome, RequiresAction):
        _require_action(case, outcome)
    elif isinstance(outcome, Pending):
        _keep(case, {"unknown_from": None, "unknown_why": None, **_named(outcome.reference)})
    else:
        _stay_unknown(case, outcome.why)


def _succeed(case: _Case, outcome: Succeeded, *, of_a_call: bool) -> None:
    status, asked = case.holding.status, case.order.amount
    if status in SETTLED:
        return
    if orders.counted_already(case.conn, case.order):
        if status in ON_THE_WAY:
            _give_up(case, "canceled", None)
        elif not of_a_call:
            # Whoever tells of the key tells of the payment that is settled.
            return
        _alarm(case, worries.AGAIN_ALARM, worries.CALLED_AGAIN)
        return
    if outcome.amount is not None and outcome.amount != asked:
        _alarm(
            case,
            worries.AMOUNT_ALARM,
            worries.amounts_differ(case.holding.currency, case.order, outcome.amount),
        )
        if status in ON_THE_WAY:
            _stay_unknown(case, "amount")
        return
    _settle(case, outcome, late=status in GIVEN_UP)


def _settle(case: _Case, outcome: Succeeded, *, late: bool) -> None:
    _check_edge(case.holding.status, "succeeded")
    plan = []
    for standing, amount in case.reserved:
        if not late:
            standing.unreserve(amount)
        part = min(amount, standing.open_due) if standing.status == "open" else 0
        if part > 0:
            plan.append((standing, part))
    parts = allocating.allocate(plan, on=case.today, today=case.today)
    counters = Counters(case.conn, {planning.receipts(case.named, case.act)})
    payment = {**case.payment._asdict(), "paid_on": case.today, "parties": None}
    if not parts:
        grounds = Grounds(case.named, {}, {})
        organization = case.named.known_organization(case.act.organization_id)
        payment["parties"] = planning.copied(grounds, organization, case.holding.customer_id)
    receipt = planning.receipt(counters, case.act, case.today)
    settle(case.writes, case.act, payment, parts, receipt=receipt, stored=True)
    case.settled = payment, parts
    counters.write(case.writes)
    # Whatever was said before, it did not fail; the events keep who said so.
    ended = dict.fromkeys(("failure_code", "failure_reason", "action_url"))
    _end(case, {"late": late, **ended, **_named(outcome.reference)})
    if late:
        allocated = sum(part.amount for part in parts)
        _alarm(case, worries.LATE_ALARM, worries.late(case.holding, allocated))


def _give_up(
    case: _Case, status: Literal["failed", "canceled", "expired"], failed: Failed | None
) -> None:
    _check_edge(case.holding.status, status)
    for standing, amount in case.reserved:
        standing.unreserve(amount)
    _change_status(case, status)
    code, reason = (None, None) if failed is None else (failed.code, failed.reason[:255])
    _end(case, {"failure_code": code, "failure_reason": reason, "action_url": None})
    kinds = {"failed": FAILED, "canceled": CANCELED, "expired": EXPIRED}
    payload = _payload(case) | ({"code": code} if code else {})
    events.emit(case.writes, case.act, kinds[status], case.holding.id, payload, once=True)


def _require_action(case: _Case, outcome: RequiresAction) -> None:
    if case.holding.status == "requires_action":
        if case.act.at >= case.order.called_at + ACTION_WITHIN:
            _give_up(case, "expired", None)
        return
    _check_edge(case.holding.status, "requires_action")
    _change_status(case, "requires_action")
    known = {"unknown_from": None, "unknown_why": None, "action_url": outcome.url}
    _keep(case, {**known, **_named(outcome.reference)})
    events.emit(case.writes, case.act, ACTION_REQUIRED, case.holding.id, _payload(case), once=True)


def _stay_unknown(case: _Case, why: str) -> None:
    if case.holding.status != "processing":
        return
    since = case.order.unknown_from
    since = case.act.at if since is None else min(since, case.act.at)
    _keep(case, {"unknown_from": since, "unknown_why": why})


def _keep(case: _Case, values: dict[str, Any]) -> None:
    """Note what is known of a payment that stays on its way, and when the provider is asked."""
    changed = {**values, "updated_at": case.act.at}
    case.writes.change(ORDERS, orders.place(case.order), changed)
    if not case.asking:
        ask_at = case.act.at + ASKED_FIRST
        tasks.move(case.writes, case.act, orders.asking_task(case.order.id), ask_at)


def _end(case: _Case, values: dict[str, Any]) -> None:
    """Note what is known of a payment that is decided; nobody asks about it any more."""
    known = {"unknown_from": None, "unknown_why": None, **values, "updated_at": case.act.at}
    case.writes.change(ORDERS, orders.place(case.order), known)
    if not case.asking:
        tasks.move(case.writes, case.act, orders.asking_task(case.order.id), None)
    for kind in (worries.UNKNOWN_ALARM, worries.AMOUNT_ALARM):
        clear_alarm(case.conn, case.writes, case.act, kind, case.holding.id)


def _change_status(case: _Case, status: str) -> None:
    key = {"organization_id": case.act.organization_id, "id": case.holding.id}
    changed = {"status": status, "version": case.holding.version + 1, "updated_at": case.act.at}
    case.writes.change(PAYMENTS, key, changed)


def _check_edge(before: str, after: str) -> None:
    assert (before, after) in EDGES, f"a payment never goes from {before} to {after}"


def _named(reference: str | None) -> dict[str, Any]:
    return {} if reference is None else {"reference": reference[:255]}


def _payload(case: _Case) -> dict[str, Any]:
    return {
        "payment_id": str(case.holding.id),
        "customer_id": str(case.holding.customer_id),
        "provider": case.order.provider,
        "currency": case.holding.currency,
        "amount": case.holding.amount,
        "invoice_ids": [str(standing.id) for standing, _ in case.reserved],
    }


def _alarm(case: _Case, kind: str, detail: str) -> None:
    raise_alarm(case.conn, case.writes, case.act, kind, case.holding.id, detail=detail)
