"""Credentials: what is sent, kept as a hash or not at all, and whom it stands for.

    tsk_…  a key of an organization or of the platform
    tsu_…  a personal token, by which a user's own scripts act as the user
    tss_…  a session, which travels in a cookie only
    tsl_…  a payer's link: a signed id, so that it can be written again in each mail

The first three have 256 bits of chance, so a plain SHA-256 is enough: there is nothing to guess
that a slow hash would protect.
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, Table, select

from tallystick.auth import policy
from tallystick.auth.models import (
    API_KEYS,
    MEMBERSHIPS,
    PAYER_LINKS,
    ROLES,
    SESSIONS,
    USERS,
)
from tallystick.kernel import clock, events, ids
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.rows import Writes

KEY_START: Final = "tsk_"
PERSONAL_START: Final = "tsu_"
SESSION_START: Final = "tss_"
LINK_START: Final = "tsl_"
LINK_PURPOSE: Final = "payer link"
"""What the signer is told of a link."""
PREFIX_LENGTH: Final = 12
IDLE: Final = timedelta(days=7)
"""How long a session lasts that is not used."""


class KeyDocument(TypedDict):
    """What may be told of a key after it was made."""

    id: str
    organization_id: str | None
    role: str
    scopes: list[str] | None
    name: str
    prefix: str
    created_at: str
    expires_at: str | None
    used_at: str | None
    replaces_id: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class Minted:
    """The id and the text of a credential that is about to be made.

    Made before the transaction, so that one that is repeated makes the same.
    """

    id: UUID
    text: str

    @staticmethod
    def new(start: str = KEY_START) -> "Minted":
        """Make one."""
        return Minted(ids.new(), new_secret(start))


@dataclass(frozen=True, slots=True)
class Reach:
    """What the holder of a payer's link may see and pay."""

    organization_id: UUID
    customer_id: UUID
    invoice_id: UUID | None
    """The one invoice; None for all of the customer."""


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential that is good now, and whose it is."""

    kind: Literal["key", "session", "link"]
    """A personal token is a key."""
    id: UUID
    organization_id: UUID | None
    role: str
    scopes: frozenset[str] | None
    user_id: UUID | None = None
    verified_email: str | None = None
    """The address of the user in small letters, where they have proved that it is theirs."""
    platform: bool = False
    """Whether the user is of the platform."""
    reach: Reach | None = None


def new_secret(start: str) -> str:
    """Make the text of a credential."""
    return start + secrets.token_urlsafe(32)


def hash_of(text: str) -> str:
    """Give what is kept of a credential: SHA-256, as hexadecimal text."""
    return hashlib.sha256(text.encode()).hexdigest()


def create_key(
    conn: Connection,
    act: Act,
    *,
    organization_id: UUID | None,
    role: str,
    name: str,
    scopes: frozenset[str] | None = None,
    expires_at: datetime | None = None,
    replaces_id: UUID | None = None,
    minted: Minted | None = None,
) -> tuple[str, KeyDocument]:
    """Make a key and give its text, which cannot be had again.

    A platform key belongs to no organization. Not under an idempotency key: the answer holds a
    secret, and an answer that is kept would keep it. Whether its maker may make it, the caller
    knows.
    """
    assert (organization_id is None) == (role == policy.PLATFORM_ROLE), "a role fits its reach"
    minted = minted or Minted.new()
    values = {
        **key_row(minted, name=name, scopes=scopes, expires_at=expires_at, at=act.at),
        "organization_id": organization_id,
        "role": role,
        "replaces_id": replaces_id,
    }
    conn.execute(API_KEYS.insert(), values)
    writes = Writes()
    payload = {"key_id": str(minted.id), "role": role}
    events.emit(writes, act, "key.created", minted.id, payload, after=told_of(values))
    writes.flush(conn)
    return minted.text, key_document(values)


def key_row(
    minted: Minted,
    *,
    name: str,
    scopes: frozenset[str] | None,
    expires_at: datetime | None,
    at: datetime,
) -> dict[str, Any]:
    """Lay out the row of a new key that is nobody's yet; its text is not in it."""
    return {
        "id": minted.id,
        "organization_id": None,
        "user_id": None,
        "role": "",
        "scopes": None if scopes is None else sorted(scopes),
        "name": name,
        "prefix": minted.text[:PREFIX_LENGTH],
        "secret_hash": hash_of(minted.text),
        "created_at": at,
        "expires_at": expires_at,
        "used_at": None,
        "replaces_id": None,
        "revoked_at": None,
    }


def key_document(row: Mapping[str, Any]) -> KeyDocument:
    """Shape a key for those who look after it."""
    return {
        "id": str(row["id"]),
        "organization_id": _id_text(row["organization_id"]),
        "role": row["role"],
        "scopes": row["scopes"],
        "name": row["name"],
        "prefix": row["prefix"],
        "created_at": clock.text(row["created_at"]),
        "expires_at": _moment_text(row["expires_at"]),
        "used_at": _moment_text(row["used_at"]),
        "replaces_id": _id_text(row["replaces_id"]),
        "revoked_at": _moment_text(row["revoked_at"]),
    }


def told_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the audit trail tells of a key or a personal token; nothing of its text."""
    document = key_document(row)
    return {
        "name": document["name"],
        "role": document["role"] or None,
        "scopes": document["scopes"],
        "expires_at": document["expires_at"],
        "revoked_at": document["revoked_at"],
    }


def _id_text(value: UUID | None) -> str | None:
    return None if value is None else str(value)


def _moment_text(value: datetime | None) -> str | None:
    return None if value is None else clock.text(value)


def find_credential(conn: Connection, text: str, at: datetime) -> Credential | None:
    """Find a key, a personal token or a session; None when it is none, expired, revoked or ended.

    Payers' links are read by `find_link`, since what is sent of them is no secret of the database.
    """
    if text.startswith(SESSION_START):
        return _session(conn, text, at)
    statement = select(API_KEYS).where(
        API_KEYS.c.secret_hash == hash_of(text), API_KEYS.c.revoked_at.is_(None)
    )
    row = conn.execute(statement).first()
    if row is None or (row.expires_at is not None and row.expires_at <= at):
        return None
    scopes = None if row.scopes is None else frozenset(row.scopes)
    if row.user_id is not None:
        return _of_user(conn, "key", row.id, row.user_id, scopes)
    return Credential("key", row.id, row.organization_id, row.role, scopes)


def find_link(
    conn: Connection, organization_id: UUID, link_id: UUID, at: datetime
) -> Credential | None:
    """Find a payer's link; None when it has expired or was revoked."""
    statement = select(PAYER_LINKS).where(
        PAYER_LINKS.c.organization_id == organization_id, PAYER_LINKS.c.id == link_id
    )
    row = conn.execute(statement).first()
    if row is None or row.revoked_at is not None or row.expires_at <= at:
        return None
    reach = Reach(organization_id, row.customer_id, row.invoice_id)
    return Credential("link", row.id, organization_id, "", None, reach=reach)


def actor_of(
    conn: Connection, credential: Credential, organization_id: UUID | None
) -> Actor | None:
    """Say who acts with a credential in an organization, or outside of any.

    None when the organization is none that they may know of.
    """
    if credential.reach is not None:
        if organization_id not in {None, credential.organization_id}:
            return None
        permissions = frozenset({"pay"})
        return Actor("link", credential.id, "", credential.organization_id, permissions)
    if credential.user_id is not None:
        return _user_in(conn, credential, credential.user_id, organization_id)
    own = credential.organization_id
    if own is None:
        permissions = policy.PLATFORM
    elif organization_id in {None, own}:
        permissions = permissions_of(conn, own, credential.role)
    else:
        return None
    permissions = _within(permissions, credential.scopes)
    return Actor("key", credential.id, credential.role, own, permissions)


def _user_in(
    conn: Connection, credential: Credential, user_id: UUID, organization_id: UUID | None
) -> Actor | None:
    role, permissions = "", policy.PERSON
    if organization_id is not None:
        statement = select(MEMBERSHIPS.c.role).where(
            MEMBERSHIPS.c.organization_id == organization_id,
            MEMBERSHIPS.c.user_id == user_id,
            MEMBERSHIPS.c.active.is_(True),
        )
        member = conn.execute(statement).scalar()
        if member is None and not credential.platform:
            return None
        if member is not None:
            role = member
            permissions = permissions | permissions_of(conn, organization_id, role)
    if credential.platform and role != policy.OWNER_ROLE:
        # A member who is of the platform too may do everything, and says why.
        role, permissions = policy.PLATFORM_ROLE, permissions | policy.PLATFORM
    permissions = _within(permissions, credential.scopes)
    return Actor("user", user_id, role, None, permissions)


def permissions_of(conn: Connection, organization_id: UUID, role: str) -> frozenset[str]:
    """Give what a role of an organization may do; one that does not exist may do nothing."""
    return known_permissions(conn, organization_id, role) or frozenset()


def permissions_of_user(conn: Connection, user_id: UUID, organization_id: UUID) -> frozenset[str]:
    """Give what a user may do in an organization at this moment."""
    credential = _of_user(conn, "session", user_id, user_id, None)
    actor = None if credential is None else actor_of(conn, credential, organization_id)
    return frozenset() if actor is None else actor.permissions or frozenset()


def known_permissions(conn: Connection, organization_id: UUID, role: str) -> frozenset[str] | None:
    """Give what a role of an organization may do; None when there is no such role."""
    known = policy.ROLES.get(role)
    if known is not None:
        return known
    statement = select(ROLES.c.permissions).where(
        ROLES.c.organization_id == organization_id, ROLES.c.name == role
    )
    made = conn.execute(statement).scalar()
    return None if made is None else policy.TENANT.intersection(made)


def note_uses(conn: Connection, uses: Iterable[tuple[Credential, datetime]]) -> None:
    """Keep when credentials were last used."""
    for credential, at in uses:
        table, column = _USED[credential.kind]
        keys = [table.c.id == credential.id]
        if credential.kind == "link":
            keys.append(table.c.organization_id == credential.organization_id)
        conn.execute(table.update().where(*keys).values({column: at}))


_USED: Final[Mapping[str, tuple[Table, str]]] = {
    "key": (API_KEYS, "used_at"),
    "session": (SESSIONS, "seen_at"),
    "link": (PAYER_LINKS, "used_at"),
}


def _within(permissions: frozenset[str], scopes: frozenset[str] | None) -> frozenset[str]:
    return permissions if scopes is None else permissions & scopes


def _session(conn: Connection, text: str, at: datetime) -> Credential | None:
    statement = select(SESSIONS).where(SESSIONS.c.secret_hash == hash_of(text))
    row = conn.execute(statement).first()
    if row is None or row.ended_at is not None or min(row.expires_at, row.seen_at + IDLE) <= at:
        return None
    return _of_user(conn, "session", row.id, row.user_id, None)


def _of_user(
    conn: Connection,
    kind: Literal["key", "session"],
    credential_id: UUID,
    user_id: UUID,
    scopes: frozenset[str] | None,
) -> Credential | None:
    user: Row[Any] = conn.execute(select(USERS).where(USERS.c.id == user_id)).one()
    if not user.active:
        return None
    return Credential(
        kind,
        credential_id,
        None,
        "",
        scopes,
        user_id=user_id,
        verified_email=None if user.email_verified_at is None else user.email_key,
        platform=user.platform,
    )
