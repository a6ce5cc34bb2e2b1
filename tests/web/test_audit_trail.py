"""The audit trail over HTTP: who may see it, of which organization, page by page."""

from typing import Any

import httpx2
import pytest

from tests.web.conftest import MakeClient, MakeKey, MakeSchool, School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

PATH = "/v1/audit-trail"


async def _entries(client: httpx2.AsyncClient, **query: str) -> list[dict[str, Any]]:
    response = await client.get(PATH, params=query)
    assert response.status_code == 200, response.text
    entries: list[dict[str, Any]] = response.json()["data"]
    return entries


async def test_an_owner_sees_what_was_done(school: School) -> None:
    customer = await school.customer(name="Ann Example")
    changed = await school.owner.patch(
        f"/v1/customers/{customer['id']}",
        json={"name": "Anna Example"},
        headers={"If-Match": '"1"', "X-Request-Id": "the-request"},
    )
    assert changed.status_code == 200
    newest, created = await _entries(school.owner)
    assert (newest["type"], created["type"]) == ("customer.changed", "customer.created")
    assert newest["before"] == {"name": "Ann Example"}
    assert newest["after"] == {"name": "Anna Example"}
    assert newest["request_id"] == "the-request"
    assert newest["subject_id"] == customer["id"]
    assert newest["address"] == "127.0.0.1"
    assert newest["actor"]["kind"] == "key"
    assert newest["actor"]["name"] == "a test"
    assert created["before"] == {}
    assert created["after"]["name"] == "Ann Example"


async def test_who_may_not_see_it(
    school: School, make_school: MakeSchool, make_client: MakeClient, make_key: MakeKey
) -> None:
    await school.customer()
    assert (await school.viewer.get(PATH)).json()["code"] == "auth.forbidden"
    accountant = make_client(make_key("accountant", school.id))
    assert len(await _entries(accountant)) == 1
    other = await make_school()
    assert await _entries(other.owner) == []
    refused = await other.owner.get(PATH, headers={"Tallystick-Organization": school.slug})
    assert refused.json()["code"] == "organization.unknown"


async def test_the_platform_sees_its_own_and_each_organizations(
    platform: httpx2.AsyncClient, school: School
) -> None:
    await school.customer()
    own = await _entries(platform, subject_id=school.id)
    assert [entry["type"] for entry in own] == ["organization.created"]
    assert own[0]["after"]["slug"] == school.slug
    named = await platform.get(PATH, headers={"Tallystick-Organization": school.slug})
    assert [entry["type"] for entry in named.json()["data"]] == ["customer.created"]


async def test_it_is_read_page_by_page(school: School) -> None:
    for _ in range(5):
        await school.customer()
    whole = [entry["id"] for entry in await _entries(school.owner)]
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = (await school.owner.get(PATH, params=query)).json()
        found += [entry["id"] for entry in page["data"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert found == whole
    assert len(found) == 5
    wrong = await school.owner.get(PATH, params={**query, "type": "customer.created"})
    assert wrong.json()["code"] == "paging.cursor_unknown"


async def test_what_it_is_narrowed_to(school: School) -> None:
    first = await school.customer()
    second = await school.customer()
    actor = (await _entries(school.owner))[0]["actor"]["id"]
    assert len(await _entries(school.owner, actor_id=actor)) == 2
    assert len(await _entries(school.owner, actor_id=first["id"])) == 0
    [only] = await _entries(school.owner, subject_id=second["id"])
    assert only["subject_id"] == second["id"]
    assert await _entries(school.owner, type="customer.erased") == []
    assert len(await _entries(school.owner, **{"from": "2000-01-01T00:00:00Z"})) == 2
    assert await _entries(school.owner, to="2000-01-01T00:00:00Z") == []
    at = only["at"]
    assert len(await _entries(school.owner, **{"from": at}, subject_id=second["id"])) == 1
    assert await _entries(school.owner, to=at, subject_id=second["id"]) == []


@pytest.mark.parametrize(
    "query",
    [{"from": "yesterday"}, {"actor_id": "ann"}, {"type": ""}, {"limit": "101"}, {"actor": "x"}],
)
async def test_what_cannot_be_asked(school: School, query: dict[str, str]) -> None:
    response = await school.owner.get(PATH, params=query)
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid")


async def test_nothing_writes_it(school: School) -> None:
    await school.customer()
    [entry] = await _entries(school.owner)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (PATH, f"{PATH}/{entry['id']}"):
            response = await school.owner.request(method, path, json={})
            assert response.status_code in {404, 405}
    assert await _entries(school.owner) == [entry]


async def test_a_role_tells_what_it_allowed(school: School) -> None:
    made = await school.owner.post("/v1/roles", json={"name": "clerk", "permissions": ["read"]})
    assert made.status_code == 201, made.text
    changed = await school.owner.patch(
        "/v1/roles/clerk",
        json={"permissions": ["read", "collect"]},
        headers={"If-Match": '"1"'},
    )
    assert changed.status_code == 200, changed.text
    gone = await school.owner.delete("/v1/roles/clerk", headers={"If-Match": '"2"'})
    assert gone.status_code < 300, gone.text
    told = [
        (entry["type"], entry["before"], entry["after"]) for entry in await _entries(school.owner)
    ]
    one, two = {"permissions": ["read"]}, {"permissions": ["collect", "read"]}
    assert told == [
        ("role.deleted", two, {}),
        ("role.changed", one, two),
        ("role.created", {}, one),
    ]
