"""The same key and the same request: the same answer, and one effect."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.web.conftest import LINE, MakeSchool, Moment, School

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "pay-1"}


@pytest.fixture
async def body(school: School) -> dict[str, Any]:
    """Return a payment that can be made once."""
    invoice = await school.invoice()
    return {
        "amount": "100.00",
        "currency": "EUR",
        "method": "cash",
        "invoices": [{"invoice_id": invoice["id"]}],
    }


async def test_the_same_answer_again(school: School, body: dict[str, Any], moment: Moment) -> None:
    first = await school.owner.post("/v1/payments", json=body, headers=KEY)
    moment.now = moment.now.replace(day=25)
    second = await school.owner.post("/v1/payments", json=body, headers=KEY)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    for name in ("ETag", "Location", "Content-Type"):
        assert first.headers[name] == second.headers[name]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len((await school.owner.get("/v1/payments")).json()["data"]) == 1


async def test_the_order_of_members_does_not_matter(school: School, body: dict[str, Any]) -> None:
    first = await school.owner.post("/v1/payments", json=body, headers=KEY)
    turned = dict(reversed(body.items()))
    second = await school.owner.post("/v1/payments", json=turned, headers=KEY)
    assert first.content == second.content


async def test_refusals_are_kept(school: School, body: dict[str, Any]) -> None:
    body["amount"] = "100.01"
    first = await school.owner.post("/v1/payments", json=body, headers=KEY)
    second = await school.owner.post("/v1/payments", json=body, headers=KEY)
    assert first.status_code == second.status_code == 409
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.json() | {"request_id": ""} == second.json() | {"request_id": ""}


async def test_what_was_refused_before_it_ran_is_not_kept(
    school: School, body: dict[str, Any]
) -> None:
    for wrong in ({"amount": 1}, {"amount": "1.234"}, {"extra": 1}):
        response = await school.owner.post("/v1/payments", json=body | wrong, headers=KEY)
        assert response.status_code == 422
    response = await school.owner.post("/v1/payments", json=body, headers=KEY)
    assert response.status_code == 201
    assert "Idempotent-Replayed" not in response.headers


async def test_another_request_under_the_key(school: School, body: dict[str, Any]) -> None:
    await school.owner.post("/v1/payments", json=body, headers=KEY)
    for response in (
        await school.owner.post("/v1/payments", json=body | {"note": "x"}, headers=KEY),
        await school.owner.post(
            "/v1/customers", json={"kind": "student", "name": "Maya"}, headers=KEY
        ),
    ):
        assert (response.status_code, response.json()["code"]) == (422, "idempotency.key_reused")
    assert len((await school.owner.get("/v1/payments")).json()["data"]) == 1


async def test_a_key_belongs_to_one_organization(school: School, make_school: MakeSchool) -> None:
    other = await make_school()
    customer = {"kind": "student", "name": "Maya"}
    for each in (school, other):
        response = await each.owner.post("/v1/customers", json=customer, headers=KEY)
        assert response.status_code == 201
        assert "Idempotent-Replayed" not in response.headers


async def test_keys_differ_by_case(school: School) -> None:
    for key in ("key", "KEY", "Key"):
        response = await school.owner.post(
            "/v1/customers",
            json={"kind": "student", "name": key},
            headers={"Idempotency-Key": key},
        )
        assert response.json()["name"] == key


async def test_twenty_times_at_once(school: School, body: dict[str, Any]) -> None:
    responses = await asyncio.gather(
        *[school.owner.post("/v1/payments", json=body, headers=KEY) for _ in range(20)]
    )
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    replayed = [response.headers.get("Idempotent-Replayed") for response in responses]
    assert sorted(replayed, key=str) == [None] + ["true"] * 19
    assert len((await school.owner.get("/v1/payments")).json()["data"]) == 1


async def test_each_command_can_be_repeated(school: School) -> None:
    customer = await school.customer()
    draft = await school.invoice(issue=False, customer_id=customer["id"])
    at_customer, at_draft = f"/v1/customers/{customer['id']}", f"/v1/invoices/{draft['id']}"
    seen = {"If-Match": '"1"'}
    wanted: list[tuple[str, str, Any, dict[str, str]]] = [
        ("PATCH", at_customer, {"name": "Lucía"}, seen),
        ("POST", f"{at_customer}/deactivate", None, {}),
        ("POST", f"{at_customer}/reactivate", None, {}),
        ("PATCH", at_draft, {"note": "x"}, seen),
        ("POST", f"{at_draft}/issue", {"issue_date": "2026-11-19"}, {}),
        ("POST", f"{at_draft}/void", {"reason": "x"}, {}),
        ("POST", "/v1/invoices", {"customer_id": customer["id"], "lines": [LINE]}, {}),
        (
            "POST",
            "/v1/invoices",
            {"customer_id": customer["id"], "lines": [LINE], "issue": True},
            {},
        ),
        ("POST", f"{at_customer}/erase", None, {}),
    ]
    for number, (method, path, body, headers) in enumerate(wanted):
        headers["Idempotency-Key"] = f"step-{number}"
        first = await school.owner.request(method, path, json=body, headers=headers)
        second = await school.owner.request(method, path, json=body, headers=headers)
        assert first.status_code in {200, 201}, first.text
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert second.headers["Idempotent-Replayed"] == "true"


async def test_another_version_is_another_request(school: School) -> None:
    path = f"/v1/customers/{(await school.customer())['id']}"
    stale = await school.owner.patch(path, json={"name": "A"}, headers=KEY | {"If-Match": '"7"'})
    assert stale.status_code == 412
    mended = await school.owner.patch(path, json={"name": "A"}, headers=KEY | {"If-Match": '"1"'})
    assert (mended.status_code, mended.json()["code"]) == (422, "idempotency.key_reused")


async def test_the_platform_has_keys_of_its_own(platform: httpx2.AsyncClient) -> None:
    body = {
        "slug": "once-only",
        "name": "Once",
        "country": "DE",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
    }
    headers = {"Idempotency-Key": "once-only"}
    first = await platform.post("/v1/organizations", json=body, headers=headers)
    second = await platform.post("/v1/organizations", json=body, headers=headers)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "ключ", "\x7f"])
async def test_keys_that_cannot_be_used(school: School, key: str) -> None:
    response = await school.owner.post(
        "/v1/customers",
        json={"kind": "student", "name": "Maya"},
        headers=[(b"Idempotency-Key", key.encode()), (b"Content-Type", b"application/json")],
    )
    assert (response.status_code, response.json()["code"]) == (422, "idempotency.key_malformed")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("key", ["x", "x" * 255, "a b", "~!@#$%^&*()_+{}|:\"<>?'"])
async def test_keys_that_can_be_used(school: School, key: str) -> None:
    for _ in range(2):
        response = await school.owner.post(
            "/v1/customers",
            json={"kind": "student", "name": "Maya"},
            headers={"Idempotency-Key": key},
        )
        assert response.status_code == 201
    assert response.headers["Idempotent-Replayed"] == "true"
