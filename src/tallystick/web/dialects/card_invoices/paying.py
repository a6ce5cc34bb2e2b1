"""Pay an invoice of contract 001 by card: the whole due, through FakePay, charged once.

FakePay is told the invoice's id as its `transactionId`, so whoever sends a card again while nobody
knows what became of the last one finishes that very payment.
"""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from itertools import count, pairwise
from typing import Final
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth.policy import allows
from tallystick.invoices import across
from tallystick.kernel import clock, idempotency, ids
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, Unavailable
from tallystick.parties.organizations import OrganizationDocument
from tallystick.payments import cards, keyed, orders
from tallystick.payments.allocating import Share
from tallystick.payments.provider import Failed, Succeeded, Unknown
from tallystick.payments.starting import StartPayment
from tallystick.web import paying
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.card_invoices import encoding, invoices
from tallystick.web.dialects.card_invoices.encoding import Shown
from tallystick.web.dialects.card_invoices.shapes import Card, InvoiceRequest
from tallystick.web.dialects.declared import Posted
from tallystick.web.dialects.places import only_place
from tallystick.web.dialects.routing import Fault, Faults, Said
from tallystick.web.paying import Paid

FAKEPAY: Final = "fakepay"
PAYS: Final = "start_payment"
"""The native operation whose permission paying needs."""

_BEING_PAID: Final = "This invoice is being paid at this moment. Try again shortly."
_UNDECIDED: Final = "FakePay has not decided yet. Read the invoice again later."
_AGAIN: Final = "Send the card again to finish this payment; the invoice is not charged twice."
_AGAIN_THERE: Final = (
    "Send the card to /invoice/pay/{invoice_id} to finish this payment; it is not charged twice. "
    "To repeat this call without an Idempotency-Key would make and charge another invoice."
)
_UNKNOWN: Final = (
    f"FakePay gave no usable answer, so nobody knows whether the card was charged. {_AGAIN}"
)
_TIMEOUT: Final = (
    f"FakePay did not answer in time, so nobody knows whether the card was charged. {_AGAIN}"
)
_CHARGED: Final = (
    "A card was charged for this invoice before, and FakePay takes an invoice once. If anything is "
    "due on it now, it must be paid another way."
)
_STATUS: Final = {"declined": 402, "not_sent": 502, "not_offered": 403}
"""By what a provider that failed says of it."""
_FREE_AGAIN: Final = frozenset({"not_sent", None})
"""Failures under whose idempotency key the payer tries again: nothing was decided."""


async def create_invoice(call: Posted, body: InvoiceRequest) -> Shown:
    """Issue an invoice, and pay it at once where a card comes with it."""
    organization = await only_place(call, numbered=invoices.CUSTOMER)
    if body.card is None:
        return (await invoices.issue(call, organization, body)).shown
    if not allows(call.actor, PAYS):
        raise Said(403, "This API key may not do this")
    text = (["body", "jobDescription"], body.job_description)
    card = _ready(call, organization, body.card, ["body", "card"], text)
    if organization is None or not await call.repeats(UUID(organization["id"])):
        # An invoice is not made where its payment would not be sent.
        try:
            call.edge.providers.check(call.edge.providers.named(FAKEPAY))
        except Unavailable as unavailable:
            raise _unavailable(unavailable) from None
    issued = await invoices.issue(call, organization, body)
    replayed = call.replayed
    try:
        # The key of the call is that of the invoice, so paying it has others.
        acts = _acts(issued.act, 1)
        await _charge(call, acts, issued.invoice_id, issued.currency, card)
    except Said as said:
        place = issued.act, issued.invoice_id
        if said.status == HTTPStatus.CONFLICT and await _is_paid(call, *place):
            # It was paid since, by another call.
            return _paid(issued.shown, body.card)
        invoice_id, says = str(issued.invoice_id), said.text
        if call.key is None:
            says = says.replace(_AGAIN, _AGAIN_THERE.format(invoice_id=invoice_id))
        raise Said(said.status, says, said.headers, invoiceId=invoice_id) from None
    call.replayed = call.replayed and replayed
    return _paid(issued.shown, body.card)


async def pay_invoice(call: Posted, uuid: UUID, body: Card) -> Shown:
    """Pay what is due on an invoice."""
    organization = await only_place(call, numbered=invoices.CUSTOMER)
    card = _ready(call, organization, body, ["body"])
    found = await invoices.present(call, organization, uuid)
    shown = await invoices.shown(call, found)
    place, currency = UUID(found.document["organization_id"]), found.document["currency"]
    if shown["invoiceStatus"] != "PENDING" and not await call.repeats(place):
        raise Said(409, f"Invoice is {shown['invoiceStatus']}; only a PENDING one can be paid")
    act = call.act(place)
    await _charge(call, _acts(act, 0), uuid, currency, card)
    return _paid(shown, body)


def _paid(shown: Shown, card: Card) -> Shown:
    return encoding.with_card({**shown, "invoiceStatus": "PAID"}, card)


def _ready(
    call: DialectCall,
    organization: OrganizationDocument | None,
    sent: Card,
    place: list[str],
    *texts: tuple[list[str], str],
) -> cards.Card:
    """Refuse what cannot be paid with before anything is written.

    `texts` will be kept, as the key of the call is, so the number of the card may not be in them.
    """
    card = sent.taken()
    zone = "UTC" if organization is None else organization["time_zone"]
    today = clock.day(call.edge.clock(), zone)
    month, year = map(int, sent.expiry.split("-"))
    faults: list[Fault] = []
    if (year, month) < (today.year, today.month):
        message = "Value error, this card has expired"
        faults.append({"type": "value_error", "loc": [*place, "expiry"], "msg": message})
    key = (["header", "Idempotency-Key"], call.key or "")
    for where, text in ((([*place, "name"]), sent.name), key, *texts):
        if card.stands_in(text):
            message = "Value error, the number of the card stands here"
            faults.append({"type": "value_error", "loc": where, "msg": message})
    if faults:
        raise Faults(faults)
    provider = call.edge.providers.named(FAKEPAY)
    if not provider.abilities.takes_cards:
        raise Said(403, "Card data are taken in development only.")
    return card


def _acts(act: Act, first: int) -> Iterator[Act]:
    """Give the acts of one try after another; the same key leads to the same ones."""
    for number in count(first):
        key = (
            act.key if number == 0 else str(ids.derived(act.organization_id, f"{act.key} {number}"))
        )
        yield replace(act, key=key)


async def _charge(
    call: DialectCall, acts: Iterator[Act], invoice_id: UUID, currency: str, card: cards.Card
) -> None:
    """Charge a card for an invoice.

    Raises:
        Said: it is not paid, and why.
    """
    for act, following in pairwise(acts):
        call.replayed = False
        try:
            paid = await _try(call, act, invoice_id, currency, card)
        except Refused as refused:
            was_due = refused.refusal.code == "payment.exceeds_due" and call.replayed
            if was_due and (
                await _is_tried(call, following) or not await _is_paid(call, act, invoice_id)
            ):
                # Somebody else was paying at that moment, which says nothing of what came since.
                continue
            raise _said(refused) from None
        except Unavailable as unavailable:
            raise _unavailable(unavailable) from None
        if await _is_superseded(call, act, invoice_id, paid):
            # What FakePay took is what another payment of this invoice has settled.
            if not await _is_paid(call, act, invoice_id):
                raise Said(409, _CHARGED)
            return
        if paid.outcome is not None or not _is_free_again(paid):
            _check(paid)
            return


async def _is_tried(call: DialectCall, act: Act) -> bool:
    place, key = act.organization_id, act.key
    return await call.read(lambda conn: idempotency.is_kept(conn, place, key))


async def _is_superseded(call: DialectCall, act: Act, invoice_id: UUID, paid: Paid) -> bool:
    taken_in_vain = isinstance(paid.outcome, Succeeded) and paid.payment["status"] == "failed"
    if paid.payment["status"] != "canceled" and not taken_in_vain:
        return False
    place = act.organization_id
    return await call.read(lambda conn: keyed.is_charged(conn, place, FAKEPAY, invoice_id))


async def _is_paid(call: DialectCall, act: Act, invoice_id: UUID) -> bool:
    place = act.organization_id
    document = await call.read(lambda conn: across.get_issued(conn, place, invoice_id))
    return document is not None and document["state"] == "paid"


async def _try(
    call: DialectCall, act: Act, invoice_id: UUID, currency: str, card: cards.Card
) -> Paid:
    place = act.organization_id

    def read(conn: Connection) -> UUID | None:
        if idempotency.is_kept(conn, place, act.key):
            return None
        if keyed.is_charged(conn, place, FAKEPAY, invoice_id):
            raise Said(409, _CHARGED)
        return orders.on_the_way(conn, place, FAKEPAY, invoice_id)

    attempt = await call.read(read)
    if attempt is not None:
        provider = call.edge.providers.named(FAKEPAY)
        return await paying.repeat(call, act, provider, attempt, card, under_own_key=True)
    command = StartPayment(
        act=act,
        provider=FAKEPAY,
        call_s=call.edge.providers.call_s,
        currency=currency,
        invoices=(Share(invoice_id),),
        provider_key=invoice_id,
        card=card.kept,
    )
    return await paying.pay(call, command, card)


def _said(refused: Refused) -> Said | Refused:
    """Turn what stops a payment before the provider is called into the contract's words."""
    match refused.refusal.code:
        case "payment.in_flight" | "payment.outcome_known":
            return Said(409, _BEING_PAID, {"Retry-After": "1"})
        case "payment.exceeds_due":
            return Said(409, "This invoice is paid, or it is being paid at this moment.")
        case "invoice.not_payable":
            return Said(409, "Invoice is CANCELLED; only a PENDING one can be paid")
        case _:
            return refused


def _unavailable(unavailable: Unavailable) -> Said:
    return Said(502, unavailable.detail, {"Retry-After": str(unavailable.retry_after_s)})


def _is_free_again(paid: Paid) -> bool:
    """Say whether an earlier try under the same key ended without anybody having said no."""
    online = paid.payment["online"]
    assert online is not None, "it is a payment through a provider"
    ended = paid.payment["status"] in {"failed", "canceled", "expired"}
    return ended and online["failure_code"] in _FREE_AGAIN


def _check(paid: Paid) -> None:
    """Say why an invoice is not paid, unless it is."""
    status, outcome, online = paid.payment["status"], paid.outcome, paid.payment["online"]
    assert online is not None, "it is a payment through a provider"
    if status == "succeeded":
        return
    if isinstance(outcome, Failed):
        raise Said(_STATUS[outcome.code], outcome.reason)
    if isinstance(outcome, Unknown):
        timeout = outcome.why == "timeout"
        raise Said(504, _TIMEOUT) if timeout else Said(502, _UNKNOWN)
    if status == "failed":
        code, reason = online["failure_code"], online["failure_reason"]
        raise Said(_STATUS[code or "declined"], reason or _UNKNOWN)
    raise Said(502, _UNDECIDED)
