"""Who acts, and the act itself: what every command carries beside its own fields."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from tallystick.kernel import ids

Role = Literal["owner", "viewer", "platform"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A key, or the product's own command line, that does something."""

    kind: Literal["key", "operator"]
    id: UUID
    role: Role
    organization_id: UUID | None
    """The one organization it may act in; None when it may act in any."""


OPERATOR = Actor(kind="operator", id=ids.NIL, role="platform", organization_id=None)
"""Whoever has the command line of the machine that holds the database."""


@dataclass(frozen=True, slots=True)
class Act:
    """One doing of a command: who, in which organization, when, and under which idempotency key.

    `key` is the caller's `Idempotency-Key`, or one that the edge made, so that a transaction whose
    COMMIT went unanswered can always be repeated. `fingerprint` is the SHA-256 of method, path and
    canonical body, as hexadecimal text.
    """

    actor: Actor
    organization_id: UUID
    at: datetime
    key: str
    fingerprint: str
    request_id: str = ""

    def __post_init__(self) -> None:
        # MySQL and MariaDB take texts for equal that differ only in spaces at their end.
        assert self.key == self.key.strip(), "the edge trims the key"
