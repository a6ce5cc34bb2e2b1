"""Personal tokens: a user's own scripts act as the user, wherever the user may act.

A token may do no more than what it was made with, and for no longer: one that was made with a
limited token is limited by that too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.auth import api_keys
from tallystick.auth.credentials import Minted, key_document, key_row, told_of
from tallystick.auth.models import API_KEYS
from tallystick.kernel import clock, events, paging, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each

_C = API_KEYS.c


class TokenDocument(TypedDict):
    """What may be told of a personal token after it was made."""

    id: str
    scopes: list[str] | None
    name: str
    prefix: str
    created_at: str
    expires_at: str | None
    used_at: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """Let a personal token be good for nothing from now on."""

    act: Act
    user_id: UUID
    token_id: UUID


def make_token(
    conn: Connection,
    act: Act,
    *,
    user_id: UUID,
    name: str,
    scopes: frozenset[str] | None,
    expires_at: datetime | None,
    within: frozenset[str] | None,
    made_with: UUID | None = None,
    minted: Minted,
) -> tuple[str, TokenDocument]:
    """Make a personal token and give its text; `within` are the scopes of what asks for it.

    `made_with` is the personal token that asks for it, if one does.

    Raises:
        Refused: auth.beyond_own.
        Invalid: key.expires_in_past.
    """
    api_keys.check_expiry(act, expires_at)
    if within is not None and (scopes is None or not scopes <= within):
        message = "What you ask with is limited to scopes. Give the new token some of the same."
        raise Refused("auth.beyond_own", message, pointer="/scopes")
    if made_with is not None:
        _check_outlives_not(conn, made_with, expires_at)
    made = _find(conn, user_id, minted.id)
    if made is not None:
        # The transaction was repeated, and had been committed before.
        return minted.text, _document(made)
    values = {
        **key_row(minted, name=name, scopes=scopes, expires_at=expires_at, at=act.at),
        "user_id": user_id,
    }
    conn.execute(API_KEYS.insert(), values)
    _tell(conn, act, "token.created", user_id, minted.id, {}, told_of(values))
    return minted.text, get_token(conn, user_id, minted.id)


def _check_outlives_not(conn: Connection, made_with: UUID, expires_at: datetime | None) -> None:
    until = conn.execute(select(_C.expires_at).where(_C.id == made_with)).scalar_one()
    if until is not None and (expires_at is None or expires_at > until):
        message = (
            f"What you ask with is good until {clock.text(until)}. Let the new token expire no "
            "later than that."
        )
        raise Refused("auth.beyond_own", message, pointer="/expires_at")


def revoke_tokens(conn: Connection, commands: Sequence[RevokeToken]) -> list[Answer[TokenDocument]]:
    """Revoke personal tokens. Locks them.

    Refuses:
        token.unknown: also somebody else's.
        token.revoked_already
    """
    rows.find(conn, [_C.id], [(command.token_id,) for command in commands], lock=True)
    return each(conn, commands, _revoke)


def _revoke(conn: Connection, command: RevokeToken) -> TokenDocument:
    row = _find(conn, command.user_id, command.token_id)
    if row is None:
        raise _unknown(command.token_id)
    if row.revoked_at is not None:
        message = f"The token {shown(row.prefix)} is revoked already."
        raise Refused("token.revoked_already", message)
    revoking = API_KEYS.update().where(_C.id == row.id)
    conn.execute(revoking, {"revoked_at": command.act.at})
    _tell_revoked(conn, command.act, row)
    return get_token(conn, command.user_id, row.id)


def revoke_all(conn: Connection, act: Act, user_id: UUID) -> None:
    """Revoke every personal token of a user, and tell of each."""
    theirs = (_C.user_id == user_id) & _C.revoked_at.is_(None)
    found = conn.execute(select(API_KEYS).where(theirs).order_by(_C.id)).all()
    conn.execute(API_KEYS.update().where(theirs), {"revoked_at": act.at})
    for row in found:
        _tell_revoked(conn, act, row)


def get_token(conn: Connection, user_id: UUID, token_id: UUID) -> TokenDocument:
    """Read one personal token of a user, or refuse with token.unknown."""
    row = _find(conn, user_id, token_id)
    if row is None:
        raise _unknown(token_id)
    return _document(row)


def list_tokens(
    conn: Connection,
    user_id: UUID,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[TokenDocument]:
    """List the personal tokens of a user, newest first, with those that are good no more."""
    statement = select(API_KEYS).where(_C.user_id == user_id)
    return paging.newest_first(conn, statement, _C.id, after=after, limit=limit, shape=_document)


def _find(conn: Connection, user_id: UUID, token_id: UUID) -> Row[Any] | None:
    statement = select(API_KEYS).where(_C.id == token_id, _C.user_id == user_id)
    return conn.execute(statement).first()


def _unknown(token_id: UUID) -> Refused:
    return Refused("token.unknown", f"You have no token {shown(token_id)}.")


def _tell_revoked(conn: Connection, act: Act, row: Row[Any]) -> None:
    before = row._asdict()
    after = {**before, "revoked_at": act.at}
    _tell(conn, act, "token.revoked", row.user_id, row.id, told_of(before), told_of(after))


def _tell(
    conn: Connection, act: Act, kind: str, user_id: UUID, token_id: UUID, *changed: dict[str, Any]
) -> None:
    before, after = changed
    writes = rows.Writes()
    payload = {"user_id": str(user_id), "token_id": str(token_id)}
    events.emit(writes, act, kind, user_id, payload, before=before, after=after)
    writes.flush(conn)


def _document(row: Row[Any]) -> TokenDocument:
    key = key_document(row._asdict())
    return {
        "id": key["id"],
        "scopes": key["scopes"],
        "name": key["name"],
        "prefix": key["prefix"],
        "created_at": key["created_at"],
        "expires_at": key["expires_at"],
        "used_at": key["used_at"],
        "revoked_at": key["revoked_at"],
    }
