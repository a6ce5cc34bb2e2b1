"""API keys: make, read, list, rotate, revoke; those of an organization, and those of the platform.

A key is shown once. What makes one is no use case under an idempotency key, because its answer
holds a secret. None is the organization of platform keys here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, select

from tallystick.auth import access, credentials, policy
from tallystick.auth.credentials import (
    KeyDocument,
    Minted,
    create_key,
    key_document,
    told_of,
)
from tallystick.auth.models import API_KEYS
from tallystick.kernel import events, paging, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.idempotency import Answer, each

OVERLAP_DEFAULT: Final = timedelta(hours=24)
OVERLAP_MAX: Final = timedelta(days=30)

_C = API_KEYS.c


@dataclass(frozen=True, slots=True)
class RevokeKey:
    """Let a key be good for nothing from now on."""

    act: Act
    organization_id: UUID | None
    key_id: UUID


def make_key(
    conn: Connection,
    act: Act,
    *,
    organization_id: UUID | None,
    role: str,
    name: str,
    scopes: frozenset[str] | None = None,
    expires_at: datetime | None = None,
    minted: Minted | None = None,
) -> tuple[str, KeyDocument]:
    """Make a key that may do no more than its maker, and give its text.

    Raises:
        Refused: role.unknown, auth.beyond_own.
        Invalid: key.scopes_beyond_role, key.expires_in_past.
    """
    access.lock(conn, [] if organization_id is None else [organization_id])
    permissions = _permissions(conn, organization_id, role)
    if scopes is not None and not scopes <= permissions:
        beyond = ", ".join(sorted(scopes - permissions))
        message = f"The role {shown(role)} does not have {beyond}. Leave it out of the scopes."
        raise Invalid("key.scopes_beyond_role", message, pointer="/scopes")
    access.check_within(act.actor, permissions if scopes is None else scopes)
    check_expiry(act, expires_at)
    if minted is not None and (made := _find(conn, organization_id, minted.id)) is not None:
        # The transaction was repeated, and had been committed before.
        return minted.text, key_document(made._asdict())
    return create_key(
        conn,
        act,
        organization_id=organization_id,
        role=role,
        name=name,
        scopes=scopes,
        expires_at=expires_at,
        minted=minted,
    )


def rotate_key(
    conn: Connection,
    act: Act,
    *,
    organization_id: UUID | None,
    key_id: UUID,
    overlap: timedelta,
    minted: Minted,
) -> tuple[str, KeyDocument]:
    """Make the key that follows another, and let that one expire after the overlap.

    The new one has the same role, scopes and name, and lives as long as the old one was made for.

    Raises:
        Refused: key.unknown; key.not_good; key.rotated_already; auth.beyond_own.
    """
    assert timedelta(0) <= overlap <= OVERLAP_MAX, "the edge bounds it"
    made = _find(conn, organization_id, minted.id)
    if made is not None:
        return minted.text, key_document(made._asdict())
    row = _locked(conn, organization_id, key_id)
    scopes = None if row.scopes is None else frozenset(row.scopes)
    access.check_within(act.actor, _allowed(conn, row))
    _check_good(row, act.at)
    following = select(_C.id).where(_of(organization_id), _C.replaces_id == key_id)
    if conn.execute(following).first() is not None:
        message = f"The key {shown(row.prefix)} was rotated before. Rotate the one that follows it."
        raise Refused("key.rotated_already", message)
    lifetime = None if row.expires_at is None else row.expires_at - row.created_at
    ends_at = act.at + overlap if row.expires_at is None else min(row.expires_at, act.at + overlap)
    _set(conn, act, row, "key.rotated", {"expires_at": ends_at})
    return create_key(
        conn,
        act,
        organization_id=organization_id,
        role=row.role,
        name=row.name,
        scopes=scopes,
        expires_at=None if lifetime is None else act.at + lifetime,
        replaces_id=row.id,
        minted=minted,
    )


def revoke_keys(conn: Connection, commands: Sequence[RevokeKey]) -> list[Answer[KeyDocument]]:
    """Revoke keys, which anybody may who looks after keys at all. Locks the keys.

    Refuses:
        key.unknown
        key.revoked_already
    """
    rows.find(conn, [_C.id], [(command.key_id,) for command in commands], lock=True)
    return each(conn, commands, _revoke)


def _revoke(conn: Connection, command: RevokeKey) -> KeyDocument:
    row = _locked(conn, command.organization_id, command.key_id)
    if row.revoked_at is not None:
        raise Refused("key.revoked_already", f"The key {shown(row.prefix)} is revoked already.")
    _set(conn, command.act, row, "key.revoked", {"revoked_at": command.act.at})
    return get_key(conn, command.organization_id, command.key_id)


def get_key(conn: Connection, organization_id: UUID | None, key_id: UUID) -> KeyDocument:
    """Read one key, or refuse with key.unknown."""
    row = _find(conn, organization_id, key_id)
    if row is None:
        raise unknown(key_id)
    return key_document(row._asdict())


def list_keys(
    conn: Connection,
    organization_id: UUID | None,
    *,
    at: datetime,
    good: bool | None = None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[KeyDocument]:
    """List keys, newest first: all, those that are good at a moment, or the others."""
    statement = select(API_KEYS).where(_of(organization_id))
    if good is not None:
        statement = statement.where(is_good(at) if good else ~is_good(at))
    return paging.newest_first(
        conn,
        statement,
        _C.id,
        after=after,
        limit=limit,
        shape=lambda row: key_document(row._asdict()),
    )


def is_good(at: datetime) -> ColumnElement[bool]:
    """Tell of a key whether it is neither revoked nor expired."""
    return _C.revoked_at.is_(None) & (_C.expires_at.is_(None) | (_C.expires_at > at))


def check_expiry(act: Act, expires_at: datetime | None) -> None:
    """Refuse a credential that would be expired from the start, with key.expires_in_past."""
    if expires_at is not None and expires_at <= act.at:
        message = "This moment has passed, so it would be good for nothing. Choose a later one."
        raise Invalid("key.expires_in_past", message, pointer="/expires_at")


def unknown(key_id: UUID) -> Refused:
    """Say that there is no such key."""
    return Refused("key.unknown", f"There is no key {shown(key_id)} here.")


def _of(organization_id: UUID | None) -> ColumnElement[bool]:
    if organization_id is None:
        return _C.organization_id.is_(None) & _C.user_id.is_(None)
    return _C.organization_id == organization_id


def _find(conn: Connection, organization_id: UUID | None, key_id: UUID) -> Row[Any] | None:
    statement = select(API_KEYS).where(_C.id == key_id, _of(organization_id))
    return conn.execute(statement).first()


def _locked(conn: Connection, organization_id: UUID | None, key_id: UUID) -> Row[Any]:
    rows.find(conn, [_C.id], [(key_id,)], lock=True)
    row = _find(conn, organization_id, key_id)
    if row is None:
        raise unknown(key_id)
    return row


def _permissions(conn: Connection, organization_id: UUID | None, role: str) -> frozenset[str]:
    if organization_id is None:
        return policy.PLATFORM
    return access.permissions_of(conn, organization_id, role, pointer="/role")


def _allowed(conn: Connection, row: Row[Any]) -> frozenset[str]:
    """Give what a key may do."""
    if row.organization_id is None:
        permissions = policy.PLATFORM
    else:
        permissions = credentials.permissions_of(conn, row.organization_id, row.role)
    return permissions if row.scopes is None else permissions.intersection(row.scopes)


def _check_good(row: Row[Any], at: datetime) -> None:
    if row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= at):
        message = f"The key {shown(row.prefix)} is revoked or has expired. Make a new one."
        raise Refused("key.not_good", message)


def _set(conn: Connection, act: Act, row: Row[Any], kind: str, values: dict[str, Any]) -> None:
    conn.execute(API_KEYS.update().where(_C.id == row.id), values)
    before = row._asdict()
    writes = rows.Writes()
    events.emit(
        writes,
        act,
        kind,
        row.id,
        {"key_id": str(row.id), "role": row.role},
        before=told_of(before),
        after=told_of({**before, **values}),
    )
    writes.flush(conn)
