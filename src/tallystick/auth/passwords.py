"""Passwords: which are good enough, their hash, and whether one is right.

A password is compared in Unicode's NFC form, so that it fits from every keyboard. Whether somebody
is known cannot be told from the time: an unknown person's password is hashed too.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tallystick.kernel.errors import Invalid

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 128
"""Characters. Source: NIST SP 800-63B section 5.1.1.2: at least 8 are asked for, at least 64 are
possible, and no rules of composition; 12 since most people here have no second factor.
"""

# Source: OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB of memory, 2 passes, 1 lane.
_MEMORY_KIB: Final = 19_456
_PASSES: Final = 2
_LANES: Final = 1
_HASHER: Final = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES)

# Well-formed and no password's, so that looking at it costs what looking at any other does.
NOBODYS: Final = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${'A' * 22}${'A' * 43}"
"""The hash that stands in for that of an unknown person."""

_ENDS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_COMMON: Final = frozenset(
    (
        *("passwordpassword", "passwort", "mypassword", "newpassword", "password"),
        *("qwertyuiop", "qwertyuiopasdf", "qwertyqwerty", "asdfghjkl", "asdfghjkll"),
        *("zxcvbnm", "qazwsxedc", "qazwsxedcrfv", "letmeinletmein", "letmein"),
        *("iloveyou", "iloveyouiloveyou", "welcome", "welcomewelcome", "administrator"),
        *("adminadmin", "administration", "football", "baseball", "superman"),
        *("batman", "sunshine", "princess", "dragon", "monkey"),
        *("master", "trustno", "correcthorsebatterystaple", "changeme", "changemechangeme"),
        *(
            "tallystick",
            "tallysticktallystick",
            "abcdefghijkl",
            "abcdefghijklm",
            "abcdefghijklmnop",
        ),
        *("secret", "secretsecret", "testtest", "testtesttest"),
    )
)
"""What the most common long passwords are without the digits and signs at their ends."""
_ROWS: Final = ("0123456789" * 13, "9876543210" * 13, "1234567890" * 13, "0987654321" * 13)


def normal(password: str) -> str:
    """Give the one form of a password that is hashed. Source: NIST SP 800-63B, Unicode UAX 15."""
    return unicodedata.normalize("NFC", password)


def check(password: str, *, about: Iterable[str | None], pointer: str = "/password") -> None:
    """Refuse a password that is too short, too long, or among the first that are guessed.

    `about` are the names of its owner: address, user name, name. The refusal never repeats it.

    Raises:
        Invalid: password.too_short, password.too_long, password.guessable.
    """
    password = normal(password)
    if len(password) < LENGTH_MIN:
        message = f"A password has at least {LENGTH_MIN} characters. Some words in a row are good."
        raise Invalid("password.too_short", message, pointer=pointer)
    if len(password) > LENGTH_MAX:
        message = f"A password has at most {LENGTH_MAX} characters."
        raise Invalid("password.too_long", message, pointer=pointer)
    if _is_guessable(password.casefold(), about):
        message = (
            "This password is among the first that somebody would try: it is very common, or your "
            "own name or address. Choose another, such as some words in a row."
        )
        raise Invalid("password.guessable", message, pointer=pointer)


def _is_guessable(password: str, about: Iterable[str | None]) -> bool:
    own = {name.casefold() for name in about if name}
    own |= {name.partition("@")[0] for name in own}
    core = _ENDS.sub("", password)
    return (
        len(set(password)) <= 2  # noqa: PLR2004  # aaaaaaaaaaaa, abababababab
        or any(password in row for row in _ROWS)
        or core in _COMMON
        or core.translate(_LETTERS) in _COMMON
        or password in own
        or core in own | {_ENDS.sub("", name) for name in own}
    )


_LETTERS: Final = str.maketrans("013457@$!", "oleastasi")
"""The signs that people write for letters."""


def hashed(password: str) -> str:
    """Give what is kept of a password. It takes a while and 19 MiB; keep it off the event loop."""
    return _HASHER.hash(normal(password))


def fits(password: str, kept: str | None) -> bool:
    """Tell whether a password is the one that a hash was made of.

    None stands for somebody unknown, or without a password: it is never right and takes as long.
    """
    try:
        _HASHER.verify(kept or NOBODYS, normal(password))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Tell whether a hash was made with other parameters than those of now."""
    return _HASHER.check_needs_rehash(kept)
