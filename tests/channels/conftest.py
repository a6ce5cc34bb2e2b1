"""A mail server that does as it is told, in a thread of this process."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Post:
    """What the server got, and what it says next."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)
    to_recipient: str = "250 OK"
    to_data: str = "250 OK"
    drops: bool = False
    """Whether it breaks off when it has taken a mail over."""
    hangs: bool = False
    """Whether it never answers when it has got a mail."""
    logins: list[tuple[str, str]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802  # their name
        self, _server: SMTP, _session: Session, envelope: Envelope, to: str, _options: list[str]
    ) -> str:
        if self.to_recipient.startswith("2"):
            envelope.rcpt_tos.append(to)
        return self.to_recipient

    async def handle_DATA(  # noqa: N802  # their name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        if self.hangs:
            await asyncio.Event().wait()
        if self.to_data.startswith("2"):
            made = message_from_bytes(content, policy=policy.default)
            assert isinstance(made, EmailMessage)
            self.mails.append(made)
            self.envelopes.append((str(envelope.mail_from), list(envelope.rcpt_tos)))
        if self.drops:
            assert isinstance(server.transport, asyncio.WriteTransport)
            server.transport.abort()
        return self.to_data

    def authenticate(self, *given: Any) -> Any:
        sent = given[-1]
        assert isinstance(sent, LoginPassword)
        pair = sent.login.decode(), sent.password.decode()
        self.logins.append(pair)
        return AuthResult(success=pair == ("ann", "pa ss/@:"), handled=False)


Opened = Callable[..., Post]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)  # noqa: TID251  # the library looks at the clock of the machine
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    """Return what trusts the server's certificate."""
    return ssl.create_default_context(cafile=str(certificate))


@pytest.fixture
def opened(certificate: Path) -> Iterator[Opened]:
    """Return a factory of mail servers: plain ones, or with encryption of either kind."""
    running: list[Controller] = []

    def make(*, tls: str = "", login: bool = False) -> Post:
        post = Post()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            post.port = probe.getsockname()[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        options: dict[str, Any] = {}
        if tls == "starttls":
            options["tls_context"] = context
        if tls == "smtps":
            options["ssl_context"] = context
        if login:
            options |= {
                "authenticator": post.authenticate,
                "auth_require_tls": bool(tls == "starttls"),
            }
        controller = Controller(post, hostname="127.0.0.1", port=post.port, **options)
        controller.start()
        running.append(controller)
        return post

    yield make
    for each in running:
        each.stop()
