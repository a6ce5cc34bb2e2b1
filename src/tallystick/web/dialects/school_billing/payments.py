"""Payments, as contract 004 knows them: each pays one invoice."""

from typing import Annotated, Final
from uuid import UUID

import structlog
from fastapi import Query

from tallystick.invoices.across import IssuedInvoice
from tallystick.kernel.alias_numbers import Alias, Wanted
from tallystick.kernel.errors import Refused
from tallystick.payments import across
from tallystick.payments.across import PaidPart, PartFilter
from tallystick.payments.allocating import Share
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.web.dialects.amounts import minor
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.declared import Call, Posted
from tallystick.web.dialects.routing import Said
from tallystick.web.dialects.school_billing import encoding, numbers
from tallystick.web.dialects.school_billing.encoding import Shown
from tallystick.web.dialects.school_billing.invoices import issued_invoice, on_present
from tallystick.web.dialects.school_billing.lists import Listed, listed
from tallystick.web.dialects.school_billing.shapes import (
    NewPayment,
    NewPaymentOfInvoice,
    PaymentQuery,
    Window,
)

log = structlog.get_logger(__name__)

WAITS: Final = (
    "A rule of the school holds this payment: it is kept and counts for nothing until another "
    "person approves it. Do not send it again."
)


async def create_payment(call: Posted, body: NewPayment) -> Shown:
    """Record a payment of an invoice."""
    return await _pay(call, body.invoice_id, body)


async def create_payment_of_invoice(
    call: Posted, invoice_id: int, body: NewPaymentOfInvoice
) -> Shown:
    """Record a payment of this invoice."""
    return await _pay(call, invoice_id, body)


async def _pay(call: DialectCall, invoice_number: int, body: NewPaymentOfInvoice) -> Shown:
    async def record(alias: Alias, document: IssuedInvoice) -> tuple[Alias, PaymentDocument]:
        currency = document["currency"]
        command = RecordPayment(
            act=call.act(alias.organization_id),
            amount=minor(body.amount, currency, "amount"),
            currency=currency,
            method=encoding.METHOD[body.method],
            invoices=(Share(alias.object_id),),
            reference=body.reference,
        )
        try:
            return alias, await call.run(record_payments, command)
        except Refused as refused:
            raise _said(refused, encoding.amount(command.amount, currency)) from None

    alias, recorded = await on_present(call, invoice_number, record)
    if recorded["status"] == "pending_confirmation":
        # The contract has no payment that waits, and as paid it must not be told.
        raise Said(400, WAITS)
    currency = recorded["currency"]
    part: PaidPart = {
        "organization_id": str(alias.organization_id),
        "payment_id": recorded["id"],
        "invoice_id": str(alias.object_id),
        "amount": recorded["amount"],
        "currency": currency,
        "method": recorded["method"],
        "reference": recorded["reference"],
        "created_at": recorded["created_at"],
    }
    part_id = numbers.part_id(recorded["id"], alias.object_id)
    facts = encoding.UNSAID if body.method is None else {}
    wanted = Wanted(alias.organization_id, part_id, facts=facts)
    numbered = await numbers.given(call, "payment", wanted)
    shown = encoding.payment(part, numbered, invoice_number)
    log.info(
        "payment_processed",
        payment_id=shown["id"],
        invoice_id=invoice_number,
        amount=shown["amount"],
        currency=currency,
        duration_ms=call.duration_ms(),
    )
    return shown


def _said(refused: Refused, amount: str) -> Said | Refused:
    refusal = refused.refusal
    if refusal.code == "payment.exceeds_due":
        due = str(refusal.facts["due"])
        pending = due if "." in due else f"{due}.00"
        return Said(400, f"Payment amount ({amount}) exceeds pending amount ({pending})")
    if refusal.code == "invoice.not_payable":
        return Said(400, "Cannot create payment for voided invoice")
    return refused


async def list_payments(call: Call, query: Annotated[PaymentQuery, Query()]) -> Listed:
    """List payments, oldest first."""
    if query.invoice_id is None:
        return await _listed(call, PartFilter(call.places), query)
    alias = await call.found("invoice", query.invoice_id)
    if alias is None:
        return listed(call, query, [], more=False)
    return await _listed_of(call, alias, query)


async def list_payments_of_invoice(
    call: Call, invoice_id: int, query: Annotated[Window, Query()]
) -> Listed:
    """List the payments of this invoice, oldest first."""
    alias, _ = await issued_invoice(call, invoice_id)
    return await _listed_of(call, alias, query)


async def _listed_of(call: DialectCall, alias: Alias, window: Window) -> Listed:
    """List the payments of an invoice; again, when another took its place meanwhile."""
    while True:
        wanted = PartFilter(frozenset({alias.organization_id}), alias.object_id)
        found = await _listed(call, wanted, window)
        latest = await numbers.found(call, "invoice", alias.number)
        if latest.object_id == alias.object_id:
            return found
        alias = latest


async def _listed(call: DialectCall, wanted: PartFilter, window: Window) -> Listed:
    found = await call.read(
        lambda conn: across.list_parts(conn, wanted, offset=window.offset, limit=window.limit + 1)
    )
    shown = found[: window.limit]
    parts = {numbers.part_id(each["payment_id"], each["invoice_id"]): each for each in shown}
    numbered = await call.numbered(
        "payment",
        [Wanted(UUID(each["organization_id"]), part_id) for part_id, each in parts.items()],
    )
    places = {(UUID(each["organization_id"]), UUID(each["invoice_id"])) for each in shown}
    invoices = await call.numbered("invoice", [Wanted(*place) for place in sorted(places)])
    items = [
        encoding.payment(each, numbered[part_id], invoices[UUID(each["invoice_id"])].number)
        for part_id, each in parts.items()
    ]
    return listed(call, window, items, more=len(found) > window.limit)
