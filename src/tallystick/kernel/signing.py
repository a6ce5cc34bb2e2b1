"""Short tokens that carry a value and prove that we made them.

A token hides nothing: anybody can read the value inside it.
"""

import base64
import binascii
import hashlib
import hmac

TAG_BYTES = 16


class Signer:
    """Signs with one secret key; a token of one purpose is worth nothing for another."""

    def __init__(self, secret_key: str) -> None:
        self._secret = secret_key.encode()

    def sign(self, purpose: str, value: bytes) -> str:
        """Make a token, safe in a URL, for a value.

        Source: RFC 2104 (HMAC) with SHA-256, of which 128 bits are kept.
        """
        return base64.urlsafe_b64encode(self._tag(purpose, value) + value).rstrip(b"=").decode()

    def read(self, purpose: str, token: str) -> bytes | None:
        """Give the value of a token, or None when we did not make it for this purpose."""
        try:
            padded = token.encode("ascii") + b"=" * (-len(token) % 4)
            raw = base64.b64decode(padded, altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        tag, value = raw[:TAG_BYTES], raw[TAG_BYTES:]
        return value if hmac.compare_digest(tag, self._tag(purpose, value)) else None

    def _tag(self, purpose: str, value: bytes) -> bytes:
        message = purpose.encode() + b"\x00" + value
        return hmac.new(self._secret, message, hashlib.sha256).digest()[:TAG_BYTES]
