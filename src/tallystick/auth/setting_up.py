"""The first person of an installation, and those that an operator adds by the command line."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth import access, mailed, memberships, policy, taking_over, users
from tallystick.kernel import events, ids
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.rows import Writes
from tallystick.parties import organizations
from tallystick.parties.organizations import CreateOrganization


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose address an operator vouches for."""

    id: UUID
    email: str
    name: str
    user_name: str | None
    password_hash: str
    platform: bool


def new_token(conn: Connection, act: Act) -> UUID | None:
    """Make the token by which the first person is made, and end the older one.

    None where somebody is of the platform already. A sign-up of whoever came by is nobody yet.
    """
    if users.any_of_platform(conn):
        return None
    mailed.end_older(conn, act, "setup", None)
    writes = Writes()
    token_id = mailed.add(writes, act, "setup")
    writes.flush(conn)
    return token_id


def set_up(
    conn: Connection,
    act: Act,
    *,
    token_id: UUID,
    person: Person,
    organization: CreateOrganization | None,
) -> UUID:
    """Make the first person, of the platform, and their first organization; give the person's id.

    Refuses:
        auth.token_unknown
        setup.done: somebody is of the platform already.
        The codes of `users.create_user` and of `organizations.create_organizations`.
    """
    if events.happened(conn, act):
        return _made(conn, person)
    check_undone(conn)
    mailed.use(conn, act, "setup", token_id)
    user_id = _create(conn, act, person)
    act = users.as_user(act, user_id)
    if organization is None:
        return user_id
    [answer] = organizations.create_organizations(conn, [replace(organization, act=act)])
    if isinstance(answer.outcome, Refusal):
        no = answer.outcome
        pointer = f"/organization{no.pointer}"
        raise Refused(no.code, no.detail, pointer=pointer, facts=no.facts)
    _add_member(conn, act, UUID(answer.outcome["id"]), user_id, policy.OWNER_ROLE)
    return user_id


def check_undone(conn: Connection) -> None:
    """Refuse with setup.done where somebody is of the platform already."""
    if users.any_of_platform(conn):
        message = "This installation has been set up. Log in, or let somebody who can invite you."
        raise Refused("setup.done", message)


def add_person(
    conn: Connection, act: Act, person: Person, *, organization_id: UUID | None, role: str | None
) -> UUID:
    """Make a user for an operator, and a member of an organization; give their id.

    Refuses:
        role.unknown, and the codes of `users.create_user`.
    """
    if events.happened(conn, act):
        return _made(conn, person)
    user_id = _create(conn, act, person)
    if organization_id is not None:
        assert role is not None, "a member has a role"
        _add_member(conn, act, organization_id, user_id, role)
    return user_id


def _add_member(
    conn: Connection, act: Act, organization_id: UUID, user_id: UUID, role: str
) -> None:
    access.lock(conn, [organization_id])
    access.permissions_of(conn, organization_id, role)
    there = replace(act, organization_id=organization_id)
    memberships.add_member(conn, there, user_id, role)


def _made(conn: Connection, person: Person) -> UUID:
    """Give the id of whom this transaction made when it was committed before it was repeated."""
    row = users.find_by_email(conn, person.email)
    assert row is not None, "they were made"
    user_id: UUID = row.id
    return user_id


def _create(conn: Connection, act: Act, person: Person) -> UUID:
    return taking_over.make_user(
        conn,
        replace(act, organization_id=ids.NIL),
        user_id=person.id,
        email=person.email,
        name=person.name,
        user_name=person.user_name,
        password_hash=person.password_hash,
        verified=True,
        platform=person.platform,
    )
