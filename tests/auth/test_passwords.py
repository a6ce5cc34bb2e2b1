"""Which passwords are taken, and how one is compared with what is kept of another."""

import unicodedata

import pytest
from argon2 import PasswordHasher, Type, extract_parameters

from tallystick.auth import passwords
from tallystick.kernel.errors import Invalid

GOOD = "four words in a row"


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "password.too_short"),
        ("elevenchars", "password.too_short"),
        ("x" * 129, "password.too_long"),
        ("e\u0301" * 11, "password.too_short"),  # 11 letters, however they are written
        ("password1234", "password.guessable"),
        ("P@ssw0rd1234", "password.guessable"),
        ("!!Qwertyuiop12", "password.guessable"),
        ("aaaaaaaaaaaa", "password.guessable"),
        ("abababababab", "password.guessable"),
        ("123456789012", "password.guessable"),
        ("987654321098", "password.guessable"),
        ("Ada.Example@Example.com", "password.guessable"),
        ("ada.example2026", "password.guessable"),
        ("adalovelace!!", "password.guessable"),
    ],
)
def test_what_is_refused_is_not_repeated(password: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.check(password, about=("ada.example@example.com", "AdaLovelace", None))
    assert refused.value.refusal.code == code
    assert refused.value.refusal.pointer == "/password"
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "x" * 64 + "y" * 63 + "z",
        "ÄÖÜ äöü ßßß 12",
        "correct-horse",
        "四つの言葉を並べて書きます。",
    ],
)
def test_what_is_taken(password: str) -> None:
    passwords.check(password, about=("ada@example.com", None))


def test_only_its_own_password_fits() -> None:
    kept = passwords.hashed(GOOD)
    assert GOOD not in kept
    assert passwords.fits(GOOD, kept)
    assert not passwords.fits(GOOD + " ", kept)
    assert not passwords.fits(GOOD, None)
    assert not passwords.fits(GOOD, "no hash at all")
    assert passwords.hashed(GOOD) != kept


def test_one_keyboard_is_like_another() -> None:
    written = "Grüße aus Köln!"
    kept = passwords.hashed(unicodedata.normalize("NFD", written))
    assert passwords.fits(unicodedata.normalize("NFC", written), kept)


def test_the_parameters_are_those_that_are_recommended() -> None:
    found = extract_parameters(passwords.hashed(GOOD))
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (
        Type.ID,
        19_456,
        2,
        1,
    )


def test_nobodys_hash_costs_what_any_other_does() -> None:
    assert extract_parameters(passwords.NOBODYS) == extract_parameters(passwords.hashed(GOOD))


def test_a_hash_of_other_parameters_fits_and_is_outdated() -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(GOOD)
    assert passwords.fits(GOOD, older)
    assert passwords.is_outdated(older)
    assert not passwords.is_outdated(passwords.hashed(GOOD))
