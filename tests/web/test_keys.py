"""API keys and personal tokens through the API."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from tallystick.auth.credentials import PERSONAL_START
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tests.people import member, personal_token
from tests.web.conftest import MakeClient, MakeSchool, Moment, School

pytestmark = pytest.mark.anyio

MakePerson = Callable[..., httpx2.AsyncClient]


@pytest.fixture
def make_person(database: Database, make_client: MakeClient) -> MakePerson:
    """Return a factory of clients with the personal token of a member."""

    def make(place: School, role: str, scopes: frozenset[str] | None = None) -> httpx2.AsyncClient:
        user_id = member(database, UUID(place.id), role)
        return make_client(personal_token(database, user_id, scopes))

    return make


async def test_a_key_from_its_making_to_its_end(
    school: School, make_client: MakeClient, moment: Moment, app: FastAPI
) -> None:
    body = {"name": "Till", "role": "cashier", "scopes": ["read"]}
    body["expires_at"] = "2027-11-20T09:00:00Z"
    made = await school.owner.post("/v1/keys", json=body)
    assert made.status_code == 201
    key = made.json()
    path, text = made.headers["Location"], key.pop("key")
    assert key["prefix"] == text[:12]
    assert (await school.owner.get(path)).json() == key
    assert text not in (await school.owner.get("/v1/keys")).text
    client = make_client(text)
    assert (await client.get("/v1/customers")).status_code == 200
    assert (await client.post("/v1/customers", json={})).status_code == 403
    rotated = await school.owner.post(f"{path}/rotate", json={"overlap_hours": 1})
    assert rotated.status_code == 201
    assert rotated.json()["replaces_id"] == key["id"]
    newer = make_client(rotated.json()["key"])
    for each in (client, newer):
        assert (await each.get("/v1/customers")).status_code == 200
    moment.now += timedelta(hours=1)
    app.state.edge.callers.forget()
    assert (await client.get("/v1/customers")).status_code == 401
    assert (await newer.get("/v1/customers")).status_code == 200
    revoked = await school.owner.post(rotated.headers["Location"] + "/revoke")
    assert revoked.status_code == 200
    assert (await newer.get("/v1/customers")).status_code == 401, "from the next request on"


async def test_a_key_is_listed_while_it_is_good(school: School) -> None:
    made = [
        (await school.owner.post("/v1/keys", json={"name": name, "role": "viewer"})).json()
        for name in ("one", "two")
    ]
    await school.owner.post(f"/v1/keys/{made[0]['id']}/revoke")
    good = (await school.owner.get("/v1/keys?good=true")).json()["data"]
    assert made[1]["id"] in {key["id"] for key in good}
    over = (await school.owner.get("/v1/keys?good=false")).json()["data"]
    assert [key["id"] for key in over] == [made[0]["id"]]


async def test_a_platform_key_makes_platform_keys_and_others(
    platform: httpx2.AsyncClient, school: School, make_client: MakeClient
) -> None:
    made = (await platform.post("/v1/keys", json={"name": "Operations"})).json()
    assert (made["organization_id"], made["role"]) == (None, "platform")
    other = make_client(made["key"])
    assert (await other.get("/v1/organizations")).status_code == 200
    named = {"Tallystick-Organization": school.slug}
    made_there = await other.post(
        "/v1/keys", json={"name": "Till", "role": "viewer"}, headers=named
    )
    assert made_there.json()["organization_id"] == school.id
    path = f"/v1/keys/{made['id']}"
    assert (await platform.get(path)).status_code == 200
    assert (await platform.get(path, headers=named)).status_code == 404
    for body, headers in (({"role": "viewer"}, {}), ({}, named)):
        refused = await platform.post("/v1/keys", json={"name": "x", **body}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (422, "key.role_misplaced")
    assert (await platform.post(f"{path}/revoke")).status_code == 200
    assert (await other.get("/v1/organizations")).status_code == 401


async def test_a_platform_key_for_one_thing_reaches_no_platform_keys(
    platform: httpx2.AsyncClient, make_client: MakeClient, school: School
) -> None:
    body = {"name": "Keys of schools", "scopes": ["manage"]}
    limited = make_client((await platform.post("/v1/keys", json=body)).json()["key"])
    refused = await limited.get("/v1/keys")
    assert (refused.status_code, refused.json()["code"]) == (422, "organization.header_missing")
    named = {"Tallystick-Organization": school.id}
    assert (await limited.get("/v1/keys", headers=named)).status_code == 200
    body = {"name": "More", "role": "viewer"}
    refused = await limited.post("/v1/keys", json=body, headers=named)
    assert (refused.status_code, refused.json()["code"]) == (403, "auth.beyond_own")


async def test_keys_of_elsewhere_do_not_exist(school: School, make_school: MakeSchool) -> None:
    made = (await school.owner.post("/v1/keys", json={"name": "x", "role": "viewer"})).json()
    stranger = (await make_school()).owner
    for method, path in (("GET", ""), ("POST", "/rotate"), ("POST", "/revoke")):
        response = await stranger.request(method, f"/v1/keys/{made['id']}{path}")
        assert (response.status_code, response.json()["code"]) == (404, "key.unknown")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"scopes": []}, "request.invalid"),
        ({"scopes": ["self"]}, "request.invalid"),
        ({"scopes": ["platform"]}, "key.scopes_beyond_role"),
        ({"role": "boss"}, "role.unknown"),
        ({"role": "platform"}, "role.unknown"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "key.expires_in_past"),
        ({"expires_at": "2030-01-01"}, "request.invalid"),
        ({"expires_at": "2030-02-30T00:00:00Z"}, "request.invalid"),
        ({"expires_at": 1900000000}, "request.invalid"),
        ({"expires_at": "9999-12-31T00:00:00Z"}, "request.invalid"),
        ({"organization_id": str(ids.NIL)}, "request.invalid"),
        ({"name": "a\nb"}, "request.invalid"),
    ],
)
async def test_what_a_key_cannot_be(school: School, body: dict[str, object], code: str) -> None:
    response = await school.owner.post("/v1/keys", json={"name": "x", "role": "viewer", **body})
    assert response.json()["code"] == code


async def test_a_personal_token(
    school: School, make_person: MakePerson, make_client: MakeClient
) -> None:
    person = make_person(school, "cashier")
    body = {"name": "Export", "scopes": ["read"], "expires_at": "2027-11-20T09:00:00Z"}
    made = await person.post("/v1/me/tokens", json=body)
    assert made.status_code == 201
    token = made.json()
    text = token.pop("token")
    assert text.startswith(PERSONAL_START)
    path = made.headers["Location"]
    assert (await person.get(path)).json() == token
    listed = (await person.get("/v1/me/tokens")).json()["data"]
    assert (len(listed), listed[0]) == (2, token)
    script = make_client(text, **{"Tallystick-Organization": school.slug})
    assert (await script.get("/v1/customers")).status_code == 200
    assert (await script.post("/v1/customers", json={})).status_code == 403
    assert (await script.get("/v1/me/tokens")).status_code == 403, "no scope for it"
    assert (await person.post(f"{path}/revoke")).status_code == 200
    assert (await script.get("/v1/customers")).status_code == 401, "from the next request on"
    stranger = make_person(school, "owner")
    assert (await stranger.get(path)).json()["code"] == "token.unknown"
    assert (await school.owner.get("/v1/me/tokens")).status_code == 403, "a key is no person"


async def test_a_limited_token_makes_no_wider_one(school: School, make_person: MakePerson) -> None:
    person = make_person(school, "owner", frozenset({"self"}))
    for scopes in (None, ["read"], ["self", "manage"]):
        response = await person.post("/v1/me/tokens", json={"name": "x", "scopes": scopes})
        assert (response.status_code, response.json()["code"]) == (403, "auth.beyond_own")
    response = await person.post("/v1/me/tokens", json={"name": "x", "scopes": ["self"]})
    assert response.status_code == 201
