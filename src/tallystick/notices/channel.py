"""What a way to send a message must do; the ways themselves are in `tallystick.channels`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Message:
    """One mail to one person, ready to be sent."""

    id: UUID
    """That of its task: whoever gets it twice can tell."""
    to: str
    """The one address that it goes to."""
    subject: str
    """One line without control characters."""
    text: str
    html: str


class Channel(Protocol):
    """Sends messages, some at once on several threads."""

    def send(self, message: Message, at: datetime) -> None:
        """Send one message, dated at a moment.

        Raises:
            Later: it could not be sent now; whether it was is unknown.
            Hopeless: it can never be sent.
        """

    def look(self) -> str:
        """Try whether messages could be sent now; say in a few words how they are.

        Raises:
            Later: they could not.
        """
