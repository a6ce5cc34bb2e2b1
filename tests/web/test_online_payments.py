"""Payments through a provider, by the API."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest
from fastapi import FastAPI

from tallystick.kernel.database import Database
from tallystick.payments.provider import Provider
from tallystick.testing.fakepay.faults import Fault
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.server import Server
from tests.web.conftest import MakeClient
from tests.web.dumps import dump
from tests.web.providing import CARD, Till, fakepay, providers, server, till

__all__ = ["providers", "server", "till"]
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

DIGITS = "4111111111111111"


async def test_a_card_pays_an_invoice(till: Till) -> None:
    body = await till.body(reference="8841", note="At home")
    response = await till.post(body)
    assert response.status_code == 201, response.text
    payment = response.json()
    assert response.headers["Location"] == f"/v1/payments/{payment['id']}"
    assert (payment["status"], payment["method"], payment["amount"]) == (
        *("succeeded", "fakepay"),
        "100.00",
    )
    assert payment["online"]["card"] == {
        "brand": "visa",
        "first_six": "411111",
        "last_four": "1111",
        "expiry": "01-2040",
    }
    assert (await till.invoice(body))["due"] == "0.00"
    assert till.charges(payment["id"]) == 1
    again = await till.post(body)
    assert (again.status_code, again.json()["code"]) == (409, "payment.exceeds_due")


async def test_shares_and_the_oldest_due(till: Till) -> None:
    customer = await till.school.customer()
    first, second = [await till.school.invoice(customer_id=customer["id"]) for _ in range(2)]
    shares = [
        {"invoice_id": first["id"], "amount": "10.00"},
        {"invoice_id": second["id"], "amount": "20.00"},
    ]
    payment = (await till.post({"currency": "EUR", "invoices": shares, "card": CARD})).json()
    assert payment["amount"] == "30.00"
    payer = {"currency": "EUR", "customer_id": customer["id"], "card": CARD}
    part = (await till.post(payer | {"amount": "100.00"})).json()
    assert [each["amount"] for each in part["allocations"]] == ["90.00", "10.00"]
    rest = (await till.post(payer)).json()
    assert rest["amount"] == "70.00"
    nothing = await till.post(payer)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "payment.nothing_due")


async def test_a_declined_card_pays_nothing(till: Till) -> None:
    body = await till.body(card=CARD | {"name": "J0hn"})
    response = await till.post(body, "decline")
    problem = response.json()
    assert (response.status_code, problem["code"]) == (402, "payment.failed")
    assert problem["payment_status"] == "failed"
    assert "letters and spaces" in problem["reason"]
    again = await till.post(body, "decline")
    assert again.json()["payment_id"] == problem["payment_id"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await till.post(body | {"card": CARD}, "another")).status_code == 201


@pytest.mark.parametrize("kind", [Kind.DROP_AFTER, Kind.ERROR_AFTER, Kind.GARBAGE_BEFORE])
async def test_what_nobody_knows_is_answered_with_202(till: Till, kind: Kind) -> None:
    till.fails(kind)
    body = await till.body()
    response = await till.post(body, "pay")
    payment = response.json()
    assert (response.status_code, payment["status"]) == (202, "processing")
    assert response.headers["Location"] == f"/v1/payments/{payment['id']}"
    assert (await till.invoice(body))["reserved"] == "100.00"
    other = await till.post(body, "other")
    assert (other.status_code, other.json()["code"]) == (409, "payment.exceeds_due")
    # The payer sends the card again, under the same key: the state of now.
    again = await till.post(body, "pay")
    assert (again.status_code, again.json()["id"]) == (201, payment["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await till.invoice(body))["due"] == "0.00"
    charged = till.charges(payment["id"])
    assert (await till.post(body, "pay")).status_code == 201
    assert till.charges(payment["id"]) == charged


async def test_the_payer_must_act(till: Till) -> None:
    till.fails(Kind.REQUIRES_ACTION)
    response = await till.post(await till.body())
    payment = response.json()
    assert (response.status_code, payment["status"]) == (202, "requires_action")
    assert payment["online"]["action_url"].startswith("http")


async def test_the_provider_has_not_decided(till: Till) -> None:
    till.fails(Kind.PENDING)
    body = await till.body()
    first, again = [await till.post(body, "pay") for _ in range(2)]
    assert (first.status_code, first.json()["status"]) == (202, "processing")
    assert first.json()["online"]["unknown_from"] is None
    assert (again.status_code, again.json()) == (202, first.json())


async def test_nothing_could_be_sent(till: Till) -> None:
    till.server.stop()
    till.server.server_close()
    body = await till.body()
    response = await till.post(body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (502, "provider.unreachable")
    assert (problem["retryable"], problem["payment_status"]) == (True, "failed")
    assert (await till.invoice(body))["reserved"] == "0.00"


async def test_a_repeat_while_the_provider_is_being_called(till: Till) -> None:
    till.fails(Kind.HANG_BEFORE)
    body = await till.body()
    first = asyncio.create_task(till.post(body, "pay"))
    while till.server.faults.shown():  # noqa: ASYNC110  # the server runs on other threads
        await asyncio.sleep(0.01)
    second = await till.post(body, "pay")
    assert (second.status_code, second.json()["code"]) == (409, "payment.in_flight")
    assert (second.json()["retryable"], second.headers["Retry-After"]) == (True, "1")
    till.server.faults.clear()
    assert (await first).status_code == 202
    assert till.charges((await first).json()["id"]) == 0


@pytest.mark.parametrize(
    "card",
    [
        DIGITS,
        int(DIGITS),
        [DIGITS],
        {},
        CARD | {"number": int(DIGITS)},
        CARD | {"number": [CARD["number"]]},
        CARD | {"number": {DIGITS: DIGITS}},
        CARD | {"number": DIGITS + "1111"},
        CARD | {"number": DIGITS + "x"},
        CARD | {"expiry": DIGITS},
        CARD | {"name": DIGITS * 10},
        CARD | {"name": f"\n{DIGITS}"},
        CARD | {DIGITS: "J Doe"},
        CARD | {"cvv": "737"},
        CARD | {"cvv": {"J Doe": [{DIGITS: "737"}]}},
        {"Maestro Doe": 737},
    ],
)
async def test_no_member_of_a_card_is_shown(till: Till, card: Any) -> None:
    response = await till.post(await till.body(card=card))
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid")
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/card"]
    said = response.text.replace(response.json()["request_id"], "")
    for part in ("4111", "737", "cvv", "Doe"):
        assert part not in said, part


@pytest.mark.parametrize("name", [DIGITS, "4111 1111-1111 1111"])
async def test_no_number_in_the_name_of_a_member_is_shown(till: Till, name: str) -> None:
    response = await till.post(await till.body(**{name: 1}))
    assert response.status_code == 422
    assert "4111" not in response.text.replace(response.json()["request_id"], "")


async def test_the_number_is_not_kept_in_another_place(till: Till, database: Database) -> None:
    # It has no check digit, so only the card that comes with it tells what it is.
    number = "1234567812345678"
    card = CARD | {"number": number}
    for member in ("reference", "note", "description", "return_url"):
        text = f"https://x.example/{number}" if member == "return_url" else "1234 5678 1234-5678"
        response = await till.post(await till.body(**{member: text}, card=card))
        assert (response.status_code, response.json()["code"]) == (422, "card.elsewhere")
        assert response.json()["errors"][0]["pointer"] == f"/{member}"
    response = await till.post(await till.body(card=card), f"pay {number}")
    assert (response.status_code, response.json()["code"]) == (422, "card.elsewhere")
    assert (await till.post(await till.body(card=card))).status_code == 201
    assert number not in re.sub(r"[^0-9A-Za-z]", "", database.read(dump))


async def test_the_hash_of_a_request_is_not_made_from_the_number(till: Till) -> None:
    body = await till.body()
    assert (await till.post(body, "pay")).status_code == 201
    # The same as far as anything is kept of it, so nobody can find the number by trying them all.
    other = body | {"card": CARD | {"number": "4111119999991111"}}
    assert (await till.post(other, "pay")).status_code == 201
    wrong = body | {"card": CARD | {"number": "4111111111119999"}}
    assert (await till.post(wrong, "pay")).json()["code"] == "idempotency.key_reused"


async def test_what_is_refused_before_anything_is_kept(till: Till) -> None:
    body = await till.body()
    for change, status, code in (
        ({"card": None}, 422, "card.missing"),
        ({"provider": "acme"}, 422, "provider.unknown"),
        ({"provider": DIGITS}, 422, "provider.unknown"),
        ({"amount": "100.01"}, 409, "payment.exceeds_due"),
        ({"amount": "0.00"}, 422, "payment.amount_not_positive"),
        ({"currency": "XXY"}, 422, "money.currency_unknown"),
        ({"return_url": "javascript:alert(1)"}, 422, "request.invalid"),
        ({"return_url": "https:///x"}, 422, "request.invalid"),
        ({"invoices": []}, 422, "payment.payer_missing"),
    ):
        response = await till.post(body | change)
        assert (response.status_code, response.json()["code"]) == (status, code), change
        assert DIGITS not in response.text
    assert await till.payments() == []


class TestWhereNoCardsAreTaken:
    @pytest.fixture(params=["production", "development"])
    def environment(self, request: pytest.FixtureRequest) -> str:
        return str(request.param)

    @pytest.fixture
    def providers(self, server: Server, environment: str) -> Mapping[str, Provider]:
        # Even one that would take cards gets none in production.
        return {"fakepay": fakepay(server.url, takes_cards=environment == "production")}

    async def test_they_are_refused(self, app: FastAPI, till: Till) -> None:
        assert app is not None
        response = await till.post(await till.body())
        assert (response.status_code, response.json()["code"]) == (422, "card.not_taken")
        assert await till.payments() == []
        response = await till.post(await till.body(card=None))
        assert (response.status_code, response.json()["code"]) == (409, "provider.not_offered")


async def _unknown(till: Till, kind: Kind = Kind.DROP_AFTER) -> dict[str, Any]:
    """Start a payment of which nobody knows what became."""
    till.fails(kind)
    response = await till.post(await till.body())
    assert response.status_code == 202, response.text
    payment: dict[str, Any] = response.json()
    return payment


async def test_whoever_reads_a_payment_asks_about_it(till: Till) -> None:
    payment = await _unknown(till)
    path = f"/v1/payments/{payment['id']}"
    now = (await till.school.viewer.get(path)).json()
    assert (now["status"], now["allocated"]) == ("succeeded", "100.00")
    trail = (await till.school.owner.get(f"/v1/audit-trail?subject_id={payment['id']}")).json()
    [settled] = [each for each in trail["data"] if each["type"] == "payment.settled"]
    assert settled["actor"]["kind"] == "worker"


@pytest.mark.parametrize("kind", [Kind.ERROR_BEFORE, Kind.GARBAGE_BEFORE, Kind.HANG_BEFORE])
async def test_a_read_never_fails_nor_waits_for_the_provider(
    till: Till, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.web.api.online_payments.ASK_WAIT_S", 0.2)
    payment = await _unknown(till)
    till.server.faults.add(Fault(kind, on="look_up", times=1))
    for _ in range(3):
        response = await till.school.viewer.get(f"/v1/payments/{payment['id']}")
        # It is asked once, and then left alone for some seconds.
        assert (response.status_code, response.json()["status"]) == (200, "processing")
    assert till.server.faults.shown() == []
    till.server.faults.clear()


@pytest.mark.parametrize(
    ("decision", "body", "status", "due"),
    [
        ("confirm", None, "succeeded", "0.00"),
        ("decline", {"reason": "Not on their pages."}, "failed", "100.00"),
    ],
)
async def test_staff_decide_what_nobody_knows(
    till: Till, decision: str, body: Any, status: str, due: str
) -> None:
    payment = await _unknown(till, Kind.DROP_BEFORE)
    path = f"/v1/payments/{payment['id']}/{decision}"
    changed = await till.ask(f"/v1/payments/{payment['id']}/confirm", {"amount": "1.00"})
    assert (changed.status_code, changed.json()["code"]) == (422, "request.invalid")
    decided = await till.ask(path, body)
    assert (decided.status_code, decided.json()["status"]) == (200, status)
    invoices = (await till.school.viewer.get("/v1/invoices")).json()["data"]
    assert [each["due"] for each in invoices] == [due]
    trail = (await till.school.owner.get(f"/v1/audit-trail?subject_id={payment['id']}")).json()
    kind = {"succeeded": "payment.settled", "failed": "payment.failed"}[status]
    assert [each["actor"]["kind"] for each in trail["data"] if each["type"] == kind] == ["key"]
    again = await till.ask(path, body)
    assert (again.status_code, again.json()["code"]) == (409, "payment.outcome_known")


async def test_who_takes_payments(till: Till) -> None:
    assert (await till.school.viewer.get("/v1/providers")).json() == {
        "data": [
            {
                "name": "fakepay",
                "default": True,
                "takes_cards": True,
                "looks_up": True,
                "refunds": True,
            }
        ]
    }
    payment = await till.paid()
    await till.school.payment(amount="1.00", customer_id=payment["customer_id"])
    found = (await till.school.viewer.get("/v1/payments?method=fakepay")).json()["data"]
    assert [each["id"] for each in found] == [payment["id"]]


async def test_the_payer_sees_it(till: Till, make_client: MakeClient) -> None:
    payment = await till.paid()
    link = {"invoice_id": payment["allocations"][0]["invoice_id"]}
    made = await till.school.owner.post("/v1/payer-links", json=link)
    payer = make_client(made.json()["token"])
    [seen] = (await payer.get("/v1/payer/payments")).json()["data"]
    assert (seen["method"], seen["online"]["card"]["last_four"]) == ("fakepay", "1111")


async def test_alarms_are_listed_and_cleared(till: Till) -> None:
    payments = [await till.paid() for _ in range(3)]
    for payment in payments:
        till.server.faults.add(Fault(Kind.DROP_BEFORE, on="refund", times=1))
        refund = (await till.ask("/v1/refunds", {"payment_id": payment["id"]})).json()
        await till.ask(f"/v1/refunds/{refund['id']}/decline", {"reason": "Not there."})
    seen, query = [], "?limit=2"
    while True:
        page = (await till.school.viewer.get(f"/v1/alarms{query}")).json()
        seen += page["data"]
        if page["next"] is None:
            break
        query = f"?limit=2&cursor={page['next']}"
    assert [each["kind"] for each in seen] == ["refund.failed"] * 3
    assert len({each["id"] for each in seen}) == 3
    path = f"/v1/alarms/{seen[0]['id']}/clear"
    assert (await till.school.viewer.post(path, json={"reason": "x"})).status_code == 403
    for _ in range(2):
        cleared = await till.ask(path, {"reason": "Given back in cash."})
        assert cleared.status_code == 200
        assert cleared.json()["cleared_at"] is not None
    assert len((await till.school.viewer.get("/v1/alarms")).json()["data"]) == 2
    found = (await till.school.viewer.get("/v1/alarms?cleared=true")).json()["data"]
    assert found == [cleared.json()]
    subject = f"/v1/audit-trail?subject_id={seen[0]['subject_id']}&type=alarm.cleared"
    [entry] = (await till.school.owner.get(subject)).json()["data"]
    assert entry["facts"]["reason"] == "Given back in cash."
