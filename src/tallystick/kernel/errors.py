"""The errors of the product: what they are called, never which HTTP status they get.

    TallystickError
    ├── Refused           a rule says no; carries a Refusal and changes nothing
    │   └── Invalid       the input itself cannot be accepted
    └── Unavailable       nothing is wrong with the request; try the same again later

A use case *returns* a refusal, one per command, because its neighbours in the batch go on. Pure
functions and the edges *raise* one. The code of a refusal is part of the API and never changes; its
detail is prose. Statuses stand in one table of `tallystick.web.problems`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

Fact = str | int | bool | None
"""What a refusal may tell beside its words: already encoded, amounts as decimal text."""

SHOWN_MAX = 40
"""Characters of a refused value that an answer repeats."""
LOOKED_MAX = 1_000
"""Characters of it that are looked at."""

_DIGITS_RUN = re.compile(r"\d(?:[^0-9A-Za-z]{0,3}\d){11,}")
_DIGITS_LAST = re.compile(r"\d(?:[^0-9A-Za-z]{0,3}\d){0,10}[^0-9A-Za-z]{0,3}\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def masked(text: str) -> str:
    """Take out of a text what could be a card number.

    Source: PCI DSS 3.4, a primary account number is not displayed in full.
    """
    return _DIGITS_RUN.sub("…", text)


def shown(value: object) -> str:
    """Quote a refused value: shortened, and with nothing in it that could be a card number."""
    return f"“{_shortened(value)}”"


def step(name: object) -> str:
    """Write a name that was sent as one step of a JSON pointer, shortened as a value is.

    Source: RFC 6901, section 3.
    """
    return _shortened(name).replace("~", "~0").replace("/", "~1")


def _shortened(value: object) -> str:
    whole = str(value)
    text = masked(whole[:LOOKED_MAX])
    if len(whole) > LOOKED_MAX:
        # What is left of a number that was cut through is not masked.
        text = _DIGITS_LAST.sub("", text)
    text = _UNPRINTABLE.sub("\ufffd", text)
    if len(text) > SHOWN_MAX or len(whole) > LOOKED_MAX:
        text = text[: SHOWN_MAX - 1].removesuffix("…") + "…"
    return text


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no with its reason, as a value: stored under the idempotency key as a success is."""

    code: str
    detail: str
    pointer: str = ""
    """JSON pointer (RFC 6901) to the part of the input that is meant, or empty."""
    facts: Mapping[str, Fact] = field(default_factory=dict)
    kept: bool = True
    """Whether it is repeated under its idempotency key. One that passes by itself is not: whoever
    does as they are told, and tries again later, is judged anew.
    """


class TallystickError(Exception):
    """Whatever the product itself raises on purpose."""


class Refused(TallystickError):
    """A rule says no."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        pointer: str = "",
        facts: Mapping[str, Fact] | None = None,
        kept: bool = True,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.refusal = Refusal(code, detail, pointer, facts or {}, kept)


class Invalid(Refused):
    """The input itself cannot be accepted, whatever the state of the books."""


class Unavailable(TallystickError):
    """The work could not be done now; the same request, with the same key, may be sent again."""

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s
