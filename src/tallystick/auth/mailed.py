"""Tokens that prove something: that their bearer reads an address, or was let in by an operator.

What travels is the signed id, which the edge signs and reads; here are the rows behind it.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, delete, select, update

from tallystick.auth.models import MAILED_TOKENS
from tallystick.kernel import ids, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused
from tallystick.kernel.rows import Writes

GOOD_FOR: Final = {
    "setup": timedelta(hours=24),
    "verify_email": timedelta(hours=48),
    "reset_password": timedelta(hours=1),
    "change_email": timedelta(hours=24),
}
KEPT: Final = timedelta(days=30)
"""How long a token that is over is kept: a mail about it may still wait."""


def add(
    writes: Writes,
    act: Act,
    purpose: str,
    *,
    user_id: UUID | None = None,
    email: str | None = None,
    over: bool = False,
    good_for: timedelta | None = None,
) -> UUID:
    """Add a token to what the transaction writes; give its id. One that is `over` is never good.

    It is good for as long as its purpose says, unless told otherwise.
    """
    token_id = ids.new()
    writes.add(
        MAILED_TOKENS,
        {
            "id": token_id,
            "purpose": purpose,
            "user_id": user_id,
            "email": email,
            "created_at": act.at,
            "expires_at": act.at if over else act.at + (good_for or GOOD_FOR[purpose]),
            "used_at": act.at if over else None,
        },
    )
    return token_id


def end_older(conn: Connection, act: Act, purpose: str, user_id: UUID | None) -> None:
    """End the tokens of a person for a purpose, so that only the newest is good."""
    owner = MAILED_TOKENS.c.user_id
    conn.execute(
        update(MAILED_TOKENS)
        .where(
            owner.is_(None) if user_id is None else owner == user_id,
            MAILED_TOKENS.c.purpose == purpose,
            MAILED_TOKENS.c.used_at.is_(None),
        )
        .values(used_at=act.at)
    )


def find(conn: Connection, purpose: str, token_id: UUID) -> Row[Any] | None:
    """Find a token that was made for a purpose, good or not."""
    statement = select(MAILED_TOKENS).where(
        MAILED_TOKENS.c.id == token_id, MAILED_TOKENS.c.purpose == purpose
    )
    return conn.execute(statement).first()


def use(conn: Connection, act: Act, purpose: str, token_id: UUID) -> Row[Any]:
    """Use a token up, and give it as it was. Locks it.

    Refuses:
        auth.token_unknown: there is none for this purpose, it is over, or it was used.
    """
    found = rows.find(conn, [MAILED_TOKENS.c.id], [(token_id,)], lock=True)
    if not found or found[0].purpose != purpose:
        raise unknown()
    [token] = found
    if token.used_at is not None or token.expires_at <= act.at:
        raise unknown()
    conn.execute(update(MAILED_TOKENS).where(MAILED_TOKENS.c.id == token_id).values(used_at=act.at))
    return token


def prune(conn: Connection, at: datetime) -> int:
    """Remove the tokens that were over long ago; give how many there were."""
    over = MAILED_TOKENS.c.expires_at <= at - KEPT
    return conn.execute(delete(MAILED_TOKENS).where(over)).rowcount


def unknown() -> Refused:
    """Say that a token is good for nothing, whatever the reason."""
    message = (
        "This link or token is not good, or not any more: each works once, for a limited time, and "
        "a newer one ends the older. Ask for a new one."
    )
    return Refused("auth.token_unknown", message, pointer="/token")
