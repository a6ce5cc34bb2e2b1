"""What the author of a provider tells the conformance kit, and how the kit makes its calls."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from tallystick.payments.provider import Abilities, PaymentOrder, Provider
from tallystick.testing.proxy import Proxy

PATIENT_S: Final = 10.0
"""The time a provider gets where it is to be answered."""
SHORT_S: Final = 0.5
"""The time it gets where the answer never comes whole."""
GRACE_S: Final = 5.0
"""How much later than its time a call may end: machines that test are busy."""

_T = TypeVar("_T")


class Broken(AssertionError):
    """The provider does what a provider must not do."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A provider under test, and the server of its company, or one that plays its part."""

    make: Callable[[str, float], Provider]
    """Makes the provider for a server at this address, with this time for each call."""
    url: str
    """Where the server is: plain HTTP on this machine, with a length on every request."""
    order: Callable[[], PaymentOrder]
    """A payment that the server takes, under a fresh key."""
    charged: Callable[[UUID], int]
    """How often the server took money under a key, by its own books."""
    finish: Callable[[UUID], None] | None = None
    """Does what the payer does on the provider's page: a payment that waits for them succeeds."""
    declined: Callable[[], PaymentOrder] | None = None
    """A payment that the server declines."""
    late: Callable[[], PaymentOrder] | None = None
    """A payment that the server first declines and soon takes after all."""
    given_back: Callable[[UUID], int] | None = None
    """How often the server gave money back under a refund's key."""
    event: Callable[[datetime], tuple[Mapping[str, str], bytes]] | None = None
    """An event that the server signs at a moment: headers in small letters, and the body."""
    payment_card: Callable[[], PaymentOrder] | None = None
    """For a provider that takes no card data: a payment that has one all the same."""

    @property
    def abilities(self) -> Abilities:
        """What the provider says that it can do."""
        return self.make(self.url, PATIENT_S).abilities


@dataclass(slots=True)
class Trial:
    """A provider with a proxy before its server."""

    subject: Subject
    proxy: Proxy
    provider: Provider
    timeout_s: float
    begun: int = field(default=0)

    def call(self, work: Callable[[], _T], what: str) -> _T:
        """Make one call of a provider: it must end in its time and raise nothing.

        Raises:
            Broken: it did otherwise, or sent the same thing twice, or went after a redirect.
        """
        self.begun = len(self.proxy.asked)
        ended: queue.SimpleQueue[_T | Exception] = queue.SimpleQueue()

        def run() -> None:
            try:
                ended.put(work())
            except Exception as error:  # noqa: BLE001  # told to the author
                ended.put(error)

        # A thread that may be left behind, since the call may never end.
        threading.Thread(target=run, daemon=True).start()
        before = time.monotonic()
        try:
            outcome = ended.get(timeout=self.timeout_s + GRACE_S)
        except queue.Empty:
            took = time.monotonic() - before
            raise Broken(f"{what}: not ended after {took:.1f} s of {self.timeout_s} s.") from None
        if isinstance(outcome, Exception):
            raise Broken(f"{what}: raised {type(outcome).__name__}: {outcome}") from outcome
        self.proxy.settle()
        asked = self.proxy.asked[self.begun :]
        sent = [one for one in asked if one.method not in {"GET", "HEAD"}]
        if len(set(sent)) < len(sent):
            raise Broken(
                f"{what}: sent the same request {len(sent)} times; never repeat by yourself."
            )
        if any(one.path.endswith("/redirected") for one in asked):
            raise Broken(f"{what}: followed a redirect; what it sent may have gone anywhere.")
        return outcome

    def asked(self) -> int:
        """Tell how many requests the last call made."""
        return len(self.proxy.asked) - self.begun


@contextmanager
def trial(subject: Subject, timeout_s: float = PATIENT_S) -> Iterator[Trial]:
    """Make the provider with a proxy of its own before its server."""
    with Proxy(subject.url).open() as proxy:
        yield Trial(subject, proxy, subject.make(proxy.url, timeout_s), timeout_s)


def require(holds: bool, message: str) -> None:  # noqa: FBT001  # reads as a sentence
    """Insist on something.

    Raises:
        Broken: it does not hold. An `assert` would be silent under `python -O`.
    """
    if not holds:
        raise Broken(message)
