"""The route of a FastAPI contract's operation: admit, decode, call, encode, refuse as FastAPI does.

FastAPI documents the endpoint; the request itself is read here, so that numbers are never floats
and every wrong place is told in one answer. An endpoint is `async` and takes `call`, the numbers or
ids of the path by their names, `query` and `body`. It gives the answer, alone or with headers.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, NamedTuple, get_type_hints
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
import structlog
from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tallystick.auth.policy import allows
from tallystick.kernel import card_numbers
from tallystick.kernel.errors import Refused, Unavailable
from tallystick.web.arrival import Arrival, address_of
from tallystick.web.dialects.calling import IDEMPOTENCY_KEY, Denied, DialectCall, admit
from tallystick.web.dialects.frame import Chosen, mounted_at
from tallystick.web.edge import Edge

log = structlog.get_logger(__name__)

JSON: Final = "application/json"
_WHOLE = re.compile(r"[+-]?[0-9]{1,40}")

Fault = dict[str, Any]


class Faults(Exception):
    """What was sent has the wrong shape, in one place or several."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


class Said(Exception):
    """The contract's own answer to what cannot be done."""

    def __init__(
        self,
        status: int,
        text: str,
        headers: Mapping[str, str] | None = None,
        *,
        code: str = "",
        faults: Sequence[Fault] = (),
        **members: str,
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers
        self.code = code
        """Our own code, for contracts that have one."""
        self.faults = faults
        """The wrong places, where what was sent has the wrong shape."""
        self.members = members
        """What the answer tells beside its text."""


def detailed(said: Said) -> dict[str, Any]:
    """Say no in FastAPI's error form."""
    return {"detail": said.faults or said.text, **said.members}


def refuse(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Answer in FastAPI's error form."""
    return Response(dumped({"detail": detail}), status, headers, JSON)


def dumped(value: Any) -> bytes:
    """Write an answer; a number that was refused is repeated as text."""
    return orjson.dumps(value, default=str)


@dataclass(frozen=True, slots=True)
class Manner:
    """How one contract does what all of them do."""

    dialect: str
    say: Callable[[Refused], Said]
    """Turns the refusal of a use case into the contract's status and text."""
    knows_keys: bool = True
    """Whether it asks for a key to write with, in development; outside of it all do."""
    echoes: bool = True
    """Whether it repeats what was sent where that cannot be read."""
    form: Callable[[Said], dict[str, Any]] = detailed
    """The body of a refusal."""

    def refuse(self, said: Said) -> Response:
        """Make the answer to what cannot be done."""
        return Response(dumped(self.form(said)), said.status, said.headers, JSON)


class Operation(NamedTuple):
    """One operation of a contract, by its path in there."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    permits: str
    """The native operation whose permission it needs."""
    model: Any
    """What its answer looks like."""
    status: int = 200
    refusals: Mapping[int, type[BaseModel]] = MappingProxyType({})
    """What further answers look like, by their status."""


class ContractRoute(APIRoute):
    """One operation of a contract in FastAPI's manner."""

    manner: Manner
    chosen: Chosen
    permits: str

    def __init__(self, path: str, endpoint: Callable[..., Any], **settings: Any) -> None:
        super().__init__(path, endpoint, **settings)
        hints = get_type_hints(endpoint, include_extras=True)
        self._ids = {name for name in self.param_convertors if hints[name] is UUID}
        self._query = TypeAdapter(hints["query"]) if "query" in hints else None
        self._body = TypeAdapter(hints["body"]) if "body" in hints else None

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        arrival, edge = Arrival.of(scope), Edge.of(scope)
        arrival.route = mounted_at(scope) + self.path
        try:
            response = await self._answer(scope, receive, arrival, edge)
        except ClientDisconnect:
            return
        except (Denied, Faults, Said, Refused, Unavailable) as error:
            response = self.manner.refuse(self._said(error))
        await response(scope, receive, send)

    def _said(self, error: Denied | Faults | Said | Refused | Unavailable) -> Said:
        """Put what went wrong into the words of the contract."""
        if isinstance(error, Said):
            return error
        if isinstance(error, Refused):
            return self._refused(error)
        if isinstance(error, Faults):
            return self._told(error.faults, "request.invalid")
        if isinstance(error, Unavailable):
            headers = {"Retry-After": str(error.retry_after_s)}
            return Said(503, error.detail, headers, code="server.unavailable")
        if error.missing:
            return Said(401, "Missing API Key", code="auth.key_missing")
        return Said(403, "Invalid API Key", code="auth.key_unknown")

    def _refused(self, refused: Refused) -> Said:
        refusal = refused.refusal
        if refusal.code == "idempotency.key_reused":
            return self._told([_reused(refused)], refusal.code)
        if refusal.code == "request.too_many":
            headers = {"Retry-After": str(refusal.facts["retry_after_s"])}
            return Said(429, refusal.detail, headers, code=refusal.code)
        return self.manner.say(refused)

    def _told(self, faults: list[Fault], code: str) -> Said:
        if not self.manner.echoes:
            shown = ("type", "loc", "msg")
            faults = [{name: fault[name] for name in shown} for fault in faults]
        return Said(422, f"{len(faults)} faults", code=code, faults=faults)

    async def _answer(
        self, scope: Scope, receive: Receive, arrival: Arrival, edge: Edge
    ) -> Response:
        keyless = scope["method"] == "GET" or not self.manner.knows_keys
        actor = await admit(edge, scope, arrival, self.chosen, keyless=keyless)
        if not allows(actor, self.permits):
            log.warning(
                "forbidden",
                path=scope["path"],
                actor_kind=actor.kind,
                actor=str(actor.id),
                organization=None if actor.organization_id is None else str(actor.organization_id),
                address=address_of(scope),
            )
            raise Said(403, "This API key may not do this", code="auth.forbidden")
        call = DialectCall(
            scope, arrival, edge, actor, dialect=self.manner.dialect, chosen=self.chosen
        )
        arguments = await self._arguments(call, scope, receive, arrival)
        answer = await self.endpoint(call, **arguments)
        headers: dict[str, str] = {}
        if isinstance(answer, tuple):
            answer, headers = answer
        if call.replayed:
            headers["Idempotent-Replayed"] = "true"
        status = call.status or self.status_code or 200
        if answer is None:
            return Response(None, status, headers)
        return Response(dumped(answer), status, headers, JSON)

    async def _arguments(
        self, call: DialectCall, scope: Scope, receive: Receive, arrival: Arrival
    ) -> dict[str, Any]:
        arguments: dict[str, Any] = {}
        faults: list[Fault] = []
        for name, value in scope["path_params"].items():
            if name in self._ids:
                arguments[name] = _checked(_ID, value, ("path", name), faults)
            elif _WHOLE.fullmatch(value):
                arguments[name] = int(value)
            else:
                faults.append(_no_number(name, value))
        if self._query is not None:
            sent = dict(parse_qsl(call.query_string, keep_blank_values=True))
            arguments["query"] = _checked(self._query, sent, ("query",), faults)
        key = arrival.header(b"idempotency-key")
        if (
            key is not None
            and scope["method"] == "POST"
            and (not IDEMPOTENCY_KEY.fullmatch(key) or card_numbers.found(key))
        ):
            faults.append(_BAD_KEY)
        if self._body is not None:
            sent = _parsed(await _read(receive), arrival)
            arguments["body"] = body = _checked(self._body, sent, ("body",), faults)
            if not faults:
                # A shape that holds what nothing may keep says what may be kept of it.
                call.body = body.kept() if hasattr(body, "kept") else sent
        if faults:
            raise Faults(faults)
        return arguments


def routes(
    manner: Manner,
    chosen: Chosen,
    operations: Sequence[Operation],
    *,
    prefix: str = "",
) -> list[ContractRoute]:
    """Make the routes of a contract."""
    made = []
    for each in operations:
        route = ContractRoute(
            prefix + each.path,
            each.endpoint,
            methods=[each.method],
            status_code=each.status,
            response_model=each.model,
            tags=[each.path.split("/")[1]],
            responses={status: {"model": model} for status, model in each.refusals.items()},
            operation_id=each.endpoint.__name__,
        )
        route.manner, route.chosen, route.permits = manner, chosen, each.permits
        made.append(route)
    return made


_BAD_KEY: Final[Fault] = {
    "type": "string_pattern_mismatch",
    "loc": ["header", "Idempotency-Key"],
    "msg": "String should have 1 to 255 printable ASCII characters",
    "input": None,
}


def _reused(refused: Refused) -> Fault:
    return {
        "type": "value_error",
        "loc": ["header", "Idempotency-Key"],
        "msg": refused.refusal.detail,
        "input": None,
    }


def _no_number(name: str, value: str) -> Fault:
    return {
        "type": "int_parsing",
        "loc": ["path", name],
        "msg": "Input should be a valid integer, unable to parse string as an integer",
        "input": value,
    }


_ID: Final = TypeAdapter(UUID)


def _checked(shape: TypeAdapter[Any], value: Any, place: Sequence[str], faults: list[Fault]) -> Any:
    if value is PydanticUndefined:
        missing = {"type": "missing", "loc": [*place], "msg": "Field required", "input": None}
        faults.append(missing)
        return None
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        faults += [
            {**fault, "loc": [*place, *fault["loc"]]} for fault in error.errors(include_url=False)
        ]
        return None


def _parsed(raw: bytes, arrival: Arrival) -> Any:
    """Read JSON whose decimal numbers stay exact; nothing that no JSON writer may write."""
    if not raw:
        return PydanticUndefined
    media_type = (arrival.header(b"content-type") or "").partition(";")[0].strip().lower()
    if media_type != JSON and not media_type.endswith("+json"):
        return raw.decode("utf-8", "replace")
    try:
        value = json.loads(raw.decode(), parse_float=Decimal, parse_constant=_no_constant)
        # What cannot be written again, such as half a surrogate pair, is not text.
        json.dumps(value, default=str, ensure_ascii=False).encode()
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        place = getattr(error, "pos", 0)
        raise Faults(
            [
                {
                    "type": "json_invalid",
                    "loc": ["body", place],
                    "msg": "JSON decode error",
                    "input": {},
                    "ctx": {"error": getattr(error, "msg", "This is not JSON")},
                }
            ]
        ) from None
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


async def _read(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)
