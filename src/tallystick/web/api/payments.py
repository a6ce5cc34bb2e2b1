"""Operations on payments."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import money
from tallystick.kernel.actor import Act
from tallystick.kernel.coalescing import UseCase
from tallystick.payments import queries, recording
from tallystick.payments.queries import PaymentDocument, PaymentFilter
from tallystick.payments.recording import RecordPayment
from tallystick.web.api import bulk
from tallystick.web.api.headers import Command, PaymentId, Reading
from tallystick.web.api.shapes.bulk import NewPayments, PaymentResults
from tallystick.web.api.shapes.payments import (
    NewPayment,
    Payment,
    PaymentList,
    PaymentQuery,
    Receipt,
    shares,
    shown_payment,
    shown_receipt,
)
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/payments",
    tags=["payments"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_RECORDING = (
    *("organization.inactive", "customer.unknown", "invoice.unknown"),
    *("money.currency_unknown", "money.malformed", "money.precision", "money.too_large"),
    *("payment.amount_not_positive", "payment.date_in_future", "payment.payer_missing"),
    *("payment.invoice_twice", "payment.shares_mixed", "payment.shares_exceed_amount"),
    *("money.currency", "invoice.not_payable", "payment.customers_differ"),
    *("payment.exceeds_due", "payment.rest_unallocated"),
)


@router.post("", status_code=201, responses=answers(Payment, *_RECORDING, status=201))
async def record_payment(call: Command, body: NewPayment) -> Response:
    """Record money that you already hold, and pay invoices with it.

    Name the invoices, or only the customer. More than what is due is refused unless you say
    `"excess": "credit"`.
    """
    recorded = await call.run(*_recording(body, call.act()))
    return call.reply(
        shown_payment(recorded), status=201, location=f"/v1/payments/{recorded['id']}"
    )


@router.post("/bulk", responses=answers(PaymentResults))
async def record_payments(call: Command, body: NewPayments) -> Response:
    """Record up to 1,000 payments, each as if it had been sent alone.

    Results stand in the order of the items; an item that is refused stops no other, and a later one
    sees what an earlier one paid. Each item has an idempotency key of its own, made of the
    request's and its number: `KEY/0001`. So repeat the whole request under its key as often as
    needed.
    """
    noun = bulk.Noun("payment", NewPayment, _recording, shown_payment)
    return await bulk.answer(call, body.payments, noun)


def _recording(body: NewPayment, act: Act) -> tuple[UseCase[PaymentDocument], RecordPayment]:
    currency = body.currency
    money.exponent(currency, pointer="/currency")
    amount = money.parse(body.amount, currency, pointer="/amount")
    command = RecordPayment(
        act=act,
        amount=amount,
        currency=currency,
        method=body.method,
        customer_id=body.customer_id,
        invoices=shares(body),
        excess=body.excess,
        paid_on=body.paid_on,
        reference=body.reference,
        note=body.note,
    )
    return recording.record_payments, command


@router.get("", responses=answers(PaymentList))
async def list_payments(
    call: Reading, query: Annotated[PaymentQuery, QueryParameters()]
) -> Response:
    """List payments, newest first."""
    place, after = call.place, call.after(query)
    wanted = PaymentFilter(
        customer_id=query.customer_id,
        invoice_id=query.invoice_id,
        method=query.method,
        paid_from=query.paid_from,
        paid_to=query.paid_to,
    )
    page = await call.read(
        lambda conn: queries.list_payments(conn, place.id, wanted, after=after, limit=query.limit)
    )
    return call.page(page, shown_payment, query)


@router.get("/{payment_id}", responses=answers(Payment, "payment.unknown"))
async def get_payment(call: Reading, payment_id: PaymentId) -> Response:
    """Read one payment."""
    place = call.place
    payment = await call.read(lambda conn: queries.get_payment(conn, place.id, payment_id))
    return call.reply(shown_payment(payment))


@router.get("/{payment_id}/receipt", responses=answers(Receipt, "payment.unknown", "receipt.none"))
async def get_receipt(call: Reading, payment_id: PaymentId) -> Response:
    """Read the receipt of a payment."""
    place = call.place
    receipt = await call.read(lambda conn: queries.get_receipt(conn, place.id, payment_id))
    return call.reply(shown_receipt(receipt))
