"""The fixtures of the kernel's tests."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.engine import URL

from tallystick.kernel.actor import Act
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Answer
from tests.factories import books, open_books

__all__ = ["books", "open_books"]

WAIT_MAX_S = 20
"""How long a test waits for what must happen; only a failing test ever waits so long."""


@dataclass(frozen=True, slots=True)
class Note:
    """The smallest command there is."""

    act: Act
    text: str = ""


class Recorder:
    """A use case that writes nothing, remembers its batches, and waits while its gate is shut."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self.raises: Callable[[list[str]], BaseException | None] = lambda _texts: None

    def __call__(self, _conn: Connection, commands: Any) -> list[Answer[str]]:
        texts = [command.text for command in commands]
        self.batches.append(texts)
        self.begun.set()
        assert self.gate.wait(WAIT_MAX_S)
        error = self.raises(texts)
        if error is not None:
            raise error
        return [Answer(f"did {each}") for each in texts]


class Proxy:
    """Stands between a client and a server, and can lose an answer or the whole server."""

    def __init__(self, upstream: Callable[[], socket.socket]) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._word: bytes | None = None
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.lost = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def lose_answer_to(self, word: bytes) -> None:
        """Cut the line the next time that the server has answered a message with this word."""
        self._word = word

    def close(self) -> None:
        """Cut every line and refuse new ones."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for line in self._open:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
            line.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = self._upstream()
                self._open += [client, server]
                threading.Thread(target=self._ask, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        answering = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        answering.start()
        with suppress(OSError):
            while message := client.recv(1 << 20):
                if self._word is not None and self._word in message:
                    self._lose(client, server, message)
                    return
                server.sendall(message)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _lose(self, client: socket.socket, server: socket.socket, message: bytes) -> None:
        self._word = None
        # Whoever waits for the answer sees the end of the line instead.
        client.shutdown(socket.SHUT_RDWR)
        server.sendall(message)
        server.settimeout(WAIT_MAX_S)
        self.lost += 1
        # The server closes its side when it has carried the message out and finds nobody there.
        server.shutdown(socket.SHUT_WR)

    def _pump(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while answer := server.recv(1 << 20):
                client.sendall(answer)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def recorder() -> Recorder:
    """Return a use case that remembers its batches."""
    return Recorder()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Return a pool of threads, for what must happen at the same moment."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def connect(database: Database) -> Iterator[Callable[..., Database]]:
    """Return a factory of further pools on the shared database, or on another address of it."""
    made: list[Database] = []

    def make(url: URL | None = None, **options: Any) -> Database:
        address = (url or database.url).render_as_string(hide_password=False)
        made.append(Database(address, **options))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def hosts(database: Database) -> Callable[..., URL]:
    """Return a factory of addresses of the shared database by several hosts, in this order."""

    def make(*ports: int) -> URL:
        url = make_url(database.url)
        rest = url.difference_update_query(["host"])
        named = [f"127.0.0.1:{port}" for port in ports]
        if url.host is None:
            named.append(str(url.query["host"]))
        else:
            default = 5432 if database.engine_name == "postgresql" else 3306
            named.append(f"{url.host}:{url.port or default}")
        # Inside an encrypted line the proxy would see nothing.
        plain = {"sslmode": "disable"} if database.engine_name == "postgresql" else {}
        return rest.set(host=None, port=None).update_query_dict({"host": named, **plain})

    return make


@pytest.fixture
def proxy(hosts: Callable[..., URL]) -> Iterator[Callable[[], Proxy]]:
    """Return a factory of proxies in front of the server."""
    made: list[Proxy] = []
    name, _, port = str(hosts(1).query["host"][-1]).partition(":")

    def dial() -> socket.socket:
        if port:
            return socket.create_connection((name, int(port)))
        line = socket.socket(socket.AF_UNIX)
        line.connect(f"{name}/.s.PGSQL.5432")
        return line

    def make() -> Proxy:
        made.append(Proxy(dial))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def kill_session(database: Database) -> Callable[[Connection], None]:
    """Return what ends the server's side of a connection."""

    def kill(conn: Connection) -> None:
        driver: Any = conn.connection.driver_connection
        if conn.dialect.name == "postgresql":
            words = f"SELECT pg_terminate_backend({driver.info.backend_pid}, 5000)"
        else:
            words = f"KILL {driver.thread_id()}"
        database.read(lambda other: other.execute(text(words)))

    return kill


@pytest.fixture
def refusing_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
