"""What a refusal may repeat of a value: no card number, nothing unprintable, never all of a lot."""

import pytest

from tallystick.kernel.errors import (
    LOOKED_MAX,
    SHOWN_MAX,
    Invalid,
    Refusal,
    Refused,
    Unavailable,
    shown,
    step,
)

CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)]
SURROGATES = ["\ud800", "\udbff", "\udc00", "\udfff"]


def test_a_value_is_quoted() -> None:
    assert shown("INV-2026-000241") == "“INV-2026-000241”"
    assert shown(None) == "“None”"
    assert shown("Ünïcödé 名前 🎓") == "“Ünïcödé 名前 🎓”"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("4111111111111111", "“…”"),
        (4111111111111111, "“…”"),
        ("4111 1111 1111 1111", "“…”"),
        ("4111-1111-1111-1111", "“…”"),
        ("4111.1111.1111.1111", "“…”"),
        ("4111/1111/1111/1111", "“…”"),
        ("4111  1111  1111  1111", "“…”"),
        ("4111\n1111\r\n1111\t1111", "“…”"),
        ("4111\x001111\x001111\x001111", "“…”"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "“…”"),
        ("4111\u00a01111\u00a01111\u00a01111", "“…”"),
        ("4111\u200b1111\u200b1111\u200b1111", "“…”"),
        ("4111\ud8001111\ud8001111\ud8001111", "“…”"),
        ("\uff14" + "\uff11" * 15, "“…”"),
        ("\u0664" + "\u0661" * 15, "“…”"),
        ("3782 822463 10005", "“…”"),
        ("501234567890", "“…”"),
        ("6304000000000000000", "“…”"),
        ("card=4111111111111111&cvv=123", "“card=…&cvv=123”"),
        ("paid with 4111 1111 1111 1111, thanks", "“paid with …, thanks”"),
        ("4111111111111111 and 5500-0000-0000-0004", "“… and …”"),
    ],
)
def test_a_card_number_is_not_repeated(written: object, said: str) -> None:
    assert shown(written) == said


@pytest.mark.parametrize(
    "written",
    [
        "4111_1111_1111_1111",
        "4111 - 1111 - 1111 - 1111",
        "4111   1111   1111   1111",
        "4111\u200b\u200b\u200b1111\u200b\u200b\u200b1111\u200b\u200b\u200b1111",
    ],
)
def test_a_card_number_with_wider_gaps_is_not_repeated(written: str) -> None:
    said = shown(written)
    assert sum(letter.isdigit() for letter in said) <= 10


def test_what_is_too_short_for_a_card_is_repeated() -> None:
    assert shown("12345678901") == "“12345678901”"
    assert shown("2026-03-31") == "“2026-03-31”"


@pytest.mark.parametrize("control", CONTROLS)
def test_a_control_character_is_replaced(control: str) -> None:
    assert shown(f"a{control}b") == "“a\ufffdb”"


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_a_lone_surrogate_never_fails_to_encode(surrogate: str) -> None:
    said = shown(f"a{surrogate}b")
    assert said == "“a\ufffdb”"
    assert said.encode() == b"\xe2\x80\x9ca\xef\xbf\xbdb\xe2\x80\x9d"


def test_a_long_value_is_shortened() -> None:
    assert shown("x" * SHOWN_MAX) == "“" + "x" * 40 + "”"
    assert shown("x" * (SHOWN_MAX + 1)) == "“" + "x" * 39 + "…”"
    assert shown("x" * 1_000_000) == "“" + "x" * 39 + "…”"
    assert len(shown("1" * 1_000_000)) == 3


def test_a_refusal_carries_what_it_says() -> None:
    refused = Refused("invoice.void", "It is void.", pointer="/x", facts={"due": "1.00"})
    assert refused.refusal == Refusal("invoice.void", "It is void.", "/x", {"due": "1.00"})
    assert str(refused) == "invoice.void: It is void."
    assert issubclass(Invalid, Refused)
    assert Unavailable("Later.").retry_after_s == 1


@pytest.mark.parametrize("kept", range(4, 16))
def test_a_card_number_that_is_cut_through_is_not_repeated(kept: int) -> None:
    # What is masked before it is long, so that the cut comes early in what is left.
    written = "9" * (LOOKED_MAX - kept - 2) + "ab" + "4111111111111111" + "9" * 10**6
    assert shown(written) == "“…ab…”"


def test_a_name_that_was_sent_is_one_short_step_of_a_pointer() -> None:
    assert step("a/b~c\n4111 1111 1111 1111") == "a~1b~0c\ufffd…"
    assert len(step("~" * 10**6)) < 100
