"""The first person of an installation: made once, by a token that an operator was shown."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import Connection, func, select

from tallystick.auth import setting_up
from tallystick.auth.models import MEMBERSHIPS, SESSIONS, USERS
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.parties.models import ORGANIZATIONS
from tests.conftest import Databases
from tests.web.conftest import MakeClient, Moment
from tests.web.people import PASSWORD, People, people

__all__ = ["people"]

pytestmark = pytest.mark.anyio

PERSON = {"email": "ada@example.com", "name": "Ada", "password": PASSWORD}
ORGANIZATION = {
    "slug": "northfield",
    "name": "Northfield",
    "country": "DE",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
}


@pytest.fixture
def empty(databases: Databases, engine: str, database: Database) -> Database:
    """Return the database with nobody in it."""
    databases.audit(engine)
    return database


@pytest.fixture
def make_token(empty: Database, app: FastAPI, moment: Moment) -> Any:
    """Return what a start of the product does: give a token, and end the older."""

    def make() -> str | None:
        act = Act(OPERATOR, ids.NIL, moment(), str(ids.new()), "made by a test")
        token_id = empty.write(lambda conn: setting_up.new_token(conn, act))
        if token_id is None:
            return None
        token: str = app.state.edge.signer.sign("setup", token_id.bytes)
        return token

    return make


def _count(conn: Connection) -> list[int]:
    tables = (USERS, SESSIONS, MEMBERSHIPS, ORGANIZATIONS)
    return [conn.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


async def test_the_first_person_with_an_organization(
    empty: Database, make_token: Any, people: People, anonymous: httpx2.AsyncClient
) -> None:
    body = {**PERSON, "user_name": "ada", "organization": ORGANIZATION, "token": make_token()}
    response = await anonymous.post("/v1/setup", json=body)
    assert response.status_code == 200
    user = response.json()["user"]
    assert (user["platform"], user["email_verified"], user["user_name"]) == (True, True, "ada")
    [membership] = user["memberships"]
    assert (membership["slug"], membership["role"]) == ("northfield", "owner")
    browser = people.browser(response)
    made = await browser.post(
        "/v1/customers",
        json={"kind": "student", "name": "Maya"},
        headers={"Tallystick-Organization": "northfield"},
    )
    assert made.status_code == 201
    assert empty.read(_count) == [1, 1, 1, 1]
    # From now on there is somebody.
    assert make_token() is None
    for token in (body["token"], "garbage"):
        response = await anonymous.post(
            "/v1/setup", json=body | {"token": token, "email": "eve@example.com"}
        )
        assert response.json()["code"] == "setup.done"
    assert empty.read(_count) == [1, 1, 1, 1]


async def test_a_sign_up_of_a_stranger_is_in_nobodys_way(
    empty: Database, make_token: Any, people: People, anonymous: httpx2.AsyncClient
) -> None:
    theirs = {**PERSON, "password": "another four words in a row", "name": "A thief"}
    assert (await anonymous.post("/v1/signup", json=theirs)).status_code == 202
    stolen = people.token("verify_email", people.find(PERSON["email"]).id)
    token = make_token()
    assert token is not None
    body = {**PERSON, "user_name": "ada", "organization": ORGANIZATION, "token": token}
    response = await anonymous.post("/v1/setup", json=body)
    assert response.status_code == 200
    user = response.json()["user"]
    assert (user["name"], user["user_name"], user["platform"]) == ("Ada", "ada", True)
    assert user["email_verified"] is True
    assert [each["role"] for each in user["memberships"]] == ["owner"]
    assert empty.read(_count) == [1, 1, 1, 1]
    for given, code in ((theirs, "login.wrong"), (PERSON, None)):
        body = {"login": given["email"], "password": given["password"]}
        response = await anonymous.post("/v1/login", json=body)
        assert response.json().get("code") == code
    proof = {"token": stolen, "password": PASSWORD}
    response = await anonymous.post("/v1/verify-email", json=proof)
    assert response.json()["code"] == "auth.token_unknown"
    assert make_token() is None


async def test_only_the_newest_token_is_good_for_a_day(
    empty: Database, make_token: Any, anonymous: httpx2.AsyncClient, moment: Moment
) -> None:
    first, second = make_token(), make_token()
    for token in (first, "garbage", second[:-1]):
        response = await anonymous.post("/v1/setup", json=PERSON | {"token": token})
        assert response.json()["code"] == "auth.token_unknown"
    moment.now += timedelta(hours=24)
    response = await anonymous.post("/v1/setup", json=PERSON | {"token": second})
    assert response.json()["code"] == "auth.token_unknown"
    assert empty.read(_count) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("members", "code", "pointer"),
    [
        ({"password": "YOUR OWN"}, "password.too_short", "/password"),
        ({"email": "ada"}, "user.email_malformed", "/email"),
        ({"user_name": "a b"}, "user.user_name_malformed", "/user_name"),
        (
            {"organization": ORGANIZATION | {"time_zone": "Mars/Base"}},
            "organization.time_zone_unknown",
            "/organization/time_zone",
        ),
    ],
)
async def test_what_is_refused_leaves_the_token_good(
    empty: Database,
    make_token: Any,
    anonymous: httpx2.AsyncClient,
    members: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    body = PERSON | {"token": make_token()}
    response = await anonymous.post("/v1/setup", json=body | members)
    assert response.json()["code"] == code
    assert response.json()["errors"][0]["pointer"] == pointer
    assert empty.read(_count) == [0, 0, 0, 0]
    assert (await anonymous.post("/v1/setup", json=body)).status_code == 200


async def test_two_at_once_make_one(
    empty: Database, make_token: Any, make_client: MakeClient
) -> None:
    token = make_token()
    bodies = [PERSON | {"token": token, "email": f"{name}@example.com"} for name in "abcd"]
    responses = await asyncio.gather(
        *(make_client().post("/v1/setup", json=body) for body in bodies)
    )
    refused = [each for each in responses if each.status_code != 200]
    assert len(refused) == 3
    assert {each.json()["code"] for each in refused} <= {
        "auth.token_unknown",
        "setup.done",
    }
    assert empty.read(_count) == [1, 1, 0, 0]
