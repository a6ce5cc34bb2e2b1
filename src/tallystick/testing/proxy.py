"""A server in between that passes requests on to another one, and fails in every way on demand.

It speaks plain HTTP on this machine, one request a connection, and remembers what it was asked.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

HUGE_BYTES: Final = 64 * 2**20
"""What an answer without an end ends at after all."""
_DRIP_S: Final = 0.02
_PATIENCE_S: Final = 30.0
_HTML: Final = b"<!doctype html><title>Oh</title><p>Something else answers here.</p>"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection:[^\r]*", re.IGNORECASE)


def _answer(status: bytes, body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status, *headers, b"Content-Length: %d" % len(body), b"", body]
    return b"\r\n".join(lines)


@dataclass(frozen=True, slots=True)
class LineFault:
    """One way for a line to fail."""

    name: str
    acts: bool
    """Whether the request reaches the server behind."""
    answer: bytes | None = None
    """What is answered instead; None holds the line open, and nothing at all ends it."""
    slowly: bool = False
    """One byte at a time, for ever."""
    endless: bool = False


_OK_JSON: Final = (b"200 OK", b"Content-Type: application/json")
LINE_FAULTS: Final = (
    LineFault("hang_before", acts=False),
    LineFault("hang_after", acts=True),
    LineFault("drop_before", acts=False, answer=b""),
    LineFault("drop_after", acts=True, answer=b""),
    LineFault("error_before", acts=False, answer=_answer(b"500 Internal Server Error", _HTML)),
    LineFault("error_after", acts=True, answer=_answer(b"502 Bad Answer", b"{}")),
    LineFault("unavailable", acts=False, answer=_answer(b"503 Service Unavailable", b"")),
    LineFault("not_found", acts=False, answer=_answer(b"404 Not Found", _HTML)),
    LineFault(
        "redirect",
        acts=False,
        answer=_answer(b"307 Temporary Redirect", b"", b"Location: /redirected"),
    ),
    LineFault(
        "page_after", acts=True, answer=_answer(b"200 OK", _HTML, b"Content-Type: text/html")
    ),
    LineFault("nothing_after", acts=True, answer=_answer(b"200 OK", b"")),
    LineFault("list_after", acts=True, answer=_answer(_OK_JSON[0], b"[]", _OK_JSON[1])),
    LineFault("object_after", acts=True, answer=_answer(_OK_JSON[0], b"{}", _OK_JSON[1])),
    LineFault("deep_after", acts=True, answer=_answer(_OK_JSON[0], b"[" * 50_000, _OK_JSON[1])),
    LineFault("no_http_after", acts=True, answer=b"\x00\xff\x13 what is this\r\n\r\n"),
    LineFault(
        "cut_after", acts=True, answer=b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"message":'
    ),
    LineFault("drip_after", acts=True, answer=b"HTTP/1.1 200 OK\r\nX-Slow: ", slowly=True),
    LineFault(
        "huge_after",
        acts=True,
        answer=b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"message":"',
        endless=True,
    ),
)
"""Every way; after each of them nobody knows from the answer what became of the request."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that arrived."""

    method: str
    path: str
    body: bytes


class Proxy:
    """Stands before a server; use it as `with Proxy(url).open() as proxy`."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "", parts.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{parts.path}"
        self._fault: LineFault | None = None
        self._ending = threading.Event()
        self._idle = threading.Condition()
        self._passing = 0
        self.asked: list[Asked] = []
        self.sent_bytes_max = 0
        """The longest answer so far, as far as the other side took it."""

    @contextmanager
    def open(self) -> Iterator["Proxy"]:
        """Pass on until the end."""
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._ending.set()
            # A listener that is closed under accept() is not woken everywhere.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join(_PATIENCE_S)

    @contextmanager
    def failing(self, fault: LineFault) -> Iterator[None]:
        """Fail in this way meanwhile."""
        self._fault = fault
        try:
            yield
        finally:
            self._fault = None

    def settle(self) -> None:
        """Wait until every request that was passed on has been answered by the server behind."""
        with self._idle:
            if not self._idle.wait_for(lambda: self._passing == 0, _PATIENCE_S):
                raise TimeoutError("The server behind does not answer.")

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            # Counted here, so that nobody believes all is settled before a thread has begun.
            self._pass(+1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _pass(self, count: int) -> None:
        with self._idle:
            self._passing += count
            self._idle.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            try:
                request = _read_request(connection)
                if request is None:
                    return
                self.asked.append(_asked(request))
                fault = self._fault
                answer = self._forward(request) if fault is None or fault.acts else b""
            finally:
                self._pass(-1)
            if fault is None:
                connection.sendall(answer)
            else:
                self._fail(connection, fault)

    def _forward(self, request: bytes) -> bytes:
        """Have the server behind answer, whole; it closes the line when it has."""
        head, separator, body = request.partition(b"\r\n\r\n")
        head = _CONNECTION.sub(b"", head) + b"\r\nConnection: close"
        with socket.create_connection(self._upstream, timeout=_PATIENCE_S) as server:
            server.sendall(head + separator + body)
            return b"".join(iter(lambda: server.recv(2**16), b""))

    def _fail(self, connection: socket.socket, fault: LineFault) -> None:
        if fault.answer is None:
            self._wait_for_end(connection)
            return
        connection.sendall(fault.answer)
        if fault.slowly:
            while not self._ending.wait(_DRIP_S):
                connection.sendall(b"x")
        if fault.endless:
            sent = 0
            # A side that reads no more lets it wait; then it is enough too.
            connection.settimeout(_PATIENCE_S)
            with suppress(OSError):
                while sent < HUGE_BYTES and not self._ending.is_set():
                    connection.sendall(b"x" * 2**16)
                    sent += 2**16
            self.sent_bytes_max = max(self.sent_bytes_max, sent)

    def _wait_for_end(self, connection: socket.socket) -> None:
        connection.settimeout(0.1)
        while not self._ending.is_set():
            with suppress(TimeoutError):
                if not connection.recv(2**10):
                    return


def _read_request(connection: socket.socket) -> bytes | None:
    connection.settimeout(_PATIENCE_S)
    read: Callable[[], bytes] = lambda: connection.recv(2**16)  # noqa: E731  # said once
    found = b""
    while b"\r\n\r\n" not in found:
        if not (more := read()):
            return None
        found += more
    head = found.partition(b"\r\n\r\n")[0]
    length = _LENGTH.search(head)
    missing = len(head) + 4 + (int(length[1]) if length else 0)
    while len(found) < missing:
        if not (more := read()):
            return None
        found += more
    return found


def _asked(request: bytes) -> Asked:
    head, _, body = request.partition(b"\r\n\r\n")
    method, path, *_ = head.split(b"\r\n")[0].decode("latin-1").split(" ")
    return Asked(method, path, body)
