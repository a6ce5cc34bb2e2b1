"""Payments that wait for another person, because a rule says so."""

from datetime import date
from typing import Final
from uuid import UUID

from tallystick.kernel import events, ids
from tallystick.kernel.rows import Writes
from tallystick.payments import claiming
from tallystick.payments.models import CLAIMS, PAYMENTS
from tallystick.payments.planning import Incoming
from tallystick.payments.queries import PaymentDocument, document
from tallystick.rules.models import FIRINGS
from tallystick.rules.rulebook import ActiveRule

HELD: Final = "payment.held"


def hold(
    writes: Writes, command: Incoming, customer_id: UUID, paid_on: date, rule: ActiveRule
) -> PaymentDocument:
    """Add a payment that waits until another person confirms it, and what held it.

    It pays and reserves nothing until then, and is judged anew when it is confirmed.
    """
    act = command.act
    payment = claiming.waiting_payment(command, customer_id, paid_on)
    claim = claiming.waiting_claim(command, payment["id"])
    # In one batch with payments that are settled, whose rows name these columns too.
    empty = dict.fromkeys(("parties", "receipt_year", "receipt_sequence", "settled_at"))
    writes.add(PAYMENTS, payment | empty)
    writes.add(CLAIMS, {**claim, "rule_id": rule.id})
    facts = {"payment.amount": command.amount, "payment.method": command.method}
    done = {"action": "hold_for_approval", "outcome": "applied"}
    writes.add(
        FIRINGS,
        {
            "organization_id": act.organization_id,
            "id": ids.new(),
            "once_id": ids.derived(rule.id, f"{payment['id']} None"),
            "rule_id": rule.id,
            "rule_version": rule.version,
            "fires_on": rule.fires_on,
            "customer_id": customer_id,
            "payment_id": payment["id"],
            "invoice_id": None,
            "facts": facts,
            "outcome": "applied",
            "results": [done | {"code": None, "detail": None, "amount": command.amount}],
            "at": act.at,
        },
    )
    payload = {
        "payment_id": str(payment["id"]),
        "customer_id": str(customer_id),
        "rule_id": str(rule.id),
        "currency": command.currency,
        "amount": command.amount,
    }
    events.emit(writes, act, HELD, payment["id"], payload, once=True)
    return document(payment, [])
