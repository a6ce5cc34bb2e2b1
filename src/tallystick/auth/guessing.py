"""Wrong guesses are counted, for all processes together, and soon refused unlooked at.

Three counters, looked at in this order; what one refuses, none has counted:

    one account from one network   10, forgotten after 15 minutes without another one
    one network                   100 in 15 minutes
    one account                   100 in 15 minutes

The first counts a guess before it is judged, so that many at once for one account get no further
than one after another; a right one clears it. The others count it once it was wrong: many people
who log in at once from one network hinder nobody, and beyond a hundred only those wrong ones are
looked at that were in flight already.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, case, delete, select, true, update

from tallystick.auth.models import ATTEMPTS
from tallystick.kernel import rows
from tallystick.kernel.errors import Refused

WINDOW: Final = timedelta(minutes=15)
PAIR_MAX: Final = 10
NETWORK_MAX: Final = 100
ACCOUNT_MAX: Final = 100
MAILS_MAX: Final = 5
_SECOND: Final = timedelta(seconds=1)
MAILS_WINDOW: Final = timedelta(hours=1)
_IPV6_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Guess:
    """One try to prove something, from where and for which account."""

    at: datetime
    address: str
    account: str | None
    """The id of a user, or else what was typed; None for a token that says whose it is itself."""


def admit(conn: Connection, guess: Guess) -> None:
    """Count a guess for its account from its network, or refuse it uncounted.

    A guess without an account is a token that is none: it was wrong already, and is counted whole.

    Raises:
        Refused: auth.too_many_tries, with retry_after_s.
    """
    pair, others = _pair(guess), _others(guess)
    if not _counted(conn, pair, PAIR_MAX, guess.at, WINDOW, renewed=True):
        raise _too_many(conn, pair, guess.at)
    for subject, most in zip(others, (NETWORK_MAX, ACCOUNT_MAX), strict=False):
        full = select(ATTEMPTS.c.count).where(
            ATTEMPTS.c.subject == subject,
            ATTEMPTS.c.expires_at > guess.at,
            ATTEMPTS.c.count >= most,
        )
        if conn.execute(full).first() is not None:
            raise _too_many(conn, subject, guess.at)
    if guess.account is None:
        fail(conn, guess)


def fail(conn: Connection, guess: Guess) -> None:
    """Count a guess that was wrong for its network, and for its account from wherever.

    Locks the counters in one order, so that two guesses cannot wait for each other in a circle.
    """
    for subject in _others(guess):
        _counted(conn, subject, None, guess.at, WINDOW)


def take_back(conn: Connection, guess: Guess) -> None:
    """Uncount a guess that was neither wrong nor right, such as a password without the code."""
    pair = _pair(guess)
    conn.execute(
        update(ATTEMPTS)
        .where(ATTEMPTS.c.subject == pair, ATTEMPTS.c.count > 0)
        .values(count=ATTEMPTS.c.count - 1)
    )


def clear(conn: Connection, guess: Guess) -> None:
    """Forget the wrong guesses for an account from a network, after one that was right."""
    pair = _pair(guess)
    conn.execute(delete(ATTEMPTS).where(ATTEMPTS.c.subject == pair))


def may_mail(conn: Connection, purpose: str, email_key: str, at: datetime) -> bool:
    """Count a mail for a purpose to an address that anybody may cause; tell whether it may go.

    Each purpose counts alone: sign-ups with somebody's address cannot use up their resets.
    """
    subject = _subject("mail", purpose, email_key)
    return _counted(conn, subject, MAILS_MAX, at, MAILS_WINDOW)


def prune(conn: Connection, at: datetime) -> int:
    """Remove the counters that are over; give how many there were."""
    return conn.execute(delete(ATTEMPTS).where(ATTEMPTS.c.expires_at <= at)).rowcount


def _too_many(conn: Connection, subject: str, at: datetime) -> Refused:
    until = conn.execute(
        select(ATTEMPTS.c.expires_at).where(ATTEMPTS.c.subject == subject)
    ).scalar_one()
    # Who waited for the lock asked before whoever had it renewed the time.
    wait_s = min(max(1, -((at - until) // _SECOND)), WINDOW // _SECOND)
    message = (
        f"There were too many wrong tries. Wait {-(-wait_s // 60)} minutes and try again; nothing "
        "was looked at now."
    )
    return Refused("auth.too_many_tries", message, facts={"retry_after_s": wait_s})


def _counted(
    conn: Connection,
    subject: str,
    most: int | None,
    at: datetime,
    window: timedelta,
    *,
    renewed: bool = False,
) -> bool:
    """Count one more, if there are not too many; the statement judges and counts at once."""
    few = true() if most is None else ATTEMPTS.c.count < most
    over = ATTEMPTS.c.expires_at <= at
    until = at + window
    statement = (
        update(ATTEMPTS)
        .where(ATTEMPTS.c.subject == subject, over | few)
        # MySQL sets one after another, so what both are judged by is set last.
        .ordered_values(
            (ATTEMPTS.c.count, case((over, 1), else_=ATTEMPTS.c.count + 1)),
            (
                ATTEMPTS.c.expires_at,
                until if renewed else case((over, until), else_=ATTEMPTS.c.expires_at),
            ),
        )
    )
    if conn.execute(statement).rowcount == 1:
        return True
    if conn.execute(select(ATTEMPTS.c.count).where(ATTEMPTS.c.subject == subject)).first() is None:
        rows.ensure(conn, ATTEMPTS, {"subject": subject, "expires_at": at, "count": 0})
    return conn.execute(statement).rowcount == 1


def _subject(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).hexdigest()


def network(address: str) -> str:
    """Give whom an address belongs to: whoever has one of IPv6 has all that begin alike."""
    if ":" not in address:
        return address
    try:
        read = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(ipaddress.IPv6Network((read, _IPV6_BITS), strict=False))


def _pair(guess: Guess) -> str:
    return _subject("pair", network(guess.address), guess.account or "tokens")


def _others(guess: Guess) -> list[str]:
    others = [_subject("network", network(guess.address))]
    return others if guess.account is None else [*others, _subject("account", guess.account)]
