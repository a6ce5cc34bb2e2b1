"""Every figure of an invoice from its lines and discounts: pure integers, as EN 16931 orders.

Never knows a table or a currency: all amounts are minor units of the invoice's one currency. Prices
are net; tax is rounded once per rate and document, never per line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from tallystick.kernel.errors import Invalid
from tallystick.kernel.money import AMOUNT_MAX, divide_rounded, split

MILLION: Final = 1_000_000
"""The whole, in parts per million; also one unit of quantity, in millionths."""

QUANTITY_DECIMALS: Final = 6
"""Decimals of a quantity as people write it: "1.5" is 1_500_000 millionths."""

QUANTITY_MAX_MICRO: Final = 10**15
"""A thousand million units, in millionths."""

PERCENT_DECIMALS: Final = 4
"""Decimals of a percent as people write it: "19" is 190_000 parts per million."""


@dataclass(frozen=True, slots=True)
class Discount:
    """An allowance on one line or on the whole document."""

    kind: Literal["fixed", "percent"]
    value: int
    """Minor units if fixed; parts per million if percent, above 0 and at most the whole."""

    def __post_init__(self) -> None:
        assert self.kind in {"fixed", "percent"}
        assert self.value >= 0
        assert self.kind == "fixed" or 0 < self.value <= MILLION


@dataclass(frozen=True, slots=True)
class Line:
    """One position of an invoice."""

    description: str
    quantity_micro: int
    """Millionths of a unit, above 0."""
    unit_price: int
    """Net, in minor units."""
    tax_rate_ppm: int
    """Parts per million: 19 % is 190_000."""
    discount: Discount | None = None

    def __post_init__(self) -> None:
        assert 0 < self.quantity_micro <= QUANTITY_MAX_MICRO
        assert self.unit_price >= 0
        assert 0 <= self.tax_rate_ppm <= MILLION


class RateTotal(NamedTuple):
    """What one tax rate contributes to the document."""

    tax_rate_ppm: int
    net: int
    """Sum of the line net amounts with this rate."""
    discount: int
    """This rate's share of the document's allowance (BT-92)."""
    taxable: int
    """BT-116"""
    tax: int
    """BT-117"""


class Totals(NamedTuple):
    """The figures of a document, in minor units."""

    lines_net: int
    """BT-106"""
    discount: int
    """BT-107"""
    net: int
    """BT-109"""
    tax: int
    """BT-110"""
    total: int
    """BT-112"""
    line_nets: tuple[int, ...]
    """BT-131 of each line, in the order of the lines."""
    rates: tuple[RateTotal, ...]
    """One for each tax rate, the lowest first."""


def compute(lines: Sequence[Line], discount: Discount | None = None) -> Totals:
    """Compute every figure of a document.

    Each line's gross amount and each percentage of it is rounded as it arises, since it is a figure
    of the document. The document's discount is shared among the tax rates in proportion to their
    nets; among equal remainders the lowest rate comes first, so the order of the lines changes no
    total. A document without lines has zeros.

    Source: EN 16931, BR-CO-10 to BR-CO-15 and BR-CO-17.

    Raises:
        Invalid: invoice.discount_exceeds_line; invoice.discount_exceeds_total; money.too_large if
            a figure is beyond AMOUNT_MAX. The pointer names the line or the discount.
    """
    line_nets: list[int] = []
    net_by_rate: dict[int, int] = {}
    for index, line in enumerate(lines):
        line_net = _line_net(line, index)
        line_nets.append(line_net)
        net_by_rate[line.tax_rate_ppm] = net_by_rate.get(line.tax_rate_ppm, 0) + line_net

    lines_net = _limited(sum(line_nets), "sum of the lines", "/lines")
    allowance = discount_of(lines_net, discount)
    if allowance > lines_net:
        reason = "The discount is larger than the sum of the lines. Lower it, or add lines"
        raise Invalid("invoice.discount_exceeds_total", f"{reason}.", pointer="/discount")

    rates = _rate_totals(net_by_rate, allowance)
    net = lines_net - allowance
    tax = sum(rate.tax for rate in rates)
    total = _limited(net + tax, "total with tax", "/lines")
    assert net == sum(rate.taxable for rate in rates)
    return Totals(lines_net, allowance, net, tax, total, tuple(line_nets), rates)


def gross_of(quantity_micro: int, unit_price: int) -> int:
    """Price a quantity: BT-129 x BT-146, rounded to minor units."""
    return divide_rounded(quantity_micro * unit_price, MILLION)


def percentage_of(ppm: int, base: int) -> int:
    """Take a percentage of an amount, rounded to minor units."""
    return divide_rounded(ppm * base, MILLION)


def discount_of(base: int, discount: Discount | None) -> int:
    """Compute a discount of an amount; a percentage is rounded to minor units."""
    if discount is None:
        return 0
    return discount.value if discount.kind == "fixed" else percentage_of(discount.value, base)


def _line_net(line: Line, index: int) -> int:
    """Compute BT-131 of one line."""
    _limited(line.unit_price, "price", f"/lines/{index}/unit_price", index)
    gross = _limited(
        gross_of(line.quantity_micro, line.unit_price), "amount", f"/lines/{index}", index
    )
    allowance = discount_of(gross, line.discount)
    if allowance > gross:
        reason = f"The discount of line {index + 1} is larger than the line itself"
        advice = "Lower it, or raise the quantity or the price"
        pointer = f"/lines/{index}/discount"
        raise Invalid("invoice.discount_exceeds_line", f"{reason}. {advice}.", pointer=pointer)
    return gross - allowance


def _rate_totals(net_by_rate: dict[int, int], allowance: int) -> tuple[RateTotal, ...]:
    """Share the document's discount among the tax rates and tax each, the lowest rate first."""
    ordered = sorted(net_by_rate.items())
    # Lines that are all free leave no proportion to share by, and no allowance to share.
    shares = split(allowance, [net for _, net in ordered]) if allowance else [0] * len(ordered)
    rates: list[RateTotal] = []
    for (rate_ppm, net), share in zip(ordered, shares, strict=True):
        taxable = net - share
        assert taxable >= 0
        rates.append(RateTotal(rate_ppm, net, share, taxable, percentage_of(rate_ppm, taxable)))
    return tuple(rates)


def _limited(amount: int, what: str, pointer: str, index: int | None = None) -> int:
    """Return the amount if the books can keep it; `index` is that of the line it belongs to.

    Raises:
        Invalid: money.too_large.
    """
    if amount > AMOUNT_MAX:
        of_line = "" if index is None else f" of line {index + 1}"
        reason = f"The {what}{of_line} is beyond {AMOUNT_MAX} minor units"
        raise Invalid(
            "money.too_large",
            f"{reason}, the largest amount kept here. Check quantities and prices, or divide the "
            "invoice.",
            pointer=pointer,
        )
    return amount
