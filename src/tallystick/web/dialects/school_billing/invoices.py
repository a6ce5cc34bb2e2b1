"""Invoices, as contract 004 knows them: one line, no tax, due on a day that is named."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Annotated, TypeVar
from uuid import UUID

import structlog
from fastapi import Query
from sqlalchemy import Connection

from tallystick.invoices import across
from tallystick.invoices.across import IssuedFilter, IssuedInvoice
from tallystick.invoices.content import DraftContent
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.issuing import IssueNew
from tallystick.kernel import alias_numbers
from tallystick.kernel.alias_numbers import Alias, Wanted
from tallystick.kernel.errors import Refused
from tallystick.parties.organizations import get_organization
from tallystick.web.dialects.amounts import minor
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.declared import Call, Posted
from tallystick.web.dialects.routing import Said
from tallystick.web.dialects.school_billing import binding, encoding, numbers
from tallystick.web.dialects.school_billing.amending import AmendInvoice, amend_invoices, line
from tallystick.web.dialects.school_billing.encoding import Shown
from tallystick.web.dialects.school_billing.lists import Listed, listed
from tallystick.web.dialects.school_billing.shapes import InvoiceChanges, InvoiceQuery, NewInvoice
from tallystick.web.dialects.school_billing.students import student

T = TypeVar("T")

log = structlog.get_logger(__name__)

HIDDEN = alias_numbers.objects(numbers.NAME, "replaced")
"""Invoices whose number stands for the one that took their place."""


async def create_invoice(call: Posted, body: NewInvoice) -> Shown:
    """Issue an invoice to a student."""
    alias, _ = await student(call, body.student_id)
    place = alias.organization_id
    school = await call.read(lambda conn: get_organization(conn, place))
    if body.currency != school["currency"]:
        message = (
            f"Invoice currency ({body.currency}) must match school currency ({school['currency']})"
        )
        raise Said(400, message)
    price = minor(body.amount_total, body.currency, "amount_total")
    content = DraftContent(
        customer_id=alias.object_id,
        currency=body.currency,
        lines=(line(body.description, price),),
        note=body.description,
    )
    command = IssueNew(call.act(place), content, due_date=body.due_date)
    try:
        issued = await call.run(binding.create_invoices, command)
    except Refused as refused:
        if refused.refusal.code == "customer.inactive":
            # Somebody deleted the student just now, or another door deactivated them.
            await student(call, body.student_id)
        raise
    invoice_id = UUID(issued["id"])
    # The answer to a repeated request is the first one, so it is not read again.
    document: IssuedInvoice = {
        "organization_id": str(place),
        "id": issued["id"],
        "customer_id": issued["customer_id"],
        "state": "unpaid",
        "currency": issued["currency"],
        "amount": issued["total"],
        "paid": 0,
        "due_date": body.due_date.isoformat(),
        "note": issued["note"],
        "memo": None,
        "issued_at": issued["issued_at"] or issued["created_at"],
        "created_at": issued["created_at"],
        "updated_at": issued["updated_at"],
    }
    numbered = await numbers.given(call, "invoice", Wanted(place, invoice_id))
    shown = encoding.invoice(document, numbered, body.student_id)
    log.info(
        "invoice_created",
        invoice_id=shown["id"],
        student_id=shown["student_id"],
        amount_total=shown["amount_total"],
        currency=shown["currency"],
        duration_ms=call.duration_ms(),
    )
    return shown


async def list_invoices(call: Call, query: Annotated[InvoiceQuery, Query()]) -> Listed:
    """List invoices, newest first."""
    places, customer_id = call.places, None
    if query.student_id is not None:
        alias = await call.found("student", query.student_id)
        if alias is None:
            return listed(call, query, [], more=False)
        places, customer_id = frozenset({alias.organization_id}), alias.object_id
    states = None if query.status is None else (encoding.STATE[query.status],)
    wanted = IssuedFilter(places, customer_id=customer_id, states=states, hidden=HIDDEN)
    found = await call.read(
        lambda conn: across.list_issued(conn, wanted, offset=query.offset, limit=query.limit + 1)
    )
    shown = found[: query.limit]
    numbered, students = await numbers.invoices(call, shown)
    items = [
        encoding.invoice(each, numbered[UUID(each["id"])], students[UUID(each["customer_id"])])
        for each in shown
    ]
    return listed(call, query, items, more=len(found) > query.limit)


async def get_invoice(call: Call, invoice_id: int) -> Shown:
    """Read an invoice."""
    alias, document = await issued_invoice(call, invoice_id)
    return await shown_invoice(call, alias, document)


async def change_invoice(call: Call, invoice_id: int, body: InvoiceChanges) -> Shown:
    """Change an invoice; another amount is another invoice in our books, under the same number."""

    async def change(alias: Alias, document: IssuedInvoice) -> None:
        currency = document["currency"]
        command = AmendInvoice(
            act=call.act(alias.organization_id),
            invoice_id=alias.object_id,
            amount=None
            if body.amount_total is None
            else minor(body.amount_total, currency, "amount_total"),
            due_date=body.due_date,
            described="description" in body.model_fields_set,
            description=body.description,
        )
        try:
            await call.run(amend_invoices, command)
        except Refused as refused:
            raise _said(refused) from None

    await on_present(call, invoice_id, change)
    # The number may stand for another invoice now.
    return await get_invoice(call, invoice_id)


def _said(refused: Refused) -> Said | Refused:
    refusal = refused.refusal
    if refusal.code != "invoice.below_paid":
        return refused
    total, paid = (_decimals(str(refusal.facts[name])) for name in ("total", "paid"))
    return Said(400, f"New amount ({total}) cannot be less than total paid ({paid})")


def _decimals(written: str) -> str:
    return written if "." in written else f"{written}.00"


async def delete_invoice(call: Call, invoice_id: int) -> None:
    """Void an invoice on which nothing was paid."""

    async def void(alias: Alias, document: IssuedInvoice) -> None:
        if document["state"] == "void":
            raise numbers.unknown("invoice", invoice_id)
        act = call.act(alias.organization_id)
        try:
            await call.run(void_invoices, VoidInvoice(act, alias.object_id, "Deleted"))
        except Refused as refused:
            if refused.refusal.code == "invoice.void":
                raise numbers.unknown("invoice", invoice_id) from None
            raise

    await on_present(call, invoice_id, void)
    log.info("invoice_voided", invoice_id=invoice_id, duration_ms=call.duration_ms())


async def issued_invoice(call: DialectCall, invoice_id: int) -> tuple[Alias, IssuedInvoice]:
    """Find an invoice that was issued, as it stands under its number now."""
    alias = await numbers.found(call, "invoice", invoice_id)
    while True:
        place = alias.organization_id, alias.object_id
        document = await call.read(partial(_issued, *place))
        if document is None:
            raise numbers.unknown("invoice", invoice_id)
        if document["state"] != "void":
            return alias, document
        # Another one may have taken its place since the number was looked up.
        latest = await numbers.found(call, "invoice", invoice_id)
        if latest.object_id == alias.object_id:
            return alias, document
        alias = latest


def _issued(organization_id: UUID, invoice_id: UUID, conn: Connection) -> IssuedInvoice | None:
    return across.get_issued(conn, organization_id, invoice_id)


async def on_present(
    call: DialectCall,
    invoice_id: int,
    work: Callable[[Alias, IssuedInvoice], Awaitable[T]],
) -> T:
    """Do something to the invoice behind a number, and once more when another took its place."""
    while True:
        alias, document = await issued_invoice(call, invoice_id)
        try:
            return await work(alias, document)
        except (Said, Refused):
            latest = await numbers.found(call, "invoice", invoice_id)
            if latest.object_id == alias.object_id:
                raise


async def shown_invoice(call: DialectCall, alias: Alias, document: IssuedInvoice) -> Shown:
    """Show an invoice with the number of its student."""
    key = alias.organization_id, UUID(document["customer_id"])
    students = await numbers.students(call, {key})
    return encoding.invoice(document, alias, students[key[1]])
