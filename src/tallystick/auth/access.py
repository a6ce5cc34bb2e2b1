"""What every change of who may do what has in common: one lock, and one bound.

Nobody gives what they do not have themselves.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth.credentials import known_permissions
from tallystick.kernel import rows
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Command
from tallystick.parties.models import ORGANIZATIONS


def lock(conn: Connection, organization_ids: Iterable[UUID]) -> None:
    """Lock organizations in order, until the end of the transaction.

    Whoever changes roles, members, invitations or keys of an organization does this first, so two
    such changes see each other. What is written in the books does not wait for it.
    """
    rows.find(conn, [ORGANIZATIONS.c.id], [(each,) for each in set(organization_ids)], lock=True)


def lock_all(conn: Connection, commands: Sequence[Command]) -> None:
    """Lock the organizations of a whole batch."""
    lock(conn, [command.act.organization_id for command in commands])


def permissions_of(
    conn: Connection, organization_id: UUID, role: str, *, pointer: str = ""
) -> frozenset[str]:
    """Give what a role of an organization may do, or refuse with role.unknown."""
    permissions = known_permissions(conn, organization_id, role)
    if permissions is None:
        raise unknown_role(role, pointer=pointer)
    return permissions


def check_within(actor: Actor, permissions: frozenset[str], *, pointer: str = "") -> None:
    """Refuse to give, or to take away, more than an actor may do.

    Refuses:
        auth.beyond_own, with the permissions that are missing.
    """
    if actor.permissions is None or permissions <= actor.permissions:
        return
    missing = ", ".join(sorted(permissions - actor.permissions))
    message = f"This is about more than you may do yourself: you do not have {missing}."
    raise Refused("auth.beyond_own", message, pointer=pointer)


def unknown_role(role: str, *, pointer: str = "") -> Refused:
    """Say that an organization has no such role."""
    message = f"There is no role {shown(role)} in this organization."
    return Refused("role.unknown", message, pointer=pointer)
