"""Payments, as contract 000 knows them: each pays one invoice, and the rules run with it."""

from typing import Any, Final
from uuid import UUID

from tallystick.invoices import across
from tallystick.kernel import money
from tallystick.kernel.errors import Refused
from tallystick.payments.allocating import Share
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.web.dialects.configurable_payments import numbers
from tallystick.web.dialects.configurable_payments.shapes import NewPayment
from tallystick.web.dialects.declared import Posted
from tallystick.web.dialects.routing import Said

ADDED: Final = {"message": "Payment added and configuration checked"}
WAITS: Final = {"message": "A rule holds the payment until another person approves it"}


async def add_payment(call: Posted, body: NewPayment) -> dict[str, Any]:
    """Record a payment of an invoice; what is configured has been done when this answers.

    One that a rule holds is told to wait: the contract has no status of its own for it.
    """
    organization = await numbers.place_or_none(call)
    invoice_id = await numbers.found(call, organization, "invoice", body.invoice_id)
    assert organization is not None, "something was found in it"
    place = UUID(organization["id"])
    document = await call.read(lambda conn: across.get_issued(conn, place, invoice_id))
    assert document is not None, "drafts have no numbers"
    command = RecordPayment(
        act=call.act(place),
        amount=money.parse(body.amount, document["currency"], pointer="/amount"),
        currency=document["currency"],
        # The contract does not say how the money came.
        method="other",
        invoices=(Share(invoice_id),),
    )
    try:
        recorded = await call.run(record_payments, command)
    except Refused as refused:
        raise _said(refused, body) from None
    return WAITS if recorded["status"] == "pending_confirmation" else ADDED


def _said(refused: Refused, body: NewPayment) -> Said | Refused:
    refusal = refused.refusal
    if refusal.code != "payment.exceeds_due":
        return refused
    due = f"the {refusal.facts['due']} due"
    if "written_off" in refusal.facts:
        due += f" and the {refusal.facts['written_off']} written off"
    text = f"The amount {body.amount} is more than {due} on invoice {body.invoice_id}."
    return Said(409, text, code=refusal.code)
