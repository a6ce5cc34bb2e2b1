"""Mails by a mail server, each on a connection of its own."""

import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from typing import Final
from urllib.parse import unquote, urlsplit

from tallystick.channels.mime import mime
from tallystick.kernel.tasks import Hopeless, Later
from tallystick.notices.channel import Message

TIMEOUT_S: Final = 10.0
"""How long one answer of the server may take. A mail needs about ten."""
_PORTS: Final = {"smtp": 25, "smtps": 465}
_ADDRESS = re.compile(r"<?[^\s<>@]+@[^\s<>]+>?")
_SAID_MAX: Final = 200


@dataclass(frozen=True, slots=True, repr=False)
class Server:
    """Where mails are handed over, and as whom."""

    host: str
    port: int
    encrypted: bool
    """Whether the connection is encrypted from its first byte; else the server is asked for it."""
    user: str | None
    password: str | None

    @staticmethod
    def at(url: str) -> "Server":
        """Read an address: `smtp://` or `smtps://`, then `USER:PASSWORD@` where needed, host, port.

        Raises:
            ValueError: it is none. The text of the error does not repeat it.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError("no address of a mail server") from None
        if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.query:
            raise ValueError("no address of a mail server")
        if (parts.username is None) != (parts.password is None):
            raise ValueError("a user without a password")
        return Server(
            host=host,
            port=port or _PORTS[parts.scheme],
            encrypted=parts.scheme == "smtps",
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
        )


class Smtp:
    """Hands mails over to one server.

    A connection that is not encrypted from the start becomes so where the server can, and a
    password is never sent over one that is not. The certificate of the server is checked.
    """

    def __init__(
        self,
        server: Server,
        sender: Address,
        *,
        timeout_s: float = TIMEOUT_S,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._sender = sender
        self._timeout_s = timeout_s
        self._trusted = trusted or ssl.create_default_context()

    def send(self, message: Message, at: datetime) -> None:
        """Hand a mail over.

        A server that says no for good (5xx) to the recipient or to the mail itself ends it; all
        else may pass: a server that is away, busy, full, or that does not take our password.

        Raises:
            Later, Hopeless: with what the server said, without any address.
        """
        written = mime(message, self._sender, at)
        with self._connected() as connection:
            try:
                connection.send_message(written, self._sender.addr_spec, [message.to])
            except smtplib.SMTPRecipientsRefused as error:
                [(code, words)] = error.recipients.values()
                raise _refused(code, words) from None
            except smtplib.SMTPDataError as error:
                raise _refused(error.smtp_code, error.smtp_error) from None
            except smtplib.SMTPNotSupportedError:
                raise Hopeless("The mail server cannot write this address.") from None

    def look(self) -> str:
        """Connect as if to hand a mail over, and say where to.

        Raises:
            Later: with what the server said.
        """
        with self._connected():
            return f"handed to {self._server.host}, port {self._server.port}"

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        try:
            with self._opened() as connection:
                yield connection
        except smtplib.SMTPResponseException as error:
            raise Later(_said(error.smtp_code, error.smtp_error)) from None
        except (smtplib.SMTPServerDisconnected, TimeoutError):
            raise Later("The mail server broke off, or did not answer in time.") from None
        except ssl.SSLError as error:
            reason = error.reason or "unknown"
            raise Later(f"The connection to the mail server is not safe: {reason}.") from None
        except (OSError, smtplib.SMTPException) as error:
            raise Later(f"The mail server cannot be reached: {_words(error)}.") from None

    @contextmanager
    def _opened(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        connection: smtplib.SMTP
        if server.encrypted:
            connection = smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._timeout_s, context=self._trusted
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=self._timeout_s)
        try:
            connection.ehlo_or_helo_if_needed()
            safe = server.encrypted
            if not safe and connection.has_extn("starttls"):
                connection.starttls(context=self._trusted)
                connection.ehlo()
                safe = True
            if server.user is not None and server.password is not None:
                if not safe:
                    message = "The mail server offers no encryption, so it gets no password."
                    raise Later(message)
                connection.login(server.user, server.password)
            yield connection
            # What was taken over stays so, however the server says good-bye.
            with suppress(OSError, smtplib.SMTPException):
                connection.quit()
        finally:
            connection.close()


def _refused(code: int, words: bytes | str) -> Later | Hopeless:
    said = _said(code, words)
    return Hopeless(said) if code >= 500 else Later(said)  # noqa: PLR2004  # RFC 5321 section 4.2.1


def _said(code: int, words: bytes | str) -> str:
    """Repeat what a server said, without the addresses in it."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    line = " ".join(_ADDRESS.sub("(address)", text).split())[:_SAID_MAX]
    return f"The mail server said {code}: {line}"


def _words(error: Exception) -> str:
    return (getattr(error, "strerror", None) or type(error).__name__).rstrip(".")
