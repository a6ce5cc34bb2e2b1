"""Operations on payments at providers."""

import asyncio
import contextlib
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog
from fastapi import APIRouter
from starlette.responses import Response

from tallystick.kernel import clock, money
from tallystick.kernel.actor import WORKER, Act
from tallystick.kernel.errors import Invalid, Refused
from tallystick.payments.provider import Failed, Provider, Succeeded
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.resolving import DecidePayment, decide_payments
from tallystick.payments.starting import StartPayment
from tallystick.payments.states import ON_THE_WAY
from tallystick.web import paying
from tallystick.web.api.headers import Command
from tallystick.web.api.shapes.payments import Payment, shares, shown_payment
from tallystick.web.api.shapes.starting import NewOnlinePayment
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

ASK_WAIT_S: Final = 1.5
"""How long whoever reads a payment waits for what its provider says."""

log = structlog.get_logger(__name__)

router = APIRouter(
    prefix="/v1/payments",
    tags=["payments"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_STARTING: Final = (
    *("organization.inactive", "customer.unknown", "invoice.unknown"),
    *("money.currency_unknown", "money.malformed", "money.precision", "money.too_large"),
    *("payment.amount_not_positive", "payment.payer_missing", "payment.invoice_twice"),
    *("payment.shares_mixed", "payment.shares_exceed_amount", "payment.rest_unallocated"),
    *("money.currency", "invoice.not_payable", "payment.customers_differ"),
    *("payment.exceeds_due", "payment.nothing_due", "payment.in_flight", "payment.outcome_known"),
    *("provider.unknown", "card.not_taken", "card.missing", "card.elsewhere"),
    *("payment.failed", "provider.unreachable", "provider.not_offered"),
)


@router.post(
    "/online", status_code=201, responses=answers(Payment, *_STARTING, status=201, may_wait=True)
)
async def start_payment(call: Command, body: NewOnlinePayment) -> Response:
    """Take a payment through a provider.

    What it is to pay is reserved before the provider is called, so nobody else can pay it
    meanwhile. 201: the money is here. 202: the provider has it and nobody knows yet what becomes of
    it, or the payer must do something at `online.action_url`; read the payment until it is decided.
    Repeat the request under its key as often as needed: nothing is taken twice, and the answer says
    what the payment is now.
    """
    providers = call.edge.providers
    provider = providers.named(body.provider or providers.default)
    check_card(call, provider, body)
    if body.card is not None:
        kept = body.card.kept
        # The hash of a whole number would be as good as the number: there are not that many.
        call.withhold("card", {"number": kept.masked, "expiry": kept.expiry})
    money.exponent(body.currency, pointer="/currency")
    amount = None
    if body.amount is not None:
        amount = money.parse(body.amount, body.currency, pointer="/amount")
    command = StartPayment(
        act=call.act(),
        provider=provider.name,
        call_s=providers.call_s,
        currency=body.currency,
        amount=amount,
        customer_id=body.customer_id,
        invoices=shares(body.invoices, body.currency),
        card=None if body.card is None else body.card.kept,
        description=body.description,
        return_url=body.return_url,
        reference=body.reference,
        note=body.note,
    )
    paid = await paying.pay(call, command, body.card)
    return told(call, paid.payment)


def told(call: Call, payment: PaymentDocument) -> Response:
    """Answer with what became of a payment at a provider.

    Raises:
        Refused: payment.failed, provider.unreachable, provider.not_offered; with the payment's id.
    """
    place = f"/v1/payments/{payment['id']}"
    if payment["status"] == "succeeded":
        return call.reply(shown_payment(payment), status=201, location=place)
    if payment["status"] in ON_THE_WAY:
        return call.reply(shown_payment(payment), status=202, location=place)
    online = payment["online"]
    assert online is not None, "a provider was asked for it"
    reason = online["failure_reason"] or "The provider took nothing for it."
    facts = {
        "payment_id": payment["id"],
        "payment_status": payment["status"],
        "reason": reason,
    }
    message = f"The payment is {payment['status']}: {reason}"
    if online["failure_code"] == "not_sent":
        raise Refused("provider.unreachable", message, facts=facts)
    if online["failure_code"] == "not_offered":
        raise Refused("provider.not_offered", message, facts=facts)
    raise Refused("payment.failed", message, facts=facts)


async def decide(call: Call, payment_id: UUID, outcome: Succeeded | Failed) -> Response:
    """Note what a person has seen at the provider of a payment.

    Raises:
        Refused: the codes of `decide_payments`.
    """
    decided = await call.run(decide_payments, DecidePayment(call.act(), payment_id, outcome))
    return call.reply(shown_payment(decided))


async def asked(call: Call, payment: PaymentDocument) -> PaymentDocument:
    """Ask the provider about a payment that is on its way, and tell what it is now.

    It is asked by the way: not while it is being called, not again within a few seconds, and nobody
    waits for it long. Whatever goes wrong, the payment is told as it stood.
    """
    online, providers = payment["online"], call.edge.providers
    if online is None or payment["status"] not in ON_THE_WAY:
        return payment
    provider = providers.find(online["provider"])
    unknown_from = online["unknown_from"]
    in_flight = unknown_from is not None and unknown_from > clock.text(call.edge.clock())
    payment_id = UUID(payment["id"])
    if provider is None or in_flight or not providers.may_ask(provider, payment_id):
        return payment
    act = replace(call.secret_act(), actor=WORKER, reason=None)
    asking = providers.see_through(_found(call, act, provider, payment_id))
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(asking, ASK_WAIT_S) or payment
    return payment


async def _found(
    call: Call, act: Act, provider: Provider, payment_id: UUID
) -> PaymentDocument | None:
    try:
        return await paying.ask(call, act, provider, payment_id)
    except Exception:
        # Whoever reads does not hear of it: the worker asks again.
        log.exception("not asked", provider=provider.name, payment=str(payment_id))
        return None


def check_card(call: Call, provider: Provider, body: NewOnlinePayment) -> None:
    """Refuse a card that is not for this provider, before anything of it is kept.

    Raises:
        Invalid: card.not_taken, card.missing, card.elsewhere
    """
    takes = provider.abilities.takes_cards and call.edge.environment == "development"
    if body.card is None:
        if takes:
            message = f"The provider {provider.name} needs a card. Send it in the member card."
            raise Invalid("card.missing", message, pointer="/card")
        return
    if not takes:
        message = (
            f"The provider {provider.name} takes no card data here. Send none: the payer gives the "
            "card on the provider's own page."
        )
        raise Invalid("card.not_taken", message, pointer="/card")
    kept = [*body.texts(), *(("", text) for text in call.kept_headers())]
    for pointer, text in kept:
        if body.card.stands_in(text):
            message = "The number of the card stands in a text that is kept. Take it out."
            raise Invalid("card.elsewhere", message, pointer=pointer)
