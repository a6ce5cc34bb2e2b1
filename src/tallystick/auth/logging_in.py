"""Log in: from a password that was found right to a session, past the second factor."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth import guessing, sessions, signing_up, two_factor, users
from tallystick.auth.guessing import Guess
from tallystick.auth.users import UserDocument
from tallystick.kernel import events
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal
from tallystick.kernel.rows import Writes
from tallystick.kernel.sealing import Sealer


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that is to begin; its secret and its id were made by the edge."""

    id: UUID
    secret: str
    agent: str
    before: str | None
    """The session that the same browser still sends; it ends."""


def log_in(
    conn: Connection,
    act: Act,
    guess: Guess,
    new: NewSession,
    *,
    user_id: UUID,
    seen_hash: str,
    code: str | None,
    rehashed: str | None,
    sealer: Sealer,
) -> UserDocument | Refusal:
    """Begin a session for somebody whose password fits the hash that was seen. Locks the user.

    `rehashed` is the same password under the parameters of now, where those were others. Refusals
    are values, since what was counted stays counted.

    Refuses:
        login.wrong: the password was changed or the user deactivated meanwhile; or the address is
            not proved, and the link was mailed again. Whoever could tell that apart would learn by
            a sign-up of their own whether somebody has an address.
        login.code_required, login.code_wrong
    """
    act = users.as_user(act, user_id)
    row = users.locked(conn, user_id)
    if events.happened(conn, act):
        return users.get_user(conn, user_id)
    if row.password_hash != seen_hash or not row.active:
        guessing.fail(conn, guess)
        return wrong()
    if row.email_verified_at is None:
        guessing.fail(conn, guess)
        signing_up.mail_link_again(conn, act, user_id, row.email)
        return wrong()
    if row.totp_confirmed_at is not None:
        if code is None:
            guessing.take_back(conn, guess)
            message = "The password is right. Send it again with the code of your second factor."
            return Refusal("login.code_required", message)
        if not two_factor.takes(conn, act, sealer, row, code):
            guessing.fail(conn, guess)
            message = "This code is not right, or was used before. Wait for the next one."
            return Refusal("login.code_wrong", message, "/code")
    guessing.clear(conn, guess)
    if new.before is not None:
        sessions.end_by_secret(conn, act, new.before)
    if rehashed is not None:
        writes = Writes()
        users.change(writes, act, row, {"password_hash": rehashed})
        writes.flush(conn)
    sessions.begin(
        conn, act, session_id=new.id, user_id=user_id, secret=new.secret, agent=new.agent
    )
    return users.get_user(conn, user_id)


def wrong() -> Refusal:
    """Say the same of an unknown user, a wrong password, and an address that nobody proved."""
    message = (
        "Nobody here has this name and this password, or the address is not proved yet: look for "
        "our mail. Else check both, or reset the password."
    )
    return Refusal("login.wrong", message)
