"""Refunds through the provider that took the money, by the API."""

from collections.abc import Mapping
from typing import Any

import pytest

from tallystick.payments.provider import Provider
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.server import Server
from tests.web.conftest import MakeClient, MakeKey
from tests.web.providing import Till, fakepay, providers, server, till

__all__ = ["providers", "server", "till"]
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


async def _parts(till: Till, payment: dict[str, Any]) -> tuple[str, str, str]:
    """Tell where the money of a payment is that is not with its invoice."""
    now = (await till.school.viewer.get(f"/v1/payments/{payment['id']}")).json()
    return now["unallocated"], now["refund_reserved"], now["refunded"]


async def test_the_provider_gives_back(till: Till) -> None:
    payment = await till.paid()
    body = {"payment_id": payment["id"], "amount": "40.00", "reason": "Paid twice."}
    response = await till.ask("/v1/refunds", body, "back")
    refund = response.json()
    assert (response.status_code, refund["status"]) == (201, "succeeded")
    assert (refund["method"], refund["amount"]) == ("fakepay", "40.00")
    assert response.headers["Location"] == f"/v1/refunds/{refund['id']}"
    assert await _parts(till, payment) == ("0.00", "0.00", "40.00")
    given = till.server.ledger.refund(refund["id"])
    assert given is not None
    assert given["amount"] == 4_000
    again = await till.ask("/v1/refunds", body, "back")
    assert (again.status_code, again.json()) == (201, refund)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (await till.ask("/v1/refunds", {"payment_id": payment["id"]})).status_code == 201
    nothing = await till.ask("/v1/refunds", {"payment_id": payment["id"]})
    assert (nothing.status_code, nothing.json()["code"]) == (409, "refund.exceeds_payment")


@pytest.mark.parametrize(
    ("decision", "body", "status", "parts"),
    [
        ("confirm", None, "succeeded", ("0.00", "0.00", "40.00")),
        ("decline", {"reason": "Not on their pages."}, "failed", ("40.00", "0.00", "0.00")),
    ],
)
async def test_what_nobody_knows_is_decided_by_staff(
    till: Till, decision: str, body: Any, status: str, parts: tuple[str, str, str]
) -> None:
    payment = await till.paid()
    till.fails(Kind.DROP_BEFORE, on="refund")
    wanted = {"payment_id": payment["id"], "amount": "40.00"}
    response = await till.ask("/v1/refunds", wanted, "back")
    refund = response.json()
    assert (response.status_code, refund["status"]) == (202, "processing")
    assert await _parts(till, payment) == ("0.00", "40.00", "0.00")
    again = await till.ask("/v1/refunds", wanted, "back")
    assert (again.status_code, again.json()) == (202, refund)
    path = f"/v1/refunds/{refund['id']}/{decision}"
    decided = await till.ask(path, body)
    assert (decided.status_code, decided.json()["status"]) == (200, status)
    assert await _parts(till, payment) == parts
    twice = await till.ask(path, body)
    assert (twice.status_code, twice.json()["code"]) == (409, "refund.outcome_known")


async def test_what_the_provider_does_not_give_back(till: Till) -> None:
    payment = await till.paid()
    body = {"payment_id": payment["id"]}
    late = await till.ask("/v1/refunds", body | {"refunded_on": payment["paid_on"]})
    assert (late.status_code, late.json()["code"]) == (422, "refund.day_chosen")
    till.server.stop()
    till.server.server_close()
    response = await till.ask("/v1/refunds", body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (502, "provider.unreachable")
    assert await _parts(till, payment) == ("100.00", "0.00", "0.00")
    failed = (await till.school.viewer.get(f"/v1/refunds/{problem['refund_id']}")).json()
    assert (failed["status"], failed["online"]["failure_code"]) == ("failed", "not_sent")
    response = await till.ask("/v1/refunds", body | {"method": "bank_transfer"})
    assert (response.status_code, response.json()["online"]) == (201, None)


async def test_what_a_rule_holds_reaches_the_provider_when_it_is_approved(
    till: Till, make_client: MakeClient, make_key: MakeKey
) -> None:
    rule = {
        "name": "Large refunds",
        "trigger": "refund_requested",
        "condition": {"field": "refund.amount", "operator": "gte", "value": "50.00"},
        "actions": [{"action": "hold_refund_for_approval"}],
    }
    made = (await till.ask("/v1/rules", rule)).json()
    payment = await till.paid()
    wanted = {"payment_id": payment["id"], "amount": "60.00"}
    response = await till.ask("/v1/refunds", wanted, "back")
    held = response.json()
    assert (response.status_code, held["status"]) == (202, "pending_approval")
    assert held["hold"] == {"rule_id": made["id"], "decline_reason": None, "decided_at": None}
    assert (await till.ask("/v1/refunds", wanted, "back")).json() == held
    assert till.server.ledger.refund(held["id"]) is None
    beyond = await till.ask("/v1/refunds", {"payment_id": payment["id"], "amount": "45.00"})
    assert (beyond.status_code, beyond.json()["refundable"]) == (409, "40.00")
    here = f"/v1/refunds/{held['id']}"
    same = await till.ask(f"{here}/approve")
    assert (same.status_code, same.json()["code"]) == (409, "refund.same_person")
    # Nor does another key of one's own make two of one.
    second = (await till.ask("/v1/keys", {"name": "Mine, too", "role": "owner"})).json()
    same = await make_client(second["key"]).post(f"{here}/approve")
    assert (same.status_code, same.json()["code"]) == (409, "refund.same_person")
    another = make_client(make_key("owner", till.school.id))
    approved = await another.post(f"{here}/approve")
    assert (approved.status_code, approved.json()["status"]) == (200, "succeeded")
    given = till.server.ledger.refund(held["id"])
    assert given is not None
    assert given["amount"] == 6_000
    late = await another.post(f"{here}/approve")
    assert (late.status_code, late.json()["code"]) == (409, "refund.not_held")


async def test_what_is_declined_never_reaches_the_provider(till: Till) -> None:
    rule = {
        "name": "All refunds",
        "trigger": "refund_requested",
        "actions": [{"action": "hold_refund_for_approval"}],
    }
    await till.ask("/v1/rules", rule)
    payment = await till.paid()
    offline = {"payment_id": payment["id"], "method": "cash"}
    held = [await till.ask("/v1/refunds", offline | {"amount": "40.00"})]
    held.append(await till.ask("/v1/refunds", {"payment_id": payment["id"]}))
    for each in held:
        assert each.status_code == 202
        here = f"/v1/refunds/{each.json()['id']}"
        declined = await till.ask(f"{here}/decline", {"reason": "Not agreed."})
        assert (declined.status_code, declined.json()["status"]) == (200, "declined")
        again = await till.ask(f"{here}/decline", {"reason": "Not agreed."})
        assert (again.status_code, again.json()["code"]) == (409, "refund.not_held")
    assert await _parts(till, payment) == ("0.00", "0.00", "0.00")
    assert till.server.ledger.refund(held[1].json()["id"]) is None


class TestWithoutRefunds:
    @pytest.fixture
    def providers(self, server: Server) -> Mapping[str, Provider]:
        return {"fakepay": fakepay(server.url, secret=None)}

    async def test_a_method_must_be_named(self, till: Till) -> None:
        body = {"payment_id": (await till.paid())["id"]}
        response = await till.ask("/v1/refunds", body)
        assert (response.status_code, response.json()["code"]) == (409, "refund.method_missing")
        assert (await till.ask("/v1/refunds", body | {"method": "cash"})).status_code == 201
