"""FakePay to the letter of contract 001, and what is ours beyond it."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tallystick.kernel import ids
from tallystick.kernel.clock import now
from tallystick.payments.provider import (
    Abilities,
    Absent,
    Event,
    Failed,
    NotGenuine,
    Outcome,
    PaymentOrder,
    Pending,
    RefundOrder,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tallystick.providers.fakepay import FakePay
from tallystick.testing.fakepay.events import Teller
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Telling
from tallystick.testing.fakepay.server import Server
from tests.providers.conftest import NUMBER, SECRET, order, provider

TEN_S = 10.0


class Scripted:
    """A server that says what it is told to say, and keeps what it was sent."""

    def __init__(self, status: int, body: bytes) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        sent = self.sent

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                sent.append((self.command, self.path, self.rfile.read(length)))
                self.send_response_only(status)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/fakepay"


@pytest.fixture
def says() -> Iterator[Callable[[int, Any], Scripted]]:
    opened: list[Scripted] = []

    def say(status: int, body: Any) -> Scripted:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        opened.append(Scripted(status, data))
        threading.Thread(target=opened[-1].server.serve_forever, args=(0.02,), daemon=True).start()
        return opened[-1]

    yield say
    for one in opened:
        one.server.shutdown()
        one.server.server_close()


def test_what_is_sent_is_exactly_what_the_contract_says(
    says: Callable[[int, Any], Scripted],
) -> None:
    server = says(200, {"message": "Payment processed successfully"})
    paid = order(number="1234 5678-1234 5678")
    assert provider(server.url, TEN_S, secret=None).start(paid) == Succeeded()
    ((method, path, body),) = server.sent
    assert (method, path) == ("POST", "/fakepay")
    assert json.loads(body) == {
        "transactionId": str(paid.key),
        "card": {"number": NUMBER, "expiry": "01-2040", "name": "J Doe"},
    }


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"message": "Payment processed successfully"}, Succeeded()),
        (200, {"message": "payment processed successfully"}, Unknown("garbage")),
        (200, {"message": None}, Unknown("garbage")),
        (200, {}, Unknown("garbage")),
        (200, [], Unknown("garbage")),
        (200, b"", Unknown("garbage")),
        (200, b"OK", Unknown("garbage")),
        (200, b"\xff\xfe", Unknown("garbage")),
        (200, b'{"message": "' + b"x" * 70_000, Unknown("garbage")),
        (201, {"message": "Payment processed successfully"}, Unknown("garbage")),
        (202, {"status": "pending"}, Unknown("garbage")),
        (400, {"error": "payment failed", "reason": "No money"}, Failed("declined", "No money")),
        (400, {"reason": "No money"}, Unknown("garbage")),
        (400, {"error": "payment failed", "reason": ""}, Unknown("garbage")),
        (400, {"error": "payment failed", "reason": 3}, Unknown("garbage")),
        (400, b"Bad Request", Unknown("garbage")),
        (402, {"error": "payment failed", "reason": "No money"}, Unknown("garbage")),
        (404, b"", Unknown("garbage")),
        (301, b"", Unknown("garbage")),
        (500, {"error": "payment failed", "reason": "No money"}, Unknown("server_error")),
        (503, b"", Unknown("server_error")),
    ],
)
def test_only_the_contracts_own_words_say_yes_or_no(
    says: Callable[[int, Any], Scripted], status: int, body: Any, outcome: Outcome
) -> None:
    server = says(status, body)
    assert provider(server.url, TEN_S, secret=None).start(order()) == outcome
    assert len(server.sent) == 1


@pytest.mark.parametrize("number", [NUMBER, "1234 5678 1234 5678", "1234-5678-1234-5678"])
def test_a_reason_that_repeats_the_card_is_not_passed_on(
    says: Callable[[int, Any], Scripted], number: str
) -> None:
    server = says(400, {"error": "payment failed", "reason": f"Card {number}\r\nis odd" * 20})
    outcome = provider(server.url, TEN_S).start(order())
    assert isinstance(outcome, Failed)
    assert outcome.reason.startswith("Card …\ufffd\ufffdis odd")
    assert len(outcome.reason) == 200
    assert "5678" not in outcome.reason


def _malformed(part: str) -> PaymentOrder:
    made = {"number": "123456789012", "name": "J0hn"}
    return order(**{part: made[part]})


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("number", "Invalid card pan. It must be a 16-digit number."),
        ("name", "Invalid card name. It must contain only letters and spaces."),
    ],
)
def test_a_refusal_keeps_the_words_of_either_server(
    standing_in: Server, foreign_url: str, part: str, reason: str
) -> None:
    refused = _malformed(part)
    for url in (standing_in.url, foreign_url):
        outcome = provider(url, TEN_S, secret=None).start(refused)
        assert outcome == Failed("declined", reason)


def test_without_the_secret_nothing_beyond_the_contract_is_asked(
    says: Callable[[int, Any], Scripted],
) -> None:
    server = says(200, {"status": "succeeded"})
    plain = provider(server.url, TEN_S, secret=None)
    assert plain.abilities == Abilities(
        looks_up=False, refunds=False, events=False, repeats_safely=False, takes_cards=True
    )
    assert plain.look_up(ids.new(), None) == Unknown("cannot_ask")
    assert plain.look_up_refund(ids.new(), None) == Unknown("cannot_ask")
    assert plain.report(now(), now()) == Unknown("cannot_ask")
    outcome = plain.refund(RefundOrder(ids.new(), ids.new(), None, 1, "EUR"))
    assert outcome == Failed("not_offered", "FakePay gives no money back.")
    assert plain.read_event({}, b"{}", now()) == NotGenuine("not_offered")
    assert server.sent == []


def test_outside_development_no_card_leaves(says: Callable[[int, Any], Scripted]) -> None:
    server = says(200, {"message": "Payment processed successfully"})
    production = FakePay(url=server.url, timeout_s=TEN_S, takes_cards=False)
    outcome = production.start(order())
    assert outcome == Failed("not_offered", "Card data are taken in development only.")
    without = replace(order(), card=None)
    assert production.start(without) == Failed("not_offered", "FakePay needs a card.")
    assert server.sent == []


def test_a_card_that_breaks_fakepay_leaves_the_outcome_unknown(
    foreign_url: str, foreign_charges: Callable[[UUID], int]
) -> None:
    """It drops the line; so does whoever has charged and then dies."""

    class NoText(FakePay):
        def _act(self, url: str, body: dict[str, Any]) -> Any:
            body["card"]["number"] = None
            return super()._act(url, body)

    paid = order()
    broken = NoText(url=foreign_url, timeout_s=TEN_S, takes_cards=True)
    assert broken.start(paid) == Unknown("dropped")
    assert foreign_charges(paid.key) == 0
    # The payer sends the card again, under the same key: that finishes it.
    assert provider(foreign_url, TEN_S, secret=None).start(paid) == Succeeded()
    assert foreign_charges(paid.key) == 1


def test_the_call_carries_no_card_into_the_log(standing_in: Server) -> None:
    with capture_logs() as lines:
        provider(standing_in.url, TEN_S).start(order())
    assert [line["purpose"] for line in lines] == ["fakepay"]
    assert NUMBER not in repr(lines)


# Beyond the contract, with our stand-in.


def test_a_payment_may_wait_for_the_payer(standing_in: Server) -> None:
    ours, paid = provider(standing_in.url, TEN_S), order()
    standing_in.faults.add(Fault(Kind.REQUIRES_ACTION, times=1))
    url = f"{standing_in.url}/payments/{paid.key}/succeed"
    assert ours.start(paid) == RequiresAction(url)
    assert ours.look_up(paid.key, None) == RequiresAction(url)
    standing_in.ledger.succeed(str(paid.key))
    assert ours.look_up(paid.key, None) == Succeeded()
    standing_in.faults.add(Fault(Kind.PENDING, times=1))
    other = order()
    assert ours.start(other) == Pending()
    assert ours.look_up(other.key, None) == Pending()


def test_a_refund_is_given_once_and_of_paid_money_only(standing_in: Server) -> None:
    ours, paid = provider(standing_in.url, TEN_S), order()
    back = RefundOrder(ids.new(), paid.key, None, 500, "EUR")
    assert ours.refund(back) == Failed("declined", "No such payment was charged")
    assert ours.look_up_refund(back.key, None) == Absent()
    assert ours.start(paid) == Succeeded()
    assert ours.refund(back) == Succeeded(amount=500)
    assert ours.refund(back) == Succeeded(amount=500)
    assert ours.look_up_refund(back.key, None) == Succeeded(amount=500)
    assert len(standing_in.ledger.report()["refunds"]) == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {"transactionId": str(ids.new()), "status": "succeeded"}),
        (404, {"error": "unknown", "transactionId": str(ids.new())}),
        (404, {"error": "unknown"}),
        (404, b""),
    ],
)
def test_a_look_up_believes_only_what_is_about_its_key(
    says: Callable[[int, Any], Scripted], status: int, body: Any
) -> None:
    server = says(status, body)
    assert provider(server.url, TEN_S).look_up(ids.new(), None) == Unknown("garbage")


def _signed(body: bytes, *, secret: str = SECRET, ago_s: int = 0) -> dict[str, str]:
    at = now() - timedelta(seconds=ago_s)
    teller = Teller(None, lambda: at, url="http://a", secret=secret)  # type: ignore[arg-type]
    return {name.lower(): value for name, value in teller.headers(7, body).items()}


def test_an_event_tells_what_to_look_up() -> None:
    ours = provider("http://127.0.0.1:9", TEN_S)
    for kind, about in (("payment.succeeded", "payment"), ("refund.succeeded", "refund")):
        key = ids.new()
        teller = Teller(None, now, url="http://a", secret=SECRET)  # type: ignore[arg-type]
        body = teller.body(Telling(7, kind, str(key), 0))
        headers = _signed(body)
        event = ours.read_event(headers, body, now())
        assert isinstance(event, Event)
        assert (event.id, event.about, event.key) == ("fakepay-7", about, key)
    other = b'{"type": "dispute.opened", "data": {}}'
    event = ours.read_event(_signed(other), other, now())
    assert isinstance(event, Event)
    assert (event.about, event.key) == ("other", None)


@pytest.mark.parametrize(
    ("body", "secret", "ago_s", "why"),
    [
        (b"{}", SECRET, 0, "unreadable"),
        (b"", SECRET, 0, "unreadable"),
        (b"[1]", SECRET, 0, "unreadable"),
        (b'{"type": "payment.x", "data": {"transactionId": "no"}}', SECRET, 0, "unreadable"),
        (b'{"type": "payment.x", "data": null}', SECRET, 0, "unreadable"),
        (b"{}", "another secret of others", 0, "forged"),
        (b"{}", SECRET, 301, "stale"),
        (b"{}", SECRET, -302, "stale"),
    ],
)
def test_an_event_that_is_none(body: bytes, secret: str, ago_s: int, why: str) -> None:
    ours = provider("http://127.0.0.1:9", TEN_S)
    headers = _signed(body, secret=secret, ago_s=ago_s)
    assert ours.read_event(headers, body, now()) == NotGenuine(why)  # type: ignore[arg-type]
    assert ours.read_event({}, body, now()) == NotGenuine("unsigned")


# Each fault of the stand-in, on each call.

UNANSWERED = {
    Kind.HANG_BEFORE: "timeout",
    Kind.HANG_AFTER: "timeout",
    Kind.ERROR_BEFORE: "server_error",
    Kind.ERROR_AFTER: "server_error",
    Kind.GARBAGE_BEFORE: "garbage",
    Kind.GARBAGE_AFTER: "garbage",
    Kind.DROP_BEFORE: "dropped",
    Kind.DROP_AFTER: "dropped",
}


@pytest.mark.parametrize(("kind", "why"), UNANSWERED.items())
def test_each_fault_of_the_stand_in_leaves_it_unknown(
    standing_in: Server, kind: Kind, why: Any
) -> None:
    hangs = why == "timeout"
    ours, patient = (
        provider(standing_in.url, 1.0 if hangs else TEN_S),
        provider(standing_in.url, TEN_S),
    )
    faults, paid, other = standing_in.faults, order(), order()
    assert patient.start(paid) == Succeeded()
    faults.add(Fault(kind, times=1))
    assert ours.start(other) == Unknown(why)
    faults.add(Fault(kind, on="look_up", times=1))
    assert ours.look_up(paid.key, None) == Unknown(why)
    back = RefundOrder(ids.new(), paid.key, None, 500, "EUR")
    faults.add(Fault(kind, on="refund", times=1))
    assert ours.refund(back) == Unknown(why)
    faults.clear()
    acted = kind.acts
    assert patient.look_up(other.key, None) == (Succeeded() if acted else Absent())
    assert patient.look_up_refund(back.key, None) == (Succeeded(amount=500) if acted else Absent())


def test_a_late_answer_is_an_answer(standing_in: Server) -> None:
    standing_in.faults.add(Fault(Kind.DELAY, seconds=0.2, times=1))
    assert provider(standing_in.url, TEN_S).start(order()) == Succeeded()


# The books of both sides, joined.

PAYMENTS = 400
AT_ONCE = 16
FAULTY = [Kind.HANG_BEFORE, Kind.HANG_AFTER, Kind.ERROR_BEFORE, Kind.ERROR_AFTER]
FAULTY += [Kind.GARBAGE_AFTER, Kind.DROP_BEFORE, Kind.DROP_AFTER]


def test_what_is_known_of_many_payments_is_true(standing_in: Server, full: bool) -> None:  # noqa: FBT001
    """Every fifth payment meets a fault; what is known agrees with the ledger, and all is found."""
    for kind in FAULTY:
        standing_in.faults.add(Fault(kind, share=0.03))
    hurried, patient = provider(standing_in.url, 2.0), provider(standing_in.url, 60.0)
    orders = [order() for _ in range(5_000 if full else PAYMENTS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(hurried.start, orders))
    standing_in.faults.clear()
    kinds = {type(outcome) for outcome in outcomes}
    assert kinds == {Succeeded, Unknown}, "no fault befell anything, or a payment was given up"
    found = [
        patient.look_up(one.key, None) if isinstance(outcome, Unknown) else outcome
        for one, outcome in zip(orders, outcomes, strict=True)
    ]
    assert {type(one) for one in found} <= {Succeeded, Absent}
    report = standing_in.ledger.report()["payments"]
    charged = {row["transactionId"]: row["charges"] for row in report}
    recorded = {
        str(one.key) for one, result in zip(orders, found, strict=True) if result == Succeeded()
    }
    assert set(charged) - recorded == set(), "charged and not recorded"
    assert recorded - set(charged) == set(), "recorded and not charged"
    assert set(charged.values()) == {1}


def test_faults_may_be_seeded() -> None:
    def taken(seed: int) -> list[bool]:
        faults = Faults(Fault(Kind.HANG_AFTER, share=0.5), seed=seed)
        return [faults.take("payment") is not None for _ in range(20)]

    assert taken(1) == taken(1) != taken(2)
