"""A provider of another kind: the payer pays on its page, and a key is charged once.

`Hosted` is what the author of a plug-in would write, and `Company` the server it speaks to.
"""

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

from tallystick.kernel import ids
from tallystick.outbound.client import Answer, Client, Limits, NotSent
from tallystick.payments.cards import Card
from tallystick.payments.provider import (
    Abilities,
    Absent,
    Event,
    Failed,
    Found,
    NotGenuine,
    Outcome,
    PaymentOrder,
    RefundOrder,
    Reported,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tallystick.testing.subject import Subject


class Hosted:
    name = "hosted"
    abilities = Abilities(looks_up=True, refunds=True, events=False, repeats_safely=True)

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._client = Client(own_url=url, limits=Limits(total_s=timeout_s))

    def start(self, order: PaymentOrder) -> Outcome:
        if order.card is not None:
            return Failed("not_offered", "Pay on the page of the provider.")
        found = self._say("POST", "payments", order.key, order.amount, None)
        return Unknown("garbage") if isinstance(found, Absent) else found

    def look_up(self, key: UUID, reference: str | None) -> Found:
        return self._say("GET", "payments", key, 0, reference)

    def refund(self, order: RefundOrder) -> Outcome:
        found = self._say("POST", "refunds", order.key, order.amount, order.payment_reference)
        return Unknown("garbage") if isinstance(found, Absent) else found

    def look_up_refund(self, key: UUID, reference: str | None) -> Found:
        return self._say("GET", "refunds", key, 0, reference)

    def report(self, since: datetime, until: datetime) -> Sequence[Reported] | Unknown:
        del since, until
        return Unknown("cannot_ask")

    def read_event(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Event | NotGenuine:
        del headers, body, now
        return NotGenuine("not_offered")

    def _say(
        self, method: str, things: str, key: UUID, amount: int, reference: str | None
    ) -> Found:
        body = json.dumps({"key": str(key), "amount": amount, "of": reference}).encode()
        result = self._client.send(
            method,
            f"{self._url}/{things}/{key}" if method == "GET" else f"{self._url}/{things}",
            purpose="hosted",
            body=body if method == "POST" else b"",
        )
        if isinstance(result, NotSent):
            return Unknown("cannot_ask") if method == "GET" else Failed("not_sent", "Not reached.")
        if not isinstance(result, Answer):
            return Unknown(result.why)
        try:
            return self._read(json.loads(result.body), key)
        except (ValueError, RecursionError):
            return Unknown("garbage")

    @staticmethod
    def _read(words: Any, key: UUID) -> Found:
        if not isinstance(words, dict) or words.get("about") != str(key):
            return Unknown("garbage")
        match words["status"]:
            case "none":
                return Absent()
            case "open":
                return RequiresAction(words["url"], reference=words["reference"])
            case _:
                return Succeeded(reference=words["reference"], amount=words["amount"])


class Company:
    """The server of the company: one payment and one refund for each key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._things: dict[str, dict[str, Any]] = {}
        company = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                things, _, key = self.path.strip("/").partition("/")
                self._send(company.show(f"{things}/{key}", key))

            def do_POST(self) -> None:
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(company.add(self.path.strip("/"), sent))

            def _send(self, words: dict[str, Any]) -> None:
                self.send_response_only(200)
                self.end_headers()
                self.wfile.write(json.dumps(words).encode())

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def show(self, place: str, key: str) -> dict[str, Any]:
        with self._lock:
            return {"about": key, "status": "none", **self._things.get(place, {})}

    def add(self, things: str, sent: dict[str, Any]) -> dict[str, Any]:
        key = sent["key"]
        made = {
            "amount": sent["amount"],
            "reference": f"{things}-{key[-12:]}",
            "status": "done" if things == "refunds" else "open",
            "url": f"{self.url}/pay/{key}",
        }
        with self._lock:
            self._things.setdefault(f"{things}/{key}", made)
        return self.show(f"{things}/{key}", key)

    def finish(self, key: UUID) -> None:
        with self._lock:
            self._things[f"payments/{key}"]["status"] = "done"

    def count(self, things: str, key: UUID) -> int:
        with self._lock:
            return int(self._things.get(f"{things}/{key}", {}).get("status") == "done")


@contextmanager
def company() -> Iterator[Company]:
    made = Company()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
        thread.join()


def order() -> PaymentOrder:
    return PaymentOrder(key=ids.new(), amount=700, currency="EUR", return_url="https://a.example/")


def with_card() -> PaymentOrder:
    card = Card(number="1234567812345678", expiry="01-2040", name="J Doe")
    return PaymentOrder(key=ids.new(), amount=700, currency="EUR", card=card)


def subject(of: Company, kind: type[Hosted] = Hosted) -> Subject:
    return Subject(
        make=kind,
        url=of.url,
        order=order,
        charged=lambda key: of.count("payments", key),
        finish=of.finish,
        given_back=lambda key: of.count("refunds", key),
        payment_card=with_card,
    )
