"""Members and roles through the API: what changes counts from the next request on."""

from uuid import UUID

import pytest

from tallystick.kernel.database import Database
from tests.people import member
from tests.web.conftest import MakeClient, MakeKey, School

pytestmark = pytest.mark.anyio


async def test_members_are_read_and_changed(school: School, database: Database) -> None:
    owner = member(database, UUID(school.id))
    cashier = member(database, UUID(school.id), "cashier")
    listed = (await school.owner.get("/v1/members")).json()
    assert [each["user_id"] for each in listed["data"]] == [str(cashier), str(owner)]
    path = f"/v1/members/{cashier}"
    read = await school.owner.get(path)
    assert (read.json(), read.headers["ETag"]) == (listed["data"][0], '"1"')
    changed = await school.owner.patch(path, json={"role": "viewer"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["role"]) == (200, "viewer")
    ended = await school.owner.post(f"{path}/deactivate")
    assert (ended.status_code, ended.json()["active"]) == (200, False)
    back = await school.owner.post(f"{path}/reactivate")
    assert (back.status_code, back.json()["active"]) == (200, True)
    refused = await school.owner.post(f"/v1/members/{owner}/deactivate")
    assert (refused.status_code, refused.json()["code"]) == (409, "member.last_owner")
    for unknown in ("x", str(UUID(int=1))):
        response = await school.owner.get(f"/v1/members/{unknown}")
        assert (response.status_code, response.json()["code"]) == (404, "user.unknown")


async def test_a_role_changes_what_its_keys_may_do_at_once(
    school: School, make_client: MakeClient, make_key: MakeKey
) -> None:
    body = {"name": "clerk", "permissions": ["read"]}
    made = await school.owner.post("/v1/roles", json=body)
    assert (made.status_code, made.json().items() >= body.items()) == (201, True)
    clerk = make_client(make_key("clerk", school.id))
    new = {"kind": "student", "name": "Maya Okonkwo"}
    assert (await clerk.get("/v1/customers")).status_code == 200
    assert (await clerk.post("/v1/customers", json=new)).status_code == 403
    path = made.headers["Location"]
    for permissions, status in ((["read", "customers"], 201), (["read"], 403)):
        version = (await school.owner.get(path)).headers["ETag"]
        changed = await school.owner.patch(
            path, json={"permissions": permissions}, headers={"If-Match": version}
        )
        assert changed.status_code == 200
        assert (await clerk.post("/v1/customers", json=new)).status_code == status
    refused = await school.owner.delete(path, headers={"If-Match": '"3"'})
    assert (refused.status_code, refused.json()["code"]) == (409, "role.in_use")
    assert refused.json()["keys"] == 1


async def test_a_role_is_deleted(school: School) -> None:
    await school.owner.post("/v1/roles", json={"name": "clerk", "permissions": ["read"]})
    names = [role["name"] for role in (await school.owner.get("/v1/roles")).json()["data"]]
    assert names == ["owner", "accountant", "cashier", "viewer", "clerk"]
    gone = await school.owner.delete("/v1/roles/clerk", headers={"If-Match": '"1"'})
    assert (gone.status_code, gone.content) == (204, b"")
    for name in ("clerk", "Clerk", "%00", "x" * 21, "a%2fb"):
        response = await school.owner.get(f"/v1/roles/{name}")
        assert response.status_code == 404
    stays = await school.owner.delete("/v1/roles/owner", headers={"If-Match": '"1"'})
    assert (stays.status_code, stays.json()["code"]) == (409, "role.built_in")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "body",
    [
        {"name": "clerk", "permissions": []},
        {"name": "clerk", "permissions": ["platform"]},
        {"name": "clerk", "permissions": ["self"]},
        {"name": "Clerk", "permissions": ["read"]},
        {"name": "", "permissions": ["read"]},
        {"name": "clerk", "permissions": ["read"] * 9},
        {"name": "clerk", "permissions": ["read"], "built_in": True},
    ],
)
async def test_what_a_role_cannot_be(school: School, body: dict[str, object]) -> None:
    response = await school.owner.post("/v1/roles", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid")
