"""One call to another server: resolved once, checked, connected to that address, and limited.

A call is made once: nothing here repeats it or follows a redirect, and no proxy of the environment
is asked. What comes out says whether anything left this machine, because whoever pays must know.
An address that is not the operator's own is a user's: it must be https, on port 443 or 8443, and
every address that its name resolves to must be public.

Log lines name host, port, purpose, outcome and time; never a path, a header or a body.
"""

import contextlib
import http.client
import io
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import structlog

from tallystick.outbound.addresses import Target, is_public, read_target, read_user_target

log = structlog.get_logger(__name__)

Resolve = Callable[[str, int], Sequence[str]]
"""Gives the IP addresses of a host; raises OSError where there are none."""
Dial = Callable[[str, int, float], socket.socket]
"""Connects to an IP address and a port within so many seconds; raises OSError."""

_HEAD_MAX_BYTES: Final = 2**16
_ADDRESSES_MAX: Final = 4
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")
_AGENT: Final = "tallystick"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may cost. The whole of it ends after `total_s`, looking up names included."""

    total_s: float = 10.0
    connect_s: float = 3.0
    answer_max_bytes: int = 2**20
    """How much of a body is kept; the rest is not read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The other side answered in HTTP, whatever the status; 3xx too, which is not followed."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By name in small letters."""
    body: bytes = field(repr=False)
    whole: bool
    """Whether the body ended within the limit."""


@dataclass(frozen=True, slots=True)
class NotSent:
    """Not one byte of the request left this machine."""

    why: Literal["address", "name", "connection", "tls", "timeout"]
    """The address may not be called; its name is unknown; nobody listens; no trust; too late."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The request may have arrived and may have been acted on; nobody knows."""

    why: Literal["timeout", "dropped", "garbage"]


Result = Answer | NotSent | Unanswered


class Client:
    """Calls other servers; may be used by several threads at once."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        own_url: str | None = None,
        resolve: Resolve | None = None,
        dial: Dial | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Make a client for addresses of users, or for the operator's own as well.

        Args:
            limits: for each call.
            own_url: an address that a setting of the operator names. Whatever has its scheme, host
                and port is called wherever that is, this machine included.
            resolve: looks names up, instead of the machine's own resolver.
            dial: connects, instead of a plain TCP connection.
            tls: what is trusted, instead of the machine's certificates.

        Raises:
            ValueError: `own_url` cannot be called.
        """
        self._limits = limits or Limits()
        self._own = None if own_url is None else read_target(own_url).origin
        self._resolve = resolve or _resolve
        self._dial = dial or _dial
        self._tls_given = tls

    def send(
        self,
        method: str,
        url: str,
        *,
        purpose: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Result:
        """Make one call, with the request id of the work that it is part of.

        Args:
            method: such as POST.
            url: where to; no fragment of it is sent.
            purpose: a word for the log.
            headers: beside Host, Content-Length and those that every call has.
            body: sent as it is.

        Raises:
            ValueError: a header is one that cannot be sent. An address that cannot be called is an
                outcome instead, since it may come from a user.
        """
        sent = _request_headers(headers or {})
        begun = time.monotonic()
        target = self._target(url)
        if target is None:
            result: Result = NotSent("address")
        else:
            request = _encode(method, target, sent, body)
            result = self._call(method, target, request, begun)
        _note(purpose, method, target, result, time.monotonic() - begun)
        return result

    def _target(self, url: str) -> Target | None:
        try:
            target = read_target(url)
            return target if target.origin == self._own else read_user_target(url)
        except ValueError:
            return None

    def _call(self, method: str, target: Target, request: bytes, begun: float) -> Result:
        deadline = _Deadline(begun + self._limits.total_s)
        connection = self._connected(target, deadline)
        if isinstance(connection, NotSent):
            return connection
        with connection:
            try:
                connection.settimeout(deadline.left_s())
                connection.sendall(request)
                return self._read(method, connection, deadline)
            except TimeoutError:
                return Unanswered("timeout")
            except (OSError, http.client.IncompleteRead):
                # Before what is garbage: a line that never came is an error of both kinds.
                return Unanswered("dropped")
            except (http.client.HTTPException, ValueError):
                return Unanswered("garbage")

    def _connected(self, target: Target, deadline: "_Deadline") -> socket.socket | NotSent:
        try:
            addresses = self._addresses(target, deadline)
        except TimeoutError:
            return NotSent("timeout")
        except (OSError, UnicodeError):
            return NotSent("name")
        if target.origin != self._own and not all(map(is_public, addresses)):
            return NotSent("address")
        connection = self._first(addresses[:_ADDRESSES_MAX], target.port, deadline)
        if isinstance(connection, NotSent) or target.scheme == "http":
            return connection
        try:
            connection.settimeout(deadline.left_s())
            # The name stays that of the address, although an IP address was connected to.
            return self._tls.wrap_socket(connection, server_hostname=target.host)
        except OSError as error:
            connection.close()
            return NotSent("timeout" if isinstance(error, TimeoutError) else "tls")

    def _addresses(self, target: Target, deadline: "_Deadline") -> Sequence[str]:
        """Look a name up once; the system's resolver knows no limit of time, so it gets a thread.

        Raises:
            TimeoutError: no answer in time.
            OSError: there is no such name.
        """
        found: queue.SimpleQueue[Sequence[str] | Exception] = queue.SimpleQueue()

        def ask() -> None:
            try:
                found.put(self._resolve(target.host, target.port))
            except (OSError, UnicodeError) as error:
                found.put(error)

        threading.Thread(target=ask, name="resolver", daemon=True).start()
        try:
            answer = found.get(timeout=deadline.left_s())
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(answer, Exception):
            raise answer
        if not answer:
            raise OSError("no address")
        return answer

    def _first(
        self, addresses: Sequence[str], port: int, deadline: "_Deadline"
    ) -> socket.socket | NotSent:
        late = False
        until = _Deadline(min(deadline.at, time.monotonic() + self._limits.connect_s))
        for address in addresses:
            try:
                return self._dial(address, port, until.left_s())
            except TimeoutError:
                late = True
            except OSError:
                late = False
        return NotSent("timeout" if late else "connection")

    def _read(self, method: str, connection: socket.socket, deadline: "_Deadline") -> Answer:
        most = self._limits.answer_max_bytes
        with _Source(connection, deadline, most) as source:
            response = http.client.HTTPResponse(source, method=method)  # type: ignore[arg-type]
            with contextlib.closing(response):
                response.begin()
                body = response.read(most + 1)
                missing = response.length or 0
        if len(body) <= most and missing:
            raise http.client.IncompleteRead(body, missing)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, body[:most], whole=len(body) <= most)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        # Made late: reading the machine's certificates takes longer than most calls.
        return self._tls_given or ssl.create_default_context()


class _Deadline:
    """A moment of the monotonic clock that nothing may pass."""

    def __init__(self, at: float) -> None:
        self.at = at

    def left_s(self) -> float:
        """Give what is left, always more than nothing.

        Raises:
            TimeoutError: nothing is left.
        """
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Source(io.RawIOBase):
    """What the answer is read from: each read ends at the deadline, and all of it has an end."""

    def __init__(self, connection: socket.socket, deadline: _Deadline, most: int) -> None:
        self._connection = connection
        self._deadline = deadline
        # Chunks of one byte take six on the wire.
        self._left = 8 * most + _HEAD_MAX_BYTES

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Stand in for a socket, which is what the parser asks."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._left <= 0:
            raise http.client.HTTPException("too much")
        self._connection.settimeout(self._deadline.left_s())
        count = self._connection.recv_into(buffer)
        self._left -= count
        return count


def _request_headers(given: Mapping[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            # The value may be a secret, so only the name is told.
            message = f"The header {name!r} cannot be sent."
            raise ValueError(message)
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    own = {"User-Agent": _AGENT, "Accept-Encoding": "identity", "Connection": "close"}
    if isinstance(request_id, str) and _VALUE.fullmatch(request_id):
        own["X-Request-Id"] = request_id
    return {**own, **given}


def _encode(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in {"POST", "PUT", "PATCH"}:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _note(purpose: str, method: str, target: Target | None, result: Result, seconds: float) -> None:
    tell = log.info if isinstance(result, Answer) else log.warning
    tell(
        "outgoing call",
        purpose=purpose,
        method=method,
        host=None if target is None else target.host,
        port=None if target is None else target.port,
        outcome=_outcome(result),
        why=None if isinstance(result, Answer) else result.why,
        ms=round(seconds * 1000),
    )


def _outcome(result: Result) -> int | str:
    if isinstance(result, Answer):
        return result.status
    return "not_sent" if isinstance(result, NotSent) else "unanswered"


def _resolve(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _dial(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout_s)
