"""The second factor: codes of an authenticator app (TOTP), and ten recovery codes that stand in.

No code is taken twice: the user is locked while one is judged, and the step of the last is kept.
Source: RFC 6238, with steps of 30 seconds and 6 digits; section 5.2: one step to each side is good.
"""

import re
import secrets
from base64 import b32encode
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

import pyotp
from sqlalchemy import Connection, Row, delete, update

from tallystick.auth import guessing, users
from tallystick.auth.credentials import hash_of
from tallystick.auth.guessing import Guess
from tallystick.auth.models import RECOVERY_CODES, USERS
from tallystick.kernel import events
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused
from tallystick.kernel.rows import Writes
from tallystick.kernel.sealing import CannotOpen, Sealer

SEALED_AS: Final = "totp"
"""The purpose under which secrets are sealed."""
CODES: Final = 10
_CODE_BYTES: Final = 10
"""80 bits, so that a plain hash of a recovery code is enough."""
_STEP_S: Final = 30
_DIGITS: Final = re.compile(r"[0-9]{6}")
_SIGNS: Final = re.compile(r"[\s-]")


def new_secret() -> str:
    """Make a secret, as apps take it."""
    return pyotp.random_base32()


def uri(secret: str, email: str) -> str:
    """Write a secret as the address that apps read from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Tallystick")


def new_codes() -> list[str]:
    """Make the recovery codes of somebody, as they are shown once."""
    made = (b32encode(secrets.token_bytes(_CODE_BYTES)).decode() for _ in range(CODES))
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in made]


def begin(
    conn: Connection, act: Act, guess: Guess, user_id: UUID, *, secret: str, sealer: Sealer
) -> str:
    """Keep a secret that waits to be confirmed, and give it as an address.

    Refuses:
        two_factor.on_already
    """
    row = users.locked(conn, user_id)
    if events.happened(conn, act):
        return uri(secret, row.email)
    guessing.clear(conn, guess)
    if row.totp_confirmed_at is not None:
        message = "The second factor is on already. Remove it first to begin with another app."
        raise Refused("two_factor.on_already", message)
    sealed = sealer.seal(SEALED_AS, secret.encode())
    writes = Writes()
    users.change(writes, act, row, {"totp_sealed": sealed, "totp_step": None})
    users.tell(writes, act, "two_factor.begun", user_id)
    writes.flush(conn)
    return uri(secret, row.email)


def confirm(
    conn: Connection,
    act: Act,
    guess: Guess,
    user_id: UUID,
    *,
    code: str,
    codes: list[str],
    sealer: Sealer,
) -> None:
    """Turn the second factor on, by a code of the secret that waits; keep the recovery codes.

    Refuses:
        two_factor.on_already, two_factor.not_begun, two_factor.code_wrong
    """
    row = users.locked(conn, user_id)
    if events.happened(conn, act):
        return
    if row.totp_confirmed_at is not None:
        raise Refused("two_factor.on_already", "The second factor is on already.")
    if row.totp_sealed is None:
        message = "Begin with POST /v1/me/two-factor, which gives the secret for the app."
        raise Refused("two_factor.not_begun", message)
    if not _takes_digits(conn, act, sealer, row, _SIGNS.sub("", code)):
        raise _code_wrong()
    guessing.clear(conn, guess)
    writes = Writes()
    users.change(writes, act, row, {"totp_confirmed_at": act.at})
    users.tell(writes, act, "two_factor.confirmed", user_id)
    writes.flush(conn)
    _keep_codes(conn, act, user_id, codes)


def remove(
    conn: Connection, act: Act, guess: Guess, user_id: UUID, *, code: str, sealer: Sealer
) -> None:
    """Turn the second factor off; its secret and the recovery codes are gone.

    Refuses:
        two_factor.off, two_factor.code_wrong
    """
    row = users.locked(conn, user_id)
    if events.happened(conn, act):
        return
    _check_on(row)
    if not takes(conn, act, sealer, row, code):
        raise _code_wrong()
    guessing.clear(conn, guess)
    conn.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id))
    writes = Writes()
    off = {"totp_sealed": None, "totp_confirmed_at": None, "totp_step": None}
    users.change(writes, act, row, off)
    users.tell(writes, act, "two_factor.removed", user_id)
    writes.flush(conn)


def renew(
    conn: Connection,
    act: Act,
    guess: Guess,
    user_id: UUID,
    *,
    code: str,
    codes: list[str],
    sealer: Sealer,
) -> None:
    """Put new recovery codes in the place of the older ones.

    Refuses:
        two_factor.off, two_factor.code_wrong
    """
    row = users.locked(conn, user_id)
    if events.happened(conn, act):
        return
    _check_on(row)
    if not takes(conn, act, sealer, row, code):
        raise _code_wrong()
    guessing.clear(conn, guess)
    _keep_codes(conn, act, user_id, codes)
    writes = Writes()
    users.tell(writes, act, "two_factor.codes_renewed", user_id)
    writes.flush(conn)


def takes(conn: Connection, act: Act, sealer: Sealer, row: Row[Any], code: str) -> bool:
    """Take a code of the app or a recovery code, once. The caller has locked the user.

    Refuses:
        two_factor.unreadable: no key opens the secret of the app any more.
    """
    code = _SIGNS.sub("", code)
    if _DIGITS.fullmatch(code):
        return _takes_digits(conn, act, sealer, row, code)
    wanted = _kept(code)
    used = conn.execute(
        update(RECOVERY_CODES)
        .where(
            RECOVERY_CODES.c.user_id == row.id,
            RECOVERY_CODES.c.code_hash == wanted,
            RECOVERY_CODES.c.used_at.is_(None),
        )
        .values(used_at=act.at)
    )
    if used.rowcount != 1:
        return False
    writes = Writes()
    users.tell(writes, act, "two_factor.recovery_code_used", row.id)
    writes.flush(conn)
    return True


def _takes_digits(conn: Connection, act: Act, sealer: Sealer, row: Row[Any], code: str) -> bool:
    try:
        secret = sealer.open(SEALED_AS, row.totp_sealed).decode()
    except CannotOpen:
        message = (
            "Your second factor cannot be checked: the server has lost the key to it. Use a "
            "recovery code, and tell whoever runs the server."
        )
        raise Refused("two_factor.unreadable", message) from None
    step = _step_of(secret, code, act.at)
    if step is None:
        return False
    # It compares and sets at once, beside the lock: a step that was taken is never taken again.
    newer = USERS.c.totp_step.is_(None) | (USERS.c.totp_step < step)
    taken = conn.execute(update(USERS).where(USERS.c.id == row.id, newer).values(totp_step=step))
    return taken.rowcount == 1


def _step_of(secret: str, code: str, at: datetime) -> int | None:
    """Give the step of which this is the code: the one of now, the one before, or the next."""
    now = int(at.timestamp()) // _STEP_S
    app = pyotp.HOTP(secret)
    found = None
    # All three are looked at, however early one fits.
    for step in (now - 1, now, now + 1):
        if compare_digest(app.at(step).encode(), code.encode()):
            found = step
    return found


def _keep_codes(conn: Connection, act: Act, user_id: UUID, codes: list[str]) -> None:
    conn.execute(delete(RECOVERY_CODES).where(RECOVERY_CODES.c.user_id == user_id))
    kept = [
        {"user_id": user_id, "code_hash": _kept(code), "created_at": act.at, "used_at": None}
        for code in codes
    ]
    conn.execute(RECOVERY_CODES.insert(), kept)


def _kept(code: str) -> str:
    return hash_of(_SIGNS.sub("", code).upper())


def _check_on(row: Row[Any]) -> None:
    if row.totp_confirmed_at is None:
        raise Refused("two_factor.off", "There is no second factor that is on.")


def _code_wrong() -> Refused:
    message = "This code is not right, or was used before. Wait for the next one."
    return Refused("two_factor.code_wrong", message, pointer="/code")
