"""What is known of every request from its first moment on: its id and its headers."""

from dataclasses import dataclass
from typing import Final

from starlette.types import Scope

_PLACE: Final = "tallystick.arrival"


ADDRESS_MAX: Final = 45


def address_of(scope: Scope) -> str:
    """Give the network address that a request came from, as the server tells it."""
    client = scope.get("client")
    return "" if client is None else str(client[0])[:ADDRESS_MAX]


@dataclass(slots=True)
class Arrival:
    """The id of a request and its headers, names in small letters; of one sent twice the last."""

    request_id: str
    headers: dict[bytes, bytes]

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
