"""Members: their roles, their end, and the owner who always stays."""

from typing import Any
from uuid import UUID

import pytest

from tallystick.auth import memberships
from tallystick.auth.memberships import (
    ChangeMember,
    SetMemberActive,
    change_members,
    get_member,
    list_members,
    roles_of,
    set_members_active,
)
from tallystick.auth.roles import CreateRole, create_roles
from tallystick.kernel import ids
from tests.auth.conftest import AtOnce
from tests.factories import Books, Opening
from tests.people import acting, login, member


@pytest.fixture
def owner(books: Books) -> UUID:
    """Return an owner of the organization."""
    return member(books.database, books.organization_id, name="Olga Example")


def test_a_member_as_the_organization_sees_them(books: Books, owner: UUID) -> None:
    seen = books.read(get_member, owner)
    assert seen == {
        "user_id": str(owner),
        "name": "Olga Example",
        "email": f"{owner.hex}@example.com",
        "role": "owner",
        "active": True,
        "version": 1,
        "created_at": "2026-03-02T09:00:00.000000Z",
        "updated_at": "2026-03-02T09:00:00.000000Z",
    }
    assert books.read(list_members).items == [seen]


def test_members_by_role_and_by_whether_they_are_active(books: Books, owner: UUID) -> None:
    viewer = member(books.database, books.organization_id, "viewer")
    former = member(books.database, books.organization_id, "viewer", member=False)

    def listed(**wanted: Any) -> list[str]:
        return [each["user_id"] for each in books.read(list_members, **wanted).items]

    assert listed() == [str(former), str(viewer), str(owner)]
    assert listed(active=True) == [str(viewer), str(owner)]
    assert listed(active=False) == [str(former)]
    assert listed(role="viewer", active=True) == [str(viewer)]
    first = books.read(list_members, limit=2)
    rest = books.read(list_members, limit=2, after=first.next_after)
    assert [each["user_id"] for each in rest.items] == [str(owner)]


def test_a_member_of_elsewhere_is_unknown(open_books: Opening, owner: UUID) -> None:
    other = open_books()
    for command in (
        ChangeMember(other.act(), owner, 1, "viewer"),
        ChangeMember(other.act(), ids.new(), 1, "viewer"),
    ):
        assert other.refused(change_members, command).code == "user.unknown"
    ending = SetMemberActive(other.act(), owner, active=False)
    assert other.refused(set_members_active, ending).code == "user.unknown"


def test_another_role(books: Books, owner: UUID) -> None:
    cashier = member(books.database, books.organization_id, "cashier")
    act = acting(books.act(), owner)
    changed = books.done(change_members, ChangeMember(act, cashier, 1, "accountant"))
    assert (changed["role"], changed["version"]) == ("accountant", 2)
    [event] = books.snapshot()["event"][1]
    assert (event["type"], event["subject_id"]) == ("member.changed", cashier)
    assert event["payload"] == {
        "user_id": str(cashier),
        "role": "accountant",
        "role_before": "cashier",
    }
    stale = ChangeMember(act=books.act(), user_id=cashier, version=1, role="viewer")
    assert books.refused(change_members, stale).code == "precondition.stale"
    unknown = ChangeMember(act=books.act(), user_id=cashier, version=2, role="boss")
    refused = books.refused(change_members, unknown)
    assert (refused.code, refused.pointer) == ("role.unknown", "/role")


@pytest.mark.parametrize(
    ("has", "gets"), [("manager", "owner"), ("manager", "cashier"), ("owner", "viewer")]
)
def test_nobody_gives_or_takes_more_than_they_have(
    books: Books, owner: UUID, has: str, gets: str
) -> None:
    permissions = frozenset({"read", "manage"})
    books.done(create_roles, CreateRole(books.act(), "manager", permissions))
    manager = member(books.database, books.organization_id, "manager")
    act = acting(books.act(), manager, *permissions, role="manager")
    # Oneself among others: nobody raises their own role.
    whom = manager if has == "manager" else owner
    refused = books.refused(change_members, ChangeMember(act, whom, 1, gets))
    assert refused.code == "auth.beyond_own"


def test_who_may_do_less_ends_nobody_who_may_do_more(books: Books, owner: UUID) -> None:
    act = acting(books.act(), ids.new(), "read", "manage")
    refused = books.refused(set_members_active, SetMemberActive(act, owner, active=False))
    assert refused.code == "auth.beyond_own"


def test_the_end_and_the_return(books: Books, owner: UUID) -> None:
    viewer = member(books.database, books.organization_id, "viewer")
    assert books.database.read(lambda conn: roles_of(conn, viewer)) == {
        books.organization_id: "viewer"
    }
    for active, version in ((False, 2), (True, 3)):
        act = acting(books.act(), owner)
        done = books.done(set_members_active, SetMemberActive(act, viewer, active))
        assert (done["active"], done["version"], done["role"]) == (active, version, "viewer")
        act = acting(books.act(), owner)
        again = books.refused(set_members_active, SetMemberActive(act, viewer, active))
        expected = "member.active_already" if active else "member.inactive_already"
        assert again.code == expected
        known = books.database.read(lambda conn: roles_of(conn, viewer))
        assert known == ({books.organization_id: "viewer"} if active else {})


def test_the_last_owner_stays(books: Books, owner: UUID) -> None:
    member(books.database, books.organization_id, "accountant")
    member(books.database, books.organization_id, "owner", member=False)
    # An owner who cannot log in would be of no use.
    member(books.database, books.organization_id, "owner", active=False)
    asked: list[tuple[Any, Any]] = [
        (change_members, ChangeMember(books.act(), owner, 1, "accountant")),
        (set_members_active, SetMemberActive(books.act(), owner, active=False)),
    ]
    for use_case, command in asked:
        assert books.refused(use_case, command).code == "member.last_owner"
    # An owner may stay one.
    books.done(change_members, ChangeMember(books.act(), owner, 1, "owner"))
    other = member(books.database, books.organization_id, "owner")
    books.done(set_members_active, SetMemberActive(books.act(), owner, active=False))
    found = books.read(get_member, other)
    assert found["updated_at"] > found["created_at"], "the one who stays was written too"
    assert found["version"] == 1, "and nothing of them has changed"


def test_a_member_again_is_one_in_the_new_role(books: Books) -> None:
    user_id = login(books.database)
    former = member(books.database, books.organization_id, "owner", member=False)

    def added(whom: UUID, role: str) -> dict[str, Any]:
        act = books.act()
        return dict(
            books.database.write(lambda conn: memberships.add_member(conn, act, whom, role))
        )

    assert added(user_id, "viewer")["role"] == "viewer"
    assert added(former, "cashier").items() >= {"role": "cashier", "active": True}.items()
    assert added(user_id, "owner")["role"] == "viewer", "who is a member keeps their role"


def test_two_owners_who_remove_each_other_at_once(open_books: Opening, at_once: AtOnce) -> None:
    for _ in range(20):
        books = open_books()
        one, other = (member(books.database, books.organization_id) for _ in range(2))
        ended = at_once(
            set_members_active,
            SetMemberActive(acting(books.act(), one), other, active=False),
            SetMemberActive(acting(books.act(), other), one, active=False),
        )
        assert sorted(ended) == ["done", "member.last_owner"]
        assert len(books.read(list_members, active=True).items) == 1
