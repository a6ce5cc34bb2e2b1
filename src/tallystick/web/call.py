"""One request to the API, as its endpoint sees it: who calls, and the doors to the core."""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson
from sqlalchemy import Connection
from starlette.responses import Response
from starlette.types import Scope

from tallystick.kernel import card_numbers, clock, ids
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.coalescing import UseCase
from tallystick.kernel.errors import Invalid, Refusal, Refused, shown
from tallystick.kernel.idempotency import KEY_MAX, Command
from tallystick.kernel.paging import Page
from tallystick.web import cookies
from tallystick.web.arrival import Arrival, address_of, reason_of
from tallystick.web.edge import Edge
from tallystick.web.fields import PageQuery
from tallystick.web.identity import Caller, Place
from tallystick.web.problems import Fault, described
from tallystick.web.strict import Misshapen

JSON_MEDIA_TYPE = "application/json"
_JSON = JSON_MEDIA_TYPE.encode()

_IDEMPOTENCY_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_ETAG = re.compile(r'"([1-9][0-9]{0,8})"')

AGENT_MAX = 255
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")

T = TypeVar("T")


class Call:
    """One request to an operation, admitted and not yet answered."""

    __slots__ = ("_arrival", "_caller", "_scope", "body", "edge", "replayed")

    def __init__(self, scope: Scope, arrival: Arrival, edge: Edge, caller: Caller) -> None:
        self._scope = scope
        self._arrival = arrival
        self._caller = caller
        self.edge = edge
        self.body: Any = None
        """The body as it was parsed; None when there was none."""
        self.replayed = False
        """Whether the answer had been given before under the same key."""

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self._caller.actor

    @property
    def caller(self) -> Caller:
        """Who acts, where, and by which credential."""
        return self._caller

    @property
    def place(self) -> Place:
        """The organization that the request is about; its route makes sure that there is one."""
        place = self._caller.place
        assert place is not None, "the route asks for an organization"
        return place

    def today(self) -> date:
        """Tell the present day in the organization's time zone."""
        return clock.day(self.edge.clock(), self.place.time_zone)

    def act(self) -> Act:
        """Make the act of a command: who, where, when, and under which idempotency key.

        Raises:
            Invalid: idempotency.key_malformed.
        """
        return self._act(self.edge.clock(), self._key(), self.body)

    def withhold(self, member: str, kept: Any) -> None:
        """Put what may be kept in the place of a member of the body that may not.

        Call it before `act`, which hashes the body.
        """
        self.body = {**self.body, member: kept}

    def kept_headers(self) -> Iterator[str]:
        """Give the text of every header that would be kept."""
        for name in (b"idempotency-key", b"tallystick-reason"):
            sent = self._arrival.header(name)
            if sent is not None:
                yield sent

    def secret_act(self) -> Act:
        """Make the act of a command whose body or answer holds a secret.

        It has a key of its own and no hash of the body: neither the secret nor what follows from it
        is kept anywhere.
        """
        return self._act(self.edge.clock(), str(ids.new()), None)

    def user_id(self) -> UUID:
        """Give the user whose login it is; only users may do what is about one's own login."""
        user_id = None if self._caller.credential is None else self._caller.credential.user_id
        assert user_id is not None, "the policy lets users alone do this"
        return user_id

    def session_id(self) -> UUID | None:
        """Give the session that the request came with; None for a personal token."""
        credential = self._caller.credential
        return credential.id if credential is not None and credential.kind == "session" else None

    def csrf_token(self) -> str | None:
        """Give what a page of this session sends with each change; None without a session."""
        session_id = self.session_id()
        return None if session_id is None else cookies.csrf_token(self.edge.signer, session_id)

    def session_sent(self) -> str | None:
        """Give the session that a browser still sends to an operation that needs none."""
        return cookies.session_of(self._arrival)

    def agent(self) -> str:
        """Give what the client calls itself."""
        sent = self._arrival.header(b"user-agent") or ""
        return card_numbers.hidden(_UNPRINTABLE.sub(" ", sent)).strip()[:AGENT_MAX]

    def check_origin(self) -> None:
        """Refuse what another site made a browser send, where there is no session yet.

        Raises:
            Refused: auth.csrf.
        """
        if not cookies.from_here(self._scope, self._arrival):
            message = "This comes from a page of another site. Log in on a page of this server."
            raise Refused("auth.csrf", message)

    def address(self) -> str:
        """Give the network address that the request came from, as the server tells it."""
        return address_of(self._scope)

    def acts(self) -> Callable[[int, Any], Act]:
        """Give a maker of the acts of many items, each by its number from 1 and what was sent.

        Each item has a key of its own, `KEY/0001`, so that a repeated request replays each.

        Raises:
            Invalid: idempotency.key_malformed, also where the number does not fit behind the key.
        """
        key, at = self._key(), self.edge.clock()
        if len(key) > KEY_MAX - len("/0000"):
            message = (
                f"The Idempotency-Key of many items has at most {KEY_MAX - len('/0000')} "
                "characters, since each item adds its number."
            )
            raise Invalid("idempotency.key_malformed", message)

        def act(number: int, sent: Any) -> Act:
            return self._act(at, f"{key}/{number:04}", sent)

        return act

    def described(self, refused: Refused) -> dict[str, Any]:
        """Make the document of a problem with one item of many."""
        refusal = refused.refusal
        errors: Sequence[Fault] = ()
        if isinstance(refused, Misshapen):
            errors = refused.faults
        elif refusal.pointer:
            errors = [{"pointer": refusal.pointer, "detail": refusal.detail}]
        return described(
            self._scope, refusal.code, refusal.detail, errors=errors, facts=refusal.facts
        )

    def check_media_type(self) -> None:
        """Refuse a body that does not say it is JSON.

        Raises:
            Invalid: request.media_type.
        """
        sent = self._arrival.headers.get(b"content-type", b"")
        if sent != _JSON and sent.partition(b";")[0].strip().lower() != _JSON:
            message = f"The Content-Type is {shown(sent.decode('latin-1'))}. Send application/json."
            raise Invalid("request.media_type", message)

    def version(self) -> int:
        """Give the version that the author of a change saw.

        Source: RFC 9110 section 13.1.1 and RFC 6585 section 3. An ETag that is none of ours matches
        nothing.

        Raises:
            Refused: precondition.required without If-Match; precondition.stale for what cannot
                match.
        """
        sent = self._arrival.header(b"if-match")
        if sent is None:
            message = "Send the ETag of the object as you last read it in the If-Match header."
            raise Refused("precondition.required", message)
        match = _ETAG.fullmatch(sent)
        if match is None:
            message = (
                f'If-Match says {shown(sent)}, which is no ETag given here. They look like "3".'
            )
            raise Refused("precondition.stale", message)
        return int(match[1])

    async def run(self, use_case: UseCase[T], command: Command) -> T:
        """Run a command and give its result.

        Raises:
            Refused: with the code of the use case.
            Unavailable: it could not be run now.
        """
        answer = await self.edge.coalescer.run(use_case, command)
        self.replayed = answer.replayed
        if isinstance(answer.outcome, Refusal):
            refusal = answer.outcome
            raise Refused(
                refusal.code, refusal.detail, pointer=refusal.pointer, facts=refusal.facts
            )
        return answer.outcome

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query."""
        return await self.edge.read(query)

    async def read_snapshot(self, query: Callable[[Connection], T]) -> T:
        """Run a query whose statements all see the same moment."""
        return await self.edge.read_snapshot(query)

    def reply(
        self, document: Mapping[str, Any], *, status: int = 200, location: str | None = None
    ) -> Response:
        """Answer with one object; its version is the ETag."""
        headers = {}
        if "version" in document:
            headers["ETag"] = f'"{document["version"]}"'
        if location is not None:
            headers["Location"] = self._scope.get("root_path", "") + location
        return Response(orjson.dumps(document), status, headers, JSON_MEDIA_TYPE)

    def after(self, query: PageQuery) -> UUID | None:
        """Read the cursor of a page; None stands for the first page.

        Raises:
            Invalid: paging.cursor_unknown, also for the cursor of another list.
        """
        value = self.bookmark(query)
        return None if value is None else UUID(bytes=value)

    def bookmark(self, query: PageQuery) -> bytes | None:
        """Read what a cursor carries; None stands for the first page.

        Raises:
            Invalid: paging.cursor_unknown, also for the cursor of another list.
        """
        if query.cursor is None:
            return None
        value = self.edge.signer.read(self._list(query), query.cursor)
        if value is None:
            message = "This cursor is not the next of a page of this list with these filters."
            raise Invalid("paging.cursor_unknown", message, pointer="/cursor")
        return value

    def cursor(self, query: PageQuery, value: bytes | None) -> str | None:
        """Make the cursor of the next page of a list; None stands for there being none."""
        return None if value is None else self.edge.signer.sign(self._list(query), value)

    def page(
        self, page: Page[T], encode: Callable[[T], Mapping[str, Any]], query: PageQuery
    ) -> Response:
        """Answer with one page of a list."""
        cursor = self.cursor(query, page.next_after.bytes if page.next_after else None)
        document = {"data": [encode(item) for item in page.items], "next": cursor}
        return Response(orjson.dumps(document), media_type=JSON_MEDIA_TYPE)

    def _list(self, query: PageQuery) -> str:
        place = self._caller.place
        filters = query.model_dump_json(exclude={"limit", "cursor"}, exclude_none=True)
        return f"cursor {place and place.id} {self._scope['path']} {filters}"

    def _key(self) -> str:
        sent = self._arrival.header(b"idempotency-key")
        if sent is None:
            return str(ids.new())
        if not _IDEMPOTENCY_KEY.fullmatch(sent) or card_numbers.found(sent):
            message = (
                "The Idempotency-Key must have 1 to 255 printable ASCII characters, and no number "
                "of a payment card among them."
            )
            raise Invalid("idempotency.key_malformed", message)
        if self.actor.kind in {"user", "link"}:
            # A program may renew its key and go on; people do not see each other's answers.
            return f"{self.actor.kind}:{ids.derived(self.actor.id, sent)}"
        return sent

    def _act(self, at: datetime, key: str, sent: Any) -> Act:
        place = self._caller.place
        return Act(
            actor=self._caller.actor,
            organization_id=ids.NIL if place is None else place.id,
            at=at,
            key=key,
            fingerprint=self._fingerprint_of(sent),
            request_id=self._arrival.request_id,
            address=self.address(),
            reason=reason_of(self._arrival),
        )

    def _fingerprint_of(self, sent: Any) -> str:
        scope = self._scope
        seen = self._arrival.headers.get(b"if-match", b"")
        hashed = hashlib.sha256(f"{scope['method']} {scope['path']} ".encode() + seen + b"\n")
        if sent is not None:
            hashed.update(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS))
        return hashed.hexdigest()
