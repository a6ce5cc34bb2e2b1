"""Every figure of an invoice from its lines and discounts: pure integers, as EN 16931 orders.

Never knows a table or a currency: all amounts are minor units of the invoice's one currency. Prices
are net; tax is rounded once per rate and document, never per line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from tallystick.kernel.decimals import scaled_text
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


@dataclass(frozen=True, slots=True)
class RateTotal:
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


@dataclass(frozen=True, slots=True)
class Totals:
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
    trace: dict[str, object] = field(repr=False, hash=False)
    """How each figure came, as JSON values: enough to redo it with a pocket calculator."""


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
    line_steps: list[object] = []
    net_by_rate: dict[int, int] = {}
    for index, line in enumerate(lines):
        line_net, steps = _line_net(line, index)
        line_nets.append(line_net)
        rate = scaled_text(line.tax_rate_ppm, PERCENT_DECIMALS)
        line_steps.append({"line": index + 1, "rate": rate, "steps": steps})
        net_by_rate[line.tax_rate_ppm] = net_by_rate.get(line.tax_rate_ppm, 0) + line_net

    lines_net = _limited(sum(line_nets), "sum of the lines", "/lines")
    allowance, how = _allowance(discount, lines_net)
    if allowance > lines_net:
        reason = "The discount is larger than the sum of the lines. Lower it, or add lines"
        raise Invalid("invoice.discount_exceeds_total", f"{reason}.", pointer="/discount")

    rates, rate_steps = _rate_totals(net_by_rate, allowance)
    net = lines_net - allowance
    tax = sum(rate.tax for rate in rates)
    total = _limited(net + tax, "total with tax", "/lines")
    assert net == sum(rate.taxable for rate in rates)

    trace: dict[str, object] = {
        "unit": "minor units of the currency",
        "rounding": "half away from zero",
        "sharing": "largest remainder, among equals the lowest rate first",
        "lines": line_steps,
        "document": [
            _step("BT-106", "sum of line net amounts", "sum of BT-131", lines_net),
            _step("BT-107", "document discount", how, allowance),
        ],
        "rates": rate_steps,
        "totals": [
            _step("BT-109", "total without tax", f"{lines_net} - {allowance}", net),
            _step("BT-110", "tax", "sum of BT-117", tax),
            _step("BT-112", "total with tax", f"{net} + {tax}", total),
        ],
    }
    return Totals(lines_net, allowance, net, tax, total, tuple(line_nets), rates, trace)


def _line_net(line: Line, index: int) -> tuple[int, list[object]]:
    """Compute BT-131 of one line and tell how."""
    pointer = f"/lines/{index}"
    _limited(line.unit_price, f"price of line {index + 1}", f"{pointer}/unit_price")
    rounded, exact = _millionths(line.quantity_micro * line.unit_price)
    gross = _limited(rounded, f"amount of line {index + 1}", pointer)
    allowance, how = _allowance(line.discount, gross)
    if allowance > gross:
        reason = f"The discount of line {index + 1} is larger than the line itself"
        advice = "Lower it, or raise the quantity or the price"
        raise Invalid(
            "invoice.discount_exceeds_line", f"{reason}. {advice}.", pointer=f"{pointer}/discount"
        )
    quantity = scaled_text(line.quantity_micro, QUANTITY_DECIMALS)
    net = gross - allowance
    return net, [
        _step(
            "BT-129 x BT-146",
            "quantity x price",
            f"{quantity} x {line.unit_price} = {exact}",
            gross,
        ),
        _step("BT-136", "line discount", how, allowance),
        _step("BT-131", "line net amount", f"{gross} - {allowance}", net),
    ]


def _rate_totals(
    net_by_rate: dict[int, int], allowance: int
) -> tuple[tuple[RateTotal, ...], list[object]]:
    """Share the document's discount among the tax rates and tax each, the lowest rate first."""
    ordered = sorted(net_by_rate.items())
    lines_net = sum(net_by_rate.values())
    # Lines that are all free leave no proportion to share by, and no allowance to share.
    shares = split(allowance, [net for _, net in ordered]) if lines_net else [0] * len(ordered)
    rates: list[RateTotal] = []
    steps: list[object] = []
    for (rate_ppm, net), share in zip(ordered, shares, strict=True):
        taxable = net - share
        assert taxable >= 0
        tax, taxed = _percentage(rate_ppm, taxable)
        told = _shared(allowance, net, lines_net, share)
        rates.append(RateTotal(rate_ppm, net, share, taxable, tax))
        steps.append(
            {
                "rate": scaled_text(rate_ppm, PERCENT_DECIMALS),
                "steps": [
                    _step("BT-131", "lines at this rate", "sum of BT-131 at this rate", net),
                    _step("BT-92", "share of the document discount", told, share),
                    _step("BT-116", "taxable amount", f"{net} - {share}", taxable),
                    _step("BT-117", "tax", taxed, tax),
                ],
            }
        )
    return tuple(rates), steps


def _allowance(discount: Discount | None, base: int) -> tuple[int, str]:
    """Compute a discount of a base amount and tell how."""
    if discount is None:
        return 0, "none"
    if discount.kind == "fixed":
        return discount.value, "fixed"
    return _percentage(discount.value, base)


def _percentage(ppm: int, base: int) -> tuple[int, str]:
    """Compute a percentage of a base amount, rounded, and tell how."""
    amount, exact = _millionths(ppm * base)
    return amount, f"{scaled_text(ppm, PERCENT_DECIMALS)} % of {base} = {exact}"


def _millionths(millionths: int) -> tuple[int, str]:
    """Round millionths to whole minor units; also tell the exact value and any rounding."""
    rounded = divide_rounded(millionths, MILLION)
    exact = scaled_text(millionths, 6)
    return rounded, exact if millionths % MILLION == 0 else f"{exact}, rounded to {rounded}"


def _shared(allowance: int, net: int, lines_net: int, share: int) -> str:
    """Tell a share by largest remainder, and whether it took one of the units left over."""
    if allowance == 0:
        return "none"
    whole, remainder = divmod(allowance * net, lines_net)
    raised = f", raised to {share}" if share > whole else ""
    return f"{allowance} x {net} / {lines_net} = {whole}, remainder {remainder}{raised}"


def _step(term: str, name: str, how: str, amount: int) -> dict[str, object]:
    return {"term": term, "name": name, "how": how, "amount": amount}


def _limited(amount: int, what: str, pointer: str) -> int:
    """Return the amount if the books can keep it.

    Raises:
        Invalid: money.too_large.
    """
    if amount > AMOUNT_MAX:
        reason = f"The {what} is beyond {AMOUNT_MAX} minor units, the largest amount kept here"
        raise Invalid(
            "money.too_large",
            f"{reason}. Check quantities and prices, or divide the invoice.",
            pointer=pointer,
        )
    return amount
