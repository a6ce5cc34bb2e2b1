"""Members of organizations: read, change their role, end and take up again.

How somebody becomes a member stands in `invitations`. A membership is never removed, since it says
who once was there. An organization always keeps an active owner who can log in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from tallystick.auth import access, policy
from tallystick.auth.credentials import permissions_of
from tallystick.auth.models import MEMBERSHIPS, USERS
from tallystick.kernel import clock, events, paging, rows, versions
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each


class MemberDocument(TypedDict):
    """A member as the organization sees them."""

    user_id: str
    name: str
    email: str
    role: str
    active: bool
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class ChangeMember:
    """Give a member another role, if the membership still has this version."""

    act: Act
    user_id: UUID
    version: int | None
    role: str


@dataclass(frozen=True, slots=True)
class SetMemberActive:
    """End a membership, or take it up again."""

    act: Act
    user_id: UUID
    active: bool


def change_members(
    conn: Connection, commands: Sequence[ChangeMember]
) -> list[Answer[MemberDocument]]:
    """Give members other roles. Locks the organizations.

    Refuses:
        user.unknown, role.unknown
        precondition.stale: somebody changed the membership meanwhile.
        auth.beyond_own: the role that they have, or the one they would get, allows more than its
            giver may do; so nobody raises themselves either.
        member.last_owner
    """
    access.lock_all(conn, commands)
    return each(conn, commands, _change)


def _change(conn: Connection, command: ChangeMember) -> MemberDocument:
    act = command.act
    row = _touchable(conn, act, command.user_id)
    versions.check(row.version, command.version)
    wanted = access.permissions_of(conn, act.organization_id, command.role, pointer="/role")
    access.check_within(act.actor, wanted, pointer="/role")
    if row.active and command.role != policy.OWNER_ROLE:
        _keep_an_owner(conn, act, row)
    _update(conn, act, row, {"role": command.role})
    payload = {"user_id": str(row.user_id), "role": command.role, "role_before": row.role}
    return _told(conn, act, "member.changed", payload, {"role": row.role}, {"role": command.role})


def set_members_active(
    conn: Connection, commands: Sequence[SetMemberActive]
) -> list[Answer[MemberDocument]]:
    """End memberships, or take them up again. Locks the organizations.

    Refuses:
        user.unknown, auth.beyond_own
        member.active_already, member.inactive_already
        member.last_owner
    """
    access.lock_all(conn, commands)
    return each(conn, commands, _set_active)


def _set_active(conn: Connection, command: SetMemberActive) -> MemberDocument:
    act = command.act
    row = _touchable(conn, act, command.user_id)
    if row.active and command.active:
        raise Refused("member.active_already", "This member is active already.")
    if not row.active and not command.active:
        raise Refused("member.inactive_already", "This membership has ended already.")
    if not command.active:
        _keep_an_owner(conn, act, row)
    _update(conn, act, row, {"active": command.active})
    kind = "member.reactivated" if command.active else "member.deactivated"
    payload = {"user_id": str(row.user_id), "role": row.role}
    return _told(conn, act, kind, payload, {"active": row.active}, {"active": command.active})


def add_member(conn: Connection, act: Act, user_id: UUID, role: str) -> MemberDocument:
    """Make a user a member, or one again; who is an active member keeps the role they have.

    The caller has locked the organization and knows that the role exists.
    """
    row = conn.execute(_of(act.organization_id, user_id)).first()
    if row is not None and row.active:
        return _document(row)
    if row is not None:
        _update(conn, act, row, {"role": role, "active": True})
        kind = "member.reactivated"
    else:
        values = {
            "organization_id": act.organization_id,
            "user_id": user_id,
            "role": role,
            "active": True,
            "version": 1,
            "created_at": act.at,
            "updated_at": act.at,
        }
        conn.execute(MEMBERSHIPS.insert(), values)
        kind = "member.added"
    before = {} if row is None else {"role": row.role, "active": row.active}
    payload = {"user_id": str(user_id), "role": role}
    return _told(conn, act, kind, payload, before, {"role": role, "active": True})


def get_member(conn: Connection, organization_id: UUID, user_id: UUID) -> MemberDocument:
    """Read one member, or refuse with user.unknown."""
    row = conn.execute(_of(organization_id, user_id)).first()
    if row is None:
        raise unknown(user_id)
    return _document(row)


def list_members(
    conn: Connection,
    organization_id: UUID,
    *,
    active: bool | None = None,
    role: str | None = None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[MemberDocument]:
    """List the members of an organization, the newest login first."""
    statement = _members(organization_id)
    if active is not None:
        statement = statement.where(MEMBERSHIPS.c.active == active)
    if role is not None:
        statement = statement.where(MEMBERSHIPS.c.role == role)
    return paging.newest_first(
        conn, statement, MEMBERSHIPS.c.user_id, after=after, limit=limit, shape=_document
    )


def roles_of(conn: Connection, user_id: UUID) -> dict[UUID, str]:
    """Give the organizations that a user is an active member of, and their role in each."""
    statement = select(MEMBERSHIPS.c.organization_id, MEMBERSHIPS.c.role).where(
        MEMBERSHIPS.c.user_id == user_id, MEMBERSHIPS.c.active.is_(True)
    )
    return {row.organization_id: row.role for row in conn.execute(statement)}


def unknown(user_id: UUID) -> Refused:
    """Say that an organization has no such member."""
    message = f"There is no member {shown(user_id)} in this organization."
    return Refused("user.unknown", message)


def _members(organization_id: UUID) -> Select[Any]:
    shown_of_user = (USERS.c.name, USERS.c.email, USERS.c.active.label("may_log_in"))
    return (
        select(MEMBERSHIPS, *shown_of_user)
        .join(USERS, USERS.c.id == MEMBERSHIPS.c.user_id)
        .where(MEMBERSHIPS.c.organization_id == organization_id)
    )


def _of(organization_id: UUID, user_id: UUID) -> Select[Any]:
    return _members(organization_id).where(MEMBERSHIPS.c.user_id == user_id)


def _touchable(conn: Connection, act: Act, user_id: UUID) -> Row[Any]:
    """Give a member whose role allows nothing that the actor may not do."""
    row = conn.execute(_of(act.organization_id, user_id)).first()
    if row is None:
        raise unknown(user_id)
    access.check_within(act.actor, permissions_of(conn, act.organization_id, row.role))
    return row


def _keep_an_owner(conn: Connection, act: Act, leaving: Row[Any]) -> None:
    """Refuse with member.last_owner when nobody else is an owner who can log in.

    The row of the one who stays is touched, which is no new version of it: on an engine that
    certifies at COMMIT only, two owners who end each other's membership on two nodes meet there.
    """
    if leaving.role != policy.OWNER_ROLE:
        return
    statement = _members(act.organization_id).where(
        MEMBERSHIPS.c.role == policy.OWNER_ROLE,
        MEMBERSHIPS.c.active.is_(True),
        MEMBERSHIPS.c.user_id != leaving.user_id,
        USERS.c.active.is_(True),
    )
    staying = conn.execute(statement.order_by(MEMBERSHIPS.c.user_id).limit(1)).first()
    if staying is None:
        message = "Nobody else is an owner here. Make somebody else an owner first."
        raise Refused("member.last_owner", message)
    _set(conn, staying, {"updated_at": act.at})


def _update(conn: Connection, act: Act, row: Row[Any], changes: dict[str, Any]) -> None:
    _set(conn, row, {**changes, "version": row.version + 1, "updated_at": act.at})


def _set(conn: Connection, row: Row[Any], values: dict[str, Any]) -> None:
    statement = MEMBERSHIPS.update().where(
        MEMBERSHIPS.c.organization_id == row.organization_id, MEMBERSHIPS.c.user_id == row.user_id
    )
    conn.execute(statement, values)


def _told(
    conn: Connection, act: Act, kind: str, payload: dict[str, Any], *changed: dict[str, Any]
) -> MemberDocument:
    user_id = UUID(payload["user_id"])
    writes = rows.Writes()
    before, after = changed
    events.emit(writes, act, kind, user_id, payload, before=before, after=after)
    writes.flush(conn)
    return get_member(conn, act.organization_id, user_id)


def _document(row: Row[Any]) -> MemberDocument:
    return {
        "user_id": str(row.user_id),
        "name": row.name,
        "email": row.email,
        "role": row.role,
        "active": row.active,
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "updated_at": clock.text(row.updated_at),
    }
