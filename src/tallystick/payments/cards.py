"""Card data: the whole of it in transit only, and the little of it that is kept.

A `Card` is made at the edge, handed to a provider and forgotten. It never prints, logs, copies or
pickles itself, and no column of ours is wide enough for it. There is no security code anywhere.

Source: PCI DSS 3.3 (no sensitive authentication data is kept), 3.4 (at most the first six and the
last four digits are shown).
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple, Never

from tallystick.kernel import card_numbers

STARS: Final = "*" * 8
"""What stands between the first six and the last four digits, however many there are."""

_SEPARATORS = re.compile(r"[ -]")
_NUMBER = re.compile(r"[0-9]{12,19}")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])-[0-9]{4}")


@dataclass(frozen=True, slots=True)
class KeptCard:
    """What may be stored and shown of a card."""

    brand: str
    """A word such as visa, or unknown."""
    first_six: str
    last_four: str
    expiry: str
    """MM-YYYY."""

    @property
    def masked(self) -> str:
        """Write the number with everything hidden that must be."""
        return f"{self.first_six}{STARS}{self.last_four}"


class RevealedCard(NamedTuple):
    """The parts of a card on their way out; hold them no longer than the call takes."""

    number: str
    expiry: str
    name: str

    def __repr__(self) -> str:
        return "RevealedCard(…)"


class Card:
    """A whole card, in transit. Only `reveal` gives it away, to the provider that it is meant for.

    No dataclass, because a logger would write the fields of one.
    """

    __slots__ = ("_expiry", "_name", "_number", "kept")

    def __init__(self, *, number: str, expiry: str, name: str) -> None:
        """Take a card as it was given; spaces and dashes in the number are dropped.

        Whether it has expired and what its name may hold is for those to say who take it.

        Raises:
            ValueError: the number has not 12 to 19 digits, or the expiry is not MM-YYYY. The text
                does not repeat them.
        """
        digits = _SEPARATORS.sub("", number)
        if not _NUMBER.fullmatch(digits):
            raise ValueError("A card number has 12 to 19 digits.")
        if not _EXPIRY.fullmatch(expiry):
            raise ValueError("The expiry of a card is a month and a year, such as 01-2040.")
        self._number, self._expiry, self._name = digits, expiry, name
        self.kept = KeptCard(card_numbers.brand(digits), digits[:6], digits[-4:], expiry)

    def reveal(self) -> RevealedCard:
        """Give the whole card. Only a provider that takes card data calls this."""
        return RevealedCard(self._number, self._expiry, self._name)

    def stands_in(self, text: str) -> bool:
        """Tell whether the whole number stands in a text, however it is written there."""
        plain = card_numbers.in_plain_digits(text)
        return self._number in "".join(filter(str.isdecimal, plain))

    def __repr__(self) -> str:
        return f"Card({self.kept.masked})"

    def __reduce__(self) -> Never:
        raise TypeError("A card is not copied and not stored.")
