"""Identifiers, made by the application and never by a database."""

from base64 import b32decode, b32encode
from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils.compat import uuid5, uuid7

NIL = UUID(int=0)
"""The tenant of commands that belong to no organization."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD = bytes.maketrans(*_LETTERS)
_PLAIN = bytes.maketrans(*reversed(_LETTERS))


def new() -> UUID:
    """Make an identifier that sorts by the moment it was made (UUID version 7).

    Source: RFC 9562 section 5.7. The order is not the order of commits, so no reader may use it as
    a watermark.
    """
    return uuid7()


def first_at(moment: datetime) -> UUID:
    """Give the smallest identifier that could have been made at a moment, to look for a time by.

    Source: RFC 9562 section 5.7: the first 48 bits are milliseconds since 1970.
    """
    millis = max(0, (moment - _EPOCH) // timedelta(milliseconds=1))
    return UUID(int=(millis << 80) | (7 << 76) | (2 << 62))


def derived(parent: UUID, label: str) -> UUID:
    """Make the identifier that one object can have only once, such as that of its settlement.

    Source: RFC 9562 section 5.5 (version 5).
    """
    return uuid5(parent, label)


def code(value: UUID) -> str:
    """Write an identifier as 26 letters and digits, as plain-text accounting accepts in a name.

    Source: Crockford's base 32.
    """
    # Four bytes of zero make 160 bits, which are 32 letters; the first six say nothing.
    return b32encode(bytes(4) + value.bytes)[6:].translate(_CROCKFORD).decode()


def decoded(written: str) -> UUID:
    """Read what `code` wrote."""
    return UUID(bytes=b32decode(b"AAAAAA" + written.encode().translate(_PLAIN))[4:])
