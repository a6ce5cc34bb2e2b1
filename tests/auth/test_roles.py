"""Roles of an organization: made, changed and removed, and what they allow at once."""

from typing import Any
from uuid import UUID

import pytest

from tallystick.auth import policy
from tallystick.auth.credentials import actor_of, create_key, find_credential
from tallystick.auth.memberships import ChangeMember, change_members
from tallystick.auth.models import INVITATIONS
from tallystick.auth.roles import (
    ROLES_MAX,
    ChangeRole,
    CreateRole,
    DeleteRole,
    change_roles,
    create_roles,
    delete_roles,
    get_role,
    list_roles,
)
from tallystick.kernel import ids
from tests.auth.conftest import AtOnce
from tests.factories import START, Books, Opening
from tests.people import acting, member


def _made(books: Books, name: str = "clerk", *permissions: str) -> Any:
    may = frozenset(permissions or {"read", "collect"})
    return books.done(create_roles, CreateRole(books.act(), name, may))


def test_a_role_of_ones_own(books: Books) -> None:
    made = _made(books)
    assert made == {
        "name": "clerk",
        "built_in": False,
        "permissions": ["collect", "read"],
        "version": 1,
        "created_at": "2026-03-02T09:00:01.000000Z",
        "updated_at": "2026-03-02T09:00:01.000000Z",
    }
    assert books.read(get_role, "clerk") == made
    [event] = books.snapshot()["event"][1]
    assert event["type"] == "role.created"
    assert event["payload"] == {"role": "clerk", "permissions": ["collect", "read"]}


def test_the_list_has_those_of_all_first(books: Books, open_books: Opening) -> None:
    _made(open_books(), "elsewhere")
    _made(books, "teller")
    _made(books, "clerk")
    listed = books.read(list_roles)
    assert [role["name"] for role in listed] == [*policy.ROLES, "clerk", "teller"]
    assert [role["built_in"] for role in listed] == [True] * 4 + [False] * 2
    assert listed[0]["permissions"] == sorted(policy.TENANT)


@pytest.mark.parametrize("name", ["owner", "viewer", "platform", "clerk"])
def test_a_name_is_given_once(books: Books, name: str) -> None:
    _made(books)
    refused = books.refused(create_roles, CreateRole(books.act(), name, frozenset({"read"})))
    assert (refused.code, refused.pointer) == ("role.name_taken", "/name")


def test_roles_are_bounded(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ROLES_MAX == 100
    monkeypatch.setattr("tallystick.auth.roles.ROLES_MAX", 1)
    _made(books)
    refused = books.refused(create_roles, CreateRole(books.act(), "second", frozenset({"read"})))
    assert refused.code == "role.too_many"


def test_a_change_counts_for_a_key_that_has_the_role(books: Books) -> None:
    _made(books)
    text, _ = books.database.write(
        lambda conn: create_key(
            conn, books.act(), organization_id=books.organization_id, role="clerk", name="Till"
        )
    )

    def may() -> set[str]:
        def read(conn: Any) -> Any:
            credential = find_credential(conn, text, START)
            assert credential is not None
            return actor_of(conn, credential, books.organization_id)

        return set(books.database.read(read).permissions)

    assert may() == {"read", "collect"}
    changed = books.done(change_roles, ChangeRole(books.act(), "clerk", 1, frozenset({"audit"})))
    assert (changed["permissions"], changed["version"]) == (["audit"], 2)
    assert may() == {"audit"}
    stale = ChangeRole(books.act(), "clerk", 1, frozenset({"read"}))
    assert books.refused(change_roles, stale).code == "precondition.stale"


@pytest.mark.parametrize("name", list(policy.ROLES))
def test_the_roles_of_all_stay(books: Books, name: str) -> None:
    change = ChangeRole(books.act(), name, 1, frozenset({"read"}))
    assert books.refused(change_roles, change).code == "role.built_in"
    assert books.refused(delete_roles, DeleteRole(books.act(), name, 1)).code == "role.built_in"


def test_nobody_makes_a_role_that_may_more_than_they(books: Books) -> None:
    _made(books, "boss", "read", "manage", "refund")
    acts = [acting(books.act(), ids.new(), "read", "manage") for _ in range(3)]
    asked: list[tuple[Any, Any]] = [
        (create_roles, CreateRole(acts[0], "mine", frozenset({"read", "refund"}))),
        (change_roles, ChangeRole(acts[1], "boss", 1, frozenset({"read"}))),
        (delete_roles, DeleteRole(acts[2], "boss", 1)),
    ]
    for use_case, command in asked:
        refused = books.refused(use_case, command)
        assert refused.code == "auth.beyond_own"
        assert refused.detail.endswith("you do not have refund.")


def test_a_role_is_deleted_when_nobody_has_it(books: Books) -> None:
    _made(books)
    assert books.done(delete_roles, DeleteRole(books.act(), "clerk", 1)) == {"name": "clerk"}
    unknown = DeleteRole(books.act(), "clerk", 1)
    assert books.refused(delete_roles, unknown).code == "role.unknown"


def test_a_role_that_somebody_has_stays(books: Books) -> None:
    _made(books)
    invitation = {
        "organization_id": books.organization_id,
        "email": "ann@example.com",
        "email_key": "ann@example.com",
        "role": "clerk",
        "version": 1,
        "created_at": START,
        "accepted_at": None,
        "revoked_at": None,
    }
    open_one = {**invitation, "id": ids.new(), "expires_at": START.replace(year=2027)}
    late_one = {**invitation, "id": ids.new(), "expires_at": START}
    books.database.write(lambda conn: conn.execute(INVITATIONS.insert(), [open_one, late_one]))
    member(books.database, books.organization_id, "clerk", member=False)
    books.database.write(
        lambda conn: create_key(
            conn, books.act(), organization_id=books.organization_id, role="clerk", name="Till"
        )
    )
    refused = books.refused(delete_roles, DeleteRole(books.act(), "clerk", 1))
    assert refused.code == "role.in_use"
    assert refused.facts == {"members": 1, "keys": 1, "invitations": 1}


def test_a_role_that_is_given_while_it_is_deleted(open_books: Opening, at_once: AtOnce) -> None:
    for _ in range(10):
        books = open_books()
        _made(books)
        whom: UUID = member(books.database, books.organization_id, "viewer")
        both = {
            ChangeMember: ChangeMember(books.act(), whom, 1, "clerk"),
            DeleteRole: DeleteRole(books.act(), "clerk", 1),
        }
        cases = {ChangeMember: change_members, DeleteRole: delete_roles}

        def either(conn: Any, commands: Any, cases: Any = cases) -> Any:
            return cases[type(commands[0])](conn, commands)

        ended = at_once(either, *both.values())
        assert sorted(ended) in (["done", "role.in_use"], ["done", "role.unknown"])
