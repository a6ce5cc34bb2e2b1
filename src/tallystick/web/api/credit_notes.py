"""Operations on credit notes."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.invoices import credit_note_queries, queries
from tallystick.invoices.credit_note_queries import CreditNoteFilter
from tallystick.kernel import money
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.web.api.headers import Command, CreditNoteId, InvoiceId, Reading
from tallystick.web.api.shapes.corrections import (
    CreditNote,
    CreditNoteList,
    CreditNoteQuery,
    NewCreditNote,
    shown_credit_note,
)
from tallystick.web.api.shapes.invoices import invoice_lines
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1",
    tags=["credit notes"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_CREDITING = (
    *("invoice.unknown", "organization.inactive"),
    *("invoice.draft", "invoice.void", "invoice.credited"),
    *("credit_note.amount_and_lines", "credit_note.amount_not_positive"),
    *("credit_note.exceeds_invoice", "credit_note.rate_unknown", "credit_note.reserved"),
    *("money.malformed", "money.precision", "money.too_large", "money.negative"),
    *("invoice.quantity_malformed", "invoice.tax_rate_malformed", "invoice.discount_malformed"),
    "invoice.discount_exceeds_line",
)


@router.post(
    "/invoices/{invoice_id}/credit-notes",
    status_code=201,
    responses=answers(CreditNote, *_CREDITING, status=201),
)
async def create_credit_note(call: Command, invoice_id: InvoiceId, body: NewCreditNote) -> Response:
    """Take back an issued invoice in part or whole, by a numbered document of today.

    Name an amount with tax, or lines, or neither for all that still stands. A note larger than what
    is due sets money free that was paid, the newest payment first: it is the customer's credit.
    """
    place, today = call.place, call.today()
    invoice = await call.read(
        lambda conn: queries.get_invoice(conn, place.id, invoice_id, today=today)
    )
    currency = invoice["currency"]
    amount = None if body.amount is None else money.parse(body.amount, currency, pointer="/amount")
    command = CreditInvoice(
        act=call.act(),
        invoice_id=invoice_id,
        reason=body.reason,
        amount=amount,
        lines=invoice_lines(body.lines, currency),
    )
    note = await call.run(credit_invoices, command)
    return call.reply(
        shown_credit_note(note), status=201, location=f"/v1/credit-notes/{note['id']}"
    )


@router.get("/credit-notes", responses=answers(CreditNoteList))
async def list_credit_notes(
    call: Reading, query: Annotated[CreditNoteQuery, QueryParameters()]
) -> Response:
    """List credit notes, newest first."""
    place, after = call.place, call.after(query)
    wanted = CreditNoteFilter(customer_id=query.customer_id, invoice_id=query.invoice_id)
    page = await call.read(
        lambda conn: credit_note_queries.list_credit_notes(
            conn, place.id, wanted, after=after, limit=query.limit
        )
    )
    return call.page(page, shown_credit_note, query)


@router.get("/credit-notes/{credit_note_id}", responses=answers(CreditNote, "credit_note.unknown"))
async def get_credit_note(call: Reading, credit_note_id: CreditNoteId) -> Response:
    """Read one credit note."""
    place = call.place
    note = await call.read(
        lambda conn: credit_note_queries.get_credit_note(conn, place.id, credit_note_id)
    )
    return call.reply(shown_credit_note(note))
