"""Who calls, and in which organization: found in the database, then remembered for a few seconds.

A credential is remembered by its hash, so a dump of the memory shows none. A revoked one works
until it is forgotten.
"""

import hashlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from tallystick.auth import credentials
from tallystick.auth.credentials import LINK_PURPOSE, LINK_START, Credential
from tallystick.auth.policy import PLATFORM_ROLE
from tallystick.kernel import ids
from tallystick.kernel.actor import Actor
from tallystick.kernel.clock import Clock
from tallystick.kernel.signing import Signer
from tallystick.parties import organizations

FRESH_S: Final = 4.0
"""How long what was found is used without a doubt."""
GRACE_S: Final = 1.0
"""How long the others go on with it while the first who doubts looks again."""
REMEMBERED_MAX: Final = 10_000

_SLUG = re.compile(r"[a-z0-9-]{1,63}")
_KEY = re.compile(r"[!-~]{1,200}")
_LINK_BYTES: Final = 32
"""The id of the organization, then the link's own."""

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
    credential: Credential | None = None
    """None for an operation that needs none."""
    as_platform: bool = False
    """Whether a person acts here as one of the platform, in what is not their own organization."""


NOBODY: Final = Caller(Actor("nobody", ids.NIL, "", None, frozenset()), None)
"""Whoever calls an operation that is open to all."""


@dataclass(slots=True)
class _Found:
    caller: Caller
    until: float
    doubted: bool = False
    """Whether somebody is looking again."""


class Callers:
    """The callers of one process. Use it on one event loop."""

    def __init__(
        self, signer: Signer, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._signer = signer
        self._clock = clock
        self._monotonic = monotonic
        self._uses: dict[UUID, tuple[Credential, datetime]] = {}
        self._found: dict[tuple[bytes, str | None], _Found] = {}
        self._forgotten = 0
        """How often everybody was forgotten."""

    async def find(
        self, read: Read, key: str, named: str | None, check: Callable[[], None] | None = None
    ) -> Caller | None:
        """Find who acts with a credential, in the organization that the request names.

        None when it is good for nothing. One that was not good here lately is checked first: it may
        be refused before anybody looks.

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
        elif check is not None:
            check()
        at, forgotten = self._clock(), self._forgotten
        caller = await read(lambda conn: self._look_up(conn, key, named, at))
        if caller is None or caller.credential is None:
            self._found.pop(place, None)
            return None
        self._uses[caller.credential.id] = caller.credential, at
        if forgotten == self._forgotten:
            # Else it may have been seen as it was before what everybody is forgotten for.
            self._remember(place, _Found(caller, now + FRESH_S))
        return caller

    def forget(self) -> None:
        """Forget everybody, because an organization or somebody's permissions have changed."""
        self._found.clear()
        self._forgotten += 1

    def uses(self) -> list[tuple[Credential, datetime]]:
        """Give the credentials that were used since this was last asked, and when each was."""
        uses, self._uses = list(self._uses.values()), {}
        return uses

    def _look_up(
        self, conn: Connection, text: str, named: str | None, at: datetime
    ) -> Caller | None:
        credential = self._credential(conn, text, at)
        if credential is None:
            return None
        own = credential.organization_id
        wanted = named if named is not None or own is None else str(own)
        place = None if wanted is None else _place(conn, wanted)
        actor = credentials.actor_of(conn, credential, None if place is None else place.id)
        if actor is None:
            assert named is not None, "everybody may be where their credential belongs"
            raise organizations.unknown(named)
        as_platform = credential.user_id is not None and actor.role == PLATFORM_ROLE
        return Caller(actor, place, credential, as_platform=as_platform and place is not None)

    def _credential(self, conn: Connection, text: str, at: datetime) -> Credential | None:
        if not text.startswith(LINK_START):
            return credentials.find_credential(conn, text, at)
        value = self._signer.read(LINK_PURPOSE, text.removeprefix(LINK_START))
        if value is None or len(value) != _LINK_BYTES:
            return None
        return credentials.find_link(conn, UUID(bytes=value[:16]), UUID(bytes=value[16:]), at)

    def _remember(self, place: tuple[bytes, str | None], found: _Found) -> None:
        self._found.pop(place, None)
        if len(self._found) >= REMEMBERED_MAX:
            # The one remembered longest ago stands first.
            del self._found[next(iter(self._found))]
        self._found[place] = found


def _place(conn: Connection, named: str) -> Place:
    try:
        organization = organizations.get_organization(conn, UUID(named))
    except ValueError:
        if not _SLUG.fullmatch(named):
            raise organizations.unknown(named) from None
        organization = organizations.find_organization(conn, named)
    return Place(UUID(organization["id"]), organization["currency"], organization["time_zone"])
