"""Operations on refunds."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import money
from tallystick.kernel.errors import Invalid, Refused
from tallystick.payments import queries, refunds
from tallystick.payments.provider import Failed, Succeeded
from tallystick.payments.refunding import RefundPayment, method_missing, refund_payments
from tallystick.payments.refunds import RefundFilter
from tallystick.payments.returning import DecideRefund, StartRefund, decide_refunds
from tallystick.web.api.headers import Command, Reading, RefundId
from tallystick.web.api.shapes.payments import DeclineReason
from tallystick.web.api.shapes.refunds import (
    NewRefund,
    Refund,
    RefundList,
    RefundQuery,
    shown_refund,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers
from tallystick.web.returning import give_back

router = APIRouter(
    prefix="/v1/refunds",
    tags=["refunds"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_REFUNDING = (
    *("organization.inactive", "payment.unknown", "payment.not_settled", "payment.not_online"),
    *("money.malformed", "money.precision", "money.too_large"),
    *("refund.amount_not_positive", "refund.date_in_future", "refund.before_payment"),
    "refund.before_last_movement",
    *("refund.exceeds_payment", "refund.method_missing", "refund.day_chosen"),
    *("refund.failed", "provider.unreachable", "provider.not_offered"),
)
_DECIDING = (
    *("refund.unknown", "refund.in_flight", "refund.outcome_known"),
    *("payment.not_online", "organization.inactive"),
)


@router.post("", status_code=201, responses=answers(Refund, *_REFUNDING, status=201, may_wait=True))
async def refund_payment(call: Command, body: NewRefund) -> Response:
    """Give money of a payment back, in part or whole.

    What a provider took goes back through it, unless you name a method; all else is recorded as
    given back already. 201: the money has gone. 202: the provider has it and nobody knows yet; read
    the refund until it is decided.

    It takes what is free of the payment first, then what invoices have, the newest allocation
    first: those invoices are due again. To give money back for good, credit the invoice first.
    """
    place, payment_id = call.place, body.payment_id
    payment = await call.read(lambda conn: queries.get_payment(conn, place.id, payment_id))
    amount = None
    if body.amount is not None:
        amount = money.parse(body.amount, payment["currency"], pointer="/amount")
    if body.method is None and payment["online"] is not None:
        return await _through(call, body, payment["online"]["provider"], amount)
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


@router.post("/{refund_id}/confirm", responses=answers(Refund, *_DECIDING))
async def confirm_refund(call: Command, refund_id: RefundId) -> Response:
    """Say that a provider has given a refund back, where nobody else knows and you have seen so."""
    command = DecideRefund(call.act(), refund_id, Succeeded())
    return call.reply(shown_refund(await call.run(decide_refunds, command)))


@router.post("/{refund_id}/decline", responses=answers(Refund, *_DECIDING))
async def decline_refund(call: Command, refund_id: RefundId, body: DeclineReason) -> Response:
    """Say that a provider has not given a refund back, where nobody knows and you have seen so.

    Its amount is the customer's credit again.
    """
    command = DecideRefund(call.act(), refund_id, Failed("declined", body.reason))
    return call.reply(shown_refund(await call.run(decide_refunds, command)))


async def _through(call: Call, body: NewRefund, name: str, amount: int | None) -> Response:
    """Let a provider give back, and answer with what became of it."""
    provider = call.edge.providers.find(name)
    if provider is None or not provider.abilities.refunds:
        raise method_missing(name)
    if body.refunded_on is not None:
        message = f"The provider {name} gives money back on the day it does. Choose no day."
        raise Invalid("refund.day_chosen", message, pointer="/refunded_on")
    command = StartRefund(
        act=call.act(),
        payment_id=body.payment_id,
        call_s=call.edge.providers.call_s,
        amount=amount,
        reference=body.reference,
        reason=body.reason,
    )
    refund = await give_back(call, command, provider)
    place = f"/v1/refunds/{refund['id']}"
    if refund["status"] != "failed":
        status = 201 if refund["status"] == "succeeded" else 202
        return call.reply(shown_refund(refund), status=status, location=place)
    assert refund["online"] is not None, "a provider was asked for it"
    code = refund["online"]["failure_code"]
    reason = refund["online"]["failure_reason"] or "The provider gave nothing back."
    facts = {"refund_id": refund["id"], "refund_status": "failed", "reason": reason}
    message = f"The refund failed: {reason}"
    if code == "not_sent":
        raise Refused("provider.unreachable", message, facts=facts)
    if code == "not_offered":
        raise Refused("provider.not_offered", message, facts=facts)
    raise Refused("refund.failed", message, facts=facts)
