"""What a mail is about, read from the database when it is composed.

None where there is nothing to say any more: the token was used or has ended, the login is not in
use, the invitation was taken back.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.auth.models import INVITATIONS, MAILED_TOKENS, USERS
from tallystick.kernel.signing import Signer
from tallystick.kernel.tasks import Claimed
from tallystick.notices.composing import Letter, moment
from tallystick.parties.models import ORGANIZATIONS

Read = Callable[[Connection, Claimed, datetime, Signer], Letter | None]


def _by_token(kind: str) -> Read:
    """Make what reads a mail that carries a token to the address that it proves."""

    def read(conn: Connection, task: Claimed, at: datetime, signer: Signer) -> Letter | None:
        token_id = UUID(task.payload["token_id"])
        token = _token(conn, token_id)
        if token is None or token.purpose != kind or token.email is None:
            return None
        if token.used_at is not None or token.expires_at <= at:
            return None
        user = _user(conn, token.user_id)
        if user is None or not user.active:
            return None
        facts = {"email": token.email, "until": moment(token.expires_at)}
        text = signer.sign(kind, token_id.bytes)
        first = kind == "reset_password" and user.password_hash is None
        said = "first_password" if first else kind
        # A name goes only where it is surely known: else a stranger who signs up, or asks for
        # another address, would have us send words of theirs to whomever they like.
        proved = user.email_verified_at is not None and user.email == token.email
        return Letter(said, token.email, user.name if proved else "", facts, text)

    return read


def _by_user(kind: str) -> Read:
    """Make what reads a mail to a user, of something that happened."""

    def read(conn: Connection, task: Claimed, _at: datetime, _signer: Signer) -> Letter | None:
        user = _user(conn, UUID(task.payload["user_id"]))
        if user is None or not user.active:
            return None
        facts = {"email": user.email, "when": moment(task.created_at)}
        proved = user.email_verified_at is not None
        name = user.name if proved and kind != "somebody_signed_up_again" else ""
        return Letter(kind, user.email, name, facts)

    return read


def _email_changed(
    conn: Connection, task: Claimed, _at: datetime, _signer: Signer
) -> Letter | None:
    """Read the note to the old address, which a token that is over holds."""
    token = _token(conn, UUID(task.payload["token_id"]))
    user = _user(conn, UUID(task.payload["user_id"]))
    if token is None or token.email is None or user is None:
        return None
    facts = {"email": token.email, "when": moment(task.created_at)}
    return Letter("email_changed", token.email, user.name, facts)


def _invitation(conn: Connection, task: Claimed, at: datetime, signer: Signer) -> Letter | None:
    organization_id = UUID(task.payload["organization_id"])
    invitation_id = UUID(task.payload["invitation_id"])
    statement = (
        select(INVITATIONS, ORGANIZATIONS.c.name, ORGANIZATIONS.c.active)
        .join(ORGANIZATIONS, ORGANIZATIONS.c.id == INVITATIONS.c.organization_id)
        .where(INVITATIONS.c.organization_id == organization_id, INVITATIONS.c.id == invitation_id)
    )
    row = conn.execute(statement).first()
    if row is None or not row.active or row.expires_at <= at:
        return None
    if row.accepted_at is not None or row.revoked_at is not None:
        return None
    facts = {
        "email": row.email,
        "organization": row.name,
        "role": row.role,
        "until": moment(row.expires_at),
    }
    text = signer.sign("invitation", organization_id.bytes + invitation_id.bytes)
    return Letter("invitation", row.email, "", facts, text)


READS: Final[Mapping[str, Read]] = {
    "verify_email": _by_token("verify_email"),
    "reset_password": _by_token("reset_password"),
    "change_email": _by_token("change_email"),
    "email_changed": _email_changed,
    "password_changed": _by_user("password_changed"),
    "somebody_signed_up_again": _by_user("somebody_signed_up_again"),
    "invitation": _invitation,
}
"""By the kind of mail."""


def _token(conn: Connection, token_id: UUID) -> Row[Any] | None:
    return conn.execute(select(MAILED_TOKENS).where(MAILED_TOKENS.c.id == token_id)).first()


def _user(conn: Connection, user_id: UUID | None) -> Row[Any] | None:
    return conn.execute(select(USERS).where(USERS.c.id == user_id)).first()
