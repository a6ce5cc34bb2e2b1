"""Sign up: a person makes a login for themselves, and proves that its address is theirs.

Nothing here tells whether an address is known. The password stands from the sign-up on, and the
link in the mail is good together with it only: whoever follows a link that somebody else's sign-up
caused gives nobody a login with their address.
"""

from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth import guessing, mailed, taking_over, users
from tallystick.auth.guessing import Guess
from tallystick.kernel import events, tasks
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.parties.emails import email_key


def sign_up(
    conn: Connection,
    act: Act,
    *,
    user_id: UUID,
    email: str,
    name: str,
    language: str | None,
    password_hash: str,
) -> None:
    """Make a login that waits for its address to be proved, and have the link mailed.

    A sign-up that waits already gets the newer name and password. Who has proved the address, or
    was invited with it, gets a mail that somebody tried, and nothing changes. Beyond the limit of
    mails nothing happens at all.

    Refuses:
        user.email_malformed
    """
    users.check_email(email)
    if events.happened(conn, act):
        return
    if not guessing.may_mail(conn, "verify_email", email_key(email), act.at):
        return
    row = users.find_by_email(conn, email)
    writes = Writes()
    if row is None:
        users.create_user(
            conn,
            act,
            user_id=user_id,
            email=email,
            name=name,
            language=language,
            password_hash=password_hash,
        )
        _mail_link(conn, writes, act, user_id, email)
    elif not taking_over.waits(row):
        if row.active:
            tasks.add(writes, act, "mail.somebody_signed_up_again", {"user_id": str(row.id)})
        # A token that nobody has, so that it takes as long as a sign-up that was the first.
        users.tell(writes, act, "user.signed_up_again", row.id)
        mailed.end_older(conn, act, "verify_email", row.id)
        mailed.add(writes, act, "verify_email", user_id=row.id, over=True)
    elif row.active:
        row = users.locked(conn, row.id)
        after = {"name": name, "language": language}
        before = {member: getattr(row, member) for member in after}
        users.change(writes, act, row, {**after, "password_hash": password_hash})
        users.tell(writes, act, "user.signed_up_again", row.id, before=before, after=after)
        _mail_link(conn, writes, act, row.id, row.email)
    writes.flush(conn)


def mail_link_again(conn: Connection, act: Act, user_id: UUID, email: str) -> None:
    """Have the link mailed again, within the limit of mails."""
    if guessing.may_mail(conn, "verify_email", email_key(email), act.at):
        writes = Writes()
        _mail_link(conn, writes, act, user_id, email)
        writes.flush(conn)


def verify_email(
    conn: Connection, act: Act, guess: Guess, *, token_id: UUID, seen_hash: str
) -> None:
    """Note that an address is proved by whoever had its link and the password.

    Refuses:
        auth.token_unknown: also when the password was changed while it was looked at.
    """
    if events.happened(conn, act):
        return
    token = mailed.use(conn, act, "verify_email", token_id)
    row = users.locked(conn, token.user_id)
    if row.password_hash != seen_hash or row.email != token.email or not row.active:
        raise mailed.unknown()
    guessing.clear(conn, guess)
    writes = Writes()
    users.change(writes, act, row, {"email_verified_at": act.at})
    users.tell(writes, users.as_user(act, row.id), "user.email_verified", row.id)
    writes.flush(conn)


def _mail_link(conn: Connection, writes: Writes, act: Act, user_id: UUID, email: str) -> None:
    mailed.end_older(conn, act, "verify_email", user_id)
    token_id = mailed.add(writes, act, "verify_email", user_id=user_id, email=email)
    tasks.add(writes, act, "mail.verify_email", {"token_id": str(token_id)})
