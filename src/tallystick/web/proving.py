"""How an operation has a password or a token proved: count the guess, hash on a thread, judge.

A guess is counted in a transaction of its own before anything is looked at, so that no number of
requests at once gets further than one after another. Whoever proves it has it uncounted by the
transaction of what they wanted; a wrong one is counted for its network and its account too. What
could not be looked at, since too many wait, is taken back.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row

from tallystick.auth import guessing, mailed, passwords, users
from tallystick.auth.guessing import Guess
from tallystick.auth.recovering import password_wrong
from tallystick.kernel import ids
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, Unavailable
from tallystick.web.call import Call

log = structlog.get_logger(__name__)

_ID_BYTES = 16

T = TypeVar("T")


def own_act(call: Call) -> Act:
    """Make the act of somebody about their own login, which stands above all organizations."""
    return replace(call.secret_act(), organization_id=ids.NIL)


async def guess(call: Call, account: str | None) -> Guess:
    """Count a guess.

    Raises:
        Refused: auth.too_many_tries.
    """
    made = Guess(call.edge.clock(), call.address(), account)
    try:
        await call.edge.write(partial(guessing.admit, guess=made))
    except Refused:
        log.warning("too many tries", address=made.address)
        raise
    return made


async def fits(call: Call, made: Guess, password: str, kept: str | None) -> bool:
    """Tell whether a password is right; one hash, also where there is nothing to compare with."""
    found = await _run(call, partial(passwords.fits, password, kept), made)
    if not found:
        await call.edge.write(partial(guessing.fail, guess=made))
    return found


async def hashed(call: Call, password: str, made: Guess | None = None) -> str:
    """Hash a new password, after a guess that is taken back if that cannot be done."""
    return await _run(call, partial(passwords.hashed, password), made)


async def _run(call: Call, work: Callable[[], T], made: Guess | None) -> T:
    try:
        return await call.edge.hashing.run(work)
    except Unavailable:
        if made is not None:
            await call.edge.write(partial(guessing.take_back, guess=made))
        raise


async def own_password(call: Call, password: str) -> tuple[Guess, Row[Any]]:
    """Have whoever is logged in give their password once more; give their row as it was seen.

    Raises:
        Refused: auth.too_many_tries, auth.password_wrong.
    """
    user_id = call.user_id()
    made = await guess(call, str(user_id))
    row = await call.read(partial(users.find, user_id=user_id))
    assert row is not None, "users are never removed"
    if not await fits(call, made, password, row.password_hash):
        log.warning("wrong password", user=str(user_id), address=made.address)
        raise password_wrong()
    return made, row


async def token(call: Call, purpose: str, text: str) -> tuple[UUID, Row[Any]]:
    """Read a token that travelled, and find its row while it is good.

    What is no token counts as a guess; who has one has nothing to guess.

    Raises:
        Refused: auth.too_many_tries, auth.token_unknown.
    """
    value = call.edge.signer.read(purpose, text)
    if value is not None and len(value) == _ID_BYTES:
        token_id = UUID(bytes=value)
        row = await call.read(partial(mailed.find, purpose=purpose, token_id=token_id))
        if row is not None and row.used_at is None and row.expires_at > call.edge.clock():
            return token_id, row
    await guess(call, None)
    log.warning("unknown token", purpose=purpose, address=call.address())
    raise mailed.unknown()


async def write(call: Call, command: Callable[[Connection], T], *, guess: Guess | None = None) -> T:
    """Run a command that changes who may do what, and forget who was known before.

    `guess` is of the code that the command judges, where it does.
    """
    try:
        return await call.edge.write(command)
    except Refused as refused:
        if refused.refusal.code == "two_factor.code_wrong":
            log.warning("wrong code", user=str(call.user_id()), address=call.address())
            if guess is not None:
                await call.edge.write(partial(guessing.fail, guess=guess))
        raise
    finally:
        call.edge.callers.forget()
