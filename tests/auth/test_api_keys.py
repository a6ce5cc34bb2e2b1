"""API keys: what they may be limited to, how one follows another, and their end."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tallystick.auth import policy
from tallystick.auth.api_keys import (
    RevokeKey,
    get_key,
    list_keys,
    make_key,
    revoke_keys,
    rotate_key,
)
from tallystick.auth.credentials import KeyDocument, Minted, actor_of, find_credential
from tallystick.auth.roles import CreateRole, create_roles
from tallystick.kernel import ids
from tallystick.kernel.database import attempt
from tallystick.kernel.errors import Refused
from tallystick.kernel.idempotency import Answer
from tests.auth.conftest import AtOnce
from tests.factories import Acts, Books, Opening
from tests.people import acting

HOUR = timedelta(hours=1)


def _make(books: Books, **values: Any) -> tuple[str, KeyDocument]:
    given = {
        "act": books.act(),
        "organization_id": books.organization_id,
        "role": "accountant",
        "name": "The till",
        **values,
    }
    return books.database.write(partial(make_key, **given))


def _rotate(books: Books, key: KeyDocument, **values: Any) -> tuple[str, KeyDocument]:
    given = {
        "act": books.act(),
        "organization_id": books.organization_id,
        "key_id": UUID(key["id"]),
        "overlap": HOUR,
        "minted": Minted.new(),
        **values,
    }
    return books.database.write(partial(rotate_key, **given))


def _may(books: Books, text: str, **later: Any) -> set[str] | None:
    """Give what a key may do now, or later; None when it is good for nothing."""

    def read(conn: Connection) -> set[str] | None:
        credential = find_credential(conn, text, books.act.now + timedelta(**later))
        if credential is None:
            return None
        actor = actor_of(conn, credential, credential.organization_id)
        assert actor is not None
        assert actor.permissions is not None
        return set(actor.permissions)

    return books.database.read(read)


def _code(books: Books, made: Any, **values: Any) -> str:
    before = books.snapshot()
    with pytest.raises(Refused) as refused:
        made(books, **values)
    assert books.snapshot() == before
    return refused.value.refusal.code


def test_scopes_take_away(books: Books) -> None:
    text, key = _make(books, scopes=frozenset({"read", "collect"}))
    assert key["scopes"] == ["collect", "read"]
    assert _may(books, text) == {"read", "collect"}
    wide = frozenset({"read", "manage"})
    assert _code(books, _make, scopes=wide) == "key.scopes_beyond_role"


def test_a_key_expires(books: Books) -> None:
    until = books.act.now + timedelta(days=1)
    text, key = _make(books, expires_at=until)
    assert key["expires_at"] == "2026-03-03T09:00:00.000000Z"
    assert _may(books, text, hours=23) is not None
    assert _may(books, text, hours=24) is None
    assert _code(books, _make, expires_at=books.act.now) == "key.expires_in_past"


def test_nobody_makes_a_key_that_may_more_than_they(books: Books) -> None:
    act = acting(books.act(), ids.new(), "read", "manage")
    assert _code(books, _make, act=act) == "auth.beyond_own"
    assert _code(books, _make, act=act, role="owner") == "auth.beyond_own"
    text, _ = _make(books, act=act, role="owner", scopes=frozenset({"read"}))
    assert _may(books, text) == {"read"}
    platform = acting(Acts(ids.NIL)(), ids.new(), *policy.TENANT)
    values = {"act": platform, "organization_id": None, "role": "platform"}
    assert _code(books, _make, **values) == "auth.beyond_own"


def test_an_unknown_role(books: Books, open_books: Opening) -> None:
    other = open_books()
    other.done(create_roles, CreateRole(other.act(), "clerk", frozenset({"read"})))
    assert _code(books, _make, role="clerk") == "role.unknown"
    assert _code(books, _make, role="platform") == "role.unknown"


def test_a_repeated_transaction_makes_one_key(books: Books) -> None:
    minted = Minted.new()
    first = _make(books, minted=minted)
    assert _make(books, minted=minted) == first
    assert len(books.read(list_keys, at=books.act.now).items) == 1
    follows = Minted.new()
    rotated = _rotate(books, first[1], minted=follows)
    assert _rotate(books, first[1], minted=follows) == rotated


def test_the_old_key_is_good_beside_the_new_one_for_a_while(books: Books) -> None:
    scopes = frozenset({"read"})
    old_text, old = _make(books, scopes=scopes, expires_at=books.act.now + timedelta(days=90))
    new_text, new = _rotate(books, old, overlap=timedelta(hours=2))
    assert new_text != old_text
    assert (new["role"], new["scopes"], new["name"]) == (old["role"], ["read"], old["name"])
    assert new["replaces_id"] == old["id"]
    # As long as the old one was made for: 90 days less the second between the two.
    assert new["expires_at"] == "2026-05-31T09:00:01.000000Z"
    assert (_may(books, old_text), _may(books, new_text)) == ({"read"}, {"read"})
    assert _may(books, old_text, hours=1, minutes=59) == {"read"}
    assert _may(books, old_text, hours=2) is None
    assert _may(books, new_text, days=60) == {"read"}
    kinds = [event["type"] for event in books.snapshot()["event"][1]]
    assert sorted(kinds) == ["key.created", "key.created", "key.rotated"]


def test_a_key_that_expires_soon_lives_no_longer_for_being_rotated(books: Books) -> None:
    text, key = _make(books, expires_at=books.act.now + HOUR)
    _rotate(books, key, overlap=timedelta(hours=24))
    assert _may(books, text, minutes=59) is not None
    assert _may(books, text, hours=1) is None


def test_what_is_not_rotated(books: Books, open_books: Opening) -> None:
    _, key = _make(books)
    less = acting(books.act(), ids.new(), "read", "manage")
    assert _code(books, _rotate, key=key, act=less) == "auth.beyond_own"
    other = open_books()
    assert _code(other, _rotate, key=key) == "key.unknown"
    assert _code(books, _rotate, key=key, organization_id=None) == "key.unknown"
    _rotate(books, key)
    assert _code(books, _rotate, key=key) == "key.rotated_already"
    _, revoked = _make(books)
    books.done(revoke_keys, RevokeKey(books.act(), books.organization_id, UUID(revoked["id"])))
    assert _code(books, _rotate, key=revoked) == "key.not_good"
    _, expired = _make(books, expires_at=books.act.now + timedelta(seconds=3))
    books.act.now += timedelta(minutes=1)
    assert _code(books, _rotate, key=expired) == "key.not_good"


def test_a_key_is_rotated_once(books: Books, at_once: AtOnce) -> None:
    _, key = _make(books)

    def rotate(conn: Connection, commands: Any) -> Any:
        values = commands[0]
        return [Answer(attempt(conn, lambda: rotate_key(conn, **values)))]

    given = {
        "organization_id": books.organization_id,
        "key_id": UUID(key["id"]),
        "overlap": HOUR,
    }
    asked = [{**given, "act": books.act(), "minted": Minted.new()} for _ in range(4)]
    assert sorted(at_once(rotate, *asked)) == ["done"] + ["key.rotated_already"] * 3


def test_a_revoked_key_is_good_for_nothing(books: Books, open_books: Opening) -> None:
    text, key = _make(books)
    key_id = UUID(key["id"])
    other = open_books()
    elsewhere = RevokeKey(other.act(), other.organization_id, key_id)
    assert other.refused(revoke_keys, elsewhere).code == "key.unknown"
    # Whoever looks after keys may revoke one that may more: it may be in the wrong hands.
    act = acting(books.act(), ids.new(), "manage")
    revoked = books.done(revoke_keys, RevokeKey(act, books.organization_id, key_id))
    assert revoked["revoked_at"] is not None
    assert _may(books, text) is None
    again = RevokeKey(books.act(), books.organization_id, key_id)
    assert books.refused(revoke_keys, again).code == "key.revoked_already"


def test_the_keys_of_an_organization(books: Books, open_books: Opening) -> None:
    _make(open_books())
    _, first = _make(books)
    _, second = _make(books, expires_at=books.act.now + timedelta(minutes=1))
    at = books.act.now

    def listed(**wanted: Any) -> list[str]:
        return [key["id"] for key in books.read(list_keys, **{"at": at, **wanted}).items]

    assert listed() == [second["id"], first["id"]]
    later = at + HOUR
    assert listed(good=True, at=later) == [first["id"]]
    assert listed(good=False, at=later) == [second["id"]]
    assert books.read(get_key, UUID(first["id"])) == first
    page = books.read(list_keys, at=at, limit=1)
    assert page.next_after == UUID(second["id"])


def test_the_keys_of_the_platform(books: Books) -> None:
    text, key = _make(
        books,
        act=Acts(ids.NIL)(),
        organization_id=None,
        role="platform",
        scopes=frozenset({"platform"}),
    )
    assert _may(books, text) == {"platform"}
    at = books.act.now
    found = books.database.read(lambda conn: list_keys(conn, None, at=at).items)
    assert [each["organization_id"] for each in found] == [None] * len(found)
    assert key in found
    assert key not in books.read(list_keys, at=at).items
