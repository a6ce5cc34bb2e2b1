"""Numbers of payment cards: whose they are, and where they stand in a text that none belongs in.

Source: ISO/IEC 7812-1 (the check digit of Luhn), PCI DSS 3.4 (a number is not kept in the clear).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

DIGITS: Final = range(14, 20)
"""How many a number has that is looked for. Cards of 13 digits have not been issued for decades,
and many telephone numbers and all numbers of goods have as many.
"""

# By the digits that a number begins with, and how many it has in all; longer beginnings stand
# before those that hold them.
_BRANDS: Final = (
    ("amex", re.compile(r"3[47]"), {15}),
    ("diners", re.compile(r"3(?:0[0-5]|[689])"), {14, 16, 19}),
    ("jcb", re.compile(r"35(?:2[89]|[3-8])"), {16, 17, 18, 19}),
    ("discover", re.compile(r"6(?:011|4[4-9]|5)"), {16, 17, 18, 19}),
    ("unionpay", re.compile(r"62"), {16, 17, 18, 19}),
    ("maestro", re.compile(r"(?:5[06-9]|6)"), {16, 17, 18, 19}),
    ("mastercard", re.compile(r"(?:5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720))"), {16}),
    ("visa", re.compile(r"4"), {16, 19}),
)
_SPACES: Final = "[ \t_/\u00a0\u2007\u2009\u200b-\u200d\u202f\u2060\u2010-\u2015\ufeff-]"
"""What people and programs put between the groups of a number."""
_JOINT: Final = rf"(?:{_SPACES}{{0,2}}|(?<=\d{{4}})\.(?=\d{{4}}))"
"""A dot stands in amounts too, so only between groups of four."""
_RUN: Final = re.compile(rf"\d(?:{_JOINT}\d){{{DIGITS.start - 1},}}")
_SPAN: Final = re.compile(rf"[\d.{_SPACES[1:-1]}]{{{DIGITS.start},}}")
"""What any such run stands in; most texts have none, which is seen much faster."""
_GROUP: Final = re.compile(r"\d+")
_GROUP_MIN, _GROUPS_MAX = 3, 6
"""How people write a number: in up to so many groups of no fewer digits."""
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX: Final = re.compile(r"(?<![0-9A-Za-z])(?=\d*[a-fA-F])[0-9a-fA-F]{24,}(?![0-9A-Za-z])")
"""Ids that programs write without hyphens, such as keys of requests; a hash too."""
_LONG: Final = re.compile(r"[0-9]{12}")
_JOINTS: Final = re.compile(r"[._-]")
_CHECKED: Final = re.compile(r"[A-Za-z]{2}\d{2}(?: ?[A-Za-z0-9]){11,30}")
_BOUNDARY: Final = re.compile(r"(?<=[A-Za-z0-9])(?![A-Za-z0-9])")


def brand(digits: str) -> str:
    """Name whose card has this number: a word such as visa, or unknown."""
    return next((name for name, pattern, _ in _BRANDS if pattern.match(digits)), "unknown")


def found(text: str) -> bool:
    """Tell whether a text holds what is a card number by its beginning, length and check digit.

    Account numbers and creditor references that bear their own check digits (IBAN, ISO 11649) are
    none, and neither are digits between letters, as ids in hexadecimal have them. Of other numbers
    of that beginning and length one in ten is taken for one: no number says of itself what it is.
    """
    return _SPAN.search(text) is not None and next(_places(text), None) is not None


def might_hold(text: str) -> bool:
    """Tell whether a name that programs make has as many digits in a row as a number of a card.

    For places where nothing is lost with what is no card number: neither beginning nor check digit
    counts, nor what programs put between digits. Ids in hexadecimal hold none.
    """
    for others in (_UUID, _HEX):
        text = others.sub("#", text)
    return _LONG.search(_JOINTS.sub("", text)) is not None


def in_plain_digits(text: str) -> str:
    """Write the digits of every script as 0 to 9, one character for each."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.digit(each, each)) for each in text)


def hidden(text: str) -> str:
    """Write a text without the card numbers in it."""
    if not found(text):
        return text
    parts, last = [], 0
    for begin, end in _places(text):
        if begin >= last:
            parts += [text[last:begin], "…"]
            last = end
    return "".join([*parts, text[last:]])


def blanked(text: str) -> str:
    """Blank out, at equal length, what has long digits and says what it is."""
    for others in (_UUID, _HEX):
        text = others.sub(lambda found: "#" * len(found[0]), text)
    return _CHECKED.sub(_blank, text)


def _places(text: str) -> Iterator[tuple[int, int]]:
    for run in _RUN.finditer(blanked(text)):
        groups = [(match.start(), match.end()) for match in _GROUP.finditer(run[0])]
        for first, (begin, _) in enumerate(groups):
            digits = ""
            for start, end in groups[first : first + _GROUPS_MAX]:
                digits += run[0][start:end]
                if len(digits) > DIGITS[-1] or end - start < _GROUP_MIN:
                    break
                if len(digits) in DIGITS and _is_card(digits):
                    yield run.start() + begin, run.start() + end
                    break


def _blank(match: re.Match[str]) -> str:
    """Blank out as much of a text as is an IBAN or a creditor reference; perhaps nothing.

    Source: ISO 13616-1, ISO 11649: the first four characters come last, and 97 leaves 1.
    """
    for end in sorted((each.end() for each in _BOUNDARY.finditer(match[0])), reverse=True):
        compact = match[0][:end].replace(" ", "").upper()
        number = "".join(str(int(each, 36)) for each in compact[4:] + compact[:4])
        if int(number) % 97 == 1:
            return "#" * end + match[0][end:]
    return match[0]


def _is_card(digits: str) -> bool:
    values = [int(each) for each in digits]
    plain = "".join(map(str, values))
    if not any(pattern.match(plain) and len(values) in long for _, pattern, long in _BRANDS):
        return False
    doubled = (sum(divmod(2 * value, 10)) for value in values[-2::-2])
    return (sum(values[::-2]) + sum(doubled)) % 10 == 0
