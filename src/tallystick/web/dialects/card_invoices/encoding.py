"""From our documents to the answers of contract 001."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from tallystick.invoices.across import State
from tallystick.kernel import money
from tallystick.parties.customers import CustomerDocument
from tallystick.web.dialects.card_invoices.shapes import Card, Status

Shown = dict[str, Any]

STATUS: Final[Mapping[State, Status]] = {
    "unpaid": "PENDING",
    "partial": "PENDING",
    "paid": "PAID",
    "void": "CANCELLED",
}
STATES: Final[Mapping[Status, tuple[State, ...]]] = {
    shown: tuple(state for state, status in STATUS.items() if status == shown)
    for shown in STATUS.values()
}


def invoice(
    *,
    invoice_id: str,
    job_description: str,
    amount: int,
    currency: str,
    status: Status,
    customer: CustomerDocument,
    customer_number: int,
) -> Shown:
    """Show an invoice; the amount is a number of JSON, written exactly."""
    return {
        "id": invoice_id,
        "jobDescription": job_description,
        "customerId": customer_number,
        "amount": orjson.Fragment(money.text(amount, currency)),
        "customerName": customer["name"],
        "customerEmail": customer["email"],
        "invoiceStatus": status,
    }


def with_card(shown: Shown, card: Card) -> Shown:
    """Show beside an invoice the card that came with the request, masked."""
    return {**shown, "card": {**card.kept(), "name": card.name}}
