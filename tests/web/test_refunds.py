"""Refunds, credit and claims through the API."""

import asyncio
from typing import Any

import pytest

from tallystick.kernel import ids
from tests.web.conftest import School

pytestmark = pytest.mark.anyio


async def due_of(school: School, invoice: dict[str, Any]) -> str:
    """Read what an invoice is due."""
    due: str = (await school.viewer.get(f"/v1/invoices/{invoice['id']}")).json()["due"]
    return due


async def test_refund_and_read(school: School) -> None:
    invoice = await school.invoice()
    payment = await school.payment(
        amount="120.00", invoices=[{"invoice_id": invoice["id"]}], excess="credit"
    )
    wanted = {
        "payment_id": payment["id"],
        "amount": "50.00",
        "refunded_on": payment["paid_on"],
        "method": "bank_transfer",
        "reference": "8842",
        "reason": "Paid\ntwice",
    }
    response = await school.owner.post("/v1/refunds", json=wanted)
    assert response.status_code == 201
    refund = response.json()
    assert refund.items() >= wanted.items()
    assert (refund["status"], refund["currency"], refund["customer_id"]) == (
        *("succeeded", "EUR"),
        invoice["customer_id"],
    )
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == f"/v1/refunds/{refund['id']}"
    assert (await school.viewer.get(response.headers["Location"])).json() == refund
    now = (await school.viewer.get(f"/v1/payments/{payment['id']}")).json()
    assert (now["allocated"], now["unallocated"], now["refunded"]) == ("70.00", "0.00", "50.00")
    assert await due_of(school, invoice) == "30.00"
    rest = (await school.owner.post("/v1/refunds", json={"payment_id": payment["id"]})).json()
    assert (rest["amount"], rest["method"]) == ("70.00", "cash")
    other = await school.refund(
        payment_id=(await school.payment(amount="1.00", customer_id=invoice["customer_id"]))["id"]
    )
    for query, expected in (
        ("", [other, rest, refund]),
        (f"?payment_id={payment['id']}", [rest, refund]),
        (f"?customer_id={invoice['customer_id']}", [other, rest, refund]),
        (f"?customer_id={ids.new()}", []),
    ):
        found = (await school.viewer.get(f"/v1/refunds{query}")).json()
        assert found == {"data": expected, "next": None}, query


async def test_more_than_what_is_left(school: School) -> None:
    invoice = await school.invoice()
    payment = await school.payment(amount="100.00", invoices=[{"invoice_id": invoice["id"]}])
    body = {"payment_id": payment["id"], "amount": "100.01"}
    response = await school.owner.post("/v1/refunds", json=body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "refund.exceeds_payment")
    assert (problem["refundable"], problem["currency"]) == ("100.00", "EUR")
    for member, value, status, code in (
        ("amount", "0.00", 422, "refund.amount_not_positive"),
        ("amount", "1.001", 422, "money.precision"),
        ("amount", "x", 422, "money.malformed"),
        ("refunded_on", "2000-01-01", 409, "refund.before_payment"),
        ("refunded_on", "2090-01-01", 422, "refund.date_in_future"),
        ("payment_id", str(ids.new()), 404, "payment.unknown"),
        ("payment_id", "x", 422, "request.invalid"),
        ("method", "card", 422, "request.invalid"),
        ("status", "succeeded", 422, "request.invalid"),
    ):
        response = await school.owner.post(
            "/v1/refunds", json=body | {"amount": "1.00"} | {member: value}
        )
        assert (response.status_code, response.json()["code"]) == (status, code), member
    assert (await school.owner.get("/v1/refunds")).json()["data"] == []
    assert (await school.owner.get("/v1/refunds/x")).status_code == 404
    unknown = await school.owner.get(f"/v1/refunds/{ids.new()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "refund.unknown")


async def test_twenty_at_once(school: School) -> None:
    invoice = await school.invoice()
    payment = await school.payment(amount="100.00", invoices=[{"invoice_id": invoice["id"]}])
    body = {"payment_id": payment["id"], "amount": "100.00"}
    responses = await asyncio.gather(
        *[school.owner.post("/v1/refunds", json=body) for _ in range(20)]
    )
    assert sorted(response.status_code for response in responses) == [201] + [409] * 19
    refused = [response.json() for response in responses if response.status_code == 409]
    assert {(each["code"], each["refundable"]) for each in refused} == {
        ("refund.exceeds_payment", "0.00")
    }
    assert await due_of(school, invoice) == "100.00"


async def test_credit_is_applied_and_taken_back(school: School) -> None:
    customer = await school.customer()
    payment = await school.payment(amount="150.00", customer_id=customer["id"])
    first, second = [await school.invoice(customer_id=customer["id"]) for _ in range(2)]
    path = f"/v1/payments/{payment['id']}"
    named = {"invoices": [{"invoice_id": second["id"], "amount": "30.00"}]}
    response = await school.owner.post(f"{path}/allocate", json=named)
    assert response.status_code == 200
    assert (response.json()["allocated"], response.json()["unallocated"]) == ("30.00", "120.00")
    applied = (await school.owner.post(f"{path}/allocate")).json()
    assert (applied["allocated"], applied["unallocated"]) == ("150.00", "0.00")
    assert [await due_of(school, each) for each in (first, second)] == ["0.00", "50.00"]
    response = await school.owner.post(f"{path}/allocate")
    assert (response.status_code, response.json()["code"]) == (409, "payment.no_credit")
    released = await school.owner.post(f"{path}/release", json={"invoice_id": first["id"]})
    assert (released.status_code, released.json()["unallocated"]) == (200, "100.00")
    assert [part["amount"] for part in released.json()["allocations"]] == ["50.00"]
    again = await school.owner.post(f"{path}/release", json={"invoice_id": first["id"]})
    assert (again.status_code, again.json()["code"]) == (409, "payment.not_allocated")
    too_much = {"invoices": [{"invoice_id": first["id"], "amount": "100.01"}]}
    refused = await school.owner.post(f"{path}/allocate", json=too_much)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment.exceeds_credit")
    assert refused.json()["unallocated"] == "100.00"


async def test_a_claim_is_confirmed(school: School) -> None:
    invoice = await school.invoice()
    body = {
        "amount": "60.00",
        "currency": "EUR",
        "method": "bank_transfer",
        "reference": "8841",
        "invoices": [{"invoice_id": invoice["id"]}],
    }
    response = await school.owner.post("/v1/payments/claim", json=body)
    assert response.status_code == 201
    claimed = response.json()
    assert (claimed["status"], claimed["receipt_number"]) == ("pending_confirmation", None)
    path = f"/v1/payments/{claimed['id']}"
    assert response.headers["Location"] == path
    assert await due_of(school, invoice) == "100.00"
    receipt = await school.viewer.get(f"{path}/receipt")
    assert (receipt.status_code, receipt.json()["code"]) == (409, "receipt.none")
    other = await school.payment(amount="1.00", customer_id=invoice["customer_id"])
    for query, expected in (
        ("?status=pending_confirmation", [claimed]),
        ("?status=succeeded", [other]),
        ("?status=declined", []),
    ):
        found = (await school.viewer.get(f"/v1/payments{query}")).json()
        assert found["data"] == expected, query
    refund = await school.owner.post("/v1/refunds", json={"payment_id": claimed["id"]})
    assert (refund.status_code, refund.json()["code"]) == (409, "payment.not_settled")
    seen = {"amount": "61.00", "paid_on": claimed["paid_on"]}
    confirmed = (await school.owner.post(f"{path}/confirm", json=seen)).json()
    assert (confirmed["status"], confirmed["amount"], confirmed["allocated"]) == (
        *("succeeded", "61.00"),
        "61.00",
    )
    assert confirmed["receipt_number"] == "REC-2026-000002"
    assert await due_of(school, invoice) == "38.00"
    receipt = await school.viewer.get(f"{path}/receipt")
    assert [line["due_after"] for line in receipt.json()["invoices"]] == ["38.00"]
    again = await school.owner.post(f"{path}/confirm")
    assert (again.status_code, again.json()["code"], again.json()["payment_status"]) == (
        *(409, "payment.not_claimed"),
        "succeeded",
    )


async def test_a_claim_is_confirmed_for_something_else(school: School) -> None:
    claimed_one = await school.invoice()
    meant = await school.invoice(customer_id=claimed_one["customer_id"])
    paths = []
    for _ in range(2):
        body = {
            "amount": "60.00",
            "currency": "EUR",
            "method": "bank_transfer",
            "invoices": [{"invoice_id": claimed_one["id"], "amount": "60.00"}],
        }
        claimed = (await school.owner.post("/v1/payments/claim", json=body)).json()
        paths.append(f"/v1/payments/{claimed['id']}/confirm")
    less = await school.owner.post(paths[0], json={"amount": "50.00"})
    assert (less.status_code, less.json()["code"]) == (422, "payment.shares_exceed_amount")
    share = {"invoice_id": meant["id"], "amount": "50.00"}
    seen = {"amount": "50.00", "invoices": [share]}
    confirmed = await school.owner.post(paths[0], json=seen)
    assert confirmed.status_code == 200
    assert [each["invoice_id"] for each in confirmed.json()["allocations"]] == [meant["id"]]
    # An empty list names the customer alone.
    confirmed = await school.owner.post(paths[1], json={"amount": "150.00", "invoices": []})
    assert confirmed.json()["allocated"] == "150.00"
    assert [await due_of(school, each) for each in (claimed_one, meant)] == ["0.00", "0.00"]


async def test_a_claim_is_declined(school: School) -> None:
    invoice = await school.invoice()
    body = {
        "amount": "60.00",
        "currency": "EUR",
        "method": "bank_transfer",
        "invoices": [{"invoice_id": invoice["id"]}],
    }
    claimed = (await school.owner.post("/v1/payments/claim", json=body)).json()
    path = f"/v1/payments/{claimed['id']}"
    assert (await school.owner.post(f"{path}/decline", json={})).status_code == 422
    declined = await school.owner.post(f"{path}/decline", json={"reason": "It never came."})
    assert (declined.status_code, declined.json()["status"]) == (200, "declined")
    confirmed = await school.owner.post(f"{path}/confirm")
    assert (confirmed.status_code, confirmed.json()["code"]) == (409, "payment.not_claimed")
    unknown = await school.owner.post(f"/v1/payments/{ids.new()}/confirm", json={"amount": "1.00"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "payment.unknown")
