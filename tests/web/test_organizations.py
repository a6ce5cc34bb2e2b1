"""Organizations through the API."""

from typing import Any

import httpx2
import pytest

from tallystick.kernel import ids
from tests.web.conftest import MakeSchool, Moment, School

pytestmark = pytest.mark.anyio


@pytest.fixture
def wanted() -> dict[str, Any]:
    """Return what an organization may say of itself."""
    return {
        "slug": f"school-{ids.new().hex}",
        "name": "Colegio San Ángel",
        "country": "MX",
        "currency": "MXN",
        "time_zone": "America/Mexico_City",
        "tax_id": "XAXX010101000",
        "address": {"line1": "Calle 5", "city": "Ciudad de México", "country": "MX"},
        "terms_days": 15,
    }


async def test_create_and_read(platform: httpx2.AsyncClient, wanted: dict[str, Any]) -> None:
    response = await platform.post("/v1/organizations", json=wanted)
    made = response.json()
    assert response.status_code == 201
    assert made.items() >= wanted.items()
    assert (made["active"], made["version"]) == (True, 1)
    assert made["created_at"] == made["updated_at"] == "2026-11-20T09:00:00.000000Z"
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == f"/v1/organizations/{made['id']}"
    for named in (made["id"], made["slug"]):
        read = await platform.get(f"/v1/organizations/{named}")
        assert read.json() == made
        assert read.headers["ETag"] == '"1"'


async def test_what_is_left_out(platform: httpx2.AsyncClient, wanted: dict[str, Any]) -> None:
    for name in ("tax_id", "address", "terms_days"):
        del wanted[name]
    made = (await platform.post("/v1/organizations", json=wanted)).json()
    assert (made["tax_id"], made["address"], made["terms_days"]) == (None, {}, 30)


async def test_a_slug_is_taken_once(platform: httpx2.AsyncClient, wanted: dict[str, Any]) -> None:
    await platform.post("/v1/organizations", json=wanted)
    response = await platform.post("/v1/organizations", json=wanted)
    assert response.status_code == 409
    assert response.json()["code"] == "organization.slug_taken"
    assert response.json()["errors"][0]["pointer"] == "/slug"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("currency", "XXX", "money.currency_unknown"),
        ("currency", "eur", "money.currency_unknown"),
        ("time_zone", "Europe/Nowhere", "organization.time_zone_unknown"),
        ("country", "Spain", "request.invalid"),
        ("slug", "Not A Slug", "request.invalid"),
        ("slug", "-edge-", "request.invalid"),
        ("terms_days", 3651, "request.invalid"),
        ("terms_days", -1, "request.invalid"),
        ("terms_days", 10**30, "request.invalid"),
        ("terms_days", "30", "request.invalid"),
        ("terms_days", 30.0, "request.invalid"),
        ("terms_days", True, "request.invalid"),
    ],
)
async def test_what_an_organization_cannot_be(
    platform: httpx2.AsyncClient, wanted: dict[str, Any], member: str, value: Any, code: str
) -> None:
    response = await platform.post("/v1/organizations", json=wanted | {member: value})
    assert response.status_code == 422
    assert response.json()["code"] == code
    assert response.json()["errors"][0]["pointer"] == f"/{member}"


async def test_change(school: School) -> None:
    path = f"/v1/organizations/{school.id}"
    before = (await school.owner.get(path)).json()
    response = await school.owner.patch(
        path, json={"name": "South School", "tax_id": None}, headers={"If-Match": '"1"'}
    )
    assert response.status_code == 200
    assert response.headers["ETag"] == '"2"'
    changed = response.json()
    assert changed == before | {
        "name": "South School",
        "tax_id": None,
        "version": 2,
        "updated_at": changed["updated_at"],
    }


async def test_a_new_time_zone_counts_at_once(school: School, moment: Moment) -> None:
    # 23:30 in Berlin is the next day in Auckland already.
    moment.now = moment.now.replace(hour=22, minute=30)
    assert (await school.invoice())["issue_date"] == "2026-11-20"
    await school.owner.patch(
        f"/v1/organizations/{school.id}",
        json={"time_zone": "Pacific/Auckland"},
        headers={"If-Match": '"1"'},
    )
    assert (await school.invoice())["issue_date"] == "2026-11-21"
    listed = await school.owner.get("/v1/invoices?issued_from=2026-11-21")
    assert len(listed.json()["data"]) == 1


async def test_deactivate_and_reactivate(school: School, platform: httpx2.AsyncClient) -> None:
    path = f"/v1/organizations/{school.id}"
    response = await platform.post(f"{path}/deactivate")
    assert (response.status_code, response.json()["active"]) == (200, False)
    response = await platform.post(f"{path}/deactivate")
    assert response.json()["code"] == "organization.inactive_already"
    response = await school.owner.post("/v1/customers", json={"kind": "student", "name": "Maya"})
    assert response.status_code == 409
    assert response.json()["code"] == "organization.inactive"
    assert (await school.owner.get("/v1/customers")).status_code == 200
    response = await platform.post(f"{path}/reactivate")
    assert (response.status_code, response.json()["active"]) == (200, True)
    response = await platform.post(f"{path}/reactivate")
    assert response.json()["code"] == "organization.active_already"
    await school.customer()


async def test_an_inactive_organization_is_read_as_before(
    school: School, platform: httpx2.AsyncClient
) -> None:
    objects = await school.objects()
    credit = await school.payment(amount="5.00", customer_id=(await school.customer())["id"])
    await platform.post(f"/v1/organizations/{school.id}/deactivate")
    for path in (
        f"/v1/invoices/{objects['invoice_id']}",
        f"/v1/payments/{objects['payment_id']}/receipt",
        f"/v1/payments/{credit['id']}/receipt",
        "/v1/ledger/trial-balance",
    ):
        assert (await school.owner.get(path)).status_code == 200


async def test_list(school: School, make_school: MakeSchool, platform: httpx2.AsyncClient) -> None:
    other = await make_school()
    own = (await school.owner.get("/v1/organizations")).json()
    assert [each["id"] for each in own["data"]] == [school.id]
    assert own["next"] is None
    everybody = (await platform.get("/v1/organizations?limit=2")).json()
    assert [each["id"] for each in everybody["data"]] == [other.id, school.id]
    await platform.post(f"/v1/organizations/{other.id}/deactivate")
    active = (await platform.get("/v1/organizations?limit=1&active=true")).json()
    assert [each["id"] for each in active["data"]] == [school.id]
    inactive = (await platform.get("/v1/organizations?limit=1&active=false")).json()
    assert [each["id"] for each in inactive["data"]] == [other.id]
