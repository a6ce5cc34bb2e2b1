"""The cookie of a session, and what proves that a page of ours sent it.

Source: RFC 6265bis section 4.1.3: a cookie whose name begins with __Host- is kept by this host
alone. Browsers take a Secure cookie over plain HTTP from a loopback address only.
"""

from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from starlette.types import Scope

from tallystick.kernel.signing import Signer
from tallystick.web.arrival import Arrival

NAME: Final = "__Host-tallystick"
_CSRF: Final = "csrf"
_ATTRIBUTES: Final = "; Path=/; Secure; HttpOnly; SameSite=Lax"


def set_session(text: str, *, for_s: int) -> str:
    """Give the Set-Cookie that begins a session of so many seconds."""
    return f"{NAME}={text}{_ATTRIBUTES}; Max-Age={for_s}"


def drop_session() -> str:
    """Give the Set-Cookie that makes a browser forget its session."""
    return f"{NAME}={_ATTRIBUTES}; Max-Age=0"


def session_of(arrival: Arrival) -> str | None:
    """Give the session that a browser sent."""
    for pair in (arrival.header(b"cookie") or "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == NAME and value:
            return value
    return None


def csrf_token(signer: Signer, session_id: UUID) -> str:
    """Make the token that the pages of a session send back with each change."""
    return signer.sign(_CSRF, session_id.bytes)


def meant(scope: Scope, arrival: Arrival, signer: Signer, session_id: UUID) -> bool:
    """Tell whether a change comes from a page of ours: it has the token, and no foreign origin."""
    token = arrival.header(b"x-csrf-token") or ""
    return signer.read(_CSRF, token) == session_id.bytes and from_here(scope, arrival)


def from_here(scope: Scope, arrival: Arrival) -> bool:
    """Tell whether no other site made a browser send this."""
    origin = arrival.header(b"origin")
    if origin is None:
        return True
    try:
        sent = urlsplit(origin)
    except ValueError:
        return False
    return (sent.scheme, sent.netloc) == (scope["scheme"], arrival.header(b"host"))
