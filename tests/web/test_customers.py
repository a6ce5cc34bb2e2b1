"""Customers through the API."""

from typing import Any

import pytest

from tests.web.conftest import School

pytestmark = pytest.mark.anyio

WANTED: dict[str, Any] = {
    "kind": "individual",
    "name": "Lucía Fernández 学校 👩‍🏫",
    "given_name": "Lucía",
    "family_name": "Fernández",
    "email": "lucia@example.com",
    "phone": "+34 600 000 000",
    "address": {"line1": "12 Chapel Lane", "postal_code": "28013", "city": "Madrid"},
    "tax_id": "12345678Z",
    "language": "es-MX",
    "external_reference": "S-1",
}


async def test_create_and_read(school: School) -> None:
    response = await school.owner.post("/v1/customers", json=WANTED)
    assert response.status_code == 201
    made = response.json()
    assert made.items() >= WANTED.items()
    assert (made["active"], made["erased_at"], made["version"]) == (True, None, 1)
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == f"/v1/customers/{made['id']}"
    assert (await school.viewer.get(response.headers["Location"])).json() == made


async def test_text_is_kept_as_it_is(school: School) -> None:
    for name in ("<script>alert(1)</script>", "{{7*7}}", "=HYPERLINK(1)", "\u202eabc", "' OR 1=1"):
        assert (await school.customer(name=name))["name"] == name


async def test_change(school: School) -> None:
    made = await school.customer(**WANTED)
    path = f"/v1/customers/{made['id']}"
    changes = {"name": "Lucía", "email": None, "address": {"city": "Toledo"}}
    response = await school.owner.patch(path, json=changes, headers={"If-Match": '"1"'})
    assert response.status_code == 200
    changed = response.json()
    assert response.headers["ETag"] == '"2"'
    assert changed == made | changes | {"version": 2, "updated_at": changed["updated_at"]}
    assert (await school.owner.get(path)).json() == changed


async def test_a_change_needs_the_version_that_was_seen(school: School) -> None:
    path = f"/v1/customers/{(await school.customer())['id']}"
    response = await school.owner.patch(path, json={"name": "A"})
    assert response.status_code == 428
    assert response.json()["code"] == "precondition.required"
    for seen in ('"2"', '"0"', "1", "*", 'W/"1"', '"99999999999999999999"', '""', '"1", "2"'):
        response = await school.owner.patch(path, json={"name": "A"}, headers={"If-Match": seen})
        assert response.status_code == 412, seen
        assert response.json()["code"] == "precondition.stale"
    assert (await school.owner.get(path)).json()["version"] == 1


async def test_a_member_that_may_not_be_null(school: School) -> None:
    path = f"/v1/customers/{(await school.customer())['id']}"
    for member in ("name", "kind", "address"):
        response = await school.owner.patch(path, json={member: None}, headers={"If-Match": '"1"'})
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == f"/{member}"


async def test_deactivate_and_reactivate(school: School) -> None:
    path = f"/v1/customers/{(await school.customer())['id']}"
    assert (await school.owner.post(f"{path}/deactivate")).json()["active"] is False
    response = await school.owner.post(f"{path}/deactivate", json={})
    assert (response.status_code, response.json()["code"]) == (409, "customer.inactive_already")
    assert (await school.owner.post(f"{path}/reactivate")).json()["active"] is True
    response = await school.owner.post(f"{path}/reactivate")
    assert (response.status_code, response.json()["code"]) == (409, "customer.active_already")


async def test_an_action_without_members_takes_none(school: School) -> None:
    path = f"/v1/customers/{(await school.customer())['id']}/deactivate"
    headers = {"Content-Type": "application/json"}
    for body in (b'{"reason": "x"}', b"[]", b'"x"', b"null"):
        response = await school.owner.post(path, content=body, headers=headers)
        assert response.status_code == 422
        assert response.json()["code"] == "request.invalid"


async def test_erase(school: School) -> None:
    made = await school.customer(**WANTED)
    invoice = await school.invoice(customer_id=made["id"])
    response = await school.owner.post(f"/v1/customers/{made['id']}/erase")
    assert response.status_code == 200
    erased = response.json()
    assert (erased["name"], erased["email"], erased["address"]) == ("(erased)", None, {})
    assert (erased["active"], erased["erased_at"]) == (False, "2026-11-20T09:00:00.000000Z")
    again = await school.owner.post(f"/v1/customers/{made['id']}/erase")
    assert again.json() == erased
    kept = (await school.owner.get(f"/v1/invoices/{invoice['id']}")).json()
    assert kept["buyer"]["name"] == WANTED["name"]
    seen = {"If-Match": f'"{erased["version"]}"'}
    path = f"/v1/customers/{made['id']}"
    for response in (
        await school.owner.post(f"{path}/reactivate"),
        await school.owner.patch(path, json={"name": "Lucía"}, headers=seen),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "customer.erased")


async def test_list(school: School) -> None:
    student = await school.customer(external_reference="S-1")
    company = await school.customer(kind="corporate", email="office@example.com")
    inactive = await school.customer(name="Gone")
    await school.owner.post(f"/v1/customers/{inactive['id']}/deactivate")
    everybody = [inactive["id"], company["id"], student["id"]]
    for query, expected in (
        ("", everybody),
        ("?active=true", everybody[1:]),
        ("?active=false", everybody[:1]),
        ("?kind=corporate", [company["id"]]),
        ("?kind=student&active=true", [student["id"]]),
        ("?email=office@example.com", [company["id"]]),
        ("?email=Office@example.com", []),
        ("?external_reference=S-1", [student["id"]]),
        ("?external_reference=s-1", []),
    ):
        found = (await school.viewer.get(f"/v1/customers{query}")).json()
        assert [each["id"] for each in found["data"]] == expected, query


async def test_a_reference_is_taken_once(school: School) -> None:
    await school.customer(external_reference="S-1")
    other = await school.customer(external_reference="S-2")
    response = await school.owner.post(
        "/v1/customers", json={"kind": "student", "name": "A", "external_reference": "S-1"}
    )
    assert (response.status_code, response.json()["code"]) == (409, "customer.reference_taken")
    response = await school.owner.patch(
        f"/v1/customers/{other['id']}",
        json={"external_reference": "S-1"},
        headers={"If-Match": '"1"'},
    )
    assert (response.status_code, response.json()["code"]) == (409, "customer.reference_taken")
