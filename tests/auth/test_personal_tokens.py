"""Personal tokens: they act as their owner, wherever the owner may."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tallystick.auth import policy
from tallystick.auth.credentials import PERSONAL_START, Minted, actor_of, find_credential
from tallystick.auth.memberships import SetMemberActive, set_members_active
from tallystick.auth.personal_tokens import (
    RevokeToken,
    TokenDocument,
    get_token,
    list_tokens,
    make_token,
    revoke_all,
    revoke_tokens,
)
from tallystick.kernel import ids
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Refused
from tests.factories import Acts, Books, Opening
from tests.people import login, member


def _make(books: Books, user_id: UUID, **values: Any) -> tuple[str, TokenDocument]:
    given = {
        "act": Acts(ids.NIL)(),
        "user_id": user_id,
        "name": "Nightly export",
        "scopes": None,
        "expires_at": None,
        "within": None,
        "minted": Minted.new(PERSONAL_START),
        **values,
    }
    return books.database.write(partial(make_token, **given))


def _actor(books: Books, text: str, place: UUID | None, **later: Any) -> Actor | None:
    def read(conn: Connection) -> Actor | None:
        credential = find_credential(conn, text, books.act.now + timedelta(**later))
        return None if credential is None else actor_of(conn, credential, place)

    return books.database.read(read)


def test_a_token_acts_as_its_owner(books: Books, open_books: Opening) -> None:
    user_id = member(books.database, books.organization_id, "cashier")
    text, token = _make(books, user_id)
    assert text.startswith(PERSONAL_START)
    assert token["prefix"] == text[:12]
    assert "organization_id" not in token
    may = policy.ROLES["cashier"] | policy.PERSON
    assert _actor(books, text, books.organization_id) == Actor(
        "user", user_id, "cashier", None, may
    )
    assert _actor(books, text, None) == Actor("user", user_id, "", None, policy.PERSON)
    assert _actor(books, text, open_books().organization_id) is None
    ending = SetMemberActive(books.act(), user_id, active=False)
    books.done(set_members_active, ending)
    assert _actor(books, text, books.organization_id) is None


def test_scopes_and_expiry(books: Books) -> None:
    user_id = member(books.database, books.organization_id, "cashier")
    scopes = frozenset({"read", "refund"})
    until = books.act.now + timedelta(days=1)
    text, token = _make(books, user_id, scopes=scopes, expires_at=until)
    assert token["scopes"] == ["read", "refund"]
    actor = _actor(books, text, books.organization_id)
    assert actor is not None
    assert actor.permissions == frozenset({"read"}), (
        "no more than the role, no more than the scopes"
    )
    assert _actor(books, text, books.organization_id, days=1) is None
    with pytest.raises(Refused, match=r"key\.expires_in_past"):
        _make(books, user_id, expires_at=Acts(ids.NIL).now)


@pytest.mark.parametrize("scopes", [None, frozenset({"read", "self"}), frozenset({"pay"})])
def test_a_limited_token_makes_no_wider_one(books: Books, scopes: frozenset[str] | None) -> None:
    user_id = login(books.database)
    with pytest.raises(Refused, match=r"auth\.beyond_own"):
        _make(books, user_id, scopes=scopes, within=frozenset({"self"}))
    _make(books, user_id, scopes=frozenset({"self"}), within=frozenset({"self"}))


def test_a_token_makes_none_that_outlives_it(books: Books) -> None:
    user_id = login(books.database)
    until = books.act.now + timedelta(days=1)
    made_with = UUID(_make(books, user_id, expires_at=until)[1]["id"])
    for later in (None, until + timedelta(microseconds=1)):
        with pytest.raises(Refused, match=r"auth\.beyond_own") as refused:
            _make(books, user_id, expires_at=later, made_with=made_with)
        assert refused.value.refusal.pointer == "/expires_at"
    _make(books, user_id, expires_at=until, made_with=made_with)
    for_good = UUID(_make(books, user_id)[1]["id"])
    _make(books, user_id, made_with=for_good)


def test_a_repeated_transaction_makes_one_token(books: Books) -> None:
    user_id, minted = login(books.database), Minted.new(PERSONAL_START)
    first = _make(books, user_id, minted=minted)
    assert _make(books, user_id, minted=minted) == first
    found = books.database.read(lambda conn: list_tokens(conn, user_id))
    assert found.items == [first[1]]


def test_a_token_is_revoked_by_its_owner_only(books: Books) -> None:
    user_id = login(books.database)
    text, token = _make(books, user_id)
    token_id = UUID(token["id"])
    stranger = RevokeToken(books.act(), login(books.database), token_id)
    assert books.refused(revoke_tokens, stranger).code == "token.unknown"
    assert _actor(books, text, None) is not None
    revoked = books.done(revoke_tokens, RevokeToken(books.act(), user_id, token_id))
    assert revoked["revoked_at"] is not None
    assert books.database.read(lambda conn: get_token(conn, user_id, token_id)) == revoked
    assert _actor(books, text, None) is None
    again = RevokeToken(books.act(), user_id, token_id)
    assert books.refused(revoke_tokens, again).code == "token.revoked_already"


def test_all_tokens_of_a_person_at_once(books: Books) -> None:
    user_id, other_id = login(books.database), login(books.database)
    mine = [_make(books, user_id)[0] for _ in range(2)]
    other, _ = _make(books, other_id)
    books.database.write(lambda conn: revoke_all(conn, books.act(), user_id))
    assert [_actor(books, text, None) for text in mine] == [None, None]
    assert _actor(books, other, None) is not None
