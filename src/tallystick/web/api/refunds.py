"""Operations on refunds."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import money
from tallystick.kernel.errors import Invalid, Refused
from tallystick.payments import queries, refunds
from tallystick.payments.approving_refunds import (
    ApproveRefund,
    DeclineRefund,
    approve_refunds,
    decline_held_refunds,
)
from tallystick.payments.provider import Failed, Provider, Succeeded
from tallystick.payments.refunding import RefundPayment, method_missing, refund_payments
from tallystick.payments.refunds import RefundDocument, RefundFilter
from tallystick.payments.returning import (
    DecideRefund,
    StartRefund,
    decide_refunds,
    start_refunds,
)
from tallystick.payments.states import OFFLINE_METHODS
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

CREATED: Final = 201
_REFUNDING = (
    *("organization.inactive", "payment.unknown", "payment.not_settled", "payment.not_online"),
    *("money.malformed", "money.precision", "money.too_large"),
    *("refund.amount_not_positive", "refund.date_in_future", "refund.before_payment"),
    "refund.before_last_movement",
    *("refund.exceeds_payment", "refund.method_missing", "refund.day_chosen"),
    *("refund.failed", "provider.unreachable", "provider.not_offered"),
)
_APPROVING = (
    *("refund.unknown", "refund.not_held", "refund.same_person", "organization.inactive"),
    *("refund.exceeds_payment", "refund.method_missing", "payment.not_settled"),
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
    given back already. 201: the money has gone. 202: the provider has it and nobody knows yet, or a
    rule lets it wait for another person; read the refund until it is decided.

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
    return _answered(call, await call.run(refund_payments, command), done=201)


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
    return call.reply(shown_refund(await _read(call, refund_id)))


@router.post("/{refund_id}/confirm", responses=answers(Refund, *_DECIDING))
async def confirm_refund(call: Command, refund_id: RefundId) -> Response:
    """Say that a provider has given a refund back, where nobody else knows and you have seen so."""
    command = DecideRefund(call.act(), refund_id, Succeeded())
    return call.reply(shown_refund(await call.run(decide_refunds, command)))


@router.post("/{refund_id}/approve", responses=answers(Refund, *_APPROVING, may_wait=True))
async def approve_refund(call: Command, refund_id: RefundId) -> Response:
    """Let a refund go that a rule lets wait for another person than the one who wanted it.

    It is judged as if it was asked for now, and dated today. What a provider gives back is sent to
    it only now.
    """
    refund = await _read(call, refund_id)
    command = ApproveRefund(call.act(), refund_id, call.edge.providers.call_s)
    if refund["method"] in OFFLINE_METHODS:
        return _answered(call, await call.run(approve_refunds, command), done=200)
    provider = _provider(call, refund["method"])
    gone = await give_back(call, approve_refunds, command, provider)
    return _answered(call, gone, done=200)


@router.post("/{refund_id}/decline", responses=answers(Refund, *_DECIDING, "refund.not_held"))
async def decline_refund(call: Command, refund_id: RefundId, body: DeclineReason) -> Response:
    """Decline a refund that a rule lets wait for another person; nothing was moved.

    Or say that a provider has not given one back, where nobody knows and you have seen so. Its
    amount is the customer's credit again.
    """
    refund = await _read(call, refund_id)
    if refund["hold"] is not None and refund["online"] is None:
        command = DeclineRefund(call.act(), refund_id, body.reason)
        return call.reply(shown_refund(await call.run(decline_held_refunds, command)))
    decided = DecideRefund(call.act(), refund_id, Failed("declined", body.reason))
    return call.reply(shown_refund(await call.run(decide_refunds, decided)))


async def _through(call: Call, body: NewRefund, name: str, amount: int | None) -> Response:
    """Let a provider give back, and answer with what became of it."""
    provider = _provider(call, name)
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
    return _answered(call, await give_back(call, start_refunds, command, provider), done=201)


def _provider(call: Call, name: str) -> Provider:
    """Find the provider that gives back what it took."""
    provider = call.edge.providers.find(name)
    if provider is None or not provider.abilities.refunds:
        raise method_missing(name)
    return provider


async def _read(call: Call, refund_id: UUID) -> RefundDocument:
    place = call.place
    return await call.read(lambda conn: refunds.get_refund(conn, place.id, refund_id))


def _answered(call: Call, refund: RefundDocument, *, done: int) -> Response:
    """Answer with what became of a refund, and with 202 where that is not decided."""
    place = f"/v1/refunds/{refund['id']}"
    if refund["status"] != "failed":
        status = done if refund["status"] == "succeeded" else 202
        return call.reply(
            shown_refund(refund), status=status, location=place if done == CREATED else None
        )
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
