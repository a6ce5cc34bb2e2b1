"""Currencies, amounts in minor units, the one rounding rule, and splits that leave no rest.

An amount is an `int` of minor units (cents, yen, fils) beside the ISO 4217 code of its currency.
Never a float, never a guess at what a writer meant; no other module rounds.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from tallystick.kernel.decimals import decimals_said, taken_apart
from tallystick.kernel.errors import Invalid, shown

AMOUNT_MAX: Final = 10**15
"""Largest amount, in minor units. A BIGINT holds the sum of thousands of them."""

_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_TWO_DECIMALS = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"

EXPONENTS: Final[dict[str, int]] = {
    code: decimals
    for decimals, codes in (
        (0, _NO_DECIMALS),
        (2, _TWO_DECIMALS),
        (3, _THREE_DECIMALS),
        (4, _FOUR_DECIMALS),
    )
    for code in codes.split()
}
"""Decimals of each active currency or fund; metals, baskets and test codes are left out.

A code may be added, never taken out: books that hold a withdrawn currency must stay readable.
Source: ISO 4217 list one, as published on 2026-01-01.
"""


def is_currency(code: str) -> bool:
    """Tell whether this is an active ISO 4217 code, in capitals."""
    return code in EXPONENTS


def exponent(code: str, *, pointer: str = "") -> int:
    """Count the decimals of a currency: 2 for EUR, 0 for JPY, 3 for KWD.

    Raises:
        Invalid: money.currency_unknown.
    """
    decimals = EXPONENTS.get(code)
    if decimals is None:
        reason = (
            "is not the code of an active currency. Write an ISO 4217 code in capitals, like EUR"
        )
        raise Invalid("money.currency_unknown", f"{shown(code)} {reason}.", pointer=pointer)
    return decimals


def parse(written: str, currency: str, *, pointer: str = "") -> int:
    """Read a decimal amount such as "199.99" as minor units.

    More decimals than the currency has are refused even when they are zeros: "10.000" may mean ten
    or ten thousand euro.

    Raises:
        Invalid: money.currency_unknown; money.malformed for anything but digits, one point and a
            leading minus; money.precision; money.too_large beyond AMOUNT_MAX on either side of 0.
    """
    decimals = exponent(currency)
    parts = taken_apart(written)
    if parts is None:
        reason = "is not an amount: only digits, one point and a leading minus are read"
        advice = f"Write it like {text(199_999, currency)}"
        raise Invalid("money.malformed", f"{shown(written)} {reason}. {advice}.", pointer=pointer)
    if len(parts.fraction) > decimals:
        has, may = decimals_said(len(parts.fraction)), decimals_said(decimals)
        reason = f"has {has}, but {currency} has {may}, and nothing is rounded here"
        advice = f"Write the amount with {'at most ' if decimals else ''}{may}"
        raise Invalid("money.precision", f"{shown(written)} {reason}. {advice}.", pointer=pointer)
    minor = parts.scaled(decimals, AMOUNT_MAX)
    if minor is None:
        # A value this long is not repeated: it has as many digits as a card number.
        limit = f"{text(AMOUNT_MAX, currency)} {currency}, the largest amount kept here"
        advice = "Check it for a missing point, or divide it"
        raise Invalid(
            "money.too_large", f"The amount is beyond {limit}. {advice}.", pointer=pointer
        )
    return minor


@lru_cache(maxsize=10_000)  # the same few amounts stand in every list, 0 above all
def text(minor: int, currency: str) -> str:
    """Print minor units with exactly the currency's decimals: "199.99", "-0.05", "1000" for JPY."""
    decimals = exponent(currency)
    sign = "-" if minor < 0 else ""
    whole, fraction = divmod(abs(minor), 10**decimals)
    return f"{sign}{whole}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole}"


def divide_rounded(numerator: int, denominator: int) -> int:
    """Divide and round half away from zero, the one rounding rule: 5 / 2 is 3, -5 / 2 is -3.

    Source: EN 16931 leaves the rule open; Council Regulation (EC) 1103/97, article 5, rounds so.
    """
    assert denominator > 0
    rounded = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -rounded if numerator < 0 else rounded


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split an amount in proportion to weights, so that the parts sum to it exactly.

    Largest remainder: each part first gets its share rounded towards zero; the units left over go
    one each to the largest remainders, among equals to the first. A part differs from its exact
    share by less than 1; a weight of 0 gets 0.
    """
    total = sum(weights)
    assert total > 0
    assert min(weights) >= 0
    shares = [divmod(abs(amount) * weight, total) for weight in weights]
    parts = [part for part, _ in shares]
    left_over = abs(amount) - sum(parts)
    assert 0 <= left_over < len(parts)
    # Sorting is stable, so equal remainders keep the order of the weights.
    by_remainder = sorted(range(len(shares)), key=lambda index: -shares[index][1])
    for index in by_remainder[:left_over]:
        parts[index] += 1
    return [-part for part in parts] if amount < 0 else parts
