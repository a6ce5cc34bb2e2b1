"""Quantities and percents: read to whole units, printed back without loss."""

import pytest

from tallystick.kernel.decimals import parse_scaled, scaled_text
from tallystick.kernel.errors import Invalid


@pytest.mark.parametrize(
    ("written", "decimals", "units"),
    [
        ("1.5", 6, 1_500_000),
        ("19", 4, 190_000),
        ("8.875", 4, 88_750),
        ("8.8750", 4, 88_750),
        ("0", 4, 0),
        ("-0", 4, 0),
        ("0.000001", 6, 1),
        ("7", 0, 7),
        ("007", 0, 7),
        ("1000", 6, 10**9),
        ("0" * 5_000 + "3", 0, 3),
    ],
)
def test_parse_scaled(written: str, decimals: int, units: int) -> None:
    assert parse_scaled(written, decimals=decimals, maximum=10**9, code="x.bad") == units


def test_a_negative_number_needs_a_negative_minimum() -> None:
    read = parse_scaled("-2.5", decimals=1, minimum=-25, maximum=10, code="x.bad")
    assert read == -25


@pytest.mark.parametrize(
    ("written", "detail"),
    [
        ("", "is not a plain decimal number. Write digits and at most one point, like 12.5."),
        ("1e2", "is not a plain decimal number. Write digits and at most one point, like 12.5."),
        ("19.12345", "has 5 decimals, and nothing is rounded here. Write at most 4 decimals."),
        ("0", "is out of range. Write a number from 0.0001 to 100."),
        ("-1", "is out of range. Write a number from 0.0001 to 100."),
        ("100.0001", "is out of range. Write a number from 0.0001 to 100."),
    ],
)
def test_a_refusal_says_which_rule_was_broken(written: str, detail: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_scaled(
            written,
            decimals=4,
            minimum=1,
            maximum=1_000_000,
            code="tax.rate",
            pointer="/lines/0/tax_rate",
        )
    assert refused.value.refusal.code == "tax.rate"
    assert refused.value.refusal.detail == f"“{written}” {detail}"
    assert refused.value.refusal.pointer == "/lines/0/tax_rate"


@pytest.mark.parametrize(
    "written",
    [
        "+1",
        " 1",
        "1 ",
        "1\n",
        ".5",
        "5.",
        "1,5",
        "1_0",
        "NaN",
        "inf",
        "1e400",
        "\u0661",
        "9" * 10_000,
    ],
)
def test_what_is_not_a_plain_number_in_range_is_refused(written: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_scaled(written, decimals=6, maximum=10**9, code="invoice.quantity")
    assert refused.value.refusal.code == "invoice.quantity"
    assert refused.value.refusal.pointer == ""


@pytest.mark.parametrize(
    ("units", "decimals", "written"),
    [
        (1_500_000, 6, "1.5"),
        (190_000, 4, "19"),
        (88_750, 4, "8.875"),
        (1, 6, "0.000001"),
        (0, 6, "0"),
        (-25, 1, "-2.5"),
        (-5, 3, "-0.005"),
        (7, 0, "7"),
        (100, 0, "100"),
        (1_000_000, 4, "100"),
    ],
)
def test_scaled_text(units: int, decimals: int, written: str) -> None:
    assert scaled_text(units, decimals) == written
