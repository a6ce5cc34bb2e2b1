"""What the composition root puts together."""

from tallystick.settings import load
from tallystick.wiring import CHECKS, signer


def test_every_invariant_has_a_number_of_its_own() -> None:
    names = [check.id for check in CHECKS]
    assert sorted(set(names)) == sorted(names)


def test_tokens_are_signed_with_the_key_of_the_settings() -> None:
    first = signer(load(secret_key="first"))
    token = first.sign("page", b"value")
    assert first.read("page", token) == b"value"
    assert signer(load(secret_key="second")).read("page", token) is None
