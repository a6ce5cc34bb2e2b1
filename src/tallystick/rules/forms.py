"""Texts of a fixed form, such as currencies: which of them can be anybody's value at all.

A rule that compares with another one would be saved and never fire.
"""

import difflib
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from tallystick.kernel import money
from tallystick.kernel.errors import shown

METHODS: Final = ("cash", "cheque", "bank_transfer", "card_at_counter", "other")
"""The methods that are no provider's."""
_NEAR: Final = 0.8
"""How much of two names is the same when one is taken for the other misspelt: of `chash` and `cash`
more, and less of `cash` and `cashapp`, which may be a provider.
"""


@dataclass(frozen=True, slots=True)
class Form:
    """How texts of one kind are written."""

    noun: str
    fits: Callable[[str], bool]
    looks: str
    """What a right one looks like, in a sentence."""
    known: Collection[str] = ()
    """Some of which one may have been meant."""

    def wrong(self, value: str) -> str | None:
        """Say what is wrong with a text, and which one may have been meant; None if it fits."""
        if self.fits(value):
            return None
        near = _near(value, self.known, 0.6)
        meant = f" Did you mean {near}?" if near else ""
        return f"There is no {self.noun} {shown(value)}.{meant} {self.looks}"


def _near(value: str, known: Collection[str], cutoff: float) -> str | None:
    written = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(value.casefold(), written, n=1, cutoff=cutoff)
    return written[near[0]] if near else None


def _may_be_method(value: str) -> bool:
    # Which providers there are is not known here, so their names are not checked.
    return value in METHODS or _near(value, METHODS, _NEAR) is None


CURRENCY: Final = Form(
    "currency",
    money.EXPONENTS.__contains__,
    "It takes a code of ISO 4217 in capitals, such as EUR.",
    money.EXPONENTS,
)
COUNTRY: Final = Form(
    "country",
    lambda value: re.fullmatch("[A-Z]{2}", value) is not None,
    "It takes the two capital letters of ISO 3166-1, such as ES.",
)
LANGUAGE: Final = Form(
    "language",
    lambda value: re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*", value) is not None,
    "It takes the tag of a language (BCP 47), such as es or pt-BR.",
)
METHOD: Final = Form(
    "method",
    _may_be_method,
    f"There are {', '.join(METHODS)}, and the names of providers.",
    METHODS,
)
