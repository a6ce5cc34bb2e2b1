"""Refunds that wait for another person, because a rule says so.

One that waits moves nothing, and no other refund may give back what it is about. It is judged anew
when it is approved (`tallystick.payments.approving_refunds`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from tallystick.kernel import clock, events, ids, money, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.payments import locking, ruling
from tallystick.payments.locking import Holding
from tallystick.payments.models import PAYMENTS, REFUND_HOLDS, REFUNDS
from tallystick.payments.refunds import RefundDocument, get_refund
from tallystick.rules import rulebook
from tallystick.rules.facts import Facts
from tallystick.rules.firing import About, Fired, Result
from tallystick.rules.models import FIRINGS
from tallystick.rules.rulebook import ActiveRule

HELD: Final = "refund.held"
PENDING: Final = "pending_approval"


@dataclass(frozen=True, slots=True)
class RefundMatch:
    """A rule that holds a refund, and what it saw."""

    rule: ActiveRule
    act: Act
    facts: Facts


def held_of(conn: Connection, organization: Row[Any], holding: Holding) -> int:
    """Sum what the refunds of a locked payment that wait for approval will give back."""
    if not organization.rules_version:
        # There never was a rule that could have held one.
        return 0
    column = REFUNDS.c
    statement = select(func.coalesce(func.sum(column.amount), 0)).where(
        column.organization_id == holding.organization_id,
        column.payment_id == holding.id,
        column.status == PENDING,
    )
    return int(conn.execute(statement).scalar_one())


def match(
    conn: Connection,
    organization: Row[Any],
    act: Act,
    refund: Mapping[str, Any],
    *,
    held: int,
) -> RefundMatch | None:
    """Find the first rule that holds a refund; None where it may go at once.

    Reads nothing where the organization has no rule for refunds. `held` is what other refunds of
    the payment that wait will give back.
    """
    book = rulebook.of(conn, organization)
    rules = book.on("refund_requested", refund["currency"])
    if not rules:
        return None
    today = clock.day(act.at, organization.time_zone)
    key = refund["organization_id"], refund["payment_id"]
    [row] = rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], [key])
    payment = row._asdict()
    [of_customer] = ruling.customer_facts(conn, [payment]).values()
    facts: Facts = {
        **ruling.facts_of(payment, None, today=today),
        **of_customer,
        "organization.country": organization.country,
        "refund.amount": refund["amount"],
        "refund.total": payment["refunded"] + payment["refund_reserved"] + held + refund["amount"],
        "refund.method": refund["method"],
        "refund.reason": refund["reason"],
    }
    found = next((rule for rule in rules if rule.applies(facts, today)), None)
    return None if found is None else RefundMatch(found, act, facts)


def hold(
    conn: Connection, found: RefundMatch, holding: Holding, refund: dict[str, Any]
) -> RefundDocument:
    """Write a refund that waits until another person approves it, and what held it."""
    act, rule, key = found.act, found.rule, {"organization_id": refund["organization_id"]}
    refund["status"] = PENDING
    writes = Writes()
    writes.add(REFUNDS, refund)
    hold = {"refund_id": refund["id"], "held_by": act.actor.id, "rule_id": rule.id}
    writes.add(REFUND_HOLDS, key | hold)
    about = About(customer_id=holding.customer_id, payment_id=holding.id)
    once_id = ids.derived(rule.id, f"refund {refund['id']}")
    amount = f"{money.text(refund['amount'], refund['currency'])} {refund['currency']}"
    detail = f"a refund of {amount} waits until another person approves it"
    done = Result("hold_refund_for_approval", "applied", detail=detail, amount=refund["amount"])
    writes.add(FIRINGS, Fired(rule, act, once_id, about, found.facts).row([done]))
    # What was decided on is changed too, so that an engine that certifies at commit notices.
    holding.changed = True
    locking.write_payments(writes, [holding], act.at)
    events.emit(writes, act, HELD, refund["id"], payload(refund, rule.id), once=True)
    writes.flush(conn)
    return get_refund(conn, act.organization_id, refund["id"])


def payload(refund: Mapping[str, Any], rule_id: UUID) -> dict[str, Any]:
    """Say what is told of a refund that is held."""
    return {
        "refund_id": str(refund["id"]),
        "payment_id": str(refund["payment_id"]),
        "customer_id": str(refund["customer_id"]),
        "rule_id": str(rule_id),
        "currency": refund["currency"],
        "amount": refund["amount"],
    }
