"""Canaries: servers on this machine that note whoever comes, and say what they are told to say."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

Reply = bytes | Callable[[socket.socket], None]
HELLO = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: plain\r\n\r\nhello"
NAME = "pay.example.test"


class Canary:
    """Counts connections and keeps what each request said."""

    def __init__(self, reply: Reply, tls: ssl.SSLContext | None = None) -> None:
        self._reply = reply
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/"
        self.connections = 0
        self.requests: list[bytes] = []

    @contextmanager
    def open(self) -> Iterator["Canary"]:
        thread = threading.Thread(target=self._accept, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(10)
            served = (
                self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            )
            with served:
                self.requests.append(served.recv(2**16))
                if isinstance(self._reply, bytes):
                    served.sendall(self._reply)
                else:
                    self._reply(served)


@pytest.fixture
def canary() -> Iterator[Callable[..., Canary]]:
    """Return a way to open a canary."""
    opened = []

    def open_one(reply: Reply = HELLO, tls: ssl.SSLContext | None = None) -> Canary:
        manager = Canary(reply, tls).open()
        opened.append(manager)
        return manager.__enter__()

    yield open_one
    for manager in opened:
        manager.__exit__(None, None, None)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for one name, which nobody trusts but those who are told to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    begins = datetime.now(UTC) - timedelta(days=1)  # noqa: TID251  # a real certificate
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, form, plain)
    )
    return path


class Names:
    """A resolver that says what it is told to, one answer after the other, and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        del port
        self.asked.append(host)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


class Dialled:
    """Notes where a connection was to go, and leads it to one port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.addresses: list[tuple[str, int]] = []

    def __call__(self, address: str, port: int, timeout_s: float) -> socket.socket:
        ip_address(address)
        self.addresses.append((address, port))
        return socket.create_connection(("127.0.0.1", self._port), timeout=timeout_s)
