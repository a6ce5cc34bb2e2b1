"""Currencies, reading and printing of amounts, rounding and splitting."""

from collections import Counter

import pytest

from tallystick.kernel import money
from tallystick.kernel.errors import Invalid


def test_the_table_holds_each_active_code_once() -> None:
    assert Counter(money.EXPONENTS.values()) == {0: 17, 2: 139, 3: 7, 4: 2}
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in money.EXPONENTS)


@pytest.mark.parametrize(
    ("code", "decimals"),
    [("EUR", 2), ("USD", 2), ("MXN", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("CLF", 4)],
)
def test_exponent(code: str, decimals: int) -> None:
    assert money.is_currency(code)
    assert money.exponent(code) == decimals


@pytest.mark.parametrize("code", ["", "eur", "Eur", "EURO", "EU", " EUR", "XXX", "XAU", "DEM", "€"])
def test_an_unknown_currency_is_refused(code: str) -> None:
    assert not money.is_currency(code)
    with pytest.raises(Invalid) as refused:
        money.exponent(code, pointer="/currency")
    assert refused.value.refusal.code == "money.currency_unknown"
    assert refused.value.refusal.pointer == "/currency"
    assert code in refused.value.refusal.detail


@pytest.mark.parametrize(
    ("written", "currency", "minor"),
    [
        ("199.99", "EUR", 19_999),
        ("199.9", "EUR", 19_990),
        ("199", "EUR", 19_900),
        ("0", "EUR", 0),
        ("0.00", "EUR", 0),
        ("-0", "EUR", 0),
        ("-0.05", "EUR", -5),
        ("-12.5", "EUR", -1_250),
        ("007.50", "EUR", 750),
        ("1000", "JPY", 1_000),
        ("1.234", "KWD", 1_234),
        ("1.2", "KWD", 1_200),
        ("0.0001", "CLF", 1),
        ("10000000000000.00", "EUR", 10**15),
        ("-10000000000000.00", "EUR", -(10**15)),
        ("1000000000000000", "JPY", 10**15),
        ("0" * 5_000 + "1", "EUR", 100),
    ],
)
def test_parse(written: str, currency: str, minor: int) -> None:
    assert money.parse(written, currency) == minor


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "-",
        ".",
        "-.",
        ".5",
        "5.",
        "-.5",
        "+5",
        "--5",
        "5-",
        " 5",
        "5 ",
        "5\n",
        "1 000",
        "1,000",
        "1,5",
        "1'000",
        "1_000",
        "1.000.000",
        "1e2",
        "1E2",
        "1e400",
        "NaN",
        "nan",
        "sNaN",
        "Infinity",
        "-inf",
        "0x10",
        "\u0661\u0662",  # Arabic digits one, two
        "\uff11",  # fullwidth digit one
        "1\u00b2",  # superscript two
        "\u22125",  # the minus sign of typesetters
        "5\x00",
        "5\ud800",  # a lone surrogate
        "EUR 5",
        "five",
    ],
)
def test_what_is_not_a_plain_amount_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        money.parse(written, "EUR", pointer="/amount")
    assert refused.value.refusal.code == "money.malformed"
    assert refused.value.refusal.pointer == "/amount"


@pytest.mark.parametrize(
    ("written", "currency", "reason"),
    [
        ("10.005", "EUR", "has 3 decimals, but EUR has 2 decimals"),
        ("10.000", "EUR", "has 3 decimals, but EUR has 2 decimals"),
        ("0.0005", "KWD", "has 4 decimals, but KWD has 3 decimals"),
        ("1000.0", "JPY", "has 1 decimal, but JPY has no decimals"),
    ],
)
def test_more_decimals_than_the_currency_has_are_refused(
    written: str, currency: str, reason: str
) -> None:
    with pytest.raises(Invalid) as refused:
        money.parse(written, currency, pointer="/amount")
    assert refused.value.refusal.code == "money.precision"
    assert refused.value.refusal.detail.startswith(f"“{written}” {reason}, ")
    assert refused.value.refusal.pointer == "/amount"


@pytest.mark.parametrize(
    ("written", "currency"),
    [
        ("10000000000000.01", "EUR"),
        ("-10000000000000.01", "EUR"),
        ("10000000000001", "EUR"),
        ("1000000000000001", "JPY"),
        ("1000000000000.001", "KWD"),
        ("9223372036854775808", "EUR"),
        ("9" * 100_000, "EUR"),
    ],
)
def test_an_amount_beyond_the_limit_is_refused(written: str, currency: str) -> None:
    with pytest.raises(Invalid) as refused:
        money.parse(written, currency, pointer="/amount")
    assert refused.value.refusal.code == "money.too_large"
    assert refused.value.refusal.pointer == "/amount"


def test_the_messages_say_what_to_do() -> None:
    with pytest.raises(Invalid) as malformed:
        money.parse("1,5", "KWD")
    assert malformed.value.refusal.detail == (
        "“1,5” is not an amount: only digits, one point and a leading minus are read. "
        "Write it like 199.999."
    )
    with pytest.raises(Invalid) as precise:
        money.parse("10.005", "EUR")
    assert precise.value.refusal.detail == (
        "“10.005” has 3 decimals, but EUR has 2 decimals, and nothing is rounded here. "
        "Write the amount with at most 2 decimals."
    )
    with pytest.raises(Invalid) as whole:
        money.parse("10.5", "JPY")
    assert whole.value.refusal.detail == (
        "“10.5” has 1 decimal, but JPY has no decimals, and nothing is rounded here. "
        "Write the amount with no decimals."
    )
    with pytest.raises(Invalid) as too_large:
        money.parse("20000000000000", "EUR")
    assert too_large.value.refusal.detail == (
        "The amount is beyond 10000000000000.00 EUR, the largest amount kept here. "
        "Check it for a missing point, or divide it."
    )
    with pytest.raises(Invalid) as unknown:
        money.parse("1", "eur")
    assert unknown.value.refusal.detail == (
        "“eur” is not the code of an active currency. Write an ISO 4217 code in capitals, like EUR."
    )


@pytest.mark.parametrize(
    "written", ["4111111111111111", "4111 1111 1111 1111", "4111111111111111.123", "x" * 1_000]
)
def test_a_refusal_repeats_no_card_number_and_stays_short(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        money.parse(written, "EUR")
    assert "1111" not in refused.value.refusal.detail
    assert len(refused.value.refusal.detail) < 200


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (19_999, "EUR", "199.99"),
        (0, "EUR", "0.00"),
        (5, "EUR", "0.05"),
        (-5, "EUR", "-0.05"),
        (-12_350, "EUR", "-123.50"),
        (100_000, "EUR", "1000.00"),
        (1_000, "JPY", "1000"),
        (-1, "JPY", "-1"),
        (0, "JPY", "0"),
        (1, "KWD", "0.001"),
        (-1_234_560, "KWD", "-1234.560"),
        (1, "CLF", "0.0001"),
        (10**15, "EUR", "10000000000000.00"),
        (10**18 + 1, "EUR", "10000000000000000.01"),  # a sum may go beyond what one amount may
    ],
)
def test_text(minor: int, currency: str, written: str) -> None:
    assert money.text(minor, currency) == written


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [
        (0, 7, 0),
        (1, 2, 1),
        (-1, 2, -1),
        (5, 2, 3),
        (-5, 2, -3),
        (7, 2, 4),
        (1, 3, 0),
        (2, 3, 1),
        (-1, 3, 0),
        (-2, 3, -1),
        (499_999, 1_000_000, 0),
        (500_000, 1_000_000, 1),
        (10**30 + 5, 10, 10**29 + 1),
        (9, 3, 3),
    ],
)
def test_divide_rounded(numerator: int, denominator: int, rounded: int) -> None:
    assert money.divide_rounded(numerator, denominator) == rounded


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (5, [3, 7], [2, 3]),  # 1.5 and 3.5: a tie, so the first is raised
        (5, [7, 3], [4, 1]),
        (1, [1, 2], [0, 1]),
        (820, [505, 1_397, 14_498], [25, 70, 725]),
        (10, [0, 1, 0, 2], [0, 3, 0, 7]),
        (1, [0, 0, 5], [0, 0, 1]),
        (0, [1, 2], [0, 0]),
        (7, [7], [7]),
        (10**15, [1, 10**15 - 1], [1, 10**15 - 1]),
    ],
)
def test_split(amount: int, weights: list[int], parts: list[int]) -> None:
    assert money.split(amount, weights) == parts


@pytest.mark.parametrize("weights", [[], [0], [0, 0], [-1, 2]])
def test_a_split_without_proportion_is_our_own_mistake(weights: list[int]) -> None:
    with pytest.raises(AssertionError):
        money.split(10, weights)


def test_a_division_by_nothing_is_our_own_mistake() -> None:
    with pytest.raises(AssertionError):
        money.divide_rounded(1, 0)
