"""Amounts as contracts send them: numbers of JSON, or two decimals whatever the currency."""

import re
from decimal import Decimal
from typing import Any, Final

from pydantic_core import PydanticKnownError

from tallystick.kernel import money
from tallystick.web.dialects.routing import Faults

DECIMALS: Final = 2
_DIGITS_MAX = 40
_AMOUNT = re.compile(r"[0-9]{1,40}(?:\.[0-9]{0,40})?")
_NEGATIVE = re.compile(r"-[0-9]{1,40}(?:\.[0-9]{0,40})?")


def hundredths(value: Any) -> int:
    """Read an amount above 0 as hundredths, exactly; a JSON number is read as it was written.

    Raises:
        PydanticKnownError: it is none; the words do not repeat it.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise PydanticKnownError("decimal_type")
    written = value if isinstance(value, str) else plain(value)
    if _NEGATIVE.fullmatch(written):
        raise PydanticKnownError("greater_than", {"gt": 0})
    if not _AMOUNT.fullmatch(written):
        raise PydanticKnownError("decimal_parsing")
    whole, _, fraction = written.partition(".")
    if len(fraction) > DECIMALS:
        raise PydanticKnownError("decimal_max_places", {"decimal_places": DECIMALS})
    read = int(whole + fraction.ljust(DECIMALS, "0"))
    if read == 0:
        raise PydanticKnownError("greater_than", {"gt": 0})
    if read > money.AMOUNT_MAX:
        digits = len(str(money.AMOUNT_MAX)) - 1
        raise PydanticKnownError("decimal_max_digits", {"max_digits": digits})
    return read


def plain(value: int | Decimal) -> str:
    """Write a number of JSON without an exponent, exactly.

    Raises:
        PydanticKnownError: that would be very long.
    """
    if isinstance(value, int):
        return str(value)
    if not value.is_finite() or abs(value.adjusted()) >= _DIGITS_MAX:
        raise PydanticKnownError("decimal_max_digits", {"max_digits": _DIGITS_MAX})
    return f"{value:f}"


def minor(read: int, currency: str, member: str) -> int:
    """Turn hundredths into minor units of a currency.

    Raises:
        Faults: the currency has nothing that small.
    """
    decimals = money.exponent(currency)
    more, fewer = max(decimals - DECIMALS, 0), max(DECIMALS - decimals, 0)
    whole, rest = divmod(read * int(10**more), int(10**fewer))
    if rest:
        raise Faults(
            [
                {
                    "type": "decimal_max_places",
                    "loc": ["body", member],
                    "msg": f"Amounts in {currency} have no decimals but zeros",
                    "input": f"{read // 100}.{read % 100:02}",
                }
            ]
        )
    return whole
