"""Secrets that must be read again, closed so that the database alone opens none of them.

AES-256-GCM under a key from the settings. What is sealed begins with the id of its key, so that a
new key can seal while older ones still open.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12


class CannotOpen(Exception):
    """What was sealed is damaged, or its key is not among those of the settings."""


class Sealer:
    """Seals with the first of its keys and opens with any."""

    DERIVED: Final = "secret"
    """The id of the key that follows from the secret key of the settings."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Take keys of 32 bytes by their ids, which hold no dot; the first one seals."""
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self._newest = next(iter(self._keys))

    @classmethod
    def derived(cls, secret_key: str, *, keys: Mapping[str, bytes] | None = None) -> "Sealer":
        """Make one whose last key follows from the secret key of the settings."""
        key = hashlib.sha256(b"sealing\x00" + secret_key.encode()).digest()
        return Sealer({**(keys or {}), cls.DERIVED: key})

    def seal(self, purpose: str, secret: bytes) -> str:
        """Seal a secret; what was sealed for one purpose opens for no other.

        Source: NIST SP 800-38D; a nonce of 96 bits by chance.
        """
        nonce = os.urandom(NONCE_BYTES)
        closed = self._keys[self._newest].encrypt(nonce, secret, purpose.encode())
        return f"{self._newest}.{base64.urlsafe_b64encode(nonce + closed).decode()}"

    def open(self, purpose: str, sealed: str) -> bytes:
        """Open what was sealed.

        Raises:
            CannotOpen: by none of the keys, or for another purpose.
        """
        name, _, text = sealed.partition(".")
        try:
            raw = base64.urlsafe_b64decode(text)
            return self._keys[name].decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], purpose.encode())
        except (KeyError, InvalidTag, binascii.Error, ValueError) as error:
            raise CannotOpen(name) from error

    @property
    def newest(self) -> str:
        """The id of the key that seals now."""
        return self._newest
