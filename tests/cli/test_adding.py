"""Make people on the command line, and the token that `up` shows while there is nobody."""

import io
import re
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tallystick.auth import passwords, users
from tallystick.auth.models import MAILED_TOKENS, USERS
from tallystick.cli import adding, welcome
from tallystick.kernel.database import Database
from tallystick.kernel.signing import Signer
from tallystick.settings import DEVELOPMENT_SECRET_KEY, load
from tests.cli.conftest import Run

PASSWORD = "four words in a row"
ADA = ("user", "add", "--email", "ada@example.com", "--name", "Ada", "--password-stdin")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a way to say what stands on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def _users(url: str) -> list[Any]:
    database = Database(url)
    found = database.read(lambda conn: conn.execute(select(USERS)).all())
    database.close()
    return list(found)


def test_add_a_member(run: Run, migrated: str, typed: Callable[[str], None]) -> None:
    assert run("demo").code == 0
    typed(PASSWORD + "\nmore\n")
    ended = run(*ADA, "--user-name", "ada", "--organization", "northfield", "--role", "cashier")
    assert ended.code == 0
    assert ended.err == "Ada can log in as ada@example.com, cashier of northfield.\n"
    database = Database(migrated)
    user = database.read(lambda conn: users.get_user(conn, UUID(ended.out.strip())))
    database.close()
    assert (user["email"], user["user_name"], user["platform"]) == ("ada@example.com", "ada", False)
    assert user["email_verified"] is True
    assert [(each["slug"], each["role"]) for each in user["memberships"]] == [
        ("northfield", "cashier")
    ]
    [row] = _users(migrated)
    assert passwords.fits(PASSWORD, row.password_hash)
    assert PASSWORD not in ended.out + ended.err


def test_add_somebody_of_the_platform(
    run: Run, migrated: str, typed: Callable[[str], None]
) -> None:
    typed(PASSWORD)
    assert run(*ADA, "--platform").err == "Ada can log in as ada@example.com, of the platform.\n"
    [row] = _users(migrated)
    assert row.platform is True
    typed(PASSWORD)
    ended = run(*ADA)
    assert ended.code == 4
    assert ended.err == "Somebody here has the address “ada@example.com” already.\n"


@pytest.mark.parametrize(
    ("arguments", "password", "code", "said"),
    [
        ((), "short", 2, "A password has at least 12 characters."),
        ((), "", 2, "A password has at least 12 characters."),
        (("--organization", "northfield"), PASSWORD, 2, "--organization SLUG and --role ROLE"),
        (("--organization", "nobody", "--role", "owner"), PASSWORD, 3, "no organization “nobody”"),
        (("--user-name", "a b"), PASSWORD, 2, "“a b” cannot be a user name."),
    ],
)
def test_what_is_refused_makes_nobody(
    run: Run,
    migrated: str,
    typed: Callable[[str], None],
    arguments: tuple[str, ...],
    password: str,
    code: int,
    said: str,
) -> None:
    typed(password)
    ended = run(*ADA, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert said in " ".join(re.sub("[│─╭╮╰╯]", " ", ended.err).split())
    assert _users(migrated) == []


def test_a_role_that_is_none_makes_nobody(
    run: Run, migrated: str, typed: Callable[[str], None]
) -> None:
    assert run("demo").code == 0
    typed(PASSWORD)
    ended = run(*ADA, "--organization", "northfield", "--role", "king")
    assert (ended.code, ended.out) == (3, "")
    assert _users(migrated) == []


def test_nobody_can_be_asked(run: Run, migrated: str, typed: Callable[[str], None]) -> None:
    typed(PASSWORD)
    ended = run(*ADA[:-1])
    assert ended.code == 2
    assert "--password-stdin" in ended.err
    assert _users(migrated) == []


def test_each_start_makes_a_token_until_there_is_somebody(
    run: Run, migrated: str, typed: Callable[[str], None]
) -> None:
    first, second = adding.setup_token(load()), adding.setup_token(load())
    assert first is not None
    assert second is not None
    signer = Signer(DEVELOPMENT_SECRET_KEY)
    ids_of = [signer.read("setup", token) for token in (first, second)]
    database = Database(migrated)
    rows = database.read(
        lambda conn: conn.execute(select(MAILED_TOKENS).order_by(MAILED_TOKENS.c.id)).all()
    )
    database.close()
    assert [row.id.bytes for row in rows] == ids_of
    assert [row.used_at is None for row in rows] == [False, True]
    assert welcome.setup("http://x", first) in welcome.text(load(), "http://x", first)
    assert "/v1/setup" not in welcome.text(load(), "http://x", None)
    typed(PASSWORD)
    assert run(*ADA).code == 0
    assert adding.setup_token(load()) is not None, "nobody is of the platform yet"
    typed(PASSWORD)
    ben = ("ben@example.com" if each == "ada@example.com" else each for each in ADA)
    assert run(*ben, "--platform").code == 0
    assert adding.setup_token(load()) is None
