"""The checks of what moves money, and of asking about it afterwards."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from tallystick.kernel import ids
from tallystick.payments.provider import (
    Absent,
    Failed,
    Found,
    Outcome,
    Pending,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tallystick.testing.deeds import START, Deed, Prepared, finished
from tallystick.testing.proxy import HUGE_BYTES, LINE_FAULTS, LineFault
from tallystick.testing.subject import PATIENT_S, SHORT_S, Subject, Trial, require, trial

AT_ONCE: Final = 8
_PAUSE_S: Final = 0.05
_UNDERWAY = (Succeeded, Pending, RequiresAction)


def does(subject: Subject, deed: Deed) -> None:
    """Do it, once."""
    with trial(subject) as made:
        prepared = deed.prepare(made)
        outcome = made.call(prepared.do, deed.name)
        require(isinstance(outcome, _UNDERWAY), f"{deed.name}: {outcome}")
        _agrees(deed, prepared, outcome)
        if made.provider.abilities.looks_up:
            found = made.call(prepared.look_up, "look-up")
            require(
                type(found) is type(outcome),
                f"{deed.name} gave {outcome}, and the look-up right after it {found}.",
            )
            _agrees(deed, prepared, found)


def finishes(subject: Subject) -> None:
    """See what the payer did on the provider's page."""
    with trial(subject) as made:
        order = subject.order()
        outcome = made.call(lambda: made.provider.start(order), "start")
        require(
            isinstance(outcome, RequiresAction), f"start: {outcome}; nothing is to be finished."
        )
        found = finished(made, order.key)
        count = subject.charged(order.key)
        require(
            isinstance(found, Succeeded) and count == 1,
            f"look-up of what was finished: {found}, charged {count} times.",
        )


def declines(subject: Subject) -> None:
    """Tell that the provider said no, and why."""
    with trial(subject) as made:
        assert subject.declined is not None
        order = subject.declined()
        outcome = made.call(lambda: made.provider.start(order), "start, declined")
        require(
            isinstance(outcome, Failed) and outcome.code == "declined" and outcome.reason != "",
            f"start, declined: {outcome}; it must be Failed, declined, with the provider's reason.",
        )
        charges = subject.charged(order.key)
        require(charges == 0, f"start, declined: charged {charges} times.")


def meets(subject: Subject, deed: Deed, fault: LineFault) -> None:
    """Leave what nobody knows unknown, and find it out later."""
    with trial(subject, time_for(fault)) as made:
        prepared = deed.prepare(made)
        what = f"{deed.name}, {fault.name}"
        with made.proxy.failing(fault):
            outcome = made.call(prepared.do, what)
        count = prepared.count()
        require(
            isinstance(outcome, Unknown),
            f"{what}: {outcome}, though no answer tells; the server did it {count} times.",
        )
        most = 1 if fault.acts else 0
        require(count <= most, f"{what}: the server did it {count} times.")
        stays_small(made, what)
    with trial(subject) as again:
        _found_out(again, _asking(prepared, again, deed), what)


def _asking(prepared: Prepared, again: Trial, deed: Deed) -> Prepared:
    """Ask about the same thing with a patient provider on a line that holds."""
    ask = again.provider.look_up if deed is START else again.provider.look_up_refund
    return replace(prepared, look_up=lambda: ask(prepared.key, None))


def _found_out(made: Trial, prepared: Prepared, what: str) -> None:
    if not made.provider.abilities.looks_up:
        return
    found = made.call(prepared.look_up, f"look-up after {what}")
    count = prepared.count()
    holds = (count > 0) == isinstance(found, Succeeded) and not isinstance(found, Unknown)
    require(holds, f"look-up after {what}: {found}; the server did it {count} times.")


def finds_nobody(subject: Subject, deed: Deed) -> None:
    """Start nothing where nobody listens."""
    with _closed_port() as port:
        parts = urlsplit(subject.url)
        nowhere = parts._replace(netloc=f"127.0.0.1:{port}").geturl()
        with trial(subject) as made:
            prepared = deed.prepare(made)
            made.provider = subject.make(nowhere, PATIENT_S)
            outcome = made.call(prepared.do, f"{deed.name}, connection refused")
            require(
                isinstance(outcome, Unknown)
                or (isinstance(outcome, Failed) and outcome.code == "not_sent"),
                f"{deed.name}, connection refused: {outcome}; it must be Failed, not_sent.",
            )
            if not made.provider.abilities.looks_up:
                return
            found = made.call(prepared.look_up, "look-up, connection refused")
            require(isinstance(found, Unknown), f"look-up, connection refused: {found}")


def asks_in_vain(subject: Subject, deed: Deed, fault: LineFault) -> None:
    """Learn nothing from a look-up that was not answered, and change nothing by it."""
    with trial(subject) as made:
        prepared = deed.prepare(made)
        made.call(prepared.do, deed.name)
        before = prepared.count()
    with trial(subject, time_for(fault)) as made:
        what = f"look-up of {deed.name}, {fault.name}"
        asking = _asking(prepared, made, deed)
        with made.proxy.failing(fault):
            found = made.call(asking.look_up, what)
        require(isinstance(found, Unknown), f"{what}: {found}; it must be Unknown.")
        count = prepared.count()
        require(count == before, f"{what}: done {before} times before and {count} times after it.")
        stays_small(made, what)


def knows_no_stranger(subject: Subject) -> None:
    """Tell that the provider has nothing under a key."""
    with trial(subject) as made:
        abilities = made.provider.abilities
        asks: list[Callable[[], Found]] = [lambda: made.provider.look_up(ids.new(), None)]
        if abilities.refunds:
            asks.append(lambda: made.provider.look_up_refund(ids.new(), None))
        for ask in asks:
            found = made.call(ask, "look-up of an unknown key")
            require(isinstance(found, Absent), f"look-up of an unknown key: {found}")


def repeats_safely(subject: Subject, deed: Deed) -> None:
    """Do it once, however often the core asks for it under one key."""
    fault = next(fault for fault in LINE_FAULTS if fault.name == "drop_after")
    with trial(subject) as made:
        prepared = deed.prepare(made)
        with made.proxy.failing(fault):
            made.call(prepared.do, f"{deed.name}, {fault.name}")
        first, second = (made.call(prepared.do, f"{deed.name}, repeated") for _ in range(2))
        require(isinstance(first, _UNDERWAY), f"{deed.name}, repeated: {first}")
        require(first == second, f"{deed.name}, repeated: first {first}, then {second}.")
        count = prepared.count()
        require(count <= 1, f"{deed.name}, repeated: done {count} times under one key.")


def works_at_once(subject: Subject) -> None:
    """Serve several threads."""
    with trial(subject) as made, ThreadPoolExecutor(AT_ONCE) as pool:
        orders = [subject.order() for _ in range(AT_ONCE)]
        outcomes: list[Outcome] = list(pool.map(made.provider.start, orders))
        for order, outcome in zip(orders, outcomes, strict=True):
            count = subject.charged(order.key)
            require(
                isinstance(outcome, _UNDERWAY) and count == int(isinstance(outcome, Succeeded)),
                f"{AT_ONCE} starts at once: {outcome}, charged {count} times.",
            )


def turns_late(subject: Subject) -> None:
    """See that a failure has become a success."""
    with trial(subject) as made:
        assert subject.late is not None
        order = subject.late()
        outcome = made.call(lambda: made.provider.start(order), "start, late success")
        require(isinstance(outcome, Failed), f"start, late success: {outcome}")
        found: Found = outcome
        for _ in range(200):
            found = made.call(lambda: made.provider.look_up(order.key, None), "look-up, late")
            if isinstance(found, Succeeded):
                return
            time.sleep(_PAUSE_S)
        require(holds=False, message=f"look-up after a late success: still {found}")


def _agrees(deed: Deed, prepared: Prepared, outcome: Found) -> None:
    if not isinstance(outcome, Succeeded):
        return
    count = prepared.count()
    require(count == 1, f"{deed.name}: Succeeded, and the server did it {count} times.")
    require(
        outcome.amount in {None, prepared.amount},
        f"{deed.name}: told the amount {outcome.amount} instead of {prepared.amount}.",
    )


def time_for(fault: LineFault) -> float:
    """Say how long a call may take under a fault."""
    # Those that end by themselves are not hurried, so that they show what they are for.
    return SHORT_S if fault.answer is None or fault.slowly else PATIENT_S


def stays_small(made: Trial, what: str) -> None:
    """See that not all of an answer without end was read."""
    require(
        made.proxy.sent_bytes_max < HUGE_BYTES,
        f"{what}: read {HUGE_BYTES} bytes and more; limit the size of an answer.",
    )


@contextmanager
def _closed_port() -> Iterator[int]:
    """Hold a port on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield int(bound.getsockname()[1])
