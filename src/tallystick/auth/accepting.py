"""Accept an invitation: its text proves the address that it was mailed to.

Whoever has a login with this address, and had proved it, becomes a member as they are. Everybody
else gives a name and a password: also where somebody signed up with the address and never proved
it, so that no password of a stranger opens what the invited one was given.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.auth import (
    access,
    invitations,
    mailed,
    memberships,
    taking_over,
    users,
)
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.errors import Invalid, Refused
from tallystick.kernel.rows import Writes
from tallystick.parties.customers import writable
from tallystick.parties.models import ORGANIZATIONS


class AcceptedDocument(TypedDict):
    """Who became a member, and where."""

    organization_id: str
    organization_slug: str
    organization_name: str
    user_id: str
    email: str
    role: str


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What a login is made of, for whoever has none; the id is made before the transaction."""

    id: UUID
    name: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class Invited:
    """Whom an invitation is for."""

    email: str
    known: bool
    """Whether they have a login whose address is proved."""


def invited(conn: Connection, organization_id: UUID, invitation_id: UUID, at: datetime) -> Invited:
    """Say whom a pending invitation is for.

    Refuses:
        auth.token_unknown: it was accepted or taken back, it has expired, or whoever invited may
            do so no more.
    """
    row = invitations.find(conn, organization_id, invitation_id)
    if row is None or not _is_good(conn, row, at):
        raise mailed.unknown()
    user = users.find_by_email(conn, row.email)
    return Invited(row.email, user is not None and user.email_verified_at is not None)


def accept(
    conn: Connection, act: Act, invitation_id: UUID, person: NewPerson | None
) -> AcceptedDocument:
    """Make whoever an invitation is for a member, once. Locks the organization, then the login.

    Raises:
        Refused: auth.token_unknown; organization.inactive; role.unknown; user.inactive.
        Invalid: invitation.person_needed.
    """
    access.lock(conn, [act.organization_id])
    row = invitations.find(conn, act.organization_id, invitation_id)
    if row is None:
        raise mailed.unknown()
    # Accepted at this very moment: the transaction was repeated, and had been committed before.
    repeated = row.accepted_at == act.at
    if not repeated and not _is_good(conn, row, act.at):
        raise mailed.unknown()
    if not repeated:
        writable(conn, act.organization_id)
        access.permissions_of(conn, act.organization_id, row.role)
        user_id = _login(conn, act, row.email, person)
        act = replace(act, actor=Actor("user", user_id, "", None))
        memberships.add_member(conn, act, user_id, row.role)
        invitations.use(conn, act, row, user_id)
    return _document(conn, act, row)


def _is_good(conn: Connection, row: Row[Any], at: datetime) -> bool:
    return invitations.status_of(row, at) == "pending" and invitations.still_given(conn, row)


def _login(conn: Connection, act: Act, email: str, person: NewPerson | None) -> UUID:
    """Give the login with an address, which is proved from now on; make it where there is none."""
    found = users.find_by_email(conn, email)
    if found is None:
        found = _made(conn, act, email, _given(person))
    user = users.locked(conn, found.id)
    if not user.active:
        message = "The login with this address is not in use. Ask whoever runs this server."
        raise Refused("user.inactive", message)
    if user.email_verified_at is None:
        _take_over(conn, act, user, _given(person))
    user_id: UUID = user.id
    return user_id


def _made(conn: Connection, act: Act, email: str, person: NewPerson) -> Row[Any]:
    try:
        users.create_user(
            conn,
            act,
            user_id=person.id,
            email=email,
            name=person.name,
            password_hash=person.password_hash,
            verified=True,
        )
    except Refused as refused:
        # The same person accepts another organization's invitation at this moment.
        if refused.refusal.code != "user.email_taken":
            raise
    made = users.find_by_email(conn, email)
    assert made is not None, "it was made here, or just before"
    return made


def _take_over(conn: Connection, act: Act, user: Row[Any], person: NewPerson) -> None:
    """Give a login that nobody had proved to be theirs to whoever has proved it."""
    act = users.as_user(act, user.id)
    writes = Writes()
    values = {
        "name": person.name,
        "password_hash": person.password_hash,
        "email_verified_at": act.at,
    }
    users.tell(writes, act, "user.email_verified", user.id)
    before, after = {"name": user.name}, {"name": person.name}
    users.tell(writes, act, "user.changed", user.id, before=before, after=after)
    users.tell(writes, act, "user.password_changed", user.id)
    taking_over.take_over(conn, act, writes, user, values)


def _given(person: NewPerson | None) -> NewPerson:
    if person is None:
        raise person_needed()
    return person


def person_needed() -> Invalid:
    """Say that whoever accepts has no login yet."""
    message = "You have no login here yet. Send your name and a password beside the token."
    return Invalid("invitation.person_needed", message, pointer="/password")


def _document(conn: Connection, act: Act, row: Row[Any]) -> AcceptedDocument:
    user = users.find_by_email(conn, row.email)
    assert user is not None, "whoever accepted has a login"
    place = conn.execute(
        select(ORGANIZATIONS).where(ORGANIZATIONS.c.id == act.organization_id)
    ).one()
    return {
        "organization_id": str(place.id),
        "organization_slug": place.slug,
        "organization_name": place.name,
        "user_id": str(user.id),
        "email": user.email,
        "role": memberships.get_member(conn, place.id, user.id)["role"],
    }
