"""FakePay, of the older contract 001: it takes card data, in development only.

FakePay is one address to which a card is posted. It knows no idempotency, no look-up, no refund
and no event, is asked no amount, and drops the connection on some malformed cards. So whatever it
leaves unanswered stays unknown until the payer sends the card again, under the same
`transactionId`.

Our own stand-in (`tallystick fakepay`) can do what is missing. Both sides then share a secret, and
the provider offers all of it; without the secret nothing but the contract's one call is ever made.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import orjson

from tallystick.outbound.client import Answer, Client, Limits, NotSent, Result
from tallystick.payments.provider import (
    Abilities,
    Absent,
    Event,
    Failed,
    Found,
    NotGenuine,
    Outcome,
    PaymentOrder,
    Pending,
    RefundOrder,
    Reported,
    RequiresAction,
    Succeeded,
    Unknown,
)

PROCESSED: Final = "Payment processed successfully"
"""What FakePay says when it has charged the card, to the letter."""
STALE_AFTER: Final = timedelta(minutes=5)
"""How far the clock of an event may be from ours."""

_ANSWER_MAX_BYTES: Final = 2**16
_REPORT_MAX_BYTES: Final = 2**23
"""Of a report: some fifty thousand payments."""
_REASON_MAX: Final = 200
_DIGITS_RUN = re.compile(r"\d(?:[^0-9A-Za-z]{0,3}\d){11,}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_SENT: Final = Failed("not_sent", "FakePay cannot be reached, and nothing was sent to it.")


class FakePay:
    """One FakePay server."""

    name = "fakepay"

    def __init__(
        self,
        *,
        url: str,
        timeout_s: float,
        takes_cards: bool,
        secret: str | None = None,
        client: Client | None = None,
    ) -> None:
        """Make the provider for one server.

        Args:
            url: the address of a setting of the operator, so it may be on this machine.
            timeout_s: how long one call may take as a whole.
            takes_cards: false outside development, where every payment is refused then.
            secret: what our stand-in signs events with; None for any other server.
            client: calls the server, instead of one that is made for the address.
        """
        self._url = url.rstrip("/")
        self._secret = secret
        limits = Limits(total_s=timeout_s, answer_max_bytes=_ANSWER_MAX_BYTES)
        self._client = client or Client(limits=limits, own_url=url)
        reports = Limits(total_s=timeout_s, answer_max_bytes=_REPORT_MAX_BYTES)
        self._reports = client or Client(limits=reports, own_url=url)
        ours = secret is not None
        self.abilities = Abilities(
            looks_up=ours,
            refunds=ours,
            events=ours,
            repeats_safely=False,
            takes_cards=takes_cards,
            reports=ours,
        )

    def start(self, order: PaymentOrder) -> Outcome:
        """Post the card, once; FakePay is told no amount."""
        if order.card is None:
            return Failed("not_offered", "FakePay needs a card.")
        if not self.abilities.takes_cards:
            return Failed("not_offered", "Card data are taken in development only.")
        card = order.card.reveal()
        body = {
            "transactionId": str(order.key),
            "card": {"number": card.number, "expiry": card.expiry, "name": card.name},
        }
        said = self._act(self._url, body)
        if not isinstance(said, tuple):
            return said
        status, words = said
        if status == HTTPStatus.OK and words.get("message") == PROCESSED:
            return Succeeded()
        if status == HTTPStatus.ACCEPTED and self._secret is not None:
            return _outcome(words)
        return _declined(status, words)

    def look_up(self, key: UUID, reference: str | None) -> Found:
        """Ask our stand-in; no other FakePay can be asked."""
        del reference
        return self._look_up("payments", "transactionId", key)

    def refund(self, order: RefundOrder) -> Outcome:
        """Have our stand-in give money back; no other FakePay does."""
        if not self.abilities.refunds:
            return Failed("not_offered", "FakePay gives no money back.")
        body = {
            "refundId": str(order.key),
            "transactionId": str(order.payment_key),
            "amount": order.amount,
            "currency": order.currency,
        }
        said = self._act(f"{self._url}/refunds", body)
        if not isinstance(said, tuple):
            return said
        status, words = said
        if status == HTTPStatus.OK and words.get("refundId") == str(order.key):
            return _outcome(words)
        return _declined(status, words)

    def look_up_refund(self, key: UUID, reference: str | None) -> Found:
        """Ask our stand-in; no other FakePay can be asked."""
        del reference
        return self._look_up("refunds", "refundId", key)

    def report(self, since: datetime, until: datetime) -> Sequence[Reported] | Unknown:
        """Read the report of our stand-in, which knows no amounts of charges; no other has one."""
        if not self.abilities.reports:
            return Unknown("cannot_ask")
        times = {"since": _moment(since), "until": _moment(until)}
        said = _said(
            self._reports.send("GET", f"{self._url}/report?{urlencode(times)}", purpose="fakepay")
        )
        if isinstance(said, Unknown):
            return said
        status, words = said
        if status != HTTPStatus.OK or {name: words.get(name) for name in times} != times:
            return Unknown("garbage")
        return _reported(words)

    def read_event(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Event | NotGenuine:
        """Read an event that our stand-in signed.

        Source: Standard Webhooks 1.0.
        """
        if self._secret is None:
            return NotGenuine("not_offered")
        event_id = headers.get("webhook-id", "")
        stamp = headers.get("webhook-timestamp", "")
        given = headers.get("webhook-signature", "")
        if not (event_id and stamp and given):
            return NotGenuine("unsigned")
        expected = b"v1," + signature(self._secret, event_id, stamp, body)
        offered = [one.encode("utf-8", "replace") for one in given.split(" ")]
        if not any(hmac.compare_digest(expected, one) for one in offered):
            return NotGenuine("forged")
        # Signed by them, so the stamp is theirs too and has their form.
        at = datetime.fromtimestamp(int(stamp), UTC)
        if abs(now - at) > STALE_AFTER:
            return NotGenuine("stale")
        return _event(event_id, at, body)

    def _look_up(self, things: str, member: str, key: UUID) -> Found:
        if not self.abilities.looks_up:
            return Unknown("cannot_ask")
        said = _said(self._send("GET", f"{self._url}/{things}/{key}", None))
        if isinstance(said, Unknown):
            return said
        status, words = said
        if words.get(member) != str(key):
            # About something else, or the 404 of a server that never heard of our question.
            return Unknown("garbage")
        if status == HTTPStatus.NOT_FOUND:
            return Absent()
        return _outcome(words) if status == HTTPStatus.OK else Unknown("garbage")

    def _act(self, url: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]] | Failed | Unknown:
        result = self._send("POST", url, body)
        return _NOT_SENT if isinstance(result, NotSent) else _said(result)

    def _send(self, method: str, url: str, body: dict[str, Any] | None) -> Result:
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._client.send(
            method,
            url,
            purpose="fakepay",
            headers=headers,
            body=b"" if body is None else orjson.dumps(body),
        )


def signature(secret: str, event_id: str, stamp: str, body: bytes) -> bytes:
    """Sign an event: HMAC-SHA256 over id, time and body, as base64."""
    signed = f"{event_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.digest(secret.encode(), signed, hashlib.sha256))


def _said(result: Result) -> tuple[int, dict[str, Any]] | Unknown:
    """Take the JSON object of an answer; whatever is no such thing leaves the outcome unknown."""
    if not isinstance(result, Answer):
        return Unknown("cannot_ask" if isinstance(result, NotSent) else result.why)
    if result.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unknown("server_error")
    try:
        words = orjson.loads(result.body) if result.whole else None
    except orjson.JSONDecodeError:
        words = None
    return (result.status, words) if isinstance(words, dict) else Unknown("garbage")


def _declined(status: int, words: dict[str, Any]) -> Failed | Unknown:
    reason = words.get("reason")
    if status == HTTPStatus.BAD_REQUEST and isinstance(reason, str) and reason and "error" in words:
        return Failed("declined", _sentence(reason))
    return Unknown("garbage")


def _outcome(words: dict[str, Any]) -> Outcome:
    """Read what our stand-in tells beyond the contract."""
    status, reason, url = (words.get(name) for name in ("status", "reason", "url"))
    amount = words.get("amount")
    match status:
        case "succeeded":
            return Succeeded(amount=amount if isinstance(amount, int) else None)
        case "failed" if isinstance(reason, str) and reason:
            return Failed("declined", _sentence(reason))
        case "requires_action" if isinstance(url, str) and url:
            return RequiresAction(url)
        case "pending":
            return Pending()
        case _:
            return Unknown("garbage")


def _reported(words: dict[str, Any]) -> Sequence[Reported] | Unknown:
    try:
        return [
            *(
                Reported("payment", UUID(row["transactionId"]), None, None, _read_moment(row["at"]))
                for row in words["charges"]
            ),
            *(
                Reported(
                    "refund",
                    UUID(row["refundId"]),
                    None,
                    int(row["amount"]),
                    _read_moment(row["at"]),
                )
                for row in words["refunds"]
            ),
        ]
    except (KeyError, TypeError, AttributeError, ValueError):
        return Unknown("garbage")


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def _read_moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _event(event_id: str, at: datetime, body: bytes) -> Event | NotGenuine:
    try:
        words = orjson.loads(body)
        data = words["data"]
        about, member = _ABOUT.get(str(words["type"]).partition(".")[0], ("other", ""))
        key = UUID(data[member]) if member else None
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, ValueError):
        return NotGenuine("unreadable")
    return Event(event_id, about, key, at)


_ABOUT: Final[Mapping[str, Any]] = {
    "payment": ("payment", "transactionId"),
    "refund": ("refund", "refundId"),
}


def _sentence(reason: str) -> str:
    """Take the provider's words without anything in them that could be the card."""
    return _UNPRINTABLE.sub("\ufffd", _DIGITS_RUN.sub("…", reason))[:_REASON_MAX]
