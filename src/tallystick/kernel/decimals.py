"""Decimal numbers as people write them, read to whole units and printed back without loss.

Never guesses what a writer meant, never rounds what was written, never touches a float.
"""

import re
from typing import NamedTuple

from tallystick.kernel.errors import Invalid, shown

# Not \d: that also takes the digits of other scripts. No sign or point stands without digits.
_FORM = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")


class Written(NamedTuple):
    """A plain decimal number, taken apart and not yet judged."""

    negative: bool
    whole: str
    fraction: str

    def scaled(self, decimals: int, limit: int) -> int | None:
        """Count units of 10 to the minus `decimals`; None beyond `limit` on either side of zero.

        The digits are counted before they are read, since Python refuses to read thousands of them.
        """
        assert len(self.fraction) <= decimals
        digits = (self.whole + self.fraction.ljust(decimals, "0")).lstrip("0")
        if len(digits) > len(str(limit)):
            return None
        units = int(digits or "0")
        if units > limit:
            return None
        return -units if self.negative else units


def taken_apart(written: str) -> Written | None:
    """Take a plain decimal number apart; None for all else, also for what `Decimal` would read."""
    match = _FORM.fullmatch(written)
    if match is None:
        return None
    sign, whole, fraction = match.groups()
    return Written(bool(sign), whole, fraction or "")


def decimals_said(count: int) -> str:
    """Say a number of decimals in words that fit behind "has" and "at most"."""
    return {0: "no decimals", 1: "1 decimal"}.get(count, f"{count} decimals")


def parse_scaled(
    written: str, *, decimals: int, maximum: int, code: str, minimum: int = 0, pointer: str = ""
) -> int:
    """Read a decimal number as whole units of 10 to the minus `decimals`.

    A quantity of "1.5" with 6 decimals is 1_500_000; a percent of "19" with 4 decimals is 190_000
    parts per million. `minimum` and `maximum` are in units; what may not be 0 has a minimum of 1.

    Raises:
        Invalid: with the given code; the detail tells which rule was broken.
    """
    assert minimum <= maximum
    parts = taken_apart(written)
    if parts is None:
        reason = "is not a plain decimal number. Write digits and at most one point, like 12.5"
        raise Invalid(code, f"{shown(written)} {reason}.", pointer=pointer)
    if len(parts.fraction) > decimals:
        reason = f"has {decimals_said(len(parts.fraction))}, and nothing is rounded here"
        advice = f"Write at most {decimals_said(decimals)}"
        raise Invalid(code, f"{shown(written)} {reason}. {advice}.", pointer=pointer)
    units = parts.scaled(decimals, max(abs(minimum), abs(maximum)))
    if units is None or not minimum <= units <= maximum:
        lowest, highest = scaled_text(minimum, decimals), scaled_text(maximum, decimals)
        reason = f"is out of range. Write a number from {lowest} to {highest}"
        raise Invalid(code, f"{shown(written)} {reason}.", pointer=pointer)
    return units


def scaled_text(units: int, decimals: int) -> str:
    """Print units of 10 to the minus `decimals` exactly, without trailing zeros: "1.5", "19"."""
    assert decimals >= 0
    whole, fraction = divmod(abs(units), 10**decimals)
    sign = "-" if units < 0 else ""
    digits = f"{fraction:0{decimals}d}".rstrip("0") if fraction else ""
    return f"{sign}{whole}.{digits}" if digits else f"{sign}{whole}"
