"""How each figure of an invoice came about, told from the figures that are kept: pure.

Enough to redo the invoice with a pocket calculator, by the terms of EN 16931. An invoice keeps
every figure of it (`totals` computed them once); only the words are made here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tallystick.invoices.totals import MILLION, PERCENT_DECIMALS, QUANTITY_DECIMALS, gross_of
from tallystick.kernel.decimals import scaled_text
from tallystick.kernel.money import divide_rounded

Row = Mapping[str, Any]


def told(content: Row, lines: Sequence[Row]) -> dict[str, Any]:
    """Tell the figures of an invoice from its rows, as JSON values in minor units."""
    lines_net = sum(line["net"] for line in lines)
    allowance, net, tax = content["discount"], content["net"], content["tax"]
    how = _allowance(content, lines_net)
    return {
        "unit": "minor units of the currency",
        "rounding": "half away from zero",
        "sharing": "largest remainder, among equals the lowest rate first",
        "lines": [_line(line) for line in lines],
        "document": [
            _step("BT-106", "sum of line net amounts", "sum of BT-131", lines_net),
            _step("BT-107", "document discount", how, allowance),
        ],
        "rates": [_rate(rate, allowance, lines_net) for rate in content["tax_rates"]],
        "totals": [
            _step("BT-109", "total without tax", f"{lines_net} - {allowance}", net),
            _step("BT-110", "tax", "sum of BT-117", tax),
            _step("BT-112", "total with tax", f"{net} + {tax}", net + tax),
        ],
    }


def _line(line: Row) -> dict[str, Any]:
    price, net = line["unit_price"], line["net"]
    gross = gross_of(line["quantity_micro"], price)
    quantity = scaled_text(line["quantity_micro"], QUANTITY_DECIMALS)
    how = f"{quantity} x {price} = {_exact(line['quantity_micro'] * price)}"
    return {
        "line": line["position"],
        "rate": scaled_text(line["tax_rate_ppm"], PERCENT_DECIMALS),
        "steps": [
            _step("BT-129 x BT-146", "quantity x price", how, gross),
            _step("BT-136", "line discount", _allowance(line, gross), gross - net),
            _step("BT-131", "line net amount", f"{gross} - {gross - net}", net),
        ],
    }


def _rate(rate: Row, allowance: int, lines_net: int) -> dict[str, Any]:
    net, share, taxable = rate["net"], rate["discount"], rate["taxable"]
    taxed = _percentage(rate["tax_rate_ppm"], taxable)
    return {
        "rate": scaled_text(rate["tax_rate_ppm"], PERCENT_DECIMALS),
        "steps": [
            _step("BT-131", "lines at this rate", "sum of BT-131 at this rate", net),
            _step(
                "BT-92",
                "share of the document discount",
                _shared(allowance, net, lines_net, share),
                share,
            ),
            _step("BT-116", "taxable amount", f"{net} - {share}", taxable),
            _step("BT-117", "tax", taxed, rate["tax"]),
        ],
    }


def _allowance(row: Row, base: int) -> str:
    if row["discount_kind"] is None:
        return "none"
    if row["discount_kind"] == "fixed":
        return "fixed"
    return _percentage(row["discount_value"], base)


def _percentage(ppm: int, base: int) -> str:
    return f"{scaled_text(ppm, PERCENT_DECIMALS)} % of {base} = {_exact(ppm * base)}"


def _exact(millionths: int) -> str:
    """Tell an exact value, and what it was rounded to."""
    exact = scaled_text(millionths, 6)
    if millionths % MILLION == 0:
        return exact
    return f"{exact}, rounded to {divide_rounded(millionths, MILLION)}"


def _shared(allowance: int, net: int, lines_net: int, share: int) -> str:
    """Tell a share by largest remainder, and whether it took one of the units left over."""
    if allowance == 0:
        return "none"
    whole, remainder = divmod(allowance * net, lines_net)
    raised = f", raised to {share}" if share > whole else ""
    return f"{allowance} x {net} / {lines_net} = {whole}, remainder {remainder}{raised}"


def _step(term: str, name: str, how: str, amount: int) -> dict[str, Any]:
    return {"term": term, "name": name, "how": how, "amount": amount}
