"""The two things that a provider does for money, so that each check is written once for both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.kernel import ids
from tallystick.payments.provider import Found, Outcome, RefundOrder, RequiresAction, Succeeded
from tallystick.testing.subject import Broken, Trial


@dataclass(frozen=True, slots=True)
class Prepared:
    """One thing to do, once, under one key."""

    key: UUID
    do: Callable[[], Outcome]
    look_up: Callable[[], Found]
    count: Callable[[], int]
    """How often the server did it."""
    amount: int


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done: `start`, or `refund`."""

    name: str
    prepare: Callable[[Trial], Prepared]


def _start(trial: Trial) -> Prepared:
    order = trial.subject.order()
    return Prepared(
        key=order.key,
        do=lambda: trial.provider.start(order),
        look_up=lambda: trial.provider.look_up(order.key, None),
        count=lambda: trial.subject.charged(order.key),
        amount=order.amount,
    )


def _refund(trial: Trial) -> Prepared:
    given_back = trial.subject.given_back
    if given_back is None:
        raise Broken("The provider refunds, so the subject must tell `given_back`.")
    order = trial.subject.order()
    paid: Found = trial.call(lambda: trial.provider.start(order), "start before refund")
    if isinstance(paid, RequiresAction):
        paid = finished(trial, order.key)
    if not isinstance(paid, Succeeded):
        raise Broken(f"start before refund: {paid}")
    back = RefundOrder(
        key=ids.new(),
        payment_key=order.key,
        payment_reference=paid.reference,
        amount=order.amount,
        currency=order.currency,
    )
    return Prepared(
        key=back.key,
        do=lambda: trial.provider.refund(back),
        look_up=lambda: trial.provider.look_up_refund(back.key, None),
        count=lambda: given_back(back.key),
        amount=back.amount,
    )


def finished(trial: Trial, key: UUID) -> Found:
    """Let the payer do what a payment waits for, and ask what became of it."""
    if trial.subject.finish is None:
        raise Broken("The payer must act first, so the subject must tell `finish`.")
    trial.subject.finish(key)
    return trial.call(lambda: trial.provider.look_up(key, None), "look-up of what was finished")


START: Final = Deed("start", _start)
REFUND: Final = Deed("refund", _refund)
