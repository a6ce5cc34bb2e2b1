"""Who calls, and in which organization: found in the database, then remembered for a few seconds.

A key is remembered by its hash, so a dump of the memory shows none. A revoked key works until it is
forgotten.
"""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth.credentials import find_actor
from tallystick.kernel.actor import Actor
from tallystick.parties import organizations

FRESH_S: Final = 4.0
"""How long what was found is used without a doubt."""
GRACE_S: Final = 1.0
"""How long the others go on with it while the first who doubts looks again."""
REMEMBERED_MAX: Final = 10_000

_SLUG = re.compile(r"[a-z0-9-]{1,63}")
_KEY = re.compile(r"[!-~]{1,200}")

T = TypeVar("T")


class Read(Protocol):
    """Runs a query somewhere that does not block."""

    def __call__(self, query: Callable[[Connection], T], /) -> Awaitable[T]:
        """Run it."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the edge needs to know of an organization to read and write its values."""

    id: UUID
    currency: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who acts, and where."""

    actor: Actor
    place: Place | None
    """None when the request names no organization."""


@dataclass(slots=True)
class _Found:
    caller: Caller
    until: float
    doubted: bool = False
    """Whether somebody is looking again."""


class Callers:
    """The callers of one process. Use it on one event loop."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._found: dict[tuple[bytes, str | None], _Found] = {}

    async def find(self, read: Read, key: str, named: str | None) -> Caller | None:
        """Find who acts with a key, in the organization that the request names.

        None when there is no such key.

        Raises:
            Refused: organization.unknown, also when the actor may not see it.
        """
        if not _KEY.fullmatch(key):
            return None
        place = hashlib.sha256(key.encode()).digest(), named
        found = self._found.get(place)
        now = self._monotonic()
        if found is not None:
            grace_s = GRACE_S if found.doubted else 0
            if now < found.until + grace_s:
                return found.caller
            found.doubted = True
        caller = await read(lambda conn: _look_up(conn, key, named))
        if caller is None:
            self._found.pop(place, None)
            return None
        self._remember(place, _Found(caller, now + FRESH_S))
        return caller

    def forget(self) -> None:
        """Forget everybody, because an organization has changed."""
        self._found.clear()

    def _remember(self, place: tuple[bytes, str | None], found: _Found) -> None:
        self._found.pop(place, None)
        if len(self._found) >= REMEMBERED_MAX:
            # The one remembered longest ago stands first.
            del self._found[next(iter(self._found))]
        self._found[place] = found


def _look_up(conn: Connection, key: str, named: str | None) -> Caller | None:
    actor = find_actor(conn, key)
    if actor is None:
        return None
    if named is None:
        own = actor.organization_id
        return Caller(actor, None if own is None else _place(conn, str(own)))
    place = _place(conn, named)
    if actor.organization_id not in {None, place.id}:
        raise organizations.unknown(named)
    return Caller(actor, place)


def _place(conn: Connection, named: str) -> Place:
    try:
        organization = organizations.get_organization(conn, UUID(named))
    except ValueError:
        if not _SLUG.fullmatch(named):
            raise organizations.unknown(named) from None
        organization = organizations.find_organization(conn, named)
    return Place(UUID(organization["id"]), organization["currency"], organization["time_zone"])
