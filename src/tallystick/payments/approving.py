"""Payments that wait for another person, because a rule says so."""

from datetime import date
from typing import Final
from uuid import UUID

from tallystick.kernel import events
from tallystick.kernel.rows import Writes
from tallystick.payments import claiming, ruling
from tallystick.payments.models import CLAIMS, PAYMENTS
from tallystick.payments.planning import Incoming
from tallystick.payments.queries import PaymentDocument, document
from tallystick.payments.ruling import Match

HELD: Final = "payment.held"


def hold(
    writes: Writes, command: Incoming, customer_id: UUID, paid_on: date, match: Match
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
    writes.add(CLAIMS, {**claim, "rule_id": match.rule.id})
    ruling.keep(writes, [match], payment, held=True)
    payload = {
        "payment_id": str(payment["id"]),
        "customer_id": str(customer_id),
        "rule_id": str(match.rule.id),
        "currency": command.currency,
        "amount": command.amount,
    }
    events.emit(writes, act, HELD, payment["id"], payload, once=True)
    return document(payment, [])
