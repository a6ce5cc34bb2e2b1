"""Users through the API, for the platform; and where each person finds themselves."""

from uuid import UUID

import httpx2
import pytest

from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tests.people import login, member, personal_token
from tests.web.conftest import MakeClient, MakeSchool, School

pytestmark = pytest.mark.anyio


async def test_a_user_from_the_invitation_to_the_end(
    platform: httpx2.AsyncClient, database: Database, make_client: MakeClient
) -> None:
    email = f"{ids.new().hex}@example.com"
    made = await platform.post("/v1/users", json={"email": email, "name": "Ada"})
    assert (made.status_code, made.json()["email_verified"]) == (201, False)
    path = made.headers["Location"]
    read = await platform.get(path)
    assert (read.json(), read.headers["ETag"]) == (made.json(), '"1"')
    listed = (await platform.get(f"/v1/users?email={email}&active=true")).json()
    assert listed["data"] == [made.json()]
    changed = await platform.patch(path, json={"name": "Ada Obi"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["name"]) == (200, "Ada Obi")
    person = make_client(personal_token(database, UUID(made.json()["id"])))
    assert (await person.get("/v1/me")).status_code == 200
    ended = await platform.post(f"{path}/deactivate")
    assert (ended.status_code, ended.json()["active"]) == (200, False)
    assert (await person.get("/v1/me")).status_code == 401, "from the next request on"
    back = await platform.post(f"{path}/reactivate")
    assert (back.status_code, back.json()["active"]) == (200, True)
    assert (await person.get("/v1/me")).status_code == 401, "ended for good"
    taken = await platform.post("/v1/users", json={"email": email.upper(), "name": "Ada"})
    assert (taken.status_code, taken.json()["code"]) == (409, "user.email_taken")
    for unknown in (str(ids.new()), "x"):
        response = await platform.get(f"/v1/users/{unknown}")
        assert (response.status_code, response.json()["code"]) == (404, "user.unknown")


async def test_what_is_told_of_users_belongs_to_no_organization(
    platform: httpx2.AsyncClient, school: School
) -> None:
    body = {"email": f"{ids.new().hex}@example.com", "name": "Ada"}
    headers = {"Idempotency-Key": str(ids.new())}
    first = await platform.post("/v1/users", json=body, headers=headers)
    named = {**headers, "Tallystick-Organization": school.id}
    again = await platform.post("/v1/users", json=body, headers=named)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.json() == first.json()


async def test_an_owner_sees_no_users(school: School) -> None:
    assert (await school.owner.get("/v1/users")).status_code == 403


async def test_a_person_finds_their_organizations_with_their_roles(
    school: School, make_school: MakeSchool, database: Database, make_client: MakeClient
) -> None:
    other, elsewhere = await make_school(), await make_school()
    user_id = member(database, UUID(school.id), "cashier")
    person = make_client(personal_token(database, user_id))
    assert await _roles(person) == {school.id: "cashier"}
    named = {"Tallystick-Organization": elsewhere.id}
    assert (await person.get("/v1/organizations", headers=named)).status_code == 404
    assert (await person.get(f"/v1/organizations/{other.id}")).status_code == 404
    assert (await person.get(f"/v1/organizations/{school.id}")).status_code == 200
    assert await _roles(make_client(personal_token(database, login(database)))) == {}
    assert await _roles(school.owner) == {school.id: "owner"}


async def _roles(client: httpx2.AsyncClient) -> dict[str, str | None]:
    answer = await client.get("/v1/organizations")
    assert answer.status_code == 200
    return {each["id"]: each["role"] for each in answer.json()["data"]}


async def test_the_platform_finds_all_with_its_own_roles(
    school: School,
    make_school: MakeSchool,
    platform: httpx2.AsyncClient,
    database: Database,
    make_client: MakeClient,
) -> None:
    other = await make_school()
    user_id = member(database, UUID(school.id), "viewer", platform=True)
    person = make_client(personal_token(database, user_id))
    roles = await _roles(person)
    assert {school.id: "viewer", other.id: None}.items() <= roles.items()
    assert {school.id: None, other.id: None}.items() <= (await _roles(platform)).items()
    # A token for one's own login alone shows where one is a member, and no more.
    limited = make_client(personal_token(database, user_id, frozenset({"self"})))
    assert await _roles(limited) == {school.id: "viewer"}


async def test_people_of_the_platform_say_why(
    school: School, database: Database, make_client: MakeClient
) -> None:
    person = make_client(personal_token(database, login(database, platform=True)))
    named = {"Tallystick-Organization": school.id}
    body = {"name": "clerk", "permissions": ["read"]}
    refused = await person.post("/v1/roles", json=body, headers=named)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.reason_missing")
    named["Tallystick-Reason"] = "Asked by the head of the school"
    assert (await person.post("/v1/roles", json=body, headers=named)).status_code == 201
