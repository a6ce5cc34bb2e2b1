"""Roles that an organization makes for itself, beside those that all have.

What a role may do is read whenever somebody acts, so a change counts at once and for everybody who
has the role.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from tallystick.auth import access, policy
from tallystick.auth.models import API_KEYS, INVITATIONS, MEMBERSHIPS, ROLES
from tallystick.kernel import clock, events, rows, versions
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each

ROLES_MAX: Final = 100
"""How many roles of its own an organization has at most."""
RESERVED: Final = frozenset({*policy.ROLES, policy.PLATFORM_ROLE})


class RoleDocument(TypedDict):
    """A role as its readers see it."""

    name: str
    built_in: bool
    permissions: list[str]
    version: int
    created_at: str | None
    updated_at: str | None


class NoRole(TypedDict):
    """What is left of a role."""

    name: str


@dataclass(frozen=True, slots=True)
class CreateRole:
    """A new role of an organization."""

    act: Act
    name: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class ChangeRole:
    """Let a role do exactly this, if it still has this version."""

    act: Act
    name: str
    version: int | None
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class DeleteRole:
    """Remove a role that nobody has, if it still has this version."""

    act: Act
    name: str
    version: int | None


def create_roles(conn: Connection, commands: Sequence[CreateRole]) -> list[Answer[RoleDocument]]:
    """Make roles. Locks the organizations.

    Refuses:
        role.name_taken: also by a role that every organization has.
        role.too_many
        auth.beyond_own: the role would allow more than its maker may do.
    """
    access.lock_all(conn, commands)
    return each(conn, commands, _create)


def _create(conn: Connection, command: CreateRole) -> RoleDocument:
    act = command.act
    _check(act, command.permissions)
    existing = conn.execute(_own(act.organization_id)).all()
    if command.name in RESERVED | {row.name for row in existing}:
        message = f"There is a role {shown(command.name)} already. Choose another name."
        raise Refused("role.name_taken", message, pointer="/name")
    if len(existing) >= ROLES_MAX:
        message = f"This organization has {ROLES_MAX} roles of its own. Delete one first."
        raise Refused("role.too_many", message)
    row = {
        "organization_id": act.organization_id,
        "name": command.name,
        "permissions": sorted(command.permissions),
        "version": 1,
        "created_at": act.at,
        "updated_at": act.at,
    }
    conn.execute(ROLES.insert(), row)
    _tell(conn, act, "role.created", command.name, (), command.permissions)
    return get_role(conn, act.organization_id, command.name)


def change_roles(conn: Connection, commands: Sequence[ChangeRole]) -> list[Answer[RoleDocument]]:
    """Change what roles may do, for everybody who has them. Locks the organizations.

    Refuses:
        role.unknown
        role.built_in: every organization has it, and it stays as it is.
        precondition.stale: somebody changed it meanwhile.
        auth.beyond_own: it allows, or would allow, more than its author may do.
    """
    access.lock_all(conn, commands)
    return each(conn, commands, _change)


def _change(conn: Connection, command: ChangeRole) -> RoleDocument:
    act = command.act
    row = _changeable(conn, act, command.name, command.version)
    _check(act, command.permissions)
    values = {
        "permissions": sorted(command.permissions),
        "version": row.version + 1,
        "updated_at": act.at,
    }
    conn.execute(ROLES.update().where(*_key(act.organization_id, row.name)), values)
    _tell(conn, act, "role.changed", row.name, row.permissions, command.permissions)
    return get_role(conn, act.organization_id, row.name)


def delete_roles(conn: Connection, commands: Sequence[DeleteRole]) -> list[Answer[NoRole]]:
    """Remove roles that nobody has. Locks the organizations.

    Refuses:
        role.unknown, role.built_in, precondition.stale, auth.beyond_own
        role.in_use: a member, a key or an open invitation has it; with how many of them.
    """
    access.lock_all(conn, commands)
    return each(conn, commands, _delete)


def _delete(conn: Connection, command: DeleteRole) -> NoRole:
    act = command.act
    row = _changeable(conn, act, command.name, command.version)
    holders = _holders(conn, act, row.name)
    if any(holders.values()):
        said = ", ".join(f"{count} {noun}" for noun, count in holders.items() if count)
        message = f"The role {shown(row.name)} is still given to {said}. Give them another first."
        raise Refused("role.in_use", message, facts=holders)
    conn.execute(ROLES.delete().where(*_key(act.organization_id, row.name)))
    _tell(conn, act, "role.deleted", row.name, row.permissions, ())
    return {"name": row.name}


def get_role(conn: Connection, organization_id: UUID, name: str) -> RoleDocument:
    """Read one role, or refuse with role.unknown."""
    if name in policy.ROLES:
        return _built_in(name)
    row = conn.execute(select(ROLES).where(*_key(organization_id, name))).first()
    if row is None:
        raise access.unknown_role(name)
    return _document(row)


def list_roles(conn: Connection, organization_id: UUID) -> list[RoleDocument]:
    """List the roles of an organization: those that all have, then its own by name."""
    own = conn.execute(_own(organization_id).order_by(ROLES.c.name))
    return [*map(_built_in, policy.ROLES), *map(_document, own)]


def _own(organization_id: UUID) -> Select[Any]:
    return select(ROLES).where(ROLES.c.organization_id == organization_id)


def _key(organization_id: UUID, name: str) -> tuple[Any, Any]:
    return ROLES.c.organization_id == organization_id, ROLES.c.name == name


def _changeable(conn: Connection, act: Act, name: str, version: int | None) -> Row[Any]:
    if name in policy.ROLES:
        message = f"Every organization has the role {shown(name)}, and it stays as it is."
        raise Refused("role.built_in", message)
    row = conn.execute(select(ROLES).where(*_key(act.organization_id, name))).first()
    if row is None:
        raise access.unknown_role(name)
    versions.check(row.version, version)
    access.check_within(act.actor, frozenset(row.permissions))
    return row


def _check(act: Act, permissions: frozenset[str]) -> None:
    assert permissions <= policy.TENANT, "the edge knows which permissions a role is made of"
    access.check_within(act.actor, permissions, pointer="/permissions")


def _holders(conn: Connection, act: Act, name: str) -> dict[str, int]:
    members = select(MEMBERSHIPS.c.user_id).where(
        MEMBERSHIPS.c.organization_id == act.organization_id, MEMBERSHIPS.c.role == name
    )
    keys = select(API_KEYS.c.id).where(
        API_KEYS.c.organization_id == act.organization_id,
        API_KEYS.c.role == name,
        API_KEYS.c.revoked_at.is_(None),
        API_KEYS.c.expires_at.is_(None) | (API_KEYS.c.expires_at > act.at),
    )
    invitations = select(INVITATIONS.c.id).where(
        INVITATIONS.c.organization_id == act.organization_id,
        INVITATIONS.c.role == name,
        INVITATIONS.c.accepted_at.is_(None),
        INVITATIONS.c.revoked_at.is_(None),
        INVITATIONS.c.expires_at > act.at,
    )
    asked = {"members": members, "keys": keys, "invitations": invitations}
    return {noun: len(conn.execute(statement).all()) for noun, statement in asked.items()}


def _tell(conn: Connection, act: Act, kind: str, name: str, *changed: Collection[str]) -> None:
    """Emit a fact about a role, with what it allowed before and what it allows now."""
    writes = rows.Writes()
    was, became = (sorted(permissions) for permissions in changed)
    payload = {"role": name, "permissions": became}
    before = {"permissions": was} if was else {}
    after = {"permissions": became} if became else {}
    events.emit(writes, act, kind, act.organization_id, payload, before=before, after=after)
    writes.flush(conn)


def _built_in(name: str) -> RoleDocument:
    return {
        "name": name,
        "built_in": True,
        "permissions": sorted(policy.ROLES[name]),
        "version": 1,
        "created_at": None,
        "updated_at": None,
    }


def _document(row: Row[Any]) -> RoleDocument:
    return {
        "name": row.name,
        "built_in": False,
        "permissions": sorted(policy.TENANT.intersection(row.permissions)),
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "updated_at": clock.text(row.updated_at),
    }
