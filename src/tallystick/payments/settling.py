"""The one door through which a payment becomes settled, with its postings, receipt and event.

Whatever makes a payment good (staff, a provider's answer, a reconciler) comes through here, once:
the id of the entry is the payment's own and that of the event is derived from it, so their primary
keys refuse a second time.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from tallystick.invoices.numbering import Number
from tallystick.kernel import events
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.payments import allocating
from tallystick.payments.allocating import Part
from tallystick.payments.models import PAYMENTS
from tallystick.payments.states import held_at

SETTLED_EVENT = "payment.settled"


def settle(
    writes: Writes,
    act: Act,
    payment: dict[str, Any],
    parts: Sequence[Part],
    *,
    receipt: Number,
    stored: bool = False,
) -> None:
    """Add everything that a settled payment is to what the transaction writes.

    `payment` holds its id, customer, method, currency, amount, date and words; the rest is filled
    in here. The money is booked on the day it came; what pays an invoice on a later day is the
    customer's credit until then. The receipt is dated the day it is made out. A payment that is
    `stored` already (a claimed one, in its whole row) is locked by the caller.
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
        "version": payment["version"] + 1 if stored else 1,
        "created_at": payment["created_at"] if stored else act.at,
        "updated_at": act.at,
        "settled_at": act.at,
        "booked_on": max([payment["paid_on"], *(part.date for part in parts)]),
    }
    if stored:
        key = {name: payment[name] for name in ("organization_id", "id")}
        writes.change(PAYMENTS, key, {name: payment[name] for name in _SETTLED_COLUMNS})
    else:
        writes.add(PAYMENTS, payment)
    allocating.add_rows(writes, act, payment["id"], parts)
    post(writes, act, _entry(payment, [part for part in parts if part.date == payment["paid_on"]]))
    later = [part for part in parts if part.date > payment["paid_on"]]
    allocating.book_from_credit(writes, act, payment["id"], payment["customer_id"], later)
    payload = {
        "payment_id": str(payment["id"]),
        "customer_id": str(payment["customer_id"]),
        "currency": payment["currency"],
        "amount": payment["amount"],
        "receipt_number": receipt.text,
        "invoice_ids": [str(part.invoice.id) for part in parts],
    }
    events.emit(writes, act, SETTLED_EVENT, payment["id"], payload, once=True)


_SETTLED_COLUMNS = (
    *("status", "amount", "allocated", "unallocated", "paid_on"),
    *("receipt_year", "receipt_sequence", "receipt_number", "receipt_date"),
    *("parties", "version", "updated_at", "settled_at", "booked_on"),
)


def _entry(payment: dict[str, Any], parts: Sequence[Part]) -> Entry:
    paid_on: date = payment["paid_on"]
    legs = [Leg(held_at(payment["method"]), payment["amount"])]
    legs += allocating.legs(payment["customer_id"], parts)
    free = payment["amount"] - sum(part.amount for part in parts)
    if free:
        legs.append(Leg(accounts.credit(payment["customer_id"]), -free))
    return Entry(
        kind=SETTLED_EVENT,
        date=paid_on,
        currency=payment["currency"],
        legs=legs,
        payment_id=payment["id"],
        id=payment["id"],
    )
