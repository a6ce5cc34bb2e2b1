"""The stand-in for FakePay: the contract to the letter, its books, its faults and its events."""

import http.client
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tallystick.kernel import ids
from tallystick.kernel.clock import now
from tallystick.payments.provider import Event
from tallystick.providers.fakepay import FakePay
from tallystick.testing.fakepay.events import Teller
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger
from tallystick.testing.fakepay.server import Server

CARD = {"number": "1234567812345678", "expiry": "01-2040", "name": "J Doe"}
PROCESSED = {"message": "Payment processed successfully"}
SECRET = "a secret of both sides"
PATIENCE_S = 10.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    ledger = Ledger(tmp_path / "books.db", now)
    with Server(0, ledger, Faults()).beside() as made:
        yield made
    ledger.close()


def _ask(
    server: Server, method: str, path: str, body: Any = None, *, timeout_s: float = PATIENCE_S
) -> tuple[int, bytes]:
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=timeout_s)
    try:
        connection.request(method, path, data)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _pay(server: Server, body: Any) -> tuple[int, Any]:
    status, said = _ask(server, "POST", "/fakepay", body)
    return status, json.loads(said)


def _id() -> str:
    return str(ids.new())


def _wait(holds: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_good_card_is_charged_each_time_it_comes(server: Server) -> None:
    transaction_id = _id()
    for charges in (1, 2):
        assert _pay(server, {"transactionId": transaction_id, "card": CARD}) == (200, PROCESSED)
        shown = server.ledger.payment(transaction_id)
        assert shown is not None
        assert (shown["status"], shown["charges"]) == ("succeeded", charges)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"transactionId": None}, "Missing transactionId"),
        ({"transactionId": ""}, "Missing transactionId"),
        ({"card": None}, "Missing Card Object"),
        ({"card": {}}, "Missing Card Object"),
        ({"transactionId": "7"}, "Invalid transactionId. It must match UUID"),
        ({"transactionId": 7}, "Invalid transactionId. It must match UUID"),
        (
            {"card": {**CARD, "number": "1234 5678 1234 5678"}},
            "Invalid card pan. It must be a 16-digit number.",
        ),
        ({"card": {**CARD, "number": "1"}}, "Invalid card pan. It must be a 16-digit number."),
        (
            {"card": {**CARD, "expiry": "13-2040"}},
            "Invalid card expiry. It must be in MM-YYYY format.",
        ),
        (
            {"card": {**CARD, "name": "J0hn"}},
            "Invalid card name. It must contain only letters and spaces.",
        ),
    ],
)
def test_each_refusal_has_its_reason(server: Server, change: dict[str, Any], reason: str) -> None:
    body = {"transactionId": _id(), "card": CARD, **change}
    assert _pay(server, body) == (400, {"error": "payment failed", "reason": reason})
    assert [row for row in server.ledger.report()["payments"] if row["charges"]] == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"[" * 60_000])
def test_bad_json_is_a_400(server: Server, body: bytes) -> None:
    assert _ask(server, "POST", "/fakepay", body)[0] == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("POST", "/fakepay/"),
        ("POST", "/fakepay/pay"),
        ("GET", "/fakepay"),
        ("GET", "/fakepay/payments/x"),
    ],
)
def test_another_path_is_an_empty_404(server: Server, method: str, path: str) -> None:
    assert _ask(server, method, path, b"{}") == (404, b"")


@pytest.mark.parametrize("member", ["number", "expiry", "name"])
@pytest.mark.parametrize("value", [None, 1234567812345678, ["1"]])
def test_a_card_whose_parts_are_no_texts_breaks_it(server: Server, member: str, value: Any) -> None:
    body = {"transactionId": _id(), "card": {**CARD, member: value}}
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        _pay(server, body)
    assert _pay(server, {"transactionId": _id(), "card": CARD}) == (200, PROCESSED)


def test_its_books_keep_no_card(server: Server, tmp_path: Path) -> None:
    _pay(server, {"transactionId": _id(), "card": CARD})
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("books.db*"))
    assert b"5678" in kept
    assert CARD["number"].encode() not in kept
    assert b"J Doe" not in kept


# Faults, each of them.


@pytest.mark.parametrize(
    ("kind", "charges"),
    [
        (Kind.DROP_BEFORE, 0),
        (Kind.DROP_AFTER, 1),
        (Kind.HANG_BEFORE, 0),
        (Kind.HANG_AFTER, 1),
    ],
)
def test_a_fault_gives_no_answer(server: Server, kind: Kind, charges: int) -> None:
    server.faults.add(Fault(kind, times=1))
    transaction_id = _id()
    body = {"transactionId": transaction_id, "card": CARD}
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, TimeoutError)):
        _ask(server, "POST", "/fakepay", body, timeout_s=1.0)
    shown = server.ledger.payment(transaction_id)
    assert (shown["charges"] if shown else 0) == charges
    # It befell one call, and nobody waits for it.
    assert _pay(server, {"transactionId": _id(), "card": CARD}) == (200, PROCESSED)


@pytest.mark.parametrize(
    ("kind", "status", "charges"),
    [
        (Kind.ERROR_BEFORE, 500, 0),
        (Kind.ERROR_AFTER, 500, 1),
        (Kind.GARBAGE_BEFORE, 200, 0),
        (Kind.GARBAGE_AFTER, 200, 1),
        (Kind.DELAY, 200, 1),
    ],
)
def test_a_fault_gives_another_answer(
    server: Server, kind: Kind, status: int, charges: int
) -> None:
    server.faults.add(Fault(kind, times=1, seconds=0.1))
    transaction_id = _id()
    found = _ask(server, "POST", "/fakepay", {"transactionId": transaction_id, "card": CARD})
    assert found[0] == status
    assert (json.dumps(PROCESSED).encode() == found[1]) == (kind is Kind.DELAY)
    shown = server.ledger.payment(transaction_id)
    assert (shown["charges"] if shown else 0) == charges


def test_a_failure_becomes_a_late_success(server: Server) -> None:
    server.faults.add(Fault(Kind.LATE_SUCCESS, times=1, seconds=0.3))
    transaction_id = _id()
    status, said = _pay(server, {"transactionId": transaction_id, "card": CARD})
    assert (status, said["reason"]) == (400, "Card declined by the issuer.")
    path = f"/fakepay/payments/{transaction_id}"
    _wait(lambda: json.loads(_ask(server, "GET", path)[1])["status"] == "succeeded")
    shown = server.ledger.payment(transaction_id)
    assert shown is not None
    assert shown["charges"] == 1


def test_faults_are_set_shown_and_cleared_while_it_runs(server: Server) -> None:
    fault = {"kind": "drop-after", "on": "refund", "seconds": 2, "share": 0.5, "times": 3}
    assert _ask(server, "POST", "/fakepay/faults", fault)[0] == 201
    assert json.loads(_ask(server, "GET", "/fakepay/faults")[1]) == [fault]
    assert _ask(server, "DELETE", "/fakepay/faults") == (200, b"[]")
    assert json.loads(_ask(server, "GET", "/fakepay/faults")[1]) == []


@pytest.mark.parametrize(
    "fault",
    [
        [],
        {},
        {"kind": "explode"},
        {"kind": "delay", "on": "tuesday"},
        {"kind": "delay", "seconds": -1},
        {"kind": "delay", "seconds": "1"},
        {"kind": "delay", "share": 2},
        {"kind": "delay", "share": True},
        {"kind": "delay", "times": 0},
        {"kind": "delay", "times": 1.5},
        {"kind": "delay", "colour": "red"},
    ],
)
def test_a_fault_that_is_none_is_explained(server: Server, fault: Any) -> None:
    status, said = _ask(server, "POST", "/fakepay/faults", fault)
    assert status == 400
    assert json.loads(said)["error"]
    assert server.faults.shown() == []


def test_clearing_lets_go_of_what_hangs(server: Server) -> None:
    server.faults.add(Fault(Kind.HANG_BEFORE))
    ended = threading.Event()

    def pay() -> None:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            _pay(server, {"transactionId": _id(), "card": CARD})
        ended.set()

    thread = threading.Thread(target=pay)
    thread.start()
    assert not ended.wait(0.2)
    server.faults.clear()
    assert ended.wait(PATIENCE_S)
    thread.join()
    assert server.ledger.report()["payments"] == []


def test_a_fault_befalls_about_its_share() -> None:
    faults = Faults(Fault(Kind.DELAY, share=0.2), seed=1)
    befallen = sum(faults.take("payment") is not None for _ in range(2_000))
    assert 300 < befallen < 500
    assert faults.take("refund") is None


# Beyond the contract.


def test_refunds_are_asked_for_by_their_own_id(server: Server) -> None:
    transaction_id, refund_id = _id(), _id()
    refund = {
        "refundId": refund_id,
        "transactionId": transaction_id,
        "amount": 500,
        "currency": "EUR",
    }
    assert _ask(server, "POST", "/fakepay/refunds", refund)[0] == 400
    assert _ask(server, "GET", f"/fakepay/refunds/{refund_id}")[0] == 404
    _pay(server, {"transactionId": transaction_id, "card": CARD})
    expected = {**refund, "status": "succeeded"}
    for _ in range(2):
        status, said = _ask(server, "POST", "/fakepay/refunds", refund)
        assert (status, json.loads(said)) == (200, expected)
    assert json.loads(_ask(server, "GET", f"/fakepay/refunds/{refund_id}")[1]) == expected
    report = json.loads(_ask(server, "GET", "/fakepay/ledger")[1])
    payment = {"transactionId": transaction_id, "status": "succeeded", "charges": 1}
    assert report == {"payments": [payment], "refunds": [expected]}


@pytest.mark.parametrize(
    "change", [{"refundId": "x"}, {"amount": 0}, {"amount": "x"}, {"amount": None}]
)
def test_an_odd_refund_is_refused(server: Server, change: dict[str, Any]) -> None:
    refund = {"refundId": _id(), "transactionId": _id(), "amount": 1, "currency": "EUR", **change}
    assert _ask(server, "POST", "/fakepay/refunds", refund)[0] == 400
    assert server.ledger.report()["refunds"] == []


class Listener:
    """Takes events, but for the first few."""

    def __init__(self, refusals: int) -> None:
        self.taken: list[tuple[dict[str, str], bytes]] = []
        taken, left = self.taken, [refusals]

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                left[0] -= 1
                if left[0] < 0:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    taken.append((headers, body))
                self.send_response_only(204 if left[0] < 0 else 503)
                self.end_headers()

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"


def test_events_are_signed_and_told_until_they_are_taken(tmp_path: Path) -> None:
    listener = Listener(refusals=1)
    threading.Thread(target=listener.server.serve_forever, args=(0.02,), daemon=True).start()
    ledger = Ledger(tmp_path / "books.db", now)
    teller = Teller(ledger, now, url=listener.url, secret=SECRET)
    ours = FakePay(url="http://127.0.0.1:9", timeout_s=1, takes_cards=True, secret=SECRET)
    key = ids.new()
    try:
        with Server(0, ledger, Faults(), teller).beside() as server:
            _pay(server, {"transactionId": str(key), "card": CARD})
            _wait(lambda: listener.taken)
            headers, body = listener.taken[0]
            event = ours.read_event(headers, body, now())
            assert isinstance(event, Event)
            assert (event.about, event.key) == ("payment", key)
            # It was taken; the stand-in notes that a moment later.
            _wait(lambda: ledger.untold() == [])
    finally:
        listener.server.shutdown()
        listener.server.server_close()
        ledger.close()
    assert len(listener.taken) == 1


def test_the_books_outlive_the_stand_in(tmp_path: Path) -> None:
    path, transaction_id = tmp_path / "books.db", _id()
    for charges in (1, 2):
        ledger = Ledger(path, now)
        with Server(0, ledger, Faults()).beside() as server:
            _pay(server, {"transactionId": transaction_id, "card": CARD})
            shown = ledger.payment(transaction_id)
        ledger.close()
        assert shown is not None
        assert shown["charges"] == charges
    with sqlite3.connect(path) as conn:
        assert conn.execute("SELECT last_four FROM charge").fetchall() == [("5678",), ("5678",)]
    conn.close()
