"""Who calls, and in which organization. What each may do stands in tests/web/matrix."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import update
from structlog.testing import capture_logs

from tallystick.auth.models import API_KEYS
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.signing import Signer
from tallystick.web.identity import Callers
from tests.web.conftest import MakeClient, MakeKey, Moment, School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


@pytest.mark.parametrize("key", [None, "", "tsk_wrong", "x" * 10_000, "tsk_é", "a b"])
async def test_without_a_key(make_client: MakeClient, key: str | None) -> None:
    headers: Any = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
    with capture_logs() as lines:
        response = await make_client().get("/v1/customers", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="tallystick"'
    assert response.json()["code"] in {"auth.key_missing", "auth.key_unknown"}
    [line] = lines
    assert line["event"] in {"no key", "unknown key"}
    assert line["operation"] == "list_customers"
    assert not key or key not in response.text + json.dumps(lines)


async def test_whoever_may_not_is_noted(school: School) -> None:
    with capture_logs() as lines:
        response = await school.viewer.post("/v1/customers", json={})
    assert response.json()["code"] == "auth.forbidden"
    [line] = lines
    assert (line["event"], line["operation"]) == ("forbidden", "create_customer")
    assert line["organization"] == school.id


async def test_a_key_in_a_header_of_its_own(make_client: MakeClient, school: School) -> None:
    key = school.owner.headers["Authorization"].removeprefix("Bearer ")
    response = await make_client(**{"X-API-Key": key}).get("/v1/customers")
    assert response.status_code == 200
    response = await make_client(Authorization=f"bEARER  {key}").get("/v1/customers")
    assert response.status_code == 200
    response = await make_client(Authorization=f"Basic {key}").get("/v1/customers")
    assert response.json()["code"] == "auth.key_missing"


async def test_a_platform_key_names_the_organization(
    platform: httpx2.AsyncClient, school: School
) -> None:
    response = await platform.get("/v1/customers")
    assert response.status_code == 422
    assert response.json()["code"] == "organization.header_missing"
    for named in (school.id, school.slug):
        headers = {"Tallystick-Organization": named}
        response = await platform.get("/v1/customers", headers=headers)
        assert response.status_code == 200
    for named in (str(ids.new()), "none-such", "", "x" * 70, "Ünknown", "../etc"):
        response = await platform.get(
            "/v1/customers", headers=[(b"Tallystick-Organization", named.encode())]
        )
        assert response.status_code == 404
        assert response.json()["code"] == "organization.unknown"


async def test_an_owner_may_name_their_own_organization(school: School) -> None:
    for named in (school.id, school.slug):
        response = await school.owner.get(
            "/v1/customers", headers={"Tallystick-Organization": named}
        )
        assert response.status_code == 200


async def test_a_revoked_key_is_forgotten(
    app: FastAPI, database: Database, school: School, make_client: MakeClient, make_key: MakeKey
) -> None:
    client = make_client(make_key("viewer", school.id))
    assert (await client.get("/v1/customers")).status_code == 200
    revoke = update(API_KEYS).where(API_KEYS.c.organization_id == UUID(school.id))
    database.write(lambda conn: conn.execute(revoke.values(revoked_at=app.state.edge.clock())))
    assert (await client.get("/v1/customers")).status_code == 200
    app.state.edge.callers.forget()
    assert (await client.get("/v1/customers")).status_code == 401


async def test_callers_are_looked_up_once_while_fresh(
    database: Database, school: School, make_key: MakeKey
) -> None:
    now, reads = 0.0, 0

    async def read(query: Callable[..., Any]) -> Any:
        nonlocal reads
        reads += 1
        return database.read(query)

    callers = Callers(Signer("x"), Moment(), monotonic=lambda: now)
    key = make_key("viewer", school.id)
    for moment, expected in ((0.0, 1), (3.9, 1), (4.1, 2), (8.0, 2), (60.0, 3)):
        now = moment
        found = await callers.find(read, key, None)
        assert found is not None
        assert found.actor.role == "viewer"
        assert found.place is not None
        assert found.place.time_zone == "Europe/Berlin"
        assert reads == expected
    assert key not in repr(callers._found)  # noqa: SLF001  # nobody else may see it either


async def test_the_first_who_doubts_looks_for_all(
    database: Database, school: School, make_key: MakeKey
) -> None:
    now, reads = 0.0, 0
    callers = Callers(Signer("x"), Moment(), monotonic=lambda: now)
    key = make_key("viewer", school.id)

    async def read(query: Callable[..., Any]) -> Any:
        nonlocal reads
        reads += 1
        if reads == 2:
            # While it looks, another request goes on with what was known.
            assert await callers.find(read, key, None) is not None
        return database.read(query)

    await callers.find(read, key, None)
    now = 4.5
    await callers.find(read, key, None)
    assert reads == 2


async def test_what_is_remembered_is_bounded(
    database: Database, school: School, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.web.identity.REMEMBERED_MAX", 2)

    async def read(query: Callable[..., Any]) -> Any:
        return database.read(query)

    callers = Callers(Signer("x"), Moment())
    for _ in range(4):
        await callers.find(read, make_key("viewer", school.id), None)
    assert len(callers._found) == 2  # noqa: SLF001  # there is no other way to see it


async def test_a_look_up_that_began_before_is_not_remembered(
    database: Database, school: School, make_key: MakeKey
) -> None:
    callers = Callers(Signer("x"), Moment())
    key = make_key("viewer", school.id)

    async def read(query: Callable[..., Any]) -> Any:
        found = database.read(query)
        # Meanwhile somebody changes who may do what.
        callers.forget()
        return found

    assert await callers.find(read, key, None) is not None
    assert callers._found == {}  # noqa: SLF001  # there is no other way to see it


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "http://a]b", "null", ""])
async def test_an_origin_that_is_none_is_another_site(
    anonymous: httpx2.AsyncClient, origin: str
) -> None:
    given = {"login": "ada@example.com", "password": "some words or other"}
    response = await anonymous.post("/v1/login", json=given, headers={"Origin": origin})
    assert (response.status_code, response.json()["code"]) == (403, "auth.csrf")


async def test_what_the_platform_makes_is_its_own_act(
    platform: httpx2.AsyncClient, school: School
) -> None:
    given = {"slug": f"s-{ids.new().hex}", "name": "Other", "country": "DE", "currency": "EUR"}
    response = await platform.post(
        "/v1/organizations",
        json=given | {"time_zone": "Europe/Berlin"},
        headers={"Tallystick-Organization": school.id},
    )
    assert response.status_code == 201
    trail = (await school.owner.get("/v1/audit-trail")).json()["data"]
    assert given["slug"] not in str(trail)
    own = (await platform.get("/v1/audit-trail")).json()["data"]
    assert any(each["subject_id"] == response.json()["id"] for each in own)


async def test_a_text_that_no_database_takes_is_refused(
    platform: httpx2.AsyncClient, school: School
) -> None:
    for client, path in (
        (school.owner, "/v1/members?role=%00"),
        (platform, "/v1/users?email=%00"),
    ):
        response = await client.get(path)
        assert (response.status_code, response.json()["code"]) == (422, "request.invalid")
