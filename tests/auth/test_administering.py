"""Users as the platform looks after them, and the person of the platform who always stays."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from tallystick.auth import mailed, policy, users
from tallystick.auth.administering import (
    AdministeredUser,
    ChangeUser,
    InviteUser,
    SetUserActive,
    change_users,
    get_user,
    invite_users,
    list_users,
    set_users_active,
)
from tallystick.auth.credentials import PERSONAL_START, Minted, find_credential, hash_of
from tallystick.auth.models import MAILED_TOKENS, SESSIONS, USERS
from tallystick.auth.personal_tokens import make_token
from tallystick.auth.recovering import reset_password
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.rows import Writes
from tallystick.kernel.tasks import TASKS
from tests.auth.conftest import AtOnce
from tests.factories import START, Books
from tests.people import acting, login


@pytest.fixture
def email() -> str:
    """Return an address that nobody else has."""
    return f"Ada.{ids.new().hex}@example.com"


@pytest.fixture
def alone(database: Database) -> Iterator[Callable[[], None]]:
    """Return a way to let nobody be of the platform for now; all tests share one database."""
    of_platform = select(USERS.c.id).where(USERS.c.platform.is_(True))
    known = database.read(lambda conn: list(conn.execute(of_platform).scalars()))

    def set_all(value: bool, who: list[UUID]) -> None:  # noqa: FBT001  # the value itself
        statement = update(USERS).where(USERS.c.id.in_(who)).values(platform=value)
        database.write(lambda conn: conn.execute(statement))

    def nobody() -> None:
        found = database.read(lambda conn: list(conn.execute(of_platform).scalars()))
        set_all(False, found)  # noqa: FBT003  # the value itself

    nobody()
    yield nobody
    set_all(True, known)  # noqa: FBT003  # the value itself


def _invite(books: Books, email: str, **values: Any) -> AdministeredUser:
    given = {"name": "Ada", "user_name": None, "language": None, "platform": False, **values}
    return books.done(invite_users, InviteUser(books.act(), email, **given))


def _refused(books: Books, use_case: Any, command: Any) -> str:
    return books.refused(use_case, command).code


def test_an_invited_person_chooses_a_password(books: Books, email: str) -> None:
    made = _invite(books, email, user_name=None, language="de")
    user_id = UUID(made["id"])
    assert made == {
        "id": made["id"],
        "email": email,
        "email_verified": False,
        "user_name": None,
        "name": "Ada",
        "language": "de",
        "platform": False,
        "active": True,
        "two_factor": False,
        "version": 1,
        "created_at": "2026-03-02T09:00:01.000000Z",
        "updated_at": "2026-03-02T09:00:01.000000Z",
    }
    own = select(MAILED_TOKENS).where(MAILED_TOKENS.c.user_id == user_id)
    token = books.database.read(lambda conn: conn.execute(own).one())
    assert (token.purpose, token.email) == ("reset_password", email)
    assert token.expires_at - token.created_at == timedelta(days=7)
    tasks = select(TASKS.c.payload).where(TASKS.c.kind == "mail.reset_password")
    payloads = books.database.read(lambda conn: list(conn.execute(tasks).scalars()))
    assert {"token_id": str(token.id)} in payloads
    act = books.act()
    books.database.write(partial(reset_password, act=act, token_id=token.id, password_hash="h"))
    assert books.database.read(lambda conn: get_user(conn, user_id))["email_verified"] is True


def test_an_address_and_a_user_name_are_had_once(books: Books, email: str) -> None:
    name = f"ada{ids.new().hex}"
    _invite(books, email, user_name=name)

    def again(email: str, user_name: str | None) -> str:
        command = InviteUser(books.act(), email, "Ada", user_name, None, platform=False)
        return _refused(books, invite_users, command)

    assert again(email.upper(), None) == "user.email_taken"
    assert again(f"x{email}", name.upper()) == "user.user_name_taken"
    for wrong in ("x", "\u0130" * 64 + "@" + "\u0130" * 180, f"\u212a{email}"):
        assert again(wrong, None) == "user.email_malformed"
    assert again(f"x{email}", "a b") == "user.user_name_malformed"


def test_a_sign_up_that_nobody_proved_gives_way(books: Books, email: str) -> None:
    user_id = login(books.database, email=email, email_verified_at=None, password_hash="theirs")
    made = _invite(books, email.upper(), name="Ada", language="de", platform=True)
    assert made["id"] == str(user_id)
    assert (made["email"], made["language"], made["platform"]) == (email.upper(), "de", True)
    row = books.database.read(lambda conn: users.find(conn, user_id))
    assert row is not None
    assert (row.password_hash, row.email_verified_at) == (None, None)
    for values in ({"email_verified_at": START}, {"active": False, "email_verified_at": None}):
        other = f"x{ids.new().hex}@example.com"
        login(books.database, email=other, password_hash="theirs", **values)
        command = InviteUser(books.act(), other, "Ada", None, None, platform=False)
        assert _refused(books, invite_users, command) == "user.email_taken"


def test_users_are_found(books: Books, email: str) -> None:
    made = _invite(books, email)

    def listed(**wanted: Any) -> list[AdministeredUser]:
        return books.database.read(lambda conn: list_users(conn, **wanted)).items

    assert listed(email=email.upper()) == [made]
    kelvin = _invite(books, f"k{email}")
    assert listed(email=f"K{email}") == [kelvin]
    assert listed(email=f"\u212a{email}") == []
    assert listed(email=email, active=False) == []
    assert listed(limit=1) == [kelvin], "the newest first"
    assert listed(email="nobody@example.com") == []


def test_a_user_is_changed(books: Books, email: str) -> None:
    user_id = UUID(_invite(books, email)["id"])
    name = f"Ada{ids.new().hex}"
    changes = {"name": "Ada Obi", "user_name": name, "language": "fr"}
    changed = books.done(change_users, ChangeUser(books.act(), user_id, 1, changes))
    assert changed.items() >= {**changes, "version": 2}.items()
    found = books.database.read(lambda conn: users.find_by_login(conn, name.lower()))
    assert found is not None
    assert found.id == user_id
    stale = ChangeUser(books.act(), user_id, 1, {"name": "x"})
    assert _refused(books, change_users, stale) == "precondition.stale"
    unknown = ChangeUser(books.act(), ids.new(), 1, {"name": "x"})
    assert _refused(books, change_users, unknown) == "user.unknown"


def test_only_who_may_do_everything_makes_or_touches_the_platforms_people(
    books: Books, email: str
) -> None:
    of_platform = login(books.database, platform=True)
    plain = login(books.database)

    def less() -> Any:
        return acting(books.act(), ids.new(), "platform")

    asked: list[tuple[Any, Any]] = [
        (invite_users, InviteUser(less(), email, "Ada", None, None, platform=True)),
        (change_users, ChangeUser(less(), plain, 1, {"platform": True})),
        (change_users, ChangeUser(less(), of_platform, 1, {"name": "x"})),
        (set_users_active, SetUserActive(less(), of_platform, active=False)),
    ]
    for use_case, command in asked:
        assert _refused(books, use_case, command) == "auth.beyond_own"
    act = acting(books.act(), ids.new(), *policy.PLATFORM)
    changed = books.done(change_users, ChangeUser(act, plain, 1, {"platform": True}))
    assert changed["platform"] is True


def test_the_end_ends_sessions_and_tokens_for_good(books: Books) -> None:
    user_id, act = login(books.database), books.act()
    minted, session = Minted.new(PERSONAL_START), Minted.new("tss_")
    command = partial(
        make_token,
        act=act,
        user_id=user_id,
        name="x",
        scopes=None,
        expires_at=None,
        within=None,
        minted=minted,
    )
    books.database.write(command)
    row = {
        "id": session.id,
        "user_id": user_id,
        "secret_hash": hash_of(session.text),
        "address": "127.0.0.1",
        "agent": "a test",
        "created_at": START,
        "seen_at": START,
        "expires_at": START + timedelta(days=1),
        "ended_at": None,
    }
    books.database.write(lambda conn: conn.execute(SESSIONS.insert(), row))

    def mail_link(conn: Any) -> UUID:
        writes = Writes()
        made = mailed.add(writes, act, "reset_password", user_id=user_id, email="x@example.com")
        writes.flush(conn)
        return made

    token_id = books.database.write(mail_link)

    def good(at: datetime) -> list[bool]:
        texts = (minted.text, session.text)
        return [
            books.database.read(partial(find_credential, text=text, at=at)) is not None
            for text in texts
        ]

    assert good(books.act.now) == [True, True]
    ended = books.done(set_users_active, SetUserActive(books.act(), user_id, active=False))
    assert (ended["active"], ended["version"]) == (False, 2)
    assert good(books.act.now) == [False, False]
    again = SetUserActive(books.act(), user_id, active=False)
    assert _refused(books, set_users_active, again) == "user.inactive_already"
    back = books.done(set_users_active, SetUserActive(books.act(), user_id, active=True))
    assert back["active"] is True
    assert good(books.act.now) == [False, False], "for good"
    token = books.database.read(lambda conn: mailed.find(conn, "reset_password", token_id))
    assert token is not None
    assert token.used_at is not None
    again = SetUserActive(books.act(), user_id, active=True)
    assert _refused(books, set_users_active, again) == "user.active_already"


def test_the_last_person_of_the_platform_stays(books: Books, alone: Callable[[], None]) -> None:
    alone()
    last = login(books.database, platform=True)
    login(books.database, platform=True, active=False)
    for use_case, command in (
        (change_users, ChangeUser(books.act(), last, 1, {"platform": False})),
        (set_users_active, SetUserActive(books.act(), last, active=False)),
    ):
        assert _refused(books, use_case, command) == "user.last_platform"
    books.done(change_users, ChangeUser(books.act(), last, 1, {"name": "Still there"}))
    other = login(books.database, platform=True)
    books.done(change_users, ChangeUser(books.act(), last, 2, {"platform": False}))
    found = books.database.read(lambda conn: get_user(conn, other))
    assert found["updated_at"] > found["created_at"], "the one who stays was written too"
    assert found["version"] == 1, "and nothing of them has changed"


def test_two_of_the_platform_who_remove_each_other_at_once(
    books: Books, at_once: AtOnce, alone: Callable[[], None]
) -> None:
    for _ in range(10):
        alone()
        one, other = (login(books.database, platform=True) for _ in range(2))
        ended = at_once(
            set_users_active,
            SetUserActive(books.act(), one, active=False),
            SetUserActive(books.act(), other, active=False),
        )
        assert sorted(ended) == ["done", "user.last_platform"]
