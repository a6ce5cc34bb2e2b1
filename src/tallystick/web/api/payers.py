"""Operations of payers: what they owe and paid in every organization, and what they claim.

Whose these are follows from the proved address of a login, or from a payer's link, and from nothing
that the request says.
"""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import payers as records
from tallystick.auth.payers import Payer
from tallystick.invoices import payers as owed
from tallystick.kernel import ids, money
from tallystick.payments import payers as paid
from tallystick.payments.allocating import Share
from tallystick.payments.claiming import ClaimPayment, claim_payments
from tallystick.web.api.headers import InvoiceId, Own, PaymentId, PlatformCommand
from tallystick.web.api.shapes.payers import (
    OwedInvoice,
    OwedInvoiceList,
    OwnClaim,
    OwnPayment,
    OwnPaymentList,
    OwnPaymentWithReceipt,
    OwnRecordList,
    shown_owed,
    shown_paid,
    shown_with_receipt,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers
from tallystick.web.fields import PageQuery

router = APIRouter(
    prefix="/v1/payer",
    tags=["payers"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("/customers", responses=answers(OwnRecordList))
async def list_own_records(call: Own, query: Annotated[PageQuery, QueryParameters()]) -> Response:
    """List the customer records that are yours: those with your proved e-mail address."""
    payer, after = _payer(call), call.after(query)
    page = await call.read(
        lambda conn: records.list_records(conn, payer, after=after, limit=query.limit)
    )
    return call.page(page, dict, query)


@router.get("/invoices", responses=answers(OwedInvoiceList))
async def list_own_invoices(call: Own, query: Annotated[PageQuery, QueryParameters()]) -> Response:
    """List your issued invoices, newest first, of all organizations."""
    payer, after, at = _payer(call), call.after(query), call.edge.clock()
    page = await call.read(
        lambda conn: owed.list_owed(conn, payer, at=at, after=after, limit=query.limit)
    )
    return call.page(page, shown_owed, query)


@router.get("/invoices/{invoice_id}", responses=answers(OwedInvoice, "invoice.unknown"))
async def get_own_invoice(call: Own, invoice_id: InvoiceId) -> Response:
    """Read one issued invoice of yours."""
    payer, at = _payer(call), call.edge.clock()
    found = await call.read(lambda conn: owed.get_owed(conn, payer, invoice_id, at=at))
    return call.reply(shown_owed(found))


@router.post(
    "/invoices/{invoice_id}/claims",
    status_code=201,
    responses=answers(
        OwnPayment,
        *("invoice.unknown", "invoice.not_payable", "organization.inactive"),
        *("money.malformed", "money.precision", "money.too_large"),
        *("payment.amount_not_positive", "payment.date_in_future", "payment.before_invoice"),
        *("payment.exceeds_due", "payment.claims_waiting"),
        status=201,
    ),
)
async def claim_own_payment(
    call: PlatformCommand, invoice_id: InvoiceId, body: OwnClaim
) -> Response:
    """Say that you have paid an invoice in cash, by transfer or the like.

    It pays nothing until the organization has seen the money and confirms it.
    """
    payer, at = _payer(call), call.edge.clock()
    found = await call.read(lambda conn: owed.get_owed(conn, payer, invoice_id, at=at))
    invoice, act = found["invoice"], call.act()
    currency = invoice["currency"]
    amount = invoice["due"]
    if body.amount is not None:
        amount = money.parse(body.amount, currency, pointer="/amount")
    command = ClaimPayment(
        # Keys of payers stand apart from those of the organization, whose place this is.
        act=replace(
            act,
            organization_id=UUID(found["organization"]["id"]),
            key=f"payer:{ids.derived(act.actor.id, act.key)}",
        ),
        amount=amount,
        currency=currency,
        method=body.method,
        customer_id=None,
        invoices=(Share(invoice_id),),
        excess="refuse",
        paid_on=body.paid_on,
        reference=body.reference,
        note=None,
        by_payer=True,
    )
    claimed = await call.run(claim_payments, command)
    shown = shown_paid(
        {
            "organization": found["organization"],
            "payment": claimed,
            "claimed_for": [str(invoice_id)],
        }
    )
    return call.reply(shown, status=201, location=f"/v1/payer/payments/{claimed['id']}")


@router.get("/payments", responses=answers(OwnPaymentList))
async def list_own_payments(call: Own, query: Annotated[PageQuery, QueryParameters()]) -> Response:
    """List your payments, newest first, to all organizations."""
    payer, after = _payer(call), call.after(query)
    page = await call.read(lambda conn: paid.list_paid(conn, payer, after=after, limit=query.limit))
    return call.page(page, shown_paid, query)


@router.get("/payments/{payment_id}", responses=answers(OwnPaymentWithReceipt, "payment.unknown"))
async def get_own_payment(call: Own, payment_id: PaymentId) -> Response:
    """Read one payment of yours, with its receipt."""
    payer = _payer(call)
    found, receipt = await call.read(lambda conn: paid.get_paid(conn, payer, payment_id))
    return call.reply(shown_with_receipt(found, receipt))


def _payer(call: Call) -> Payer:
    credential = call.caller.credential
    assert credential is not None, "the policy asks for one"
    return Payer.of(credential)
