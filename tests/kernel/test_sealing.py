"""Sealed secrets: opened by whoever has the key, for the one purpose, and by nobody else."""

import base64

import pytest

from tallystick.kernel.sealing import CannotOpen, Sealer

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_was_sealed_opens_again() -> None:
    sealer = Sealer({"2026": NEW})
    sealed = sealer.seal("totp", b"the secret")
    assert sealed.startswith("2026.")
    assert sealer.open("totp", sealed) == b"the secret"
    assert b"the secret" not in base64.urlsafe_b64decode(sealed.partition(".")[2])
    assert sealer.seal("totp", b"the secret") != sealed


def test_it_opens_for_its_purpose_only() -> None:
    sealer = Sealer({"2026": NEW})
    with pytest.raises(CannotOpen):
        sealer.open("webhook", sealer.seal("totp", b"the secret"))


def test_the_first_key_seals_and_all_open() -> None:
    before, after = Sealer({"old": OLD}), Sealer({"new": NEW, "old": OLD})
    sealed = before.seal("totp", b"the secret")
    assert after.open("totp", sealed) == b"the secret"
    assert (before.newest, after.newest) == ("old", "new")
    assert after.seal("totp", b"x").startswith("new.")
    with pytest.raises(CannotOpen, match="new"):
        before.open("totp", after.seal("totp", b"the secret"))


def test_a_key_of_the_same_id_is_not_the_same_key() -> None:
    with pytest.raises(CannotOpen):
        Sealer({"a": OLD}).open("totp", Sealer({"a": NEW}).seal("totp", b"the secret"))


def test_the_last_key_follows_from_the_secret_key() -> None:
    alone = Sealer.derived("a secret key")
    sealed = alone.seal("totp", b"the secret")
    assert Sealer.derived("a secret key").open("totp", sealed) == b"the secret"
    later = Sealer.derived("a secret key", keys={"new": NEW})
    assert later.newest == "new"
    assert later.open("totp", sealed) == b"the secret"
    with pytest.raises(CannotOpen):
        Sealer.derived("another secret key").open("totp", sealed)


@pytest.mark.parametrize(
    "sealed", ["", "2026", "2026.", "2026.!!!!", "2026.AAAA", "other.AAAA", "2026." + "A" * 80, "."]
)
def test_what_was_never_sealed(sealed: str) -> None:
    with pytest.raises(CannotOpen):
        Sealer({"2026": NEW}).open("totp", sealed)


def test_no_byte_of_it_can_be_changed() -> None:
    sealer = Sealer({"2026": NEW})
    raw = base64.urlsafe_b64decode(sealer.seal("totp", b"the secret").partition(".")[2])
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(CannotOpen):
            sealer.open("totp", f"2026.{base64.urlsafe_b64encode(changed).decode()}")
