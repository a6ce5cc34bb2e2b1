"""I23: nothing is lost or made by rounding, whatever the lines, discounts and currencies."""

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.invoices.totals import MILLION, QUANTITY_MAX_MICRO, Discount, Line, Totals, compute
from tallystick.kernel import money
from tallystick.kernel.decimals import parse_scaled, scaled_text
from tallystick.kernel.errors import Invalid

thorough = settings(max_examples=100, deadline=None)

currencies = st.sampled_from(sorted(money.EXPONENTS))
amounts = st.integers(-money.AMOUNT_MAX, money.AMOUNT_MAX)
percents = st.integers(1, MILLION).map(lambda ppm: Discount("percent", ppm))
rates = st.sampled_from([0, 50_000, 70_000, 88_750, 190_000, 200_000]) | st.integers(0, MILLION)
weights = st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any)
# Signs, points, exponents, spaces, and digits that only `int` and `Decimal` take for digits.
nearly_numbers = st.text("0123456789.-+eE_, \n\u0660\u0669\u0967\uff11NaInf", max_size=30)
anything = st.text(st.characters(exclude_categories=()), max_size=60) | nearly_numbers


@st.composite
def lines(draw: st.DrawFn) -> Line:
    """Draw a line that compute accepts."""
    quantity_micro = draw(st.integers(1, 10**10))
    unit_price = draw(st.integers(0, 10**9))
    gross = money.divide_rounded(quantity_micro * unit_price, MILLION)
    fixed = st.integers(0, gross).map(lambda value: Discount("fixed", value))
    discount = draw(st.none() | percents | fixed)
    return Line("Anything", quantity_micro, unit_price, draw(rates), discount)


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[Line], Discount | None]:
    """Draw lines and a document discount that compute accepts."""
    drawn = draw(st.lists(lines(), max_size=12))
    fixed = st.integers(0, compute(drawn).lines_net).map(lambda value: Discount("fixed", value))
    return drawn, draw(st.none() | percents | fixed)


@thorough
@given(documents())
def test_all_sums_agree(document: tuple[list[Line], Discount | None]) -> None:
    totals = compute(*document)
    assert sum(totals.line_nets) == totals.lines_net
    assert totals.lines_net - totals.discount == totals.net
    assert sum(rate.net for rate in totals.rates) == totals.lines_net
    assert sum(rate.discount for rate in totals.rates) == totals.discount
    assert sum(rate.taxable for rate in totals.rates) == totals.net
    assert sum(rate.tax for rate in totals.rates) == totals.tax
    assert totals.net + totals.tax == totals.total
    assert all(rate.net - rate.discount == rate.taxable for rate in totals.rates)


@thorough
@given(documents())
def test_no_figure_is_negative_and_rates_ascend(
    document: tuple[list[Line], Discount | None],
) -> None:
    totals = compute(*document)
    assert min(totals.line_nets, default=0) >= 0
    assert min(totals.discount, totals.net, totals.tax, totals.total) >= 0
    assert all(min(rate.discount, rate.taxable, rate.tax) >= 0 for rate in totals.rates)
    found = [rate.tax_rate_ppm for rate in totals.rates]
    assert found == sorted({line.tax_rate_ppm for line in document[0]})


@thorough
@given(documents())
def test_each_tax_is_within_half_a_unit_of_the_exact_one(
    document: tuple[list[Line], Discount | None],
) -> None:
    for rate in compute(*document).rates:
        assert 2 * abs(rate.tax * MILLION - rate.taxable * rate.tax_rate_ppm) <= MILLION


@thorough
@given(documents())
def test_each_share_of_the_discount_is_within_one_unit_of_the_exact_one(
    document: tuple[list[Line], Discount | None],
) -> None:
    totals = compute(*document)
    for rate in totals.rates:
        difference = abs(rate.discount * totals.lines_net - totals.discount * rate.net)
        assert difference < totals.lines_net or difference == 0


@thorough
@given(documents(), st.data())
def test_the_order_of_the_lines_changes_no_total(
    document: tuple[list[Line], Discount | None], data: st.DataObject
) -> None:
    ordered, discount = document
    one, other = compute(ordered, discount), compute(data.draw(st.permutations(ordered)), discount)
    assert one.rates == other.rates
    assert (one.lines_net, one.discount, one.net) == (other.lines_net, other.discount, other.net)
    assert (one.tax, one.total) == (other.tax, other.total)
    assert sorted(one.line_nets) == sorted(other.line_nets)


@thorough
@given(
    st.lists(
        st.builds(
            Line,
            st.just("Anything"),
            st.integers(1, QUANTITY_MAX_MICRO),
            st.integers(0, 2 * money.AMOUNT_MAX),
            rates,
            st.none()
            | percents
            | st.integers(0, 2**63).map(lambda value: Discount("fixed", value)),
        ),
        max_size=5,
    ),
    st.none() | percents | st.integers(0, 2**63).map(lambda value: Discount("fixed", value)),
)
def test_figures_stay_within_the_limit_or_are_refused(
    drawn: list[Line], discount: Discount | None
) -> None:
    outcome: Totals | str
    try:
        outcome = compute(drawn, discount)
    except Invalid as invalid:
        outcome = invalid.refusal.code
    if isinstance(outcome, Totals):
        assert max(outcome.lines_net, outcome.total, *outcome.line_nets, 0) <= money.AMOUNT_MAX
    else:
        assert outcome in {
            "invoice.discount_exceeds_line",
            "invoice.discount_exceeds_total",
            "money.too_large",
        }


@thorough
@given(amounts, weights)
def test_a_split_sums_and_stays_near_the_exact_shares(amount: int, weights: list[int]) -> None:
    parts = money.split(amount, weights)
    total = sum(weights)
    assert sum(parts) == amount
    assert len(parts) == len(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * total - amount * weight) < total
        assert weight or part == 0
    assert money.split(-amount, weights) == [-part for part in parts]


@thorough
@given(st.integers(), st.integers(1))
def test_a_rounded_division_is_the_nearest_and_a_half_goes_away_from_zero(
    numerator: int, denominator: int
) -> None:
    rounded = money.divide_rounded(numerator, denominator)
    difference = 2 * (rounded * denominator - numerator)
    assert abs(difference) <= denominator
    if abs(difference) == denominator:
        assert abs(rounded) * denominator > abs(numerator)
    assert money.divide_rounded(-numerator, denominator) == -rounded


@thorough
@given(amounts)
def test_what_is_printed_is_read_back_in_each_currency(minor: int) -> None:
    for currency, decimals in money.EXPONENTS.items():
        written = money.text(minor, currency)
        assert money.parse(written, currency) == minor
        assert Decimal(written).as_tuple().exponent == -decimals


@thorough
@given(st.integers(-(10**18), 10**18), st.integers(0, 9))
def test_a_scaled_number_is_read_back(units: int, decimals: int) -> None:
    written = scaled_text(units, decimals)
    assert Decimal(written).scaleb(decimals) == units
    read = parse_scaled(written, decimals=decimals, minimum=-(10**18), maximum=10**18, code="x.bad")
    assert read == units


@settings(max_examples=500, deadline=None)
@given(anything, currencies)
def test_reading_takes_plain_exact_numbers_only(written: str, currency: str) -> None:
    decimals = money.exponent(currency)
    plain = re.compile(rf"-?[0-9]+(\.[0-9]{{1,{decimals}}})?" if decimals else "-?[0-9]+")
    exact = Decimal(written).scaleb(decimals) if plain.fullmatch(written) else None
    if exact is not None and abs(exact) <= money.AMOUNT_MAX:
        assert money.parse(written, currency) == exact
    else:
        with pytest.raises(Invalid, match=r"^money\.(malformed|precision|too_large): "):
            money.parse(written, currency)


@thorough
@given(anything)
def test_reading_a_scaled_number_raises_its_own_refusal_only(written: str) -> None:
    plain = re.fullmatch(r"-?[0-9]+(\.[0-9]{1,4})?", written)
    exact = Decimal(written).scaleb(4) if plain else None
    if exact is not None and 0 <= exact <= MILLION:
        assert parse_scaled(written, decimals=4, maximum=MILLION, code="x.bad") == exact
    else:
        with pytest.raises(Invalid, match=r"^x\.bad: "):
            parse_scaled(written, decimals=4, maximum=MILLION, code="x.bad")


@thorough
@given(st.text(), st.text())
def test_an_unknown_currency_is_refused_whatever_the_amount(written: str, currency: str) -> None:
    if not money.is_currency(currency):
        with pytest.raises(Invalid, match=r"^money\.currency_unknown: "):
            money.parse(written, currency)


@thorough
@given(
    st.sampled_from(
        [
            "+{}",
            " {}",
            "{}\n",
            "{}.",
            ".{}",
            "{}e2",
            "{}E-1",
            "1_{}",
            "-.{}",
            "{}\u0663",
            "\uff11{}",
        ]
    ),
    st.integers(0, 10**9),
)
def test_what_only_decimal_reads_is_refused(form: str, number: int) -> None:
    written = form.format(number)
    assert Decimal(written).is_finite()
    with pytest.raises(Invalid, match=r"^money\.malformed: "):
        money.parse(written, "EUR")
