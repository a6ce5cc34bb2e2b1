"""Operations on refunds."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import money
from tallystick.payments import queries, refunds
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.refunds import RefundFilter
from tallystick.web.api.headers import Command, Reading, RefundId
from tallystick.web.api.shapes.refunds import (
    NewRefund,
    Refund,
    RefundList,
    RefundQuery,
    shown_refund,
)
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/refunds",
    tags=["refunds"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_REFUNDING = (
    *("organization.inactive", "payment.unknown", "payment.not_settled"),
    *("money.malformed", "money.precision", "money.too_large"),
    *("refund.amount_not_positive", "refund.date_in_future", "refund.before_payment"),
    "refund.before_last_movement",
    "refund.exceeds_payment",
)


@router.post("", status_code=201, responses=answers(Refund, *_REFUNDING, status=201))
async def refund_payment(call: Command, body: NewRefund) -> Response:
    """Record that money of a payment was given back, in part or whole.

    It takes what is free of the payment first, then what invoices have, the newest allocation
    first: those invoices are due again. To give money back for good, credit the invoice first.
    """
    place, payment_id = call.place, body.payment_id
    amount = None
    if body.amount is not None:
        currency = await call.read(lambda conn: queries.currency_of(conn, place.id, payment_id))
        amount = money.parse(body.amount, currency, pointer="/amount")
    command = RefundPayment(
        act=call.act(),
        payment_id=payment_id,
        amount=amount,
        refunded_on=body.refunded_on,
        method=body.method,
        reference=body.reference,
        reason=body.reason,
    )
    given = await call.run(refund_payments, command)
    return call.reply(shown_refund(given), status=201, location=f"/v1/refunds/{given['id']}")


@router.get("", responses=answers(RefundList))
async def list_refunds(call: Reading, query: Annotated[RefundQuery, QueryParameters()]) -> Response:
    """List refunds, newest first."""
    place, after = call.place, call.after(query)
    wanted = RefundFilter(payment_id=query.payment_id, customer_id=query.customer_id)
    page = await call.read(
        lambda conn: refunds.list_refunds(conn, place.id, wanted, after=after, limit=query.limit)
    )
    return call.page(page, shown_refund, query)


@router.get("/{refund_id}", responses=answers(Refund, "refund.unknown"))
async def get_refund(call: Reading, refund_id: RefundId) -> Response:
    """Read one refund."""
    place = call.place
    refund = await call.read(lambda conn: refunds.get_refund(conn, place.id, refund_id))
    return call.reply(shown_refund(refund))
