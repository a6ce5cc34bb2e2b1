"""A new password: after the old one was forgotten, by a mailed link; or in place of the old one."""

from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth import guessing, mailed, personal_tokens, sessions, users
from tallystick.auth.guessing import Guess
from tallystick.kernel import events, ids, tasks
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused
from tallystick.kernel.rows import Writes
from tallystick.parties.emails import email_key


def request_reset(conn: Connection, act: Act, email: str) -> None:
    """Have a link mailed by which a new password can be chosen, where the address is known.

    For an unknown one the same rows are written, with a token that nobody has and that is over, so
    that neither the answer nor its time tells the two apart.

    Refuses:
        user.email_malformed
    """
    users.check_email(email)
    if not guessing.may_mail(conn, "reset_password", email_key(email), act.at):
        return
    row = users.find_by_email(conn, email)
    known = row if row is not None and row.active else None
    writes = Writes()
    owner = None if known is None else known.id
    # Nobody has the id that stands in: the tokens of all who are unknown would be many.
    mailed.end_older(conn, act, "reset_password", owner or ids.new())
    token_id = mailed.add(
        writes,
        act,
        "reset_password",
        user_id=owner,
        email=None if known is None else known.email,
        over=known is None,
    )
    tasks.add(writes, act, "mail.reset_password", {"token_id": str(token_id)})
    writes.flush(conn)


def reset_password(conn: Connection, act: Act, *, token_id: UUID, password_hash: str) -> None:
    """Set the password of whoever had the link. It proves the address too.

    All sessions and personal tokens end: whoever had the old password may have made some.

    Refuses:
        auth.token_unknown
    """
    if events.happened(conn, act):
        return
    token = mailed.use(conn, act, "reset_password", token_id)
    if token.user_id is None:
        raise mailed.unknown()
    row = users.locked(conn, token.user_id)
    if row.email != token.email or not row.active:
        raise mailed.unknown()
    act = users.as_user(act, row.id)
    writes = Writes()
    values = {
        "password_hash": password_hash,
        "email_verified_at": row.email_verified_at or act.at,
    }
    users.change(writes, act, row, values)
    users.tell(writes, act, "user.password_reset", row.id)
    tasks.add(writes, act, "mail.password_changed", {"user_id": str(row.id)})
    writes.flush(conn)
    # A link that somebody else's sign-up caused is worth nothing from now on.
    mailed.end_older(conn, act, "verify_email", row.id)
    mailed.end_older(conn, act, "change_email", row.id)
    sessions.end_all(conn, act, row.id)
    personal_tokens.revoke_all(conn, act, row.id)


def replace_password(
    conn: Connection,
    act: Act,
    guess: Guess,
    user_id: UUID,
    *,
    seen_hash: str,
    password_hash: str,
    but: UUID | None,
) -> None:
    """Set the password of somebody who gave the old one; their other sessions end.

    Refuses:
        auth.password_wrong: it was changed while it was looked at.
    """
    row = users.locked(conn, user_id)
    if events.happened(conn, act):
        return
    if row.password_hash != seen_hash:
        raise password_wrong()
    guessing.clear(conn, guess)
    writes = Writes()
    users.change(writes, act, row, {"password_hash": password_hash})
    users.tell(writes, act, "user.password_changed", user_id)
    tasks.add(writes, act, "mail.password_changed", {"user_id": str(user_id)})
    writes.flush(conn)
    mailed.end_older(conn, act, "reset_password", user_id)
    sessions.end_all(conn, act, user_id, but=but)


def password_wrong() -> Refused:
    """Say that the password of somebody who is known is not the one that was sent."""
    return Refused("auth.password_wrong", "The password is not right.", pointer="/password")
