"""Which fault befalls which call: set on demand, used up by count, or by chance."""

import random
import threading
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal, get_args

from tallystick.testing.fakepay.kinds import Kind

On = Literal["payment", "refund", "look_up"]
SECONDS_MAX: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, and how long it lasts."""

    kind: Kind
    on: On = "payment"
    seconds: float = 1.0
    """How late: of the answer, or of the late success. A hang lasts until faults are cleared."""
    share: float = 1.0
    """How likely it befalls a call, from 0 to 1."""
    times: int | None = None
    """How many calls it befalls; None for all until faults are cleared."""

    @classmethod
    def read(cls, given: Any) -> "Fault":
        """Read a fault as the control address takes it.

        Raises:
            ValueError: it cannot be one; the text says why.
        """
        if not isinstance(given, dict) or not set(given) <= set(cls.__slots__):
            message = f"A fault is an object of {', '.join(cls.__slots__)}."
            raise ValueError(message)
        made = cls(**{**given, "kind": Kind(str(given.get("kind")))})
        if made.on not in get_args(On):
            message = f"on is one of {', '.join(get_args(On))}."
            raise ValueError(message)
        _check("seconds", made.seconds, 0, SECONDS_MAX)
        _check("share", made.share, 0, 1)
        if made.times is not None and (type(made.times) is not int or made.times < 1):
            raise ValueError("times is a whole number from 1, or null.")
        return made

    def shown(self) -> dict[str, Any]:
        """Show it as JSON."""
        return asdict(self)


class Faults:
    """The faults that are set; may be used by several threads at once."""

    def __init__(self, *first: Fault, seed: int | None = None) -> None:
        self._lock = threading.Lock()
        # Chance, and no secret.
        self._random = random.Random(seed)  # noqa: S311
        self._set = list(first)
        self._cleared = threading.Event()

    def add(self, fault: Fault) -> None:
        """Set one more; those set first come first."""
        with self._lock:
            self._set.append(fault)

    def clear(self) -> None:
        """Set none, and let go of every call that hangs."""
        with self._lock:
            self._set.clear()
            self._cleared.set()
            self._cleared = threading.Event()

    def shown(self) -> list[dict[str, Any]]:
        """Show what is set."""
        with self._lock:
            return [fault.shown() for fault in self._set]

    def take(self, on: On) -> Fault | None:
        """Choose the fault that befalls the next call, and use it up."""
        with self._lock:
            for number, fault in enumerate(self._set):
                if fault.on != on or self._random.random() >= fault.share:
                    continue
                if fault.times == 1:
                    del self._set[number]
                elif fault.times is not None:
                    self._set[number] = replace(fault, times=fault.times - 1)
                return fault
        return None

    def wait(self, seconds: float) -> None:
        """Wait so long, or until faults are cleared."""
        with self._lock:
            cleared = self._cleared
        cleared.wait(seconds)


def _check(name: str, value: Any, least: float, most: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        message = f"{name} is a number from {least} to {most:g}."
        raise ValueError(message)
