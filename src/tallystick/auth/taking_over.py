"""Make a user for whoever may vouch for an address, also where a sign-up with it waits.

A stranger can sign up with any address. Until it is proved, that holds the address against nobody:
the login becomes that of whoever the operator, the platform or an organization means, and nothing
of the stranger's is good for it.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete

from tallystick.auth import mailed, personal_tokens, sessions, users
from tallystick.auth.models import RECOVERY_CODES
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.parties.emails import email_key


def waits(user: Row[Any]) -> bool:
    """Tell whether a login is a sign-up whose address nobody has proved.

    Who was invited has no password until they prove the address.
    """
    return user.email_verified_at is None and user.password_hash is not None


def make_user(
    conn: Connection,
    act: Act,
    *,
    user_id: UUID,
    email: str,
    name: str,
    password_hash: str | None,
    user_name: str | None,
    language: str | None = None,
    verified: bool = False,
    platform: bool,
) -> UUID:
    """Make a user, or take over the sign-up that waits with the address; give their id.

    Locks the login that is taken over. One that is not in use stays so.

    Refuses:
        The codes of `users.create_user`.
    """
    users.check_email(email)
    users.check_user_name(user_name)
    found = users.find_by_email(conn, email)
    row = None if found is None else users.locked(conn, found.id)
    if row is None or not row.active or not waits(row):
        users.create_user(
            conn,
            act,
            user_id=user_id,
            email=email,
            name=name,
            password_hash=password_hash,
            user_name=user_name,
            language=language,
            verified=verified,
            platform=platform,
        )
        return user_id
    told = {"name": name, "user_name": user_name, "language": language, "platform": platform}
    values = {
        **told,
        **users.user_name_values(conn, row, told),
        "email": email,
        "email_key": email_key(email),
        "email_verified_at": act.at if verified else None,
        "password_hash": password_hash,
    }
    writes = Writes()
    before = {member: getattr(row, member) for member in told}
    users.tell(writes, act, "user.taken_over", row.id, before=before, after=told, platform=platform)
    take_over(conn, act, writes, row, values)
    taken_id: UUID = row.id
    return taken_id


def take_over(
    conn: Connection, act: Act, writes: Writes, user: Row[Any], values: dict[str, Any]
) -> None:
    """Change a login that the caller has locked, and end all that could be good for it."""
    off = {"totp_sealed": None, "totp_confirmed_at": None, "totp_step": None}
    users.change(writes, act, user, {**values, **off})
    if user.totp_sealed is not None:
        users.tell(writes, act, "two_factor.removed", user.id)
    writes.flush(conn)
    conn.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user.id))
    for purpose in ("verify_email", "reset_password", "change_email"):
        mailed.end_older(conn, act, purpose, user.id)
    sessions.end_all(conn, act, user.id)
    personal_tokens.revoke_all(conn, act, user.id)
