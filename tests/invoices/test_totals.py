"""Totals computed by hand, after EN 16931."""

import pytest

from tallystick.invoices.totals import (
    MILLION,
    QUANTITY_MAX_MICRO,
    Discount,
    Line,
    RateTotal,
    compute,
)
from tallystick.kernel import money
from tallystick.kernel.errors import Invalid


def test_one_line() -> None:
    # 2 x 19.99 = 39.98; 19 % of it is 7.5962.
    totals = compute([Line("Lesson", 2_000_000, 1_999, 190_000)])
    assert totals.lines_net == 3_998
    assert totals.discount == 0
    assert totals.net == 3_998
    assert totals.tax == 760
    assert totals.total == 4_758
    assert totals.line_nets == (3_998,)
    assert totals.rates == (RateTotal(190_000, 3_998, 0, 3_998, 760),)


def test_a_document_without_lines_has_zeros() -> None:
    totals = compute([], Discount("percent", 100_000))
    assert (totals.lines_net, totals.discount, totals.net, totals.tax, totals.total) == (0,) * 5
    assert totals.line_nets == ()
    assert totals.rates == ()


def test_three_rates_with_discounts_at_both_levels() -> None:
    totals = compute(
        [
            # 2.5 x 19.99 = 49.975, so 49.98; 10 % of it is 4.998, so 5.00.
            Line("Cloth, metres", 2_500_000, 1_999, 190_000, Discount("percent", 100_000)),
            Line("Exercise book", 3_000_000, 499, 70_000, Discount("fixed", 100)),
            Line("Locker", 1_000_000, 10_000, 190_000),
            Line("Stamps", 1_000_000, 505, 0),
        ],
        # 5 % of 164.00 is 8.20: exact shares 0.2525, 0.6985 and 7.249.
        Discount("percent", 50_000),
    )
    assert totals.line_nets == (4_498, 1_397, 10_000, 505)
    assert totals.lines_net == 16_400
    assert totals.discount == 820
    assert totals.net == 15_580
    assert totals.rates == (
        RateTotal(0, 505, 25, 480, 0),
        RateTotal(70_000, 1_397, 70, 1_327, 93),  # 92.89
        RateTotal(190_000, 14_498, 725, 13_773, 2_617),  # 2616.87
    )
    assert totals.tax == 2_710
    assert totals.total == 18_290


def test_tax_is_rounded_once_per_rate_and_not_per_line() -> None:
    # 5 % of each line is 1.5, rounded 2, and three of them 6; 5 % of the sum is 4.5, rounded 5.
    totals = compute([Line("Pencil", 1_000_000, 30, 50_000)] * 3)
    assert totals.net == 90
    assert totals.tax == 5
    assert totals.total == 95


def test_a_half_is_rounded_away_from_zero() -> None:
    # 0.5 x 25 = 12.5; 12.5 % of 100 = 12.5.
    assert compute([Line("Half", 500_000, 25, 0)]).total == 13
    assert compute([Line("Eighth", 1_000_000, 100, 125_000)]).tax == 13
    # 2.5 is 3, not the even neighbour 2.
    assert compute([Line("Fortieth", 1_000_000, 100, 25_000)]).tax == 3


def test_a_rate_with_a_fraction() -> None:
    # 8.875 % of 100.00 is 8.875.
    totals = compute([Line("Admission", 1_000_000, 10_000, 88_750)])
    assert totals.tax == 888
    assert totals.total == 10_888


def test_yen() -> None:
    totals = compute(
        [Line("Tea", 2_000_000, 150, 80_000), Line("Cup", 3_000_000, 333, 100_000)],
        Discount("fixed", 100),
    )
    # Exact shares of 100: 23.09 and 76.91. Tax: 8 % of 277 is 22.16, 10 % of 922 is 92.2.
    assert totals.rates == (
        RateTotal(80_000, 300, 23, 277, 22),
        RateTotal(100_000, 999, 77, 922, 92),
    )
    assert totals.net == 1_199
    assert totals.tax == 114
    assert money.text(totals.total, "JPY") == "1313"


def test_dinar() -> None:
    # 1.5 x 2.345 = 3.5175, so 3.518; 5 % of it is 0.1759.
    totals = compute([Line("Thread", 1_500_000, money.parse("2.345", "KWD"), 50_000)])
    assert totals.net == 3_518
    assert totals.tax == 176
    assert money.text(totals.total, "KWD") == "3.694"


def test_the_smallest_quantity_of_a_cheap_thing_is_free() -> None:
    totals = compute([Line("Dust", 1, 499_999, 190_000), Line("Grain", 1, 500_000, 190_000)])
    assert totals.line_nets == (0, 1)


@pytest.mark.parametrize("rates", [(70_000, 190_000), (190_000, 70_000)])
def test_among_equal_remainders_the_lowest_rate_takes_the_unit(rates: tuple[int, int]) -> None:
    lines = [Line("Equal", 1_000_000, 100, rate) for rate in rates]
    totals = compute(lines, Discount("fixed", 1))
    assert totals.rates == (
        RateTotal(70_000, 100, 1, 99, 7),
        RateTotal(190_000, 100, 0, 100, 19),
    )


@pytest.mark.parametrize("discount", [Discount("fixed", 10_000), Discount("percent", MILLION)])
def test_a_discount_may_take_all(discount: Discount) -> None:
    line = Line("Gift", 1_000_000, 10_000, 190_000, discount)
    assert compute([line]).total == 0
    whole = compute([Line("Gift", 1_000_000, 10_000, 190_000)], discount)
    assert whole.rates == (RateTotal(190_000, 10_000, 10_000, 0, 0),)
    assert whole.total == 0


def test_lines_that_are_free_share_no_discount() -> None:
    lines = [Line("Free", 1_000_000, 0, 0), Line("Free", 1_000_000, 0, 190_000)]
    totals = compute(lines, Discount("percent", MILLION))
    assert totals.rates == (RateTotal(0, 0, 0, 0, 0), RateTotal(190_000, 0, 0, 0, 0))
    assert totals.total == 0


def test_a_line_discount_larger_than_the_line_is_refused() -> None:
    good = Line("Good", 1_000_000, 500, 0, Discount("fixed", 500))
    bad = Line("Bad", 1_000_000, 500, 0, Discount("fixed", 501))
    with pytest.raises(Invalid) as refused:
        compute([good, good, bad])
    assert refused.value.refusal.code == "invoice.discount_exceeds_line"
    assert refused.value.refusal.pointer == "/lines/2/discount"
    assert refused.value.refusal.detail == (
        "The discount of line 3 is larger than the line itself. "
        "Lower it, or raise the quantity or the price."
    )


def test_a_document_discount_larger_than_the_lines_is_refused() -> None:
    line = Line("Line", 1_000_000, 500, 0)
    with pytest.raises(Invalid) as refused:
        compute([line, line], Discount("fixed", 1_001))
    assert refused.value.refusal.code == "invoice.discount_exceeds_total"
    assert refused.value.refusal.pointer == "/discount"
    assert refused.value.refusal.detail == (
        "The discount is larger than the sum of the lines. Lower it, or add lines."
    )


@pytest.mark.parametrize(
    ("lines", "pointer"),
    [
        ([Line("Price", 1, money.AMOUNT_MAX + 1, 0)], "/lines/0/unit_price"),
        ([Line("Amount", 1_000_001, money.AMOUNT_MAX, 0)], "/lines/0"),
        (
            [
                Line("Fits", 1_000_000, money.AMOUNT_MAX, 0),
                Line("Cent", 1_000_000, 1, 0),
            ],
            "/lines",
        ),
        ([Line("Tax", 1_000_000, money.AMOUNT_MAX, 10)], "/lines"),
    ],
)
def test_a_figure_beyond_the_limit_is_refused(lines: list[Line], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        compute(lines)
    assert refused.value.refusal.code == "money.too_large"
    assert refused.value.refusal.pointer == pointer


def test_the_largest_invoice() -> None:
    totals = compute([Line("All", 1_000_000, money.AMOUNT_MAX, 0)])
    assert totals.total == money.AMOUNT_MAX
    cheap = compute([Line("Many", QUANTITY_MAX_MICRO, 1_000_000, 0)])
    assert cheap.total == money.AMOUNT_MAX


@pytest.mark.parametrize(
    ("quantity_micro", "unit_price", "tax_rate_ppm"),
    [
        (0, 1, 0),
        (-1, 1, 0),
        (QUANTITY_MAX_MICRO + 1, 0, 0),
        (1, -1, 0),
        (1, 1, -1),
        (1, 1, 1_000_001),
    ],
)
def test_a_line_out_of_range_is_our_own_mistake(
    quantity_micro: int, unit_price: int, tax_rate_ppm: int
) -> None:
    with pytest.raises(AssertionError):
        Line("Wrong", quantity_micro, unit_price, tax_rate_ppm)


def test_a_discount_out_of_range_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        Discount("percent", 0)
    with pytest.raises(AssertionError):
        Discount("percent", 1_000_001)
    with pytest.raises(AssertionError):
        Discount("fixed", -1)
