"""What is known of every request from its first moment on: its id and its headers."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

from tallystick.kernel import card_numbers

_PLACE: Final = "tallystick.arrival"
REASON_MAX: Final = 255
"""Characters of a reason that are kept."""
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


ADDRESS_MAX: Final = 45


def address_of(scope: Scope) -> str:
    """Give the network address that a request came from, as the server tells it."""
    client = scope.get("client")
    return "" if client is None else str(client[0])[:ADDRESS_MAX]


def reason_of(arrival: "Arrival") -> str | None:
    """Give why one of the platform acts in what is not theirs; None for an empty one."""
    given = arrival.headers.get(b"tallystick-reason")
    if given is None:
        return None
    sent = given.decode("utf-8", "replace")
    return card_numbers.hidden(_UNPRINTABLE.sub(" ", sent)).strip()[:REASON_MAX] or None


@dataclass(slots=True)
class Arrival:
    """The id of a request and its headers, names in small letters; of one sent twice the last."""

    request_id: str
    headers: dict[bytes, bytes]
    route: str | None = None
    """The address of the operation that serves it, as the operation is declared."""

    @staticmethod
    def of(scope: Scope) -> "Arrival":
        """Give the arrival that the middleware noted."""
        arrival: Arrival = scope[_PLACE]
        return arrival

    def note(self, scope: Scope) -> None:
        """Note this arrival where everything behind the middleware finds it."""
        scope[_PLACE] = self

    def header(self, name: bytes) -> str | None:
        """Give the text of a header, or None when it was not sent."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")
