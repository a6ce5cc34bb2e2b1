"""The one door through which a payment becomes settled, with its postings, receipt and event.

Whatever makes a payment good (staff, a provider's answer, a reconciler) comes through here, once:
the ids of the entry and of the event are derived from the payment's, so their primary keys refuse a
second time.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from tallystick.invoices.numbering import Number
from tallystick.kernel import events, ids
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.payments.allocating import Part
from tallystick.payments.models import ALLOCATIONS, PAYMENTS

SETTLED_EVENT = "payment.settled"


def settle(
    writes: Writes,
    act: Act,
    payment: dict[str, Any],
    parts: Sequence[Part],
    *,
    receipt: Number,
) -> None:
    """Add everything that a new settled payment is to what the transaction writes.

    `payment` holds its id, customer, method, currency, amount, date and words; the rest is filled
    in here. The money is booked on the day it came, the receipt is dated the day it is made out.
    """
    allocated = sum(part.amount for part in parts)
    payment |= {
        "organization_id": act.organization_id,
        "status": "succeeded",
        "allocated": allocated,
        "unallocated": payment["amount"] - allocated,
        "refund_reserved": 0,
        "refunded": 0,
        "charged_back": 0,
        "receipt_year": receipt.series.year,
        "receipt_sequence": receipt.sequence,
        "receipt_number": receipt.text,
        "receipt_date": receipt.date,
        "version": 1,
        "created_at": act.at,
        "updated_at": act.at,
    }
    writes.add(PAYMENTS, payment)
    for part in parts:
        _add_allocation(writes, act, payment, part)
    post(writes, act, _entry(payment, parts))
    payload = {
        "payment_id": str(payment["id"]),
        "customer_id": str(payment["customer_id"]),
        "currency": payment["currency"],
        "amount": payment["amount"],
        "receipt_number": receipt.text,
        "invoice_ids": [str(part.invoice.id) for part in parts],
    }
    events.emit(writes, act, SETTLED_EVENT, payment["id"], payload, once=True)


def _add_allocation(writes: Writes, act: Act, payment: dict[str, Any], part: Part) -> None:
    writes.add(
        ALLOCATIONS,
        {
            "organization_id": act.organization_id,
            "id": ids.new(),
            "payment_id": payment["id"],
            "invoice_id": part.invoice.id,
            "amount": part.amount,
            "due_after": part.due_after,
            "date": payment["paid_on"],
            "created_at": act.at,
        },
    )


def _entry(payment: dict[str, Any], parts: Sequence[Part]) -> Entry:
    paid_on: date = payment["paid_on"]
    receivable = accounts.receivable(payment["customer_id"])
    legs = [Leg(accounts.cash(payment["method"]), payment["amount"])]
    legs += [Leg(receivable, -part.amount, part.invoice.id) for part in parts]
    legs.append(Leg(accounts.credit(payment["customer_id"]), -payment["unallocated"]))
    return Entry(
        kind=SETTLED_EVENT,
        date=paid_on,
        currency=payment["currency"],
        legs=legs,
        payment_id=payment["id"],
        id=ids.derived(payment["id"], SETTLED_EVENT),
    )
