"""Another address for a login: asked for with the password, proved by a link that is mailed to it.

The link is good for the login that asked only, so whoever follows one by mistake gives nobody a
login with their address.
"""

from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth import guessing, mailed, users
from tallystick.auth.guessing import Guess
from tallystick.auth.users import UserDocument
from tallystick.kernel import events, tasks
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.parties.emails import email_key


def request_email(conn: Connection, act: Act, guess: Guess, user_id: UUID, *, email: str) -> None:
    """Have a link mailed to a new address; nobody is told whether somebody has it already.

    Refuses:
        user.email_malformed
    """
    users.check_email(email)
    if events.happened(conn, act):
        return
    guessing.clear(conn, guess)
    if not guessing.may_mail(conn, "change_email", email_key(email), act.at):
        return
    mailed.end_older(conn, act, "change_email", user_id)
    writes = Writes()
    token_id = mailed.add(writes, act, "change_email", user_id=user_id, email=email)
    tasks.add(writes, act, "mail.change_email", {"token_id": str(token_id)})
    users.tell(writes, act, "user.email_requested", user_id)
    writes.flush(conn)


def confirm_email(conn: Connection, act: Act, user_id: UUID, token_id: UUID) -> UserDocument:
    """Take over the new address, proved; the old one gets a note.

    Refuses:
        auth.token_unknown: also for a link that another login asked for.
        user.email_taken
    """
    if events.happened(conn, act):
        return users.get_user(conn, user_id)
    token = mailed.use(conn, act, "change_email", token_id)
    if token.user_id != user_id:
        raise mailed.unknown()
    row = users.locked(conn, user_id)
    other = users.find_by_email(conn, token.email)
    if other is not None and other.id != user_id:
        raise users.email_taken(token.email)
    values = {
        "email": token.email,
        "email_key": email_key(token.email),
        "email_verified_at": act.at,
    }
    writes = Writes()
    users.change(writes, act, row, values)
    before, after = {"email": row.email}, {"email": token.email}
    users.tell(writes, act, "user.email_changed", user_id, before=before, after=after)
    note_id = mailed.add(writes, act, "email_changed", user_id=user_id, email=row.email, over=True)
    payload = {"user_id": str(user_id), "token_id": str(note_id)}
    tasks.add(writes, act, "mail.email_changed", payload)
    writes.flush(conn)
    for purpose in ("verify_email", "reset_password"):
        mailed.end_older(conn, act, purpose, user_id)
    return users.get_user(conn, user_id)
