"""Who stands behind a key: where two people are wanted, two keys of one person are not enough."""

from uuid import UUID

from sqlalchemy import Connection, select

from tallystick.auth.models import API_KEYS
from tallystick.kernel import ids, rows
from tallystick.kernel.events import EVENTS


def are_one(conn: Connection, organization_id: UUID, one: UUID, other: UUID) -> bool:
    """Tell whether two actors may be one person, or one program."""
    if one == other:
        return True
    return not _behind(conn, organization_id, one).isdisjoint(_behind(conn, organization_id, other))


def _behind(conn: Connection, organization_id: UUID, actor_id: UUID) -> set[UUID]:
    """Name an actor and, of a key, the keys that it follows and whoever made one of them.

    The command line of the machine makes keys for anybody, so it stands behind none of them.
    """
    found: set[UUID] = set()
    unread = {actor_id}
    while unread:
        found |= unread
        keys = rows.find(conn, [API_KEYS.c.id], [(each,) for each in unread])
        before = {key.replaces_id for key in keys if key.replaces_id is not None}
        unread = (before | _makers(conn, organization_id, {key.id for key in keys})) - found
    return found


def _makers(conn: Connection, organization_id: UUID, key_ids: set[UUID]) -> set[UUID]:
    event = EVENTS.c
    # A key of the platform is made outside of any organization.
    statement = select(event.actor_id).where(
        event.organization_id.in_((organization_id, ids.NIL)),
        event.subject_id.in_(key_ids),
        event.type == "key.created",
        event.actor_kind != "operator",
    )
    return set(conn.execute(statement).scalars())
