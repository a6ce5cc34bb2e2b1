"""Who acts, and the act itself: what every command carries beside its own fields."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from tallystick.kernel import ids


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever does something: a key, a user, the holder of a payer's link, a rule, or the product.

    What it may do was found out when it was, so that nobody below asks for its role.
    """

    kind: Literal["key", "user", "link", "nobody", "operator", "worker", "rule"]
    id: UUID
    role: str
    """What it is called where it acts; empty for a user or a link outside of any organization."""
    organization_id: UUID | None
    """The one organization it may act in; None when that depends on what it names."""
    permissions: frozenset[str] | None = None
    """What it may do (`tallystick.auth.policy`); None is everything."""


OPERATOR = Actor(kind="operator", id=ids.NIL, role="platform", organization_id=None)
"""Whoever has the command line of the machine that holds the database."""

WORKER = Actor(kind="worker", id=ids.NIL, role="platform", organization_id=None)
"""The product itself, when nobody asked."""


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
    address: str = ""
    """The network address that the request came from; empty for the command line."""
    reason: str | None = None
    """Why the platform's people act in an organization that is not theirs."""

    def __post_init__(self) -> None:
        # MySQL and MariaDB take texts for equal that differ only in spaces at their end.
        assert self.key == self.key.strip(), "the edge trims the key"
