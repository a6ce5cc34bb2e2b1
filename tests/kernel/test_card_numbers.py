"""Card numbers in texts: found however they are written, and nothing else taken for one."""

import pytest

from tallystick.kernel import card_numbers

VISA = "4111" + "1111" * 3


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        f"card {VISA}, thank you",
        f"x{VISA}y",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111.1111.1111.1111",
        "4111\t1111\t1111\t1111",
        "4111/1111/1111/1111",
        "4111_1111_1111_1111",
        "4111\u200b1111\u200b1111\u200b1111",
        "invoice 17 4111 1111 1111 1111 12",
        "\uff13\uff17" + "82 822463 10005",
        "3056 930902 5904",
        "4000 0000 0000 0000 006",
        f"DE89 3704 0044 0532 0130 00 {VISA}",
        f"DE00 {VISA}",
    ],
)
def test_a_card_number_is_found(text: str) -> None:
    assert card_numbers.found(text)
    hidden = card_numbers.hidden(text)
    assert "…" in hidden
    assert not card_numbers.found(hidden)


SEPARATORS = " \t_/-\u00a0\u2007\u2009\u200b\u200c\u200d\u202f\u2060\u2010\u2012\u2015\ufeff"


@pytest.mark.parametrize("between", [*SEPARATORS, *(2 * each for each in SEPARATORS)], ids=ascii)
def test_a_card_number_is_found_whatever_stands_between_its_groups(between: str) -> None:
    assert card_numbers.found(between.join(["4111", "1111", "1111", "1111"]))


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # no check digit
        "4111 1111 1111",
        "1234567812345670",  # nobody's beginning, though the check digit is right
        "20260302123456",
        "DE89 3704 0044 0532 0130 00",
        "GB33BUKB20201555555555",
        "RF56 4111 1111 1111 1111",  # a creditor reference around what would be one
        "21 00000 00003 13947 14300 09017",
        "+49 151 23456789",
        "4006381333931",
        "41111111-1111-4111-8111-111111111111",
        "4111.11 1111.11 1111.11",
        f"school-{VISA}a0b1c2d3e4f56789",  # an id that a program wrote as hexadecimal digits
        "01a1fe3dac5777299430221876573dbb",  # an id whose digits have all that a card has
        "INV-2026-000001",
        "",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert not card_numbers.found(text)
    assert card_numbers.hidden(text) == text


def test_what_is_hidden_is_the_number_alone() -> None:
    text = f"of 17 May, {VISA}, and 4242 4242 4242 4242"
    assert card_numbers.hidden(text) == "of 17 May, …, and …"
