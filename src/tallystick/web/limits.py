"""How often one caller may ask: counted in memory, by each process for itself.

For each who asks it is kept until when they have spent what they had; a request moves that on by
the time that it takes to win it back (the generic cell rate algorithm of ATM, in one number). So it
costs a look-up and an addition.
"""

import math
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from tallystick.auth.guessing import network
from tallystick.kernel.errors import Refused

REMEMBERED_MAX: Final = 20_000
"""How many are remembered; the ones who began longest ago are forgotten first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How many requests at once, and how many come back each second."""

    at_once: float
    per_s: float


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates of one process."""

    requests: Rate
    """Of one credential."""
    public: Rate
    """Of one network, for operations that need no credential."""
    failures: Rate
    """Of one network, for credentials that are not good."""


_ENOUGH: Final = Rate(1e9, 1e9)
UNLIMITED: Final = Rates(_ENOUGH, _ENOUGH, _ENOUGH)


class Limit:
    """Lets each do only so much. Use it on one event loop."""

    __slots__ = ("_after_s", "_each_s", "_monotonic", "_spent_until")

    def __init__(self, rate: Rate, monotonic: Callable[[], float]) -> None:
        self._each_s = 1 / rate.per_s
        self._after_s = rate.at_once / rate.per_s
        self._monotonic = monotonic
        self._spent_until: dict[Hashable, float] = {}

    def spend(self, who: Hashable) -> float:
        """Count one; give 0, or the seconds to wait where it is too many, which is not counted."""
        now = self._monotonic()
        until = self._spent_until.get(who, now)
        until = (max(until, now)) + self._each_s
        wait_s = until - now - self._after_s
        # A billionth, since fractions of a second do not add up exactly.
        if wait_s > 1e-9:  # noqa: PLR2004
            return wait_s
        if who not in self._spent_until and len(self._spent_until) >= REMEMBERED_MAX:
            self._forget(now)
        self._spent_until[who] = until
        return 0.0

    def wait_s(self, who: Hashable) -> float:
        """Give the seconds that somebody would have to wait now, and count nothing."""
        if not self._spent_until:
            return 0.0
        now = self._monotonic()
        return self._spent_until.get(who, now) + self._each_s - now - self._after_s

    def _forget(self, now: float) -> None:
        """Forget those who have it all back; if that is too few, half of the others too."""
        left = {who: until for who, until in self._spent_until.items() if until > now}
        if len(left) > REMEMBERED_MAX // 2:
            for who in list(left)[: len(left) // 2]:
                del left[who]
        self._spent_until = left


class Limits:
    """The limits of one process."""

    __slots__ = ("_failures", "_public", "_requests")

    def __init__(self, rates: Rates, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._requests = Limit(rates.requests, monotonic)
        self._public = Limit(rates.public, monotonic)
        self._failures = Limit(rates.failures, monotonic)

    def request(self, credential: int) -> None:
        """Count a request with a good credential.

        Raises:
            Refused: request.too_many, with retry_after_s.
        """
        wait_s = self._requests.spend(credential)
        if wait_s:
            raise _too_many(wait_s, "This credential sends more requests than are allowed.")

    def public(self, address: str) -> None:
        """Count a request that needs no credential.

        Raises:
            Refused: request.too_many, with retry_after_s.
        """
        wait_s = self._public.spend(network(address))
        if wait_s:
            raise _too_many(wait_s, "Your network sends more such requests than are allowed.")

    def failure(self, address: str) -> None:
        """Count a credential that was not good."""
        self._failures.spend(network(address))

    def check_failures(self, address: str) -> None:
        """Refuse a network that sent too many credentials that were not good.

        Raises:
            Refused: request.too_many, with retry_after_s.
        """
        wait_s = self._failures.wait_s(network(address))
        if wait_s > 1e-9:  # noqa: PLR2004  # as in `Limit.spend`
            raise _too_many(wait_s, "Your network sent too many credentials that are not good.")


def _too_many(wait_s: float, words: str) -> Refused:
    seconds = max(1, math.ceil(wait_s))
    message = f"{words} Nothing was done. Wait {seconds} seconds."
    return Refused("request.too_many", message, facts={"retry_after_s": seconds})
