"""Invitations: whom they reach, how long they are good, and that each is accepted once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select, update

from tallystick.auth import accepting, mailed, users
from tallystick.auth.accepting import AcceptedDocument, NewPerson
from tallystick.auth.audit_trail import Wanted, list_entries
from tallystick.auth.credentials import PERSONAL_START, Minted, find_credential
from tallystick.auth.guessing import MAILS_MAX
from tallystick.auth.invitations import (
    GOOD_FOR,
    CreateInvitation,
    InvitationDocument,
    RevokeInvitation,
    create_invitations,
    get_invitation,
    list_invitations,
    revoke_invitations,
)
from tallystick.auth.memberships import (
    ChangeMember,
    SetMemberActive,
    change_members,
    get_member,
    list_members,
    set_members_active,
)
from tallystick.auth.models import RECOVERY_CODES, USERS
from tallystick.auth.personal_tokens import make_token
from tallystick.auth.roles import CreateRole, DeleteRole, create_roles, delete_roles
from tallystick.kernel import ids
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.database import attempt
from tallystick.kernel.errors import Refused
from tallystick.kernel.idempotency import Answer
from tallystick.kernel.rows import Writes
from tallystick.kernel.tasks import TASKS
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tests.auth.conftest import AtOnce
from tests.factories import START, Books, Opening
from tests.people import acting, login, member

Invite = Callable[..., InvitationDocument]


@pytest.fixture
def email() -> str:
    """Return an address that nobody else has."""
    return f"Ann.{ids.new().hex}@Example.com"


def _invite(books: Books, email: str, role: str = "cashier") -> InvitationDocument:
    return books.done(create_invitations, CreateInvitation(books.act(), email, role))


def _nobody(books: Books) -> Act:
    return replace(books.act(), actor=Actor("nobody", ids.NIL, "", None, frozenset()))


def _person() -> NewPerson:
    return NewPerson(ids.new(), "Ann Example", "a hash")


def _accept(
    books: Books, invitation: InvitationDocument, person: NewPerson | None = None, **values: Any
) -> AcceptedDocument:
    act = values.get("act") or _nobody(books)
    invitation_id = UUID(invitation["id"])
    return books.database.write(lambda conn: accepting.accept(conn, act, invitation_id, person))


def _refused(books: Books, invitation: InvitationDocument, *person: NewPerson) -> str:
    before = books.snapshot()
    with pytest.raises(Refused) as refused:
        _accept(books, invitation, *person)
    assert books.snapshot() == before
    return refused.value.refusal.code


def _user(books: Books, email: str) -> Any:
    return books.database.read(lambda conn: users.find_by_email(conn, email))


def test_an_invitation_asks_for_a_mail(books: Books, email: str) -> None:
    made = _invite(books, email)
    assert made == {
        "id": made["id"],
        "email": email,
        "role": "cashier",
        "status": "pending",
        "version": 1,
        "created_at": "2026-03-02T09:00:01.000000Z",
        "expires_at": "2026-03-09T09:00:01.000000Z",
        "accepted_at": None,
        "revoked_at": None,
    }
    own = select(TASKS).where(TASKS.c.organization_id == books.organization_id)
    [task] = books.database.read(lambda conn: conn.execute(own).all())
    assert task.kind == "mail.invitation"
    place = {"organization_id": str(books.organization_id), "invitation_id": made["id"]}
    assert task.payload == place
    [event] = books.snapshot()["event"][1]
    assert event["payload"] == {"invitation_id": made["id"], "role": "cashier"}


def test_a_newer_invitation_ends_the_older(books: Books, email: str) -> None:
    first, second = _invite(books, email), _invite(books, email.upper(), "viewer")
    at = books.act.now
    assert books.read(get_invitation, UUID(first["id"]), at=at)["status"] == "revoked"
    assert books.read(list_invitations, at=at, pending=True).items == [second]
    assert _refused(books, first, _person()) == "auth.token_unknown"


def test_who_is_not_invited(books: Books, open_books: Opening, email: str) -> None:
    member(books.database, books.organization_id, "viewer", email=email)
    command = CreateInvitation(books.act(), email.upper(), "viewer")
    assert books.refused(create_invitations, command).code == "invitation.member_already"
    less = acting(books.act(), ids.new(), "read", "manage")
    for command, code in (
        (CreateInvitation(less, "bo@example.com", "cashier"), "auth.beyond_own"),
        (CreateInvitation(books.act(), "bo@example.com", "boss"), "role.unknown"),
        (CreateInvitation(books.act(), "nobody", "viewer"), "user.email_malformed"),
    ):
        assert books.refused(create_invitations, command).code == code
    # A member of elsewhere may become one here.
    _invite(open_books(), email)
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    command = CreateInvitation(books.act(), "bo@example.com", "viewer")
    assert books.refused(create_invitations, command).code == "organization.inactive"


def test_an_address_gets_a_few_mails_only(books: Books, open_books: Opening, email: str) -> None:
    for _ in range(MAILS_MAX):
        _invite(open_books(), email)
    refused = books.refused(create_invitations, CreateInvitation(books.act(), email, "viewer"))
    assert (refused.code, refused.facts) == ("invitation.too_often", {"retry_after_s": 3_600})


def test_who_waits_as_told_is_mailed_under_the_same_key(
    books: Books, open_books: Opening, email: str
) -> None:
    for _ in range(MAILS_MAX):
        _invite(open_books(), email)
    command = CreateInvitation(books.act(), email, "viewer")
    assert books.refused(create_invitations, command).code == "invitation.too_often"
    later = replace(command, act=replace(command.act, at=command.act.at + timedelta(hours=1)))
    made = books.done(create_invitations, later)
    assert made["status"] == "pending"
    [again] = books.answers(create_invitations, later)
    assert (again.outcome, again.replayed) == (made, True)


def _invited_by(books: Books, inviter: UUID, email: str, role: str) -> InvitationDocument:
    act = acting(books.act(), inviter)
    return books.done(create_invitations, CreateInvitation(act, email, role))


def test_whoever_was_removed_does_not_come_back_by_their_own_invitation(
    books: Books, email: str
) -> None:
    staying = member(books.database, books.organization_id)
    inviter = member(books.database, books.organization_id)
    made = _invited_by(books, inviter, email, "viewer")
    good = _invited_by(books, staying, f"x{email}", "viewer")
    books.done(set_members_active, SetMemberActive(books.act(), inviter, active=False))
    assert _refused(books, made, _person()) == "auth.token_unknown"
    with pytest.raises(Refused, match=r"auth\.token_unknown"):
        books.database.read(
            lambda conn: accepting.invited(
                conn, books.organization_id, UUID(made["id"]), books.act.now
            )
        )
    books.done(set_members_active, SetMemberActive(books.act(), inviter, active=True))
    books.done(change_members, ChangeMember(books.act(), inviter, None, "viewer"))
    assert _refused(books, made, _person()) == "auth.token_unknown", "a viewer invites nobody"
    assert _accept(books, good, _person())["role"] == "viewer"


def test_whoever_may_log_in_no_more_brings_nobody_in(books: Books, email: str) -> None:
    member(books.database, books.organization_id)
    inviter = member(books.database, books.organization_id)
    made = _invited_by(books, inviter, email, "viewer")
    off = update(USERS).where(USERS.c.id == inviter).values(active=False)
    books.database.write(lambda conn: conn.execute(off))
    assert _refused(books, made, _person()) == "auth.token_unknown"


def test_the_platform_invites_where_it_is_no_member(books: Books, email: str) -> None:
    inviter = login(books.database, platform=True)
    assert _accept(books, _invited_by(books, inviter, email, "owner"), _person())["role"] == "owner"


def test_it_is_taken_back_while_it_waits(books: Books, open_books: Opening, email: str) -> None:
    made = _invite(books, email)
    invitation_id = UUID(made["id"])
    other = open_books()
    elsewhere = RevokeInvitation(other.act(), invitation_id)
    assert other.refused(revoke_invitations, elsewhere).code == "invitation.unknown"
    revoked = books.done(revoke_invitations, RevokeInvitation(books.act(), invitation_id))
    assert (revoked["status"], revoked["version"]) == ("revoked", 2)
    again = books.refused(revoke_invitations, RevokeInvitation(books.act(), invitation_id))
    assert (again.code, again.facts) == (
        "invitation.not_pending",
        {"invitation_status": "revoked"},
    )
    assert _refused(books, made, _person()) == "auth.token_unknown"


def test_a_new_person_gets_a_login_whose_address_is_proved(books: Books, email: str) -> None:
    made = _invite(books, email)
    assert _refused(books, made) == "invitation.person_needed"
    person = _person()
    accepted = _accept(books, made, person)
    assert accepted == {
        "organization_id": str(books.organization_id),
        "organization_slug": books.organization["slug"],
        "organization_name": "North School",
        "user_id": str(person.id),
        "email": email,
        "role": "cashier",
    }
    user = _user(books, email)
    assert (user.name, user.password_hash, user.platform) == ("Ann Example", "a hash", False)
    assert user.email_verified_at is not None
    assert books.read(get_member, person.id)["role"] == "cashier"
    at = books.act.now
    assert books.read(get_invitation, UUID(made["id"]), at=at)["status"] == "accepted"
    [told] = [each for each in books.snapshot()["event"][1] if each["type"] == "member.added"]
    assert (told["actor_kind"], told["actor_id"]) == ("user", person.id)
    assert _refused(books, made, _person()) == "auth.token_unknown"


def test_who_has_a_login_keeps_it_as_it_is(books: Books, email: str) -> None:
    user_id = login(books.database, email=email.lower(), password_hash="their own")
    accepted = _accept(books, _invite(books, email), _person())
    assert accepted["user_id"] == str(user_id)
    user = _user(books, email)
    assert (user.password_hash, user.version) == ("their own", 1)


def test_a_former_member_is_one_again(books: Books, email: str) -> None:
    former = member(books.database, books.organization_id, "owner", email=email, member=False)
    _accept(books, _invite(books, email, "viewer"))
    found = books.read(get_member, former)
    assert (found["active"], found["role"]) == (True, "viewer")


def test_a_stranger_who_signed_up_with_the_address_gets_nothing(books: Books, email: str) -> None:
    user_id = login(
        books.database, email=email, email_verified_at=None, password_hash="a stranger's"
    )
    minted, act = Minted.new(PERSONAL_START), books.act()
    books.database.write(
        lambda conn: make_token(
            conn,
            act,
            user_id=user_id,
            name="x",
            scopes=None,
            expires_at=None,
            within=None,
            minted=minted,
        )
    )

    def mail_link(conn: Connection) -> UUID:
        writes = Writes()
        token_id = mailed.add(writes, act, "verify_email", user_id=user_id, email=email)
        writes.flush(conn)
        return token_id

    token_id = books.database.write(mail_link)
    made = _invite(books, email)
    assert _refused(books, made) == "invitation.person_needed"
    assert _accept(books, made, _person())["user_id"] == str(user_id)
    user = _user(books, email)
    assert (user.password_hash, user.name) == ("a hash", "Ann Example")
    token = books.database.read(lambda conn: mailed.find(conn, "verify_email", token_id))
    assert token is not None
    assert token.used_at is not None
    at = books.act.now
    assert books.database.read(lambda conn: find_credential(conn, minted.text, at)) is None


def test_nothing_of_a_strangers_second_factor_stays(books: Books, email: str) -> None:
    user_id = login(
        books.database,
        email=email,
        email_verified_at=None,
        totp_sealed="sealed",
        totp_confirmed_at=START,
        totp_step=4,
        name="A Stranger",
    )
    code = {"user_id": user_id, "code_hash": "a" * 64, "created_at": START, "used_at": None}
    books.database.write(lambda conn: conn.execute(RECOVERY_CODES.insert(), code))
    _accept(books, _invite(books, email), _person())
    user = _user(books, email)
    assert (user.totp_sealed, user.totp_confirmed_at, user.totp_step) == (None, None, None)
    codes = select(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id)
    assert books.database.read(lambda conn: conn.execute(codes).all()) == []
    wanted = Wanted(subject_id=user_id)
    told, _ = books.database.read(
        lambda conn: list_entries(conn, ids.NIL, wanted, after=None, limit=9)
    )
    by_type = {entry["type"]: entry for entry in told}
    assert by_type.keys() == {
        *("user.email_verified", "user.changed", "user.password_changed", "two_factor.removed")
    }
    changed = by_type["user.changed"]
    assert (changed["before"], changed["after"]) == (
        {"name": "A Stranger"},
        {"name": "Ann Example"},
    )


def test_a_login_that_is_not_in_use_becomes_no_member(books: Books, email: str) -> None:
    login(books.database, email=email, active=False)
    assert _refused(books, _invite(books, email)) == "user.inactive"


@pytest.mark.parametrize("late", [GOOD_FOR, GOOD_FOR + timedelta(days=365)])
def test_it_is_good_for_seven_days(books: Books, email: str, late: timedelta) -> None:
    made = _invite(books, email)
    invitation_id = UUID(made["id"])
    made_at = datetime.fromisoformat(made["created_at"])

    def invited(at: datetime) -> Any:
        return books.database.read(
            lambda conn: accepting.invited(conn, books.organization_id, invitation_id, at)
        )

    assert timedelta(days=7) == GOOD_FOR
    assert invited(made_at + GOOD_FOR - timedelta(seconds=1)).known is False
    with pytest.raises(Refused, match=r"auth\.token_unknown"):
        invited(made_at + late)
    act = replace(_nobody(books), at=made_at + late)
    with pytest.raises(Refused, match=r"auth\.token_unknown"):
        _accept(books, made, _person(), act=act)
    assert books.read(list_members).items == []


def test_a_repeated_transaction_accepts_once(books: Books, email: str) -> None:
    made, person, act = _invite(books, email), _person(), _nobody(books)
    first = _accept(books, made, person, act=act)
    assert _accept(books, made, person, act=act) == first


def test_it_is_accepted_once_by_however_many(open_books: Opening, at_once: AtOnce) -> None:
    for _ in range(5):
        books = open_books()
        made = _invite(books, f"{ids.new().hex}@example.com")

        def accept(conn: Connection, commands: Any, made: Any = made) -> Any:
            act, person = commands[0]
            return [
                Answer(attempt(conn, lambda: accepting.accept(conn, act, UUID(made["id"]), person)))
            ]

        asked = [(_nobody(books), _person()) for _ in range(4)]
        assert sorted(at_once(accept, *asked)) == ["auth.token_unknown"] * 3 + ["done"]
        assert len(books.read(list_members).items) == 1


def test_one_new_person_accepts_in_two_organizations_at_once(
    open_books: Opening, at_once: AtOnce
) -> None:
    for _ in range(5):
        email = f"{ids.new().hex}@example.com"
        places = [open_books() for _ in range(2)]
        asked = [(_nobody(books), UUID(_invite(books, email)["id"]), _person()) for books in places]

        def accept(conn: Connection, commands: Any) -> Any:
            act, invitation_id, person = commands[0]
            return [
                Answer(attempt(conn, lambda: accepting.accept(conn, act, invitation_id, person)))
            ]

        assert at_once(accept, *asked) == ["done", "done"]
        members = [books.read(list_members).items for books in places]
        assert members[0][0]["user_id"] == members[1][0]["user_id"]


def test_a_role_stays_while_somebody_is_invited_to_it(books: Books, email: str) -> None:
    books.done(create_roles, CreateRole(books.act(), "clerk", frozenset({"read"})))
    made = _invite(books, email, "clerk")
    assert books.refused(delete_roles, DeleteRole(books.act(), "clerk", 1)).code == "role.in_use"
    assert _accept(books, made, _person())["role"] == "clerk"
