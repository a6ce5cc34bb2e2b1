"""Mails into a folder, where a developer opens them. One file each: a repeat replaces it."""

from datetime import datetime
from email.headerregistry import Address
from pathlib import Path

from tallystick.channels.mime import mime
from tallystick.kernel.tasks import Later
from tallystick.notices.channel import Message


class Mailbox:
    """Writes mails into a folder."""

    def __init__(self, folder: Path, sender: Address) -> None:
        self._folder = folder
        self._sender = sender

    def send(self, message: Message, at: datetime) -> None:
        """Write a mail as `ID.eml`.

        Raises:
            Later: the folder cannot be written to.
            Hopeless: the address cannot be written in a mail.
        """
        written = mime(message, self._sender, at)
        target = self._folder / f"{message.id}.eml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = target.with_suffix(".part")
            draft.write_bytes(bytes(written))
            draft.replace(target)
        except OSError as error:
            raise Later(f"The mailbox cannot be written to: {error.strerror}.") from None

    def look(self) -> str:
        """Say where mails go."""
        return f"written to {self._folder}"
