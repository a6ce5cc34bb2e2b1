"""Tell of what happened: a signed POST for each event, tried again until it is taken.

Source: Standard Webhooks 1.0, for the names of the headers and what is signed.
"""

import base64
import hashlib
import hmac
import http.client
import json
from typing import Final
from urllib.parse import urlsplit

from tallystick.testing.fakepay.ledger import Clock, Ledger, Telling

TRIES_MAX: Final = 10
_TIMEOUT_S: Final = 5.0
_MEMBERS: Final = {"payment": "transactionId", "refund": "refundId"}


class Teller:
    """Posts the events of a ledger to one address."""

    def __init__(self, ledger: Ledger, clock: Clock, *, url: str, secret: str) -> None:
        """Make one for an address.

        Raises:
            ValueError: it is none.
        """
        self._ledger = ledger
        self._clock = clock
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("An address begins with http:// or https://, and names a host.")
        self._https, self._authority = parts.scheme == "https", parts.netloc
        self._path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
        self._secret = secret

    def tell(self) -> None:
        """Tell all that is due, once."""
        for event in self._ledger.untold():
            taken = self._post(event)
            last = event.tries + 1 >= TRIES_MAX
            again_in_s = None if taken or last else 0.5 * 2.0**event.tries
            self._ledger.told(event.id, again_in_s=again_in_s)

    def _post(self, event: Telling) -> bool:
        body = self.body(event)
        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        connection = kind(self._authority, timeout=_TIMEOUT_S)
        try:
            connection.request("POST", self._path, body, self.headers(event.id, body))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return status // 100 == 2  # noqa: PLR2004  # any of the statuses of success

    def body(self, event: Telling) -> bytes:
        """Write an event; it tells no outcome but its own name."""
        member = _MEMBERS[event.type.partition(".")[0]]
        return json.dumps({"type": event.type, "data": {member: event.about}}).encode()

    def headers(self, event_id: int, body: bytes) -> dict[str, str]:
        """Sign an event now."""
        name, stamp = f"fakepay-{event_id}", str(int(self._clock().timestamp()))
        signed = b".".join([name.encode(), stamp.encode(), body])
        tag = hmac.new(self._secret.encode(), signed, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(tag).decode()}",
        }
