"""What the contract says to a request: charged, refused with a reason, or the line drops. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

PROCESSED: Final = "Payment processed successfully"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{16}")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])-[0-9]{4}")
_NAME = re.compile(r"[A-Za-z ]+")
_MEMBERS: Final = (
    ("number", _NUMBER, "Invalid card pan. It must be a 16-digit number."),
    ("expiry", _EXPIRY, "Invalid card expiry. It must be in MM-YYYY format."),
    ("name", _NAME, "Invalid card name. It must contain only letters and spaces."),
)


@dataclass(frozen=True, slots=True)
class Charge:
    """A request that is to be charged."""

    transaction_id: str
    last_four: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused, with 400."""

    reason: str
    transaction_id: str | None = None


class Dropped(Exception):
    """FakePay itself breaks over the request, and the connection ends without an answer."""


def judge(body: bytes) -> Charge | Refusal:
    """Say what becomes of a request.

    Raises:
        Dropped: a part of the card is missing or no text, which FakePay does not expect.
    """
    found = _object(body)
    if found is None:
        return Refusal("Invalid JSON")
    transaction_id, card = found.get("transactionId"), found.get("card")
    if not transaction_id:
        return Refusal("Missing transactionId")
    if not card:
        return Refusal("Missing Card Object")
    if not isinstance(transaction_id, str) or not _UUID.fullmatch(transaction_id):
        return Refusal("Invalid transactionId. It must match UUID")
    transaction_id = transaction_id.lower()
    if not isinstance(card, dict):
        raise Dropped
    for member, pattern, reason in _MEMBERS:
        value = card.get(member)
        if not isinstance(value, str):
            raise Dropped
        if not pattern.fullmatch(value):
            return Refusal(reason, transaction_id)
    return Charge(transaction_id, card["number"][-4:])


def refused(reason: str) -> dict[str, str]:
    """Write a refusal as the contract does."""
    return {"error": "payment failed", "reason": reason}


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
