"""Users: the one way to make one, to find one, and what a person sees and changes of themselves.

Nothing here proves who somebody is: `tallystick.auth.passwords` and the edge do.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from tallystick.auth.models import MEMBERSHIPS, RECOVERY_CODES, USERS
from tallystick.kernel import clock, events, ids, rows, versions
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.rows import Writes
from tallystick.parties.emails import email_key, is_email
from tallystick.parties.models import ORGANIZATIONS

# Never with an @, so that it is told from an address.
_USER_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])")


class MembershipOfUser(TypedDict):
    """One organization that a user belongs to."""

    organization_id: str
    slug: str
    name: str
    role: str


class UserDocument(TypedDict):
    """A user as they see themselves."""

    id: str
    email: str
    email_verified: bool
    user_name: str | None
    name: str
    language: str | None
    platform: bool
    two_factor: bool
    recovery_codes_left: int
    memberships: list[MembershipOfUser]
    version: int
    created_at: str
    updated_at: str


def check_email(email: str) -> None:
    """Refuse what cannot be an e-mail address with user.email_malformed."""
    if not is_email(email):
        message = (
            f"{shown(email)} is not an e-mail address. Use one such as name@example.com, in ASCII: "
            "other letters of a domain as xn--."
        )
        raise Invalid("user.email_malformed", message, pointer="/email")


def check_user_name(user_name: str | None) -> None:
    """Refuse what cannot be a user name with user.user_name_malformed."""
    if user_name is not None and not _USER_NAME.fullmatch(user_name):
        message = (
            f"{shown(user_name)} cannot be a user name. Use 2 to 64 letters from A to Z, digits, "
            "and inner dots, hyphens and underscores."
        )
        raise Invalid("user.user_name_malformed", message, pointer="/user_name")


def create_user(
    conn: Connection,
    act: Act,
    *,
    user_id: UUID,
    email: str,
    name: str,
    password_hash: str | None,
    user_name: str | None = None,
    language: str | None = None,
    verified: bool = False,
    platform: bool = False,
) -> None:
    """Make a user. Whoever calls it has made the id, so that a repeated transaction makes one.

    Refuses:
        user.email_malformed, user.email_taken
        user.user_name_malformed, user.user_name_taken
    """
    check_email(email)
    check_user_name(user_name)
    if find(conn, user_id) is not None:
        return
    if find_by_email(conn, email) is not None:
        raise email_taken(email)
    _check_free(conn, user_name)
    writes = Writes()
    writes.add(
        USERS,
        {
            "id": user_id,
            "email": email,
            "email_key": email_key(email),
            "email_verified_at": act.at if verified else None,
            "user_name": user_name,
            "user_name_key": _name_key(user_name),
            "name": name,
            "language": language,
            "password_hash": password_hash,
            "totp_sealed": None,
            "totp_confirmed_at": None,
            "totp_step": None,
            "platform": platform,
            "active": True,
            "version": 1,
            "created_at": act.at,
            "updated_at": act.at,
        },
    )
    tell(writes, act, "user.created", user_id, platform=platform)
    writes.flush(conn)


def change_me(
    conn: Connection, act: Act, user_id: UUID, *, version: int, changes: dict[str, Any]
) -> UserDocument:
    """Change the name, the user name or the language of a user.

    Refuses:
        precondition.stale
        user.user_name_malformed, user.user_name_taken
    """
    assert changes.keys() <= {"name", "user_name", "language"}, (
        "the edge names only what may change"
    )
    row = locked(conn, user_id)
    if events.happened(conn, act):
        return get_user(conn, user_id)
    versions.check(row.version, version)
    writes = Writes()
    change(writes, act, row, {**changes, **user_name_values(conn, row, changes)})
    before = {name: getattr(row, name) for name in changes}
    tell(writes, act, "user.changed", user_id, before=before, after=changes)
    writes.flush(conn)
    return get_user(conn, user_id)


def user_name_values(conn: Connection, row: Row[Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Give what is kept beside a new user name, where one is among the changes.

    Refuses:
        user.user_name_malformed, user.user_name_taken
    """
    if "user_name" not in changes:
        return {}
    check_user_name(changes["user_name"])
    key = _name_key(changes["user_name"])
    if key != row.user_name_key:
        _check_free(conn, changes["user_name"])
    return {"user_name_key": key}


def find(conn: Connection, user_id: UUID) -> Row[Any] | None:
    """Find a user's row by id."""
    return conn.execute(select(USERS).where(USERS.c.id == user_id)).first()


def find_by_email(conn: Connection, email: str) -> Row[Any] | None:
    """Find a user's row by address, in capitals or not."""
    return conn.execute(select(USERS).where(USERS.c.email_key == email_key(email))).first()


def find_by_login(conn: Connection, login: str) -> Row[Any] | None:
    """Find a user's row by what people type: their address or their user name."""
    if "@" in login:
        return find_by_email(conn, login)
    return conn.execute(select(USERS).where(USERS.c.user_name_key == _name_key(login))).first()


def locked(conn: Connection, user_id: UUID) -> Row[Any]:
    """Give the row of a user who exists, locked."""
    [row] = rows.find(conn, [USERS.c.id], [(user_id,)], lock=True)
    return row


def any_of_platform(conn: Connection) -> bool:
    """Tell whether anybody is of the platform."""
    of_platform = select(USERS.c.id).where(USERS.c.platform.is_(True))
    return conn.execute(of_platform.limit(1)).first() is not None


def change(writes: Writes, act: Act, row: Row[Any], values: dict[str, Any]) -> None:
    """Change the row of a user, whom the caller has locked."""
    values = {**values, "version": row.version + 1, "updated_at": act.at}
    writes.change(USERS, {"id": row.id}, values)


def tell(
    writes: Writes,
    act: Act,
    kind: str,
    user_id: UUID,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    **payload: Any,
) -> None:
    """Emit a fact about a user, who stands above all organizations."""
    above = replace(act, organization_id=ids.NIL)
    told = {"user_id": str(user_id), **payload}
    events.emit(writes, above, kind, user_id, told, before=before, after=after)


def as_user(act: Act, user_id: UUID) -> Act:
    """Give the act of somebody who has just proved who they are."""
    return replace(act, actor=Actor("user", user_id, "", None), organization_id=ids.NIL)


def get_user(conn: Connection, user_id: UUID) -> UserDocument:
    """Read a user as they see themselves."""
    row = find(conn, user_id)
    assert row is not None, "users are never removed"
    codes = select(func.count()).where(
        RECOVERY_CODES.c.user_id == user_id, RECOVERY_CODES.c.used_at.is_(None)
    )
    return {
        "id": str(row.id),
        "email": row.email,
        "email_verified": row.email_verified_at is not None,
        "user_name": row.user_name,
        "name": row.name,
        "language": row.language,
        "platform": row.platform,
        "two_factor": row.totp_confirmed_at is not None,
        "recovery_codes_left": conn.execute(codes).scalar_one(),
        "memberships": list(memberships_of(conn, user_id)),
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "updated_at": clock.text(row.updated_at),
    }


def memberships_of(conn: Connection, user_id: UUID) -> Sequence[MembershipOfUser]:
    """List the organizations that a user belongs to now, by their names."""
    statement = (
        select(ORGANIZATIONS.c.id, ORGANIZATIONS.c.slug, ORGANIZATIONS.c.name, MEMBERSHIPS.c.role)
        .join_from(MEMBERSHIPS, ORGANIZATIONS, MEMBERSHIPS.c.organization_id == ORGANIZATIONS.c.id)
        .where(MEMBERSHIPS.c.user_id == user_id, MEMBERSHIPS.c.active.is_(True))
        .order_by(ORGANIZATIONS.c.name, ORGANIZATIONS.c.id)
    )
    return [
        {"organization_id": str(row.id), "slug": row.slug, "name": row.name, "role": row.role}
        for row in conn.execute(statement)
    ]


def email_taken(email: str) -> Refused:
    """Say that somebody has an address; only to whoever may know."""
    message = f"Somebody here has the address {shown(email)} already."
    return Refused("user.email_taken", message, pointer="/email")


def _check_free(conn: Connection, user_name: str | None) -> None:
    if user_name is None:
        return
    taken = select(USERS.c.id).where(USERS.c.user_name_key == _name_key(user_name))
    if conn.execute(taken).first():
        message = f"The user name {shown(user_name)} is taken. Choose another."
        raise Refused("user.user_name_taken", message, pointer="/user_name")


def _name_key(user_name: str | None) -> str | None:
    return None if user_name is None else user_name.lower()
