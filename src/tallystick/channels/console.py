"""Mails onto the terminal, for a developer who has no mail server. They hold tokens that work."""

import threading
from datetime import datetime
from email.headerregistry import Address
from typing import TextIO

from tallystick.channels.mime import mime
from tallystick.notices.channel import Message


class Console:
    """Prints the plain text of mails."""

    def __init__(self, out: TextIO, sender: Address) -> None:
        self._out = out
        self._sender = sender
        self._alone = threading.Lock()

    def send(self, message: Message, at: datetime) -> None:
        """Print a mail.

        Raises:
            Hopeless: the address cannot be written in a mail.
        """
        mime(message, self._sender, at)
        lines = [f"To: {message.to}", f"Subject: {message.subject}", "", *message.text.splitlines()]
        shown = "\n".join(f"  | {line}".rstrip() for line in lines)
        with self._alone:
            self._out.write(f"A mail, printed since no mail server is set:\n{shown}\n")
            self._out.flush()

    def look(self) -> str:
        """Say where mails go."""
        return "printed on the terminal; set TALLYSTICK_SMTP_URL to send them"
