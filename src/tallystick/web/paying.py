"""Take a payment through a provider: commit it, call, make of it what the provider said.

Between the two transactions nothing is held, and a process may die at any moment: the reconciler
finds what became of it. A provider is never called a second time by ourselves, only when the payer
sends the same once more.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.kernel import ids
from tallystick.kernel.actor import Act
from tallystick.kernel.coalescing import UseCase
from tallystick.kernel.errors import Refused, Unavailable, shown
from tallystick.kernel.idempotency import Command, is_kept
from tallystick.payments import orders, queries
from tallystick.payments.cards import Card
from tallystick.payments.provider import Absent, Failed, Outcome, Provider, Unknown
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.resolving import ResolvePayment, resolve_payments
from tallystick.payments.starting import (
    GRACE,
    RepeatPayment,
    StartPayment,
    repeat_payments,
    start_payments,
)
from tallystick.web.edge import Edge

T = TypeVar("T")

_OVER: Final = frozenset({"server_error", "garbage"})
"""Why an outcome is unknown although the provider has ended the call. After a line that broke, or
an answer that did not come, it may still be at work on it.
"""
_TOO_LATE: Final = Failed(
    "not_sent",
    "The database took so long to note this that nothing was sent to the provider. Try again.",
)


class Caller(Protocol):
    """A request, to whichever contract (`web.call.Call`, `web.dialects.calling.DialectCall`)."""

    edge: Edge
    replayed: bool

    async def run(self, use_case: UseCase[T], command: Command) -> T:
        """Run a command and give its result."""

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What became of a payment, as far as this request knows."""

    payment: PaymentDocument
    outcome: Outcome | None
    """What the provider said to this very request; None where it was not called."""


async def pay(call: Caller, command: StartPayment, card: Card | None) -> Paid:
    """Start a payment at a provider, or go on with the one that stands under the same key.

    A repeated request calls nobody while the outcome is known or on its way; where nobody knows it,
    the payment is repeated, if the provider can be asked, can repeat safely, or takes cards and one
    was sent again.

    Raises:
        Refused: the codes of `start_payments`; payment.in_flight; provider.unknown.
        Unavailable: nothing was sent, or the outcome could not be kept now.
    """
    providers = call.edge.providers
    provider = providers.named(command.provider)
    try:
        providers.check(provider)
    except Unavailable:
        # What was started before is answered all the same.
        act = command.act
        if not await call.read(lambda conn: is_kept(conn, act.organization_id, act.key)):
            raise
    payment = await call.run(start_payments, command)
    if not call.replayed:
        return await providers.see_through(_call(call, command.act, provider, payment, card))
    place = command.act.organization_id, UUID(payment["id"])
    now = await call.read(lambda conn: queries.get_payment(conn, *place))
    abilities = provider.abilities
    sent_again = abilities.takes_cards and card is not None
    repeatable = abilities.looks_up or abilities.repeats_safely or sent_again
    online = now["online"]
    is_unknown = now["status"] == "processing" and online and online["unknown_from"] is not None
    if not is_unknown or not repeatable:
        return Paid(now, None)
    try:
        return await repeat(call, command.act, provider, UUID(now["id"]), card)
    except Refused as refused:
        if refused.refusal.code != "payment.outcome_known":
            raise
        # It was decided while we looked.
        return Paid(await call.read(lambda conn: queries.get_payment(conn, *place)), None)
    finally:
        call.replayed = True


async def repeat(
    call: Caller,
    act: Act,
    provider: Provider,
    payment_id: UUID,
    card: Card | None,
    *,
    under_own_key: bool = False,
) -> Paid:
    """Call a provider once more for a payment of which nobody knows what became.

    One that might charge a second time and can be asked is asked first: whoever was charged without
    an answer is not charged again. `under_own_key` keeps the payment under the key of the act,
    which was not used yet, so that the same request finds it again.

    Raises:
        Refused: payment.in_flight, payment.outcome_known, payment.unknown, payment.not_online
        Unavailable: nothing was sent, or the outcome could not be kept now.
    """
    providers = call.edge.providers
    providers.check(provider)
    noting = act if under_own_key else following(call, act)
    if provider.abilities.looks_up and not provider.abilities.repeats_safely:
        asked = await providers.see_through(_ask(call, noting, provider, payment_id))
        if asked is not None:
            return asked
    kept = None if card is None else card.kept
    command = RepeatPayment(noting, payment_id, providers.call_s, kept)
    call.replayed = False
    payment = await call.run(repeat_payments, command)
    if call.replayed:
        # The same request came twice at one moment, and its twin is the one that calls.
        message = (
            f"The provider is being asked for the payment {shown(payment_id)} at this moment. "
            "Wait for its answer, then look again."
        )
        raise Refused("payment.in_flight", message, kept=False)
    return await providers.see_through(_call(call, noting, provider, payment, card))


async def _ask(call: Caller, act: Act, provider: Provider, payment_id: UUID) -> Paid | None:
    """Ask what became of the last call; None where it is over and has come to nothing."""
    place = act.organization_id, payment_id

    def read(conn: Connection) -> Row[Any]:
        order = orders.find(conn, *place)
        orders.check_unknown(queries.get_payment(conn, *place)["status"], order, act.at)
        return order

    order = await call.read(read)
    look_up = partial(provider.look_up, order.provider_key, order.reference)
    found = await call.edge.providers.call(provider, look_up)
    if isinstance(found, Absent) and order.unknown_why in _OVER:
        return None
    said = ResolvePayment(act, payment_id, found, called_at=order.called_at)
    payment = await call.run(resolve_payments, said)
    return Paid(payment, Unknown("cannot_ask") if isinstance(found, Absent) else found)


async def ask(call: Caller, act: Act, provider: Provider, payment_id: UUID) -> PaymentDocument:
    """Ask a provider that can be asked what became of a payment, and keep what it says.

    It is kept as of the moment at which it was asked: what became known meanwhile, or a call that
    went out meanwhile, counts for more.
    """
    asked = replace(following(call, act), at=act.at)
    order = await call.read(lambda conn: orders.find(conn, act.organization_id, payment_id))
    look_up = partial(provider.look_up, order.provider_key, order.reference)
    found = await call.edge.providers.call(provider, look_up)
    return await call.run(resolve_payments, ResolvePayment(asked, payment_id, found, asking=True))


async def _call(
    call: Caller, act: Act, provider: Provider, payment: PaymentDocument, card: Card | None
) -> Paid:
    payment_id = UUID(payment["id"])
    order = await call.read(
        lambda conn: orders.payment_order(conn, act.organization_id, payment_id, card)
    )
    outcome = await called(call, act, provider, partial(provider.start, order))
    single = not provider.abilities.repeats_safely
    # The act that noted the call gave it its moment.
    said = ResolvePayment(
        following(call, act), payment_id, outcome, of_one_call=single, called_at=act.at
    )
    return Paid(await kept(call, resolve_payments, said), outcome)


async def called(
    call: Caller, act: Act, provider: Provider, deed: Callable[[], Outcome]
) -> Outcome:
    """Call a provider for what an act has noted, unless it took too long to note it.

    What was noted says when the call is over. One that began later would be under way while others
    take it for over: they would call once more, or decide.
    """
    if call.edge.clock() - act.at > GRACE:
        return _TOO_LATE
    return await call.edge.providers.call(provider, deed)


async def kept(call: Caller, use_case: UseCase[T], said: Command) -> T:
    """Keep what a provider has said; where that cannot be done now, go on trying beside.

    Raises:
        Unavailable: it could not be kept now.
    """
    try:
        return await call.run(use_case, said)
    except Unavailable:
        call.edge.providers.insist(partial(call.edge.coalescer.run, use_case, said))
        raise


def following(call: Caller, act: Act) -> Act:
    """Make the act of what follows from an act, under a key of its own."""
    return replace(act, at=call.edge.clock(), key=str(ids.new()), fingerprint="")
