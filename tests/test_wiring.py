"""What the composition root puts together."""

import base64

import pytest
from pydantic import SecretStr

from tallystick.channels.console import Console
from tallystick.channels.mailbox import Mailbox
from tallystick.channels.smtp import Smtp
from tallystick.settings import BadSetting, load
from tallystick.wiring import (
    CHECKS,
    address,
    channel,
    make_worker,
    sealer,
    signer,
)


def test_every_invariant_has_a_number_of_its_own() -> None:
    names = [check.id for check in CHECKS]
    assert sorted(set(names)) == sorted(names)


def test_tokens_are_signed_with_the_key_of_the_settings() -> None:
    first = signer(load(secret_key="first"))
    token = first.sign("page", b"value")
    assert first.read("page", token) == b"value"
    assert signer(load(secret_key="second")).read("page", token) is None


def _key(letter: str) -> str:
    return base64.b64encode(letter.encode() * 32).decode()


def test_the_first_sealing_key_seals_and_the_secret_key_still_opens() -> None:
    before = sealer(load(secret_key="first"))
    sealed = before.seal("totp", b"value")
    given = load(secret_key="first", sealing_keys=f"b:{_key('b')}, a:{_key('a')}")
    after = sealer(given)
    assert (before.newest, after.newest) == ("secret", "b")
    assert after.open("totp", sealed) == b"value"
    older = sealer(load(secret_key="second", sealing_keys=f"a:{_key('a')}"))
    assert after.open("totp", older.seal("totp", b"value")) == b"value"


def test_a_key_may_be_written_as_in_an_address() -> None:
    key = base64.urlsafe_b64encode(b"\xfb\xff" * 16).decode()
    assert sealer(load(sealing_keys=f"a:{key}")).newest == "a"


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ("", "key 1 has no id"),
        ("nothing", "key 1 is not 32 bytes in base 64"),
        (f":{_key('a')}", "key 1 has no id"),
        (f"a b:{_key('a')}", "key 1 has no id"),
        (f"a:{_key('a')},", "key 2 has no id"),
        (f"a:{_key('a')},a:{_key('b')}", "key 2 has the id of one before it"),
        (f"secret:{_key('a')}", "key 1 has the id secret, which is that of the key made"),
        (f"a:{_key('a')},b:AAAA", "key 2 is not 32 bytes"),
        (f"a:{_key('a')},b:hush!", "key 2 is not 32 bytes"),
    ],
)
def test_sealing_keys_that_cannot_be_used(keys: str, wrong: str) -> None:
    with pytest.raises(BadSetting, match=wrong) as raised:
        sealer(load(secret_key="x").model_copy(update={"sealing_keys": SecretStr(keys)}))
    assert "hush" not in str(raised.value)
    assert _key("a") not in str(raised.value)


def test_the_way_of_mails_is_chosen_by_the_settings() -> None:
    assert isinstance(channel(load()), Console)
    assert isinstance(channel(load(mailbox_dir="mails")), Mailbox)
    server = "smtp://ann:hush@mail.example.com"
    assert isinstance(channel(load(smtp_url=server, mailbox_dir="mails")), Smtp)
    # There a token in the log would be one too many, so mails wait for a server.
    production = load(environment="production", secret_key="s" * 32)
    assert channel(production) is None
    with make_worker(production) as worker:
        assert worker.handled == ("ask:fakepay",)
    with make_worker(load()) as worker:
        assert "mail.verify_email" in worker.handled


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"smtp_url": "http://ann:hush@mail.example.com"}, "SMTP_URL cannot be used: no address"),
        ({"smtp_url": "smtp://hush@mail.example.com"}, "a user without a password"),
        ({"mail_from": "Northfield"}, "MAIL_FROM is “Northfield”, which cannot be used"),
        ({"mail_from": "a@example.com, b@example.com"}, "which cannot be used"),
    ],
)
def test_mails_that_cannot_leave(given: dict[str, str], wrong: str) -> None:
    with pytest.raises(BadSetting, match=wrong) as raised:
        channel(load(**given))
    assert "hush" not in str(raised.value)


def test_where_the_server_answers() -> None:
    assert address(load()) == "http://127.0.0.1:8000"
    assert address(load(host="::1", port=8080)) == "http://[::1]:8080"
    everywhere = load(environment="production", secret_key="s" * 32, host="0.0.0.0")
    assert address(everywhere) == "http://localhost:8000"
