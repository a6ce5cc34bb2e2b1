"""The route of every operation of the API: admit, decode, call, and refuse in one way.

FastAPI reads the signature of an endpoint and documents it; the request itself does not pass
through FastAPI's machinery, which costs more than all the rest. An endpoint is `async` and takes

    call    who calls, and the doors to the core
    query   the parameters of the query, where there are any
    body    the body, where there is one
    *_id    the ids in the path, by their names

The headers that the dependency of `call` declares are the ones that the operation needs or honours.
"""

import contextlib
import inspect
import re
from collections import Counter
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, Final, get_args, get_type_hints
from urllib.parse import parse_qsl
from uuid import UUID

import structlog
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tallystick.auth.credentials import SESSION_START
from tallystick.auth.policy import PERMISSIONS, allows
from tallystick.kernel import card_numbers
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Invalid, Refusal, Refused, Unavailable, shown
from tallystick.web import cookies, documented, strict
from tallystick.web.arrival import Arrival, address_of, reason_of
from tallystick.web.call import Call
from tallystick.web.edge import Edge
from tallystick.web.fields import ID_EXAMPLE, Body, PageQuery
from tallystick.web.identity import NOBODY, Caller
from tallystick.web.problems import TABLE, Fault, problem
from tallystick.web.strict import Misshapen

log = structlog.get_logger(__name__)

_UNKNOWN: Final = {
    "customer_id": "customer.unknown",
    "invoice_id": "invoice.unknown",
    "payment_id": "payment.unknown",
    "rule_id": "rule.unknown",
    "refund_id": "refund.unknown",
    "credit_note_id": "credit_note.unknown",
    "alarm_id": "alarm.unknown",
    "label_id": "label.unknown",
    "user_id": "user.unknown",
    "role_name": "role.unknown",
    "session_id": "session.unknown",
    "key_id": "key.unknown",
    "token_id": "token.unknown",
    "link_id": "payer_link.unknown",
    "invitation_id": "invitation.unknown",
}
"""What is said of an id or a name in a path that nothing can have."""
_NUMBERED: Final = "/v1/invoices/"
"""Below it people write the number of an invoice, which they know, for its id."""
SLUG_MAX: Final = 63
_UUID_LENGTH: Final = 36
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,19}")
_COUNTS_ITSELF: Final = frozenset({"log_in"})
"""Open operations that count what fails and not what is asked: a whole school logs in from one
network in the morning.
"""
_ORGANIZATION: Final = "organization_id"
"""The one path parameter that the route reads itself: it names the place of the call."""


class _Nothing(Body):
    """The body of an operation that takes none."""


class DirectRoute(APIRoute):
    """One operation. It cannot exist without a row in the table of permissions."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)
        self.summary, _, self.description = self.description.partition("\n\n")
        self.permission: str = PERMISSIONS[self.unique_id]
        hints = get_type_hints(endpoint, include_extras=True)
        self.headers = _declared_headers(hints["call"])
        self._query = TypeAdapter(hints["query"]).validator if "query" in hints else None
        self._body = TypeAdapter(hints.get("body", _Nothing)).validator
        self.takes_body = "body" in hints
        self.lists = "query" in hints and issubclass(get_type_hints(endpoint)["query"], PageQuery)
        body = inspect.signature(endpoint).parameters.get("body")
        self._needs_body = body is not None and body.default is inspect.Parameter.empty
        documented.complete(self)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        arrival, edge = Arrival.of(scope), Edge.of(scope)
        arrival.route = self.path
        call: Call | None = None
        try:
            caller = await self._admit(scope, arrival, edge)
            call = Call(scope, arrival, edge, caller)
            arguments = await self._arguments(call, scope, receive)
            response: Response = await self.endpoint(call, **arguments)
        except Refused as refused:
            response = self._refuse(scope, refused)
        except Unavailable as unavailable:
            response = problem(
                scope,
                "server.unavailable",
                unavailable.detail,
                headers={"Retry-After": str(unavailable.retry_after_s)},
            )
        except ClientDisconnect:
            return
        if call is not None and call.replayed:
            response.headers["Idempotent-Replayed"] = "true"
        await response(scope, receive, send)

    async def _admit(self, scope: Scope, arrival: Arrival, edge: Edge) -> Caller:
        """Find who calls and whether they may.

        Raises:
            Refused: auth.key_missing, auth.key_unknown, auth.forbidden, auth.csrf,
                auth.reason_missing; organization.header_missing, organization.unknown;
                request.too_many.
        """
        if self.permission == "public":
            if self.unique_id not in _COUNTS_ITSELF:
                edge.limits.public(address_of(scope))
            return NOBODY
        text, in_cookie = sent_credential(arrival)
        if text is None:
            named = arrival.header(b"tallystick-organization")
            self._note_failure(scope, edge, "no key", named)
            message = "Send an API key in the header Authorization: Bearer KEY, or log in."
            raise Refused("auth.key_missing", message)
        named = arrival.header(b"tallystick-organization")
        if _ORGANIZATION in self.param_convertors:
            # The address itself names the one organization that this is about.
            named = scope["path_params"][_ORGANIZATION]
        # A session is good in its cookie only, where a script cannot read it.
        good = in_cookie == text.startswith(SESSION_START)
        check = partial(_check_failures, scope, edge)
        caller = await edge.callers.find(edge.read, text, named, check) if good else None
        if caller is None:
            self._note_failure(scope, edge, "unknown key", named)
            raise Refused("auth.key_unknown", "The API key or session sent is not valid here.")
        assert caller.credential is not None, "it was found by one"
        edge.limits.request(caller.credential.id.int)
        if not allows(caller.actor, self.unique_id):
            log.warning("forbidden", operation=self.unique_id, **_who(scope, caller))
            raise Refused("auth.forbidden", _forbidden(caller.actor))
        if caller.place is None and "tallystick-organization" in self.headers:
            message = "You may act in several organizations. Name one in Tallystick-Organization."
            raise Invalid("organization.header_missing", message)
        if scope["method"] != "GET":
            _check_change(scope, arrival, edge, caller, in_cookie=in_cookie)
            if self._wants_reason(caller) and reason_of(arrival) is None:
                log.warning("no reason", operation=self.unique_id, **_who(scope, caller))
                message = (
                    "You act as one of the platform, in what is not your organization. Say why in "
                    "the header Tallystick-Reason."
                )
                raise Refused("auth.reason_missing", message)
        return caller

    def _wants_reason(self, caller: Caller) -> bool:
        """Say whether somebody must tell why: a person of the platform in what is not theirs.

        A program with a platform key is known by its name, and may tell too.
        """
        return caller.actor.kind == "user" and (caller.as_platform or self.permission == "platform")

    def _note_failure(self, scope: Scope, edge: Edge, event: str, named: str | None) -> None:
        """Count and log a credential that was not good, without a letter of it."""
        address = address_of(scope)
        log.warning(
            event,
            operation=self.unique_id,
            address=address,
            organization=None if named is None else card_numbers.hidden(named)[:SLUG_MAX],
        )
        edge.limits.failure(address)

    async def _arguments(self, call: Call, scope: Scope, receive: Receive) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        for name, value in scope["path_params"].items():
            arguments[name] = value if name == _ORGANIZATION else self._named(name, value)
        if self._query is not None:
            arguments["query"] = self._parameters(scope)
        elif pairs := _pairs(scope):
            detail = "This operation takes no parameters in its address."
            raise Misshapen([strict.query_fault(name, detail) for name, _ in pairs])
        if scope["method"] != "GET":
            raw = await _read(receive)
            body = self._decoded(call, raw)
            if self.takes_body:
                arguments["body"] = body
        return arguments

    def _named(self, name: str, value: str) -> UUID | str:
        """Read the id or the name of one object in a path."""
        if name.endswith("_name"):
            if _NAME.fullmatch(value):
                return value
            noun = name.removesuffix("_name")
            raise Refused(
                _UNKNOWN[name], f"There is no {noun} {shown(value)} in this organization."
            )
        if len(value) == _UUID_LENGTH:
            with contextlib.suppress(ValueError):
                return UUID(value)
        message = f"{shown(value)} is not an id, which looks like {ID_EXAMPLE}."
        if self.path.startswith(_NUMBERED):
            message += " Find an invoice by its number with GET /v1/invoices?number=…."
        raise Refused(_UNKNOWN[name], message)

    def _parameters(self, scope: Scope) -> Any:
        assert self._query is not None
        pairs = _pairs(scope)
        sent: dict[str, Any] = dict(pairs)
        if len(sent) != len(pairs):
            counts = Counter(name for name, _ in pairs)
            twice = [name for name, count in counts.items() if count > 1]
            detail = "This parameter is given more than once. Give it once."
            raise Misshapen([strict.query_fault(name, detail) for name in twice])
        try:
            return self._query.validate_strings(sent)
        except ValidationError as error:
            raise Misshapen(strict.query_faults(error)) from None

    def _decoded(self, call: Call, raw: bytes) -> Any:
        if not raw and not self._needs_body:
            return None
        call.check_media_type()
        call.body = strict.parse(raw)
        try:
            return self._body.validate_json(raw)
        except ValidationError as error:
            raise Misshapen(strict.body_faults(error)) from None

    def _refuse(self, scope: Scope, refused: Refused) -> Response:
        refusal = refused.refusal
        code = refusal.code
        errors = refused.faults if isinstance(refused, Misshapen) else self._fault(refusal)
        headers = {}
        if TABLE[code].status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="tallystick"'
        if TABLE[code].retry_after_s:
            headers["Retry-After"] = str(TABLE[code].retry_after_s)
        if TABLE[code].status == HTTPStatus.TOO_MANY_REQUESTS:
            headers["Retry-After"] = str(refusal.facts["retry_after_s"])
        return problem(
            scope, code, refusal.detail, errors=errors, facts=refusal.facts, headers=headers
        )

    def _fault(self, refusal: Refusal) -> list[Fault]:
        if not refusal.pointer:
            return []
        if self._query is not None:
            return [{"parameter": refusal.pointer.lstrip("/"), "detail": refusal.detail}]
        return [{"pointer": refusal.pointer, "detail": refusal.detail}]


def operation_id(route: APIRoute) -> str:
    """Name an operation by its endpoint: a verb and a noun."""
    return route.name


def _declared_headers(call: Any) -> frozenset[str]:
    """Name the headers that the dependency of a call declares, as they are sent."""
    declares = get_args(call)[1].dependency
    return frozenset(name.replace("_", "-") for name in inspect.signature(declares).parameters)


def _who(scope: Scope, caller: Caller) -> dict[str, str | None]:
    """Say in a log line who was refused, where and from where."""
    actor, place = caller.actor, caller.place
    organization_id = actor.organization_id if place is None else place.id
    return {
        "actor_kind": actor.kind,
        "actor": str(actor.id),
        "organization": None if organization_id is None else str(organization_id),
        "address": address_of(scope),
    }


def _check_failures(scope: Scope, edge: Edge) -> None:
    edge.limits.check_failures(address_of(scope))


def _forbidden(actor: Actor) -> str:
    if actor.kind == "link":
        return "A payer's link shows and pays invoices, and may not do this."
    if not actor.role:
        message = "Your login by itself may not do this."
        return message + " Name an organization in Tallystick-Organization, if you are a member."
    return f"The role of your {actor.kind} is {actor.role}, which may not do this."


def sent_credential(arrival: Arrival) -> tuple[str | None, bool]:
    """Give the credential that was sent, and whether it came in the cookie of a session.

    A header that names one goes before a cookie, which browsers send by themselves.
    """
    authorization = arrival.header(b"authorization")
    if authorization is not None:
        scheme, _, key = authorization.partition(" ")
        return (key.strip() if scheme.lower() == "bearer" else None), False
    own = arrival.header(b"x-api-key")
    if own is not None:
        return own, False
    session = cookies.session_of(arrival)
    return session, session is not None


def _check_change(
    scope: Scope, arrival: Arrival, edge: Edge, caller: Caller, *, in_cookie: bool
) -> None:
    """Refuse a change that another site made a browser send.

    Raises:
        Refused: auth.csrf.
    """
    assert caller.credential is not None, "only open operations have no credential"
    if in_cookie and not cookies.meant(scope, arrival, edge.signer, caller.credential.id):
        log.warning("forged", **_who(scope, caller))
        message = (
            "A session changes something only with the token of GET /v1/me in the header "
            "X-CSRF-Token, from a page of this server."
        )
        raise Refused("auth.csrf", message)


def _pairs(scope: Scope) -> list[tuple[str, str]]:
    sent = scope["query_string"]
    return parse_qsl(sent.decode("latin-1"), keep_blank_values=True) if sent else []


async def _read(receive: Receive) -> bytes:
    """Read the whole body; its size is bounded by the middleware."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
