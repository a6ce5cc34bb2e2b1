"""What happens to every request: an id, limits, headers, a count, a net for our mistakes.

One class of plain ASGI: each further layer would cost every request.
"""

import re
import time
from collections.abc import Sequence
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallystick.kernel import card_numbers, ids
from tallystick.kernel.errors import shown
from tallystick.web.arrival import Arrival
from tallystick.web.dialects.frame import Dialects, own_path
from tallystick.web.metrics import OTHER, Metrics
from tallystick.web.problems import TABLE, problem

BODY_MAX_BYTES: Final = 2**20
BULK_MAX_BYTES: Final = 2**23
"""Where many items are sent at once."""
BULK_PATHS: Final = frozenset({"/v1/invoices/bulk", "/v1/payments/bulk"})
_DIGITS_MAX: Final = 12

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "object-src 'none'"
)
# Swagger UI sets styles on its elements; everything else of it lives under the strict policy.
_CSP_DOCS: Final = _CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
_HSTS: Final = (b"strict-transport-security", b"max-age=31536000")

Header = tuple[bytes, bytes]


class _TooLarge(Exception):
    """The body turned out larger than allowed while it was read."""


class Shell:
    """The outermost layer that is ours."""

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, production: bool, dialects: Dialects
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._dialects = dialects
        everywhere = [
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"x-frame-options", b"DENY"),
            (b"cross-origin-opener-policy", b"same-origin"),
            *([_HSTS] if production else []),
        ]
        strict = (b"content-security-policy", _CSP.encode())
        # A browser asks again before it shows what an older version may have said.
        asked_again = (b"cache-control", b"no-cache")
        self._api = [*everywhere, strict, (b"cache-control", b"no-store")]
        self._pages = [*everywhere, strict, asked_again]
        self._docs = [*everywhere, (b"content-security-policy", _CSP_DOCS.encode()), asked_again]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        arrival = Arrival(_request_id(headers), headers)
        arrival.note(scope)
        structlog.contextvars.bind_contextvars(request_id=arrival.request_id)
        own = [(b"x-request-id", arrival.request_id.encode()), *self._headers(scope)]
        head = scope["method"] == "HEAD"
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *own]
            elif head:
                message["body"] = b""
            await send(message)

        if head:
            # Whatever can be read by GET can be asked for by HEAD.
            scope = {**scope, "method": "GET"}
        try:
            await self._guarded(scope, receive, answer, headers)
        except Exception:
            log.exception("request failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            detail = "Something failed in the server. Its log has the details under the request_id."
            await self.problem(scope, "server.error", detail)(scope, receive, answer)
        finally:
            taken_s = time.perf_counter() - begun
            self._metrics.request(scope["method"], arrival.route or OTHER, status, taken_s)

    async def _guarded(
        self, scope: Scope, receive: Receive, answer: Send, headers: dict[bytes, bytes]
    ) -> None:
        encoding = headers.get(b"content-encoding")
        if encoding is not None and encoding.lower() != b"identity":
            detail = f"The Content-Encoding is {shown(encoding.decode('latin-1'))}. Send none."
            refused = self.problem(scope, "request.content_encoding", detail)
            await refused(scope, receive, answer)
            return
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = BULK_MAX_BYTES if path in BULK_PATHS else BODY_MAX_BYTES
        try:
            await self._app(scope, _bounded(receive, headers, limit), answer)
        except _TooLarge:
            detail = f"The body has more than {limit} bytes."
            await self.problem(scope, "request.too_large", detail)(scope, receive, answer)

    def problem(self, scope: Scope, code: str, detail: str) -> Response:
        """Say no in the form of whoever owns the address."""
        mounted = self._dialects.owner(scope)
        if mounted is None:
            return problem(scope, code, detail)
        return mounted.dialect.refuse(TABLE[code].status, detail)

    def _headers(self, scope: Scope) -> Sequence[Header]:
        path = own_path(scope)
        if path.startswith("/v1/") or path == "/metrics":
            return self._api
        if path == "/docs" or path in self._dialects.docs:
            return self._docs
        return self._pages if self._dialects.owner(scope) is None else self._api


def _request_id(headers: dict[bytes, bytes]) -> str:
    """Take over the id that the caller gave, or make one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        text = given.decode("ascii")
        if not card_numbers.might_hold(text):
            return text
    return ids.new().hex


def _bounded(receive: Receive, headers: dict[bytes, bytes], limit: int) -> Receive:
    """Refuse a body that says it is too large, and count one that does not say its length.

    The server sees to it that a body is no longer than it says.
    """
    length = headers.get(b"content-length")
    if length is not None and length.isdigit():
        if len(length) > _DIGITS_MAX or int(length) > limit:
            raise _TooLarge
        return receive
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit:
            raise _TooLarge
        return message

    return counted
