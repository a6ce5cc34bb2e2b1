"""Invoices, as contract 000 knows them."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import across
from tallystick.invoices.across import IssuedFilter, IssuedInvoice, State
from tallystick.kernel.alias_numbers import Wanted
from tallystick.payments.across import last_paid_on
from tallystick.web.dialects.configurable_payments import numbers, words
from tallystick.web.dialects.configurable_payments.shapes import Status
from tallystick.web.dialects.declared import Call

STATUS: Final[Mapping[State, Status]] = {
    "unpaid": "Unpaid",
    "partial": "Unpaid",
    "paid": "Paid",
    "void": "Void",
}


async def list_invoices(call: Call) -> list[dict[str, Any]]:
    """List all invoices by their numbers."""
    organization = await numbers.place_or_none(call)
    if organization is None:
        return []
    place = UUID(organization["id"])

    def read(conn: Connection) -> tuple[list[IssuedInvoice], dict[UUID, str]]:
        found = across.list_issued(conn, IssuedFilter(frozenset({place})))[::-1]
        settled = [(place, UUID(each["id"])) for each in found if each["state"] == "paid"]
        return found, last_paid_on(conn, settled)

    found, paid_on = await call.read(read)
    invoices = await call.numbered(
        numbers.INVOICE, [Wanted(place, UUID(each["id"])) for each in found]
    )
    payers = sorted({UUID(each["customer_id"]) for each in found})
    customers = await call.numbered(numbers.CUSTOMER, [Wanted(place, each) for each in payers])
    shown = [
        {
            "invoice_id": invoices[UUID(each["id"])].number,
            "customer_id": customers[UUID(each["customer_id"])].number,
            "amount_due": words.amount(each["amount"], each["currency"]),
            "status": STATUS[each["state"]],
            "payment_date": paid_on.get(UUID(each["id"])),
        }
        for each in found
    ]
    return sorted(shown, key=lambda each: each["invoice_id"])
