"""What a rule would have made of past payments: a dry run, which writes nothing.

Each payment is asked about as it stood right after it was settled, or as it was when it came in,
and each action is decided by what decides it in earnest. What the rule would have done to one
payment is not carried over to the next one: that one is asked as the books really went on.

Whoever runs it asks for one chunk after the other, each in a transaction of its own: the past is
only ever added to, so a chunk is the same whenever it is read, and no transaction stays open for
long.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, Select, or_, select

from tallystick.kernel import rows
from tallystick.kernel.events import EVENTS
from tallystick.payments import deciding, foreseeing
from tallystick.payments.approving import HELD
from tallystick.payments.models import ALLOCATIONS, CLAIMS, ORDERS, PAYMENTS
from tallystick.payments.settling import SETTLED_EVENT
from tallystick.payments.trials import Case, Chunk, Known, Place, Trial

CHUNK: Final = 1_000
"""Payments that are looked at in one transaction."""


def chunks(
    read: Callable[[Callable[[Connection], Chunk]], Chunk], trial: Trial, *, limit: int = CHUNK
) -> Iterator[Chunk]:
    """Give one chunk after the other, each read by a transaction of its own."""
    after: Place | None = None
    while True:
        chunk = read(partial(find_cases, trial=trial, after=after, limit=limit))
        yield chunk
        after = chunk.next_after
        if after is None:
            return


def find_cases(conn: Connection, trial: Trial, after: Place | None, limit: int = CHUNK) -> Chunk:
    """Ask the rule about the next payments.

    The number of statements does not grow with the payments; what is read of an invoice or, where
    the rule pays other invoices, of a customer is all that ever happened to it.
    """
    rows_found = conn.execute(_page(trial, after).limit(limit + 1)).all()
    found = rows_found[:limit]
    next_after: Place | None = None
    if len(rows_found) > limit:
        next_after = {"at": found[-1].at, "event_id": found[-1].event_id}
    asked = [row for row in found if row.currency == trial.rule.currency]
    if trial.rule.fires_on == "payment_recorded":
        asked = [row for row in asked if _was_recorded(row)]
        return Chunk(len(asked), _recorded(conn, trial, asked), next_after)
    return Chunk(len(asked), foreseeing.settled(conn, trial, asked), next_after)


def _page(trial: Trial, after: Place | None) -> Select[Any]:
    """Read what happened to payments, in the order of time, with each payment as it is now."""
    event, payment = EVENTS.c, PAYMENTS.c
    settled = trial.rule.fires_on == "payment_settled"
    types = [SETTLED_EVENT] if settled else [SETTLED_EVENT, HELD]
    since = trial.start if after is None else after["at"]
    names = ("customer_id", "amount", "method", "currency", "paid_on", "reference")
    statement = (
        select(
            event.id.label("event_id"),
            event.type,
            event.at,
            event.payload,
            payment.id,
            payment.receipt_number,
            payment.created_at,
            *[payment[name] for name in names],
        )
        .join_from(
            EVENTS,
            PAYMENTS,
            (payment.organization_id == event.organization_id) & (payment.id == event.subject_id),
        )
        .where(
            event.organization_id == trial.organization.id,
            event.type.in_(types),
            event.at >= since,
            event.at < trial.end,
        )
        .order_by(event.at, event.id)
    )
    if after is not None:
        statement = statement.where(or_(event.at > since, event.id > after["event_id"]))
    if settled:
        return statement
    claim, order = CLAIMS.c, ORDERS.c
    return (
        statement.outerjoin(
            CLAIMS,
            (claim.organization_id == payment.organization_id) & (claim.payment_id == payment.id),
        )
        .outerjoin(
            ORDERS, (order.organization_id == payment.organization_id) & (order.id == payment.id)
        )
        .add_columns(claim.payment_id.label("claimed"), order.id.label("ordered"))
    )


def _was_recorded(row: Row[Any]) -> bool:
    """Tell whether it came in just then: not what was claimed, or taken by a provider."""
    return row.type == HELD or (row.claimed is None and row.ordered is None)


def _recorded(conn: Connection, trial: Trial, found: Sequence[Row[Any]]) -> list[Case]:
    known = Known(conn, trial, found)
    matches = []
    for row in found:
        payment = foreseeing.payment_of(row)
        # A payment that was held may be confirmed with another amount.
        payment["amount"] = row.payload["amount"]
        facts = known.facts(payment, None, row.at)
        if trial.rule.applies(facts, known.day(row.at)):
            matches.append((row, payment, facts))
    left_over = _left_over(conn, trial, [row for row, _, _ in matches])
    held = trial.does("hold_for_approval")
    cases = []
    for row, payment, facts in matches:
        results = [
            deciding.recorded(action, payment["amount"], left_over.get(row.id, 0), held=held)
            for action in trial.rule.actions
        ]
        cases.append(Case(payment, None, None, row.at, facts, results))
    return cases


def _left_over(conn: Connection, trial: Trial, found: Sequence[Row[Any]]) -> dict[UUID, int]:
    """Tell what was left over of payments right after they were settled."""
    if not trial.does("keep_overpayment"):
        return {}
    columns = [ALLOCATIONS.c.organization_id, ALLOCATIONS.c.payment_id]
    settled = [row for row in found if row.type == SETTLED_EVENT]
    given: dict[tuple[UUID, UUID], list[Row[Any]]] = {}
    for each in rows.find(conn, columns, [(trial.organization.id, row.id) for row in settled]):
        given.setdefault((each.payment_id, each.invoice_id), []).append(each)
    return {
        row.id: row.amount
        - sum(
            min(given[row.id, UUID(name)], key=lambda each: each.id).amount
            for name in row.payload["invoice_ids"]
        )
        for row in settled
    }
