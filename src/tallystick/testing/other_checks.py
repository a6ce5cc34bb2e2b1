"""The checks of events, of card data, and of what a provider cannot do."""

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from structlog.testing import capture_logs

from tallystick.kernel import ids
from tallystick.kernel.clock import now
from tallystick.payments.provider import (
    Event,
    Failed,
    NotGenuine,
    PaymentOrder,
    Provider,
    RefundOrder,
    Unknown,
)
from tallystick.testing.subject import Broken, Subject, Trial, require, trial

_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")
_ODD_BODIES: Final = (b"", b"{}", b"[]", b"null", b"\x00\xff", b'{"type":', b"[" * 50_000)
_TOO_OLD: Final = timedelta(minutes=6)


def has_a_name(subject: Subject) -> None:
    """Have a name that can be stored, and abilities that stay the same."""
    with trial(subject) as made:
        name = made.provider.name
        require(_NAME.fullmatch(name) is not None, f"The name {name!r} must be {_NAME.pattern}.")
        abilities = made.provider.abilities
        require(abilities == made.provider.abilities, "The abilities differ from call to call.")


def refuses_without_a_call(subject: Subject) -> None:
    """Refuse what it cannot do, and ask nobody about it."""
    with trial(subject) as made:
        provider, abilities = made.provider, made.provider.abilities
        if not abilities.looks_up:
            for look_up in (provider.look_up, provider.look_up_refund):
                found = made.call(lambda ask=look_up: ask(ids.new(), None), "look-up")  # type: ignore[misc]
                require(found == Unknown("cannot_ask"), f"look-up, not offered: {found}")
                _asked_nobody(made, "look-up")
        if not abilities.refunds:
            back = RefundOrder(ids.new(), ids.new(), None, 100, "EUR")
            outcome = made.call(lambda: provider.refund(back), "refund")
            require(
                isinstance(outcome, Failed) and outcome.code == "not_offered",
                f"refund, not offered: {outcome}",
            )
            _asked_nobody(made, "refund")
        if not abilities.reports:
            report = made.call(lambda: provider.report(now(), now()), "report")
            require(report == Unknown("cannot_ask"), f"report, not offered: {report}")
            _asked_nobody(made, "report")
        if not abilities.events:
            read = made.call(lambda: provider.read_event({}, b"{}", now()), "read_event")
            require(isinstance(read, NotGenuine), f"read_event, not offered: {read}")


def keeps_cards_to_itself(subject: Subject) -> None:
    """Tell nobody the card data it takes, and refuse them where it takes none."""
    if subject.abilities.takes_cards:
        _tells_no_card(subject)
    else:
        _refuses_cards(subject)


def _refuses_cards(subject: Subject) -> None:
    """Refuse card data, and send them nowhere."""
    with trial(subject) as made:
        order = _with_card(subject)
        outcome = made.call(lambda: made.provider.start(order), "start with a card")
        require(
            isinstance(outcome, Failed) and outcome.code == "not_offered",
            f"start with a card: {outcome}; it must be Failed, not_offered.",
        )
        _asked_nobody(made, "start with a card")


def _tells_no_card(subject: Subject) -> None:
    """Log no card number and show none, whatever the answer is."""
    lines: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage() + repr(record.__dict__))

    root, keeper = logging.getLogger(), Keeper()
    level = root.level
    root.addHandler(keeper)
    root.setLevel(logging.DEBUG)
    try:
        with trial(subject) as made, capture_logs() as events:
            orders = [subject.order()]
            orders += [subject.declined()] if subject.declined is not None else []
            for order in orders:
                outcome = made.call(lambda one=order: made.provider.start(one), "start")  # type: ignore[misc]
                lines += [repr(outcome), repr(order), repr(made.provider)]
                lines += [repr(vars(made.provider)) if hasattr(made.provider, "__dict__") else ""]
                lines += [repr(event) for event in events]
                number = _number(order)
                told = re.sub(r"[ -]", "", "\n".join(lines))
                require(number not in told, "A card number stands in a log line or in a value.")
    finally:
        root.removeHandler(keeper)
        root.setLevel(level)


def reads_events(subject: Subject) -> None:
    """Believe what the provider signed, now, and nothing else."""
    if subject.event is None:
        raise Broken("The provider has events, so the subject must tell `event`.")
    with trial(subject) as made:
        provider, at = made.provider, now()
        headers, body = subject.event(at)
        event = made.call(lambda: provider.read_event(headers, body, at), "read_event")
        require(isinstance(event, Event), f"read_event, genuine: {event}")
        require(
            event == provider.read_event(headers, body, at), "The same event is read differently."
        )
        _refuses_forged(provider, headers, body, at)
        for moment in (at - _TOO_OLD, at + _TOO_OLD):
            stale, signed = subject.event(moment)
            read = provider.read_event(stale, signed, at)
            require(isinstance(read, NotGenuine), f"read_event, signed at another time: {read}")
        _asked_nobody(made, "read_event")


def _refuses_forged(
    provider: Provider, headers: Mapping[str, str], body: bytes, at: datetime
) -> None:
    for place in range(len(body)):
        forged = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        read = provider.read_event(headers, forged, at)
        require(isinstance(read, NotGenuine), f"read_event, byte {place} changed: {read}")
    for odd in (*_ODD_BODIES, body + b" ", body[:-1]):
        read = provider.read_event(headers, odd, at)
        require(isinstance(read, NotGenuine), f"read_event, body {odd[:20]!r}: {read}")
    read = provider.read_event({}, body, at)
    require(isinstance(read, NotGenuine), f"read_event, no headers: {read}")
    for name in headers:
        for value in ("", "x", "é", headers[name][:-2]):
            read = provider.read_event({**headers, name: value}, body, at)
            believed = isinstance(read, Event) and read.key is not None
            # Headers that carry no signature, such as the type of the body, may say what they like.
            genuine = believed and read == provider.read_event(headers, body, at)
            require(
                isinstance(read, NotGenuine) or genuine, f"read_event, header {name} forged: {read}"
            )


def _asked_nobody(made: Trial, what: str) -> None:
    count = made.asked()
    require(count == 0, f"{what}: made {count} requests, and may make none.")


def _with_card(subject: Subject) -> PaymentOrder:
    if subject.payment_card is None:
        raise Broken("The provider takes no cards, so the subject must tell `payment_card`.")
    order = subject.payment_card()
    require(order.card is not None, "`payment_card` must give an order with a card.")
    return order


def _number(order: PaymentOrder) -> str:
    if order.card is None:
        raise Broken("The provider takes cards, so the orders of the subject must have one.")
    return order.card.reveal().number
