"""Operations on payments."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import money
from tallystick.kernel.actor import Act
from tallystick.kernel.coalescing import UseCase
from tallystick.payments import queries, recording
from tallystick.payments.allocating import Share
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.claiming import (
    ClaimPayment,
    ConfirmPayment,
    DeclinePayment,
    claim_payments,
    confirm_payments,
    decline_payments,
)
from tallystick.payments.provider import Failed, Succeeded
from tallystick.payments.queries import PaymentDocument, PaymentFilter
from tallystick.payments.recording import RecordPayment
from tallystick.payments.releasing import ReleaseAllocation, release_allocations
from tallystick.web.api import bulk, online_payments
from tallystick.web.api.headers import Command, PaymentId, Reading
from tallystick.web.api.shapes.bulk import NewPayments, PaymentResults
from tallystick.web.api.shapes.payments import (
    CreditUse,
    DeclineReason,
    InvoiceReleased,
    InvoiceShare,
    NewPayment,
    Payment,
    PaymentList,
    PaymentQuery,
    Receipt,
    SeenPayment,
    shares,
    shown_payment,
    shown_receipt,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers
from tallystick.web.strict import Misshapen

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
_CLAIMING = tuple(
    code for code in _RECORDING if code not in {"payment.exceeds_due", "payment.rest_unallocated"}
)
_CONFIRMING = tuple(
    code
    for code in _RECORDING
    if code not in {"customer.unknown", "money.currency_unknown", "payment.payer_missing"}
)
_UNDECIDED = (
    *("payment.not_claimed", "payment.not_online"),
    *("payment.in_flight", "payment.outcome_known"),
)
_APPLYING = (
    *("payment.unknown", "invoice.unknown", "organization.inactive"),
    *("money.malformed", "money.precision", "money.too_large", "money.currency"),
    *("payment.amount_not_positive", "payment.invoice_twice", "payment.shares_mixed"),
    *("payment.not_settled", "payment.no_credit", "payment.exceeds_credit", "payment.nothing_due"),
    *("invoice.not_payable", "payment.customers_differ", "payment.exceeds_due"),
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
    return recording.record_payments, RecordPayment(act=act, **_incoming(body))


@router.post(
    "/claim",
    status_code=201,
    responses=answers(Payment, *_CLAIMING, status=201),
)
async def claim_payment(call: Command, body: NewPayment) -> Response:
    """Note a payment that somebody says they have made, until you have seen the money.

    It pays nothing and reserves nothing until it is confirmed.
    """
    command = ClaimPayment(act=call.act(), **_incoming(body))
    claimed = await call.run(claim_payments, command)
    return call.reply(shown_payment(claimed), status=201, location=f"/v1/payments/{claimed['id']}")


@router.post(
    "/{payment_id}/confirm",
    responses=answers(Payment, "payment.unknown", *_UNDECIDED, *_CONFIRMING),
)
async def confirm_payment(
    call: Command, payment_id: PaymentId, body: SeenPayment | None = None
) -> Response:
    """Confirm a claimed payment: the money is here, so it pays its invoices and has its receipt.

    So is one at a provider of which nobody knows what became, when you have seen there that it
    succeeded; nothing else is said of it then.
    """
    seen = body or SeenPayment()
    if await _is_online(call, payment_id):
        _check_unchanged(seen)
        return await online_payments.decide(call, payment_id, Succeeded())
    amount = None
    invoices: tuple[Share, ...] | None = None if seen.invoices is None else ()
    if seen.amount is not None or seen.invoices:
        currency = await _currency(call, payment_id)
        if seen.amount is not None:
            amount = money.parse(seen.amount, currency, pointer="/amount")
        if seen.invoices:
            invoices = shares(seen.invoices, currency)
    command = ConfirmPayment(call.act(), payment_id, amount, seen.paid_on, seen.excess, invoices)
    return call.reply(shown_payment(await call.run(confirm_payments, command)))


@router.post(
    "/{payment_id}/decline",
    responses=answers(Payment, "payment.unknown", *_UNDECIDED, "organization.inactive"),
)
async def decline_payment(call: Command, payment_id: PaymentId, body: DeclineReason) -> Response:
    """Decline a claimed payment: the money did not come.

    So is one at a provider of which nobody knows what became, when you have seen there that it did
    not succeed.
    """
    if await _is_online(call, payment_id):
        return await online_payments.decide(call, payment_id, Failed("declined", body.reason))
    command = DeclinePayment(call.act(), payment_id, body.reason)
    return call.reply(shown_payment(await call.run(decline_payments, command)))


@router.post("/{payment_id}/allocate", responses=answers(Payment, *_APPLYING))
async def allocate_payment(
    call: Command, payment_id: PaymentId, body: CreditUse | None = None
) -> Response:
    """Pay invoices with what is free of a payment.

    Name the invoices, or none: then the customer's oldest due is paid first. What is left stays as
    the customer's credit.
    """
    named: Sequence[InvoiceShare] = body.invoices if body else ()
    parts = shares(named, await _currency(call, payment_id)) if named else ()
    command = ApplyCredit(call.act(), payment_id, parts)
    return call.reply(shown_payment(await call.run(apply_credit, command)))


@router.post(
    "/{payment_id}/release",
    responses=answers(
        Payment,
        *("payment.unknown", "invoice.unknown", "organization.inactive"),
        *("payment.not_settled", "payment.not_allocated"),
    ),
)
async def release_payment(call: Command, payment_id: PaymentId, body: InvoiceReleased) -> Response:
    """Take back what a payment gives to one invoice. It is the customer's credit again."""
    command = ReleaseAllocation(call.act(), payment_id, body.invoice_id)
    return call.reply(shown_payment(await call.run(release_allocations, command)))


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
        status=query.status,
        paid_from=query.paid_from,
        paid_to=query.paid_to,
    )
    page = await call.read(
        lambda conn: queries.list_payments(conn, place.id, wanted, after=after, limit=query.limit)
    )
    return call.page(page, shown_payment, query)


@router.get("/{payment_id}", responses=answers(Payment, "payment.unknown"))
async def get_payment(call: Reading, payment_id: PaymentId) -> Response:
    """Read one payment.

    One that is on its way at a provider is asked about meanwhile, if the provider can be asked.
    """
    place = call.place
    payment = await call.read(lambda conn: queries.get_payment(conn, place.id, payment_id))
    return call.reply(shown_payment(await online_payments.asked(call, payment)))


@router.get("/{payment_id}/receipt", responses=answers(Receipt, "payment.unknown", "receipt.none"))
async def get_receipt(call: Reading, payment_id: PaymentId) -> Response:
    """Read the receipt of a payment."""
    place = call.place
    receipt = await call.read(lambda conn: queries.get_receipt(conn, place.id, payment_id))
    return call.reply(shown_receipt(receipt))


def _incoming(body: NewPayment) -> dict[str, Any]:
    """Read what came in, or is said to have, in the units of the core."""
    currency = body.currency
    money.exponent(currency, pointer="/currency")
    return {
        "amount": money.parse(body.amount, currency, pointer="/amount"),
        "currency": currency,
        "method": body.method,
        "customer_id": body.customer_id,
        "invoices": shares(body.invoices, currency),
        "excess": body.excess,
        "paid_on": body.paid_on,
        "reference": body.reference,
        "note": body.note,
    }


async def _is_online(call: Call, payment_id: UUID) -> bool:
    place = call.place
    payment = await call.read(lambda conn: queries.get_payment(conn, place.id, payment_id))
    return payment["online"] is not None


def _check_unchanged(seen: SeenPayment) -> None:
    """Refuse to change what a provider was asked for."""
    detail = "A provider was asked for this payment, and nothing of it is changed."
    faults = [{"pointer": f"/{name}", "detail": detail} for name in seen.model_fields_set]
    if faults:
        raise Misshapen(faults)


async def _currency(call: Call, payment_id: UUID) -> str:
    place = call.place
    return await call.read(lambda conn: queries.currency_of(conn, place.id, payment_id))
