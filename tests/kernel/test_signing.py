"""Tokens: they carry their value, and nobody but us makes one."""

import base64

import pytest

from tallystick.kernel.signing import TAG_BYTES, Signer

VALUES = [b"", b"a", b"ab", b"\x00\xff", "öé🎓".encode(), bytes(range(256))]


@pytest.mark.parametrize("value", VALUES)
def test_a_token_gives_its_value_back(value: bytes) -> None:
    signer = Signer("a secret")
    token = signer.sign("cursor", value)
    assert signer.read("cursor", token) == value
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"), (
        "safe in an address"
    )


def test_a_token_is_the_same_every_time() -> None:
    assert Signer("a secret").sign("cursor", b"x") == Signer("a secret").sign("cursor", b"x")


def test_a_token_holds_for_one_purpose_and_one_secret() -> None:
    token = Signer("a secret").sign("cursor", b"x")
    assert Signer("a secret").read("download", token) is None
    assert Signer("another").read("cursor", token) is None


def test_purpose_and_value_cannot_trade_places() -> None:
    signer = Signer("a secret")
    assert signer.read("a", signer.sign("a\x00b", b"c")) is None


def test_any_changed_bit_is_noticed() -> None:
    signer = Signer("a secret")
    # 16 and 5 bytes fill their last letter, so each bit of the text means something.
    raw = base64.urlsafe_b64decode(signer.sign("cursor", b"value"))
    assert len(raw) == TAG_BYTES + 5
    for place in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[place // 8] ^= 1 << place % 8
        token = base64.urlsafe_b64encode(bytes(changed)).decode()
        assert signer.read("cursor", token) is None


@pytest.mark.parametrize(
    "token", ["", "A", "AAAA", "é", "=", "====", " ", "a b", "\x00", "\ud800", "A" * 22, "!" * 40]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert Signer("a secret").read("cursor", token) is None


@pytest.mark.parametrize("length", [1, 10, 21, 27])
def test_a_shortened_token_is_refused(length: int) -> None:
    signer = Signer("a secret")
    assert signer.read("cursor", signer.sign("cursor", b"value")[:length]) is None
