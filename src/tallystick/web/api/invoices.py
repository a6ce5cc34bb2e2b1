"""Operations on invoices."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.invoices import queries, summing
from tallystick.invoices.annotating import AnnotateInvoice, annotate_invoices
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.drafting import (
    ChangeDraft,
    CreateDraft,
    DeleteDraft,
    change_drafts,
    create_drafts,
    delete_drafts,
)
from tallystick.invoices.issuing import IssueInvoice, IssueNew, issue_invoices, issue_new
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import money
from tallystick.kernel.actor import Act
from tallystick.kernel.coalescing import UseCase
from tallystick.kernel.errors import Invalid
from tallystick.payments.replacing import ReplaceInvoice, replace_invoices
from tallystick.web.api import bulk
from tallystick.web.api.headers import Change, Command, InvoiceId, Reading
from tallystick.web.api.shapes.bulk import InvoiceResults, NewInvoices
from tallystick.web.api.shapes.corrections import (
    Annotation,
    Replacement,
    WriteOffOptions,
    replacement_content,
)
from tallystick.web.api.shapes.invoice_views import (
    Invoice,
    InvoiceList,
    InvoiceSums,
    TotalsTrace,
    shown_in_list,
    shown_totals,
    shown_whole,
)
from tallystick.web.api.shapes.invoices import (
    DraftChanges,
    InvoiceQuery,
    InvoiceTotalsQuery,
    IssueOptions,
    NewInvoice,
    VoidReason,
    draft_content,
    draft_merged,
    invoice_filter,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/invoices",
    tags=["invoices"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_ONE = ("invoice.unknown",)
_DRAFTING = (
    *("organization.inactive", "customer.unknown", "customer.inactive"),
    *("money.currency_unknown", "money.malformed", "money.precision", "money.too_large"),
    *("money.negative", "invoice.quantity_malformed", "invoice.tax_rate_malformed"),
    *("invoice.discount_malformed", "invoice.discount_exceeds_line"),
    *("invoice.discount_exceeds_total", "invoice.series_reserved"),
)
_ISSUING = (
    *("invoice.no_lines", "invoice.total_zero", "invoice.date_in_future"),
    "invoice.date_before_last",
)


@router.post("", status_code=201, responses=answers(Invoice, *_DRAFTING, *_ISSUING, status=201))
async def create_invoice(call: Command, body: NewInvoice) -> Response:
    """Make an invoice: a draft, or issued at once.

    Every figure is computed here. An issued invoice has its number and its due date, and never
    changes again.
    """
    made = await call.run(*_making(body, call.place.currency, call.act()))
    return call.reply(shown_whole(made), status=201, location=f"/v1/invoices/{made['id']}")


@router.post("/bulk", responses=answers(InvoiceResults))
async def create_invoices(call: Command, body: NewInvoices) -> Response:
    """Make up to 1,000 invoices, each as if it had been sent alone.

    Results stand in the order of the items; an item that is refused stops no other. Each item has
    an idempotency key of its own, made of the request's and its number: `KEY/0001`. So repeat the
    whole request under its key as often as needed.
    """
    currency = call.place.currency

    def read(sent: NewInvoice, act: Act) -> tuple[Making, CreateDraft | IssueNew]:
        return _making(sent, currency, act)

    return await bulk.answer(
        call, body.invoices, bulk.Noun("invoice", NewInvoice, read, shown_whole)
    )


Making = UseCase[InvoiceDocument]


def _making(body: NewInvoice, own_currency: str, act: Act) -> tuple[Making, CreateDraft | IssueNew]:
    content = draft_content(body, own_currency)
    if body.issue:
        return issue_new, IssueNew(act=act, content=content, issue_date=body.issue_date)
    if body.issue_date is not None:
        message = "A draft has no issue date. Give it when you issue the draft, or say issue: true."
        raise Invalid("request.invalid", message, pointer="/issue_date")
    return create_drafts, CreateDraft(act=act, content=content)


@router.get(
    "",
    responses=answers(
        InvoiceList,
        *("money.currency_unknown", "money.malformed", "money.precision", "money.too_large"),
    ),
)
async def list_invoices(
    call: Reading, query: Annotated[InvoiceQuery, QueryParameters()]
) -> Response:
    """List invoices, newest first, without their lines."""
    place, today, after = call.place, call.today(), call.after(query)
    wanted = invoice_filter(query, place.currency)
    page = await call.read(
        lambda conn: queries.list_invoices(
            conn, place.id, wanted, today=today, after=after, limit=query.limit
        )
    )
    return call.page(page, shown_in_list, query)


@router.get(
    "/totals",
    responses=answers(
        InvoiceSums,
        *("money.currency_unknown", "money.malformed", "money.precision", "money.too_large"),
    ),
)
async def sum_invoices(
    call: Reading, query: Annotated[InvoiceTotalsQuery, QueryParameters()]
) -> Response:
    """Add up the invoices that a list with the same filters shows, for each currency."""
    place, today = call.place, call.today()
    wanted = invoice_filter(query, place.currency)
    found = await call.read(lambda conn: summing.sum_invoices(conn, place.id, wanted, today=today))
    return call.reply({"data": [shown_totals(each) for each in found]})


@router.get("/{invoice_id}", responses=answers(Invoice, *_ONE))
async def get_invoice(call: Reading, invoice_id: InvoiceId) -> Response:
    """Read one invoice."""
    place, today = call.place, call.today()
    invoice = await call.read(
        lambda conn: queries.get_invoice(conn, place.id, invoice_id, today=today)
    )
    return call.reply(shown_whole(invoice))


@router.get("/{invoice_id}/totals", responses=answers(TotalsTrace, *_ONE))
async def get_totals_trace(call: Reading, invoice_id: InvoiceId) -> Response:
    """Read how each figure of an invoice came about, step by step.

    Enough to redo the invoice with a pocket calculator, by the terms of EN 16931.
    """
    place = call.place
    trace = await call.read(lambda conn: queries.get_totals_trace(conn, place.id, invoice_id))
    return call.reply(trace)


@router.patch("/{invoice_id}", responses=answers(Invoice, *_ONE, *_DRAFTING, "invoice.issued"))
async def change_invoice(call: Change, invoice_id: InvoiceId, body: DraftChanges) -> Response:
    """Change a draft. The lines, where named, replace all lines."""
    version, place, today = call.version(), call.place, call.today()
    draft = await call.read(
        lambda conn: queries.get_invoice(conn, place.id, invoice_id, today=today)
    )
    merged = draft_merged(draft, body.named())
    command = ChangeDraft(
        act=call.act(),
        invoice_id=invoice_id,
        version=version,
        content=draft_content(merged, place.currency),
    )
    return call.reply(shown_whole(await call.run(change_drafts, command)))


@router.delete(
    "/{invoice_id}",
    status_code=204,
    response_class=Response,
    responses=answers(None, *_ONE, "organization.inactive", "invoice.issued", status=204),
)
async def delete_invoice(call: Change, invoice_id: InvoiceId) -> Response:
    """Delete a draft. No number was used, so none is missing."""
    command = DeleteDraft(act=call.act(), invoice_id=invoice_id, version=call.version())
    await call.run(delete_drafts, command)
    return Response(status_code=204)


@router.post(
    "/{invoice_id}/issue",
    responses=answers(
        Invoice,
        *(*_ONE, *_ISSUING, "invoice.issued", "organization.inactive", "customer.inactive"),
    ),
)
async def issue_invoice(
    call: Command, invoice_id: InvoiceId, body: IssueOptions | None = None
) -> Response:
    """Issue a draft: it gets its number and its due date, and never changes again."""
    command = IssueInvoice(
        act=call.act(),
        invoice_id=invoice_id,
        issue_date=None if body is None else body.issue_date,
    )
    return call.reply(shown_whole(await call.run(issue_invoices, command)))


@router.post(
    "/{invoice_id}/void",
    responses=answers(
        Invoice,
        *(*_ONE, "organization.inactive", "invoice.draft", "invoice.void", "invoice.credited"),
        "invoice.paid",
    ),
)
async def void_invoice(call: Command, invoice_id: InvoiceId, body: VoidReason) -> Response:
    """Void an invoice on which nothing was paid. It keeps its number, and nobody owes it."""
    command = VoidInvoice(act=call.act(), invoice_id=invoice_id, reason=body.reason)
    return call.reply(shown_whole(await call.run(void_invoices, command)))


@router.post(
    "/{invoice_id}/write-off",
    responses=answers(
        Invoice,
        *(*_ONE, "organization.inactive", "invoice.draft", "invoice.void"),
        *("write_off.nothing_due", "write_off.exceeds_due", "write_off.amount_not_positive"),
        *("money.malformed", "money.precision", "money.too_large"),
    ),
)
async def write_off_invoice(
    call: Command, invoice_id: InvoiceId, body: WriteOffOptions
) -> Response:
    """Give up what is due, in part or whole. A payment that comes after all takes it back."""
    currency = (await _read(call, invoice_id))["currency"]
    amount = None if body.amount is None else money.parse(body.amount, currency, pointer="/amount")
    command = WriteOff(call.act(), invoice_id, body.reason, amount)
    return call.reply(shown_whole(await call.run(write_off_invoices, command)))


@router.post(
    "/{invoice_id}/replace",
    status_code=201,
    responses=answers(
        Invoice,
        *(*_ONE, *_DRAFTING, *_ISSUING, "invoice.draft", "invoice.void", "invoice.corrected"),
        "invoice.below_paid",
        status=201,
    ),
)
async def replace_invoice(call: Command, invoice_id: InvoiceId, body: Replacement) -> Response:
    """Void an issued invoice, issue another one in its place, and let the same payments pay it.

    Answers with the new invoice, which is for the same customer and in the same currency.
    """
    content = replacement_content(body, await _read(call, invoice_id))
    command = ReplaceInvoice(
        act=call.act(),
        invoice_id=invoice_id,
        content=content,
        reason=body.reason,
        issue_date=body.issue_date,
        excess=body.excess,
    )
    made = await call.run(replace_invoices, command)
    return call.reply(shown_whole(made), status=201, location=f"/v1/invoices/{made['id']}")


@router.post(
    "/{invoice_id}/annotate",
    responses=answers(
        Invoice,
        *(*_ONE, "organization.inactive", "invoice.draft", "invoice.void"),
        "invoice.due_before_issue",
    ),
)
async def annotate_invoice(call: Command, invoice_id: InvoiceId, body: Annotation) -> Response:
    """Put off the due date of an issued invoice, or keep a memo with it.

    The document itself stays as it is, and so does its hash.
    """
    named = body.named()
    command = AnnotateInvoice(call.act(), invoice_id, frozenset(named), **named)
    return call.reply(shown_whole(await call.run(annotate_invoices, command)))


async def _read(call: Call, invoice_id: UUID) -> InvoiceDocument:
    """Read an invoice, whose currency and customer never change once it is issued."""
    place, today = call.place, call.today()
    return await call.read(
        lambda conn: queries.get_invoice(conn, place.id, invoice_id, today=today)
    )
