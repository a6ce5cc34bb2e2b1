"""Who did what, when, from where and why: the events of an organization, with names beside ids.

What was done is never changed here nor removed. Only the changes that an event keeps of a person
are emptied when that person is erased (`tallystick.kernel.events.forget_changes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, and_, or_, select

from tallystick.auth.models import API_KEYS, USERS
from tallystick.kernel import clock, rows
from tallystick.kernel.events import EVENT_CHANGES, EVENTS
from tallystick.kernel.paging import Place


class ActorDocument(TypedDict):
    """Who did something."""

    kind: str
    id: str
    name: str | None


class EntryDocument(TypedDict):
    """One thing that was done."""

    id: str
    type: str
    at: str
    actor: ActorDocument
    address: str | None
    reason: str | None
    request_id: str
    subject_id: str
    facts: dict[str, Any]
    before: dict[str, Any] | None
    after: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the trail is narrowed to; all that is given must hold."""

    actor_id: UUID | None = None
    subject_id: UUID | None = None
    type: str | None = None
    start: datetime | None = None
    """At this moment or later."""
    end: datetime | None = None
    """Before this moment."""


def list_entries(
    conn: Connection,
    organization_id: UUID,
    wanted: Wanted,
    *,
    after: Place | None,
    limit: int,
) -> tuple[list[EntryDocument], Place | None]:
    """Read one page, newest first; the nil organization has what was done above all others."""
    joined = EVENTS.outerjoin(
        EVENT_CHANGES,
        and_(
            EVENT_CHANGES.c.organization_id == EVENTS.c.organization_id,
            EVENT_CHANGES.c.event_id == EVENTS.c.id,
        ),
    )
    columns = (*EVENTS.c, EVENT_CHANGES.c.before, EVENT_CHANGES.c.after)
    statement = select(*columns).select_from(joined)
    statement = statement.where(EVENTS.c.organization_id == organization_id)
    same = {
        EVENTS.c.actor_id: wanted.actor_id,
        EVENTS.c.subject_id: wanted.subject_id,
        EVENTS.c.type: wanted.type,
    }
    for column, value in same.items():
        if value is not None:
            statement = statement.where(column == value)
    if wanted.start is not None:
        statement = statement.where(EVENTS.c.at >= wanted.start)
    if wanted.end is not None:
        statement = statement.where(EVENTS.c.at < wanted.end)
    if after is not None:
        # Said twice, so that every engine goes into the index at this moment.
        statement = statement.where(
            EVENTS.c.at <= after.at, or_(EVENTS.c.at < after.at, EVENTS.c.id < after.id)
        )
    ordered = statement.order_by(EVENTS.c.at.desc(), EVENTS.c.id.desc())
    found = conn.execute(ordered.limit(limit + 1)).all()
    shown = found[:limit]
    names = _names(conn, shown)
    last = Place(shown[-1].at, shown[-1].id) if len(found) > limit else None
    return [_document(row, names) for row in shown], last


def _names(conn: Connection, found: Sequence[Row[Any]]) -> dict[UUID, str]:
    """Find what those who acted are called now."""
    names: dict[UUID, str] = {}
    for kind, table in (("user", USERS), ("key", API_KEYS)):
        keys = [(row.actor_id,) for row in found if row.actor_kind == kind]
        names |= {row.id: row.name for row in rows.find(conn, [table.c.id], keys)}
    return names


def _document(row: Row[Any], names: dict[UUID, str]) -> EntryDocument:
    return {
        "id": str(row.id),
        "type": row.type,
        "at": clock.text(row.at),
        "actor": {
            "kind": row.actor_kind,
            "id": str(row.actor_id),
            "name": names.get(row.actor_id),
        },
        "address": row.address,
        "reason": row.reason,
        "request_id": row.request_id,
        "subject_id": str(row.subject_id),
        "facts": row.payload,
        "before": row.before,
        "after": row.after,
    }
