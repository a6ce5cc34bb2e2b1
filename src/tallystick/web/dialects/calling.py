"""One request to a dialect, as its operations see it: who calls, and the doors to the core."""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Connection
from starlette.types import Scope

from tallystick.auth.policy import PLATFORM, PLATFORM_ROLE
from tallystick.kernel import alias_numbers, idempotency, ids
from tallystick.kernel.actor import OPERATOR, Act, Actor
from tallystick.kernel.alias_numbers import Alias, GiveNumbers, Wanted, give_numbers
from tallystick.kernel.coalescing import UseCase
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Command
from tallystick.web.arrival import Arrival, address_of
from tallystick.web.dialects.frame import Chosen
from tallystick.web.edge import Edge

T = TypeVar("T")

log = structlog.get_logger(__name__)

IDEMPOTENCY_KEY: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_PLATFORM: Final = Actor(
    kind="key",
    id=ids.derived(ids.NIL, "API_KEY"),
    role=PLATFORM_ROLE,
    organization_id=None,
    permissions=PLATFORM,
)
"""Whoever has the one key of an older contract."""


@dataclass(frozen=True, slots=True)
class Denied(Exception):
    """The caller may not do this."""

    missing: bool
    """Whether there was no key at all."""


class DialectCall:
    """One request to an operation of a dialect, admitted and not yet answered."""

    __slots__ = (
        *("_arrival", "_begun", "_scope", "actor", "body", "chosen", "dialect", "edge"),
        *("replayed", "status"),
    )

    def __init__(
        self,
        scope: Scope,
        arrival: Arrival,
        edge: Edge,
        actor: Actor,
        *,
        dialect: str,
        chosen: Chosen,
    ) -> None:
        self._scope = scope
        self._arrival = arrival
        self._begun = time.monotonic()
        self.edge = edge
        self.actor = actor
        self.dialect = dialect
        self.chosen = chosen
        self.body: Any = None
        """The body as it was parsed, without what nothing may keep; None when there was none."""
        self.replayed = False
        """Whether the answer had been given before under the same key."""
        self.status: int | None = None
        """That of the answer, where it is not always that of the operation."""

    @property
    def path(self) -> str:
        """The path as the caller wrote it."""
        path: str = self._scope["path"]
        return path

    @property
    def query_string(self) -> str:
        """The query as the caller wrote it."""
        return str(self._scope["query_string"], "latin-1")

    @property
    def places(self) -> frozenset[UUID] | None:
        """The organizations that the caller may see; None stands for all."""
        own = self.actor.organization_id
        return None if own is None else frozenset({own})

    def may_see(self, organization_id: UUID) -> bool:
        """Say whether the caller may see what belongs to an organization."""
        return self.places is None or organization_id in self.places

    def duration_ms(self) -> float:
        """Tell how long the call has taken until now."""
        return round((time.monotonic() - self._begun) * 1000, 3)

    def act(self, organization_id: UUID) -> Act:
        """Make the act of a command in an organization."""
        sent = self.key
        hashed = hashlib.sha256(f"{self._scope['method']} {self.path} {self.dialect}\n".encode())
        if self.body is not None:
            hashed.update(json.dumps(self.body, default=str, sort_keys=True).encode())
        return Act(
            actor=self.actor,
            organization_id=organization_id,
            at=self.edge.clock(),
            key=sent or str(ids.new()),
            fingerprint=hashed.hexdigest(),
            request_id=self._arrival.request_id,
            address=address_of(self._scope),
        )

    @property
    def key(self) -> str | None:
        """The key of a request that may be repeated under one."""
        if self._scope["method"] != "POST":
            return None
        return self._arrival.header(b"idempotency-key")

    async def repeats(self, organization_id: UUID) -> bool:
        """Say whether something was answered under the key of this request, in an organization.

        What was answered is answered again, also when what it was about has gone since.
        """
        key = self.key
        if key is None:
            return False
        return await self.read(lambda conn: idempotency.is_kept(conn, organization_id, key))

    async def run(self, use_case: UseCase[T], command: Command) -> T:
        """Run a command and give its result.

        Raises:
            Refused: with the code of the use case.
            Unavailable: it could not be run now.
        """
        answer = await self.edge.coalescer.run(use_case, command)
        self.replayed = self.replayed or answer.replayed
        if isinstance(answer.outcome, Refusal):
            refusal = answer.outcome
            raise Refused(
                refusal.code, refusal.detail, pointer=refusal.pointer, facts=refusal.facts
            )
        return answer.outcome

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query."""
        return await self.edge.read(query)

    async def found(self, kind: str, number: int) -> Alias | None:
        """Find the object behind a number, if the caller may see it."""
        found = await self.read(
            lambda conn: alias_numbers.by_number(conn, self.dialect, kind, [number])
        )
        alias = found.get(number)
        return alias if alias is not None and self.may_see(alias.organization_id) else None

    async def numbered(self, kind: str, wanted: Collection[Wanted]) -> dict[UUID, Alias]:
        """Give the numbers of objects; those that have none yet get theirs now."""
        object_ids = {each.object_id for each in wanted}
        known = await self.read(
            lambda conn: alias_numbers.by_object(conn, self.dialect, kind, object_ids)
        )
        new = tuple(each for each in wanted if each.object_id not in known)
        if not new:
            return known
        act = Act(self.actor, ids.NIL, self.edge.clock(), str(ids.new()), "numbers")
        given = await self.edge.coalescer.run(
            give_numbers, GiveNumbers(act, self.dialect, kind, new)
        )
        assert not isinstance(given.outcome, Refusal), "numbers are never refused"
        return known | given.outcome


async def admit(
    edge: Edge, scope: Scope, arrival: Arrival, chosen: Chosen, *, keyless: bool
) -> Actor:
    """Find who calls.

    In development what is `keyless` in the contract needs no key, and one that is good is honoured
    there too: it says which organization is meant. One that is not is no reason to refuse, for the
    contract knows none. The one key of an older contract reaches every organization. People do not
    act here: these contracts have no way to name one of their organizations.

    Raises:
        Denied: no key, or an unknown one.
        Refused: request.too_many.
    """
    trusted = keyless and chosen.trusting
    key, address = _key(arrival), address_of(scope)
    check = None if trusted else partial(edge.limits.check_failures, address)
    holder = await _holder(edge, chosen, key, check) if key else None
    if holder is not None and holder[0].kind == "key":
        actor, counted = holder
        edge.limits.request(counted.int)
        return actor
    if trusted:
        return OPERATOR
    if holder is None:
        log.warning("unknown key" if key else "no key", path=scope["path"], address=address)
        edge.limits.failure(address)
    raise Denied(missing=not key)


async def _holder(
    edge: Edge, chosen: Chosen, key: str, check: Callable[[], None] | None
) -> tuple[Actor, UUID] | None:
    """Find who has a key, and by which id their requests are counted."""
    if chosen.api_key and hmac.compare_digest(key.encode(), chosen.api_key.encode()):
        return _PLATFORM, _PLATFORM.id
    caller = await edge.callers.find(edge.read, key, None, check)
    if caller is None or caller.credential is None:
        return None
    return caller.actor, caller.credential.id


def _key(arrival: Arrival) -> str | None:
    own = arrival.header(b"x-api-key")
    if own is not None:
        return own
    scheme, _, key = (arrival.header(b"authorization") or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else None
