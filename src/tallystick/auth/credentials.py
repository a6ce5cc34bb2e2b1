"""API keys: made once, shown once, kept as a hash.

A key has 256 bits of chance, so a plain SHA-256 is enough: there is nothing to guess that a slow
hash would protect.
"""

import hashlib
import secrets
from typing import TypedDict
from uuid import UUID

from sqlalchemy import Connection, select

from tallystick.auth.models import API_KEYS
from tallystick.kernel import clock, events, ids
from tallystick.kernel.actor import Act, Actor, Role
from tallystick.kernel.rows import Writes

KEY_START = "tsk_"
PREFIX_LENGTH = 12


class KeyDocument(TypedDict):
    """What may be told of a key after it was made."""

    id: str
    organization_id: str | None
    role: str
    name: str
    prefix: str
    created_at: str


def create_key(
    conn: Connection, act: Act, *, organization_id: UUID | None, role: Role, name: str
) -> tuple[str, KeyDocument]:
    """Make a key and give its text, which cannot be had again.

    A platform key belongs to no organization. Not under an idempotency key: the answer holds a
    secret, and an answer that is kept would keep it.
    """
    assert (organization_id is None) == (role == "platform"), "a role fits its reach"
    text = KEY_START + secrets.token_urlsafe(32)
    key: KeyDocument = {
        "id": str(ids.new()),
        "organization_id": None if organization_id is None else str(organization_id),
        "role": role,
        "name": name,
        "prefix": text[:PREFIX_LENGTH],
        "created_at": clock.text(act.at),
    }
    values = {
        **key,
        "id": UUID(key["id"]),
        "organization_id": organization_id,
        "secret_hash": _hash(text),
        "created_at": act.at,
        "revoked_at": None,
    }
    conn.execute(API_KEYS.insert(), values)
    writes = Writes()
    events.emit(writes, act, "key.created", UUID(key["id"]), {"key_id": key["id"], "role": role})
    writes.flush(conn)
    return text, key


def find_actor(conn: Connection, text: str) -> Actor | None:
    """Find who acts with a key; None when there is no such key, or it was revoked."""
    statement = select(API_KEYS).where(
        API_KEYS.c.secret_hash == _hash(text), API_KEYS.c.revoked_at.is_(None)
    )
    row = conn.execute(statement).first()
    if row is None:
        return None
    return Actor(kind="key", id=row.id, role=row.role, organization_id=row.organization_id)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
