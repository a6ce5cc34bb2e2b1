"""Operations on payments."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import money
from tallystick.payments import queries
from tallystick.payments.queries import PaymentFilter
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.web.api.headers import Command, PaymentId, Reading
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
    currency = body.currency
    money.exponent(currency, pointer="/currency")
    amount = money.parse(body.amount, currency, pointer="/amount")
    command = RecordPayment(
        act=call.act(),
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
    recorded = await call.run(record_payments, command)
    return call.reply(
        shown_payment(recorded), status=201, location=f"/v1/payments/{recorded['id']}"
    )


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
