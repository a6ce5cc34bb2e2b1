"""A message in the form in which mails travel (RFC 5322), to one address and no other."""

from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from tallystick.kernel.tasks import Hopeless
from tallystick.notices.channel import Message

_UNWRITABLE: Final = "The address of the person cannot be written in a mail."


def address(written: str) -> Address:
    """Read one address, such as `ann@example.com` or `Ann <ann@example.com>`.

    Raises:
        ValueError: it is none, or more than one.
    """
    try:
        name, _, spec = written.rpartition("<") if written.endswith(">") else ("", "", written)
        read = Address(name.strip().strip('"'), addr_spec=spec.removesuffix(">").strip())
    except (MessageError, ValueError, IndexError) as error:
        raise ValueError(written) from error
    if not read.username or not read.domain or not written.isprintable():
        raise ValueError(written)
    return read


def mime(message: Message, sender: Address, at: datetime) -> EmailMessage:
    """Write a message with its plain text and its HTML.

    Raises:
        Hopeless: the address that it goes to cannot be written.
    """
    try:
        to = address(message.to)
    except ValueError:
        raise Hopeless(_UNWRITABLE) from None
    if to.addr_spec != message.to:
        # A name, a comment or a second address would hide in it.
        raise Hopeless(_UNWRITABLE)
    made = EmailMessage(policy=SMTP)
    made["Message-ID"] = f"<{message_id(message.id, sender)}>"
    made["Date"] = format_datetime(at)
    made["From"] = sender
    made["To"] = to
    made["Subject"] = message.subject
    # So that holiday notes are not sent back to it (RFC 3834).
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text)
    made.add_alternative(message.html, subtype="html")
    return made


def message_id(of: UUID, sender: Address) -> str:
    """Give the same identifier to each copy of a message."""
    return f"{of}@{sender.domain}"
