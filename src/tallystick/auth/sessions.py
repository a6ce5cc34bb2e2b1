"""Sessions: a browser in which somebody is logged in. Begin, list and end them."""

from datetime import datetime, timedelta
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select, update

from tallystick.auth import users
from tallystick.auth.credentials import IDLE, hash_of
from tallystick.auth.models import SESSIONS
from tallystick.kernel import clock, events, paging
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused
from tallystick.kernel.rows import Writes

GOOD_FOR: Final = timedelta(days=30)
"""How long a session lasts, however much it is used. An idle one ends before that."""


class SessionDocument(TypedDict):
    """A session as its owner sees it."""

    id: str
    address: str
    agent: str
    current: bool
    created_at: str
    seen_at: str
    expires_at: str


def begin(
    conn: Connection, act: Act, *, session_id: UUID, user_id: UUID, secret: str, agent: str
) -> None:
    """Begin a session whose secret the caller has made, once."""
    statement = select(SESSIONS.c.id).where(SESSIONS.c.id == session_id)
    if conn.execute(statement).first() is not None:
        return
    writes = Writes()
    writes.add(
        SESSIONS,
        {
            "id": session_id,
            "user_id": user_id,
            "secret_hash": hash_of(secret),
            "address": act.address,
            "agent": agent,
            "created_at": act.at,
            "seen_at": act.at,
            "expires_at": act.at + GOOD_FOR,
            "ended_at": None,
        },
    )
    users.tell(writes, act, "session.begun", user_id, session_id=str(session_id))
    writes.flush(conn)


def end_by_secret(conn: Connection, act: Act, secret: str) -> None:
    """End the session that a browser still had when it began another."""
    statement = select(SESSIONS).where(
        SESSIONS.c.secret_hash == hash_of(secret), SESSIONS.c.ended_at.is_(None)
    )
    row = conn.execute(statement).first()
    if row is not None:
        _end(conn, act, row)


def end(conn: Connection, act: Act, user_id: UUID, session_id: UUID) -> None:
    """End one session of a user.

    Refuses:
        session.unknown: also for somebody else's, and one that is over.
    """
    if events.happened(conn, act):
        return
    statement = select(SESSIONS).where(SESSIONS.c.id == session_id, *_good(user_id, act.at))
    row = conn.execute(statement).first()
    if row is None:
        raise Refused("session.unknown", "There is no such session of yours, or it has ended.")
    _end(conn, act, row)


def end_all(conn: Connection, act: Act, user_id: UUID, *, but: UUID | None = None) -> None:
    """End the sessions of a user, all of them or all but one."""
    for row in conn.execute(select(SESSIONS).where(*_good(user_id, act.at))).all():
        if row.id != but:
            _end(conn, act, row)


def list_sessions(
    conn: Connection,
    user_id: UUID,
    at: datetime,
    *,
    current: UUID | None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[SessionDocument]:
    """List the sessions of a user that are good now, newest first."""

    def shape(row: Row[Any]) -> SessionDocument:
        return {
            "id": str(row.id),
            "address": row.address,
            "agent": row.agent,
            "current": row.id == current,
            "created_at": clock.text(row.created_at),
            "seen_at": clock.text(row.seen_at),
            "expires_at": clock.text(min(row.expires_at, row.seen_at + IDLE)),
        }

    statement = select(SESSIONS).where(*_good(user_id, at))
    return paging.newest_first(
        conn, statement, SESSIONS.c.id, after=after, limit=limit, shape=shape
    )


def _good(user_id: UUID, at: datetime) -> list[Any]:
    return [
        SESSIONS.c.user_id == user_id,
        SESSIONS.c.ended_at.is_(None),
        SESSIONS.c.expires_at > at,
        SESSIONS.c.seen_at > at - IDLE,
    ]


def _end(conn: Connection, act: Act, row: Row[Any]) -> None:
    conn.execute(update(SESSIONS).where(SESSIONS.c.id == row.id).values(ended_at=act.at))
    writes = Writes()
    users.tell(writes, act, "session.ended", row.user_id, session_id=str(row.id))
    writes.flush(conn)
