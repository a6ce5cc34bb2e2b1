"""Invitations through the API: from the mail's token to the first request as a member."""

from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import select
from structlog.testing import capture_logs

from tallystick.auth.models import INVITATIONS
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.migrations.tables import METADATA
from tests.people import login
from tests.web.conftest import MakeClient, MakeSchool, School
from tests.web.people import people

__all__ = ["people"]

# Nobody has tried anything yet: all clients of the tests come from one address.
pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("people")]

PASSWORD = "kettle gravel seven lanterns"


@pytest.fixture
def email() -> str:
    """Return an address that nobody else has."""
    return f"{ids.new().hex}@example.com"


async def _token(app: FastAPI, school: School, email: str, role: str = "cashier") -> str:
    """Invite somebody, and give what stands in the mail."""
    made = await school.owner.post("/v1/invitations", json={"email": email, "role": role})
    assert made.status_code == 201, made.text
    assert "token" not in made.text
    place = UUID(school.id).bytes + UUID(made.json()["id"]).bytes
    text: str = app.state.edge.signer.sign("invitation", place)
    return text


async def test_somebody_new_becomes_a_member_and_logs_in(
    app: FastAPI,
    school: School,
    anonymous: httpx2.AsyncClient,
    make_client: MakeClient,
    database: Database,
    email: str,
) -> None:
    token = await _token(app, school, email)
    needed = await anonymous.post("/v1/invitations/accept", json={"token": token})
    assert (needed.status_code, needed.json()["code"]) == (422, "invitation.person_needed")
    body = {"token": token, "name": "Ada", "password": PASSWORD}
    weak = await anonymous.post("/v1/invitations/accept", json={**body, "password": "short"})
    assert (weak.status_code, weak.json()["code"]) == (422, "password.too_short")
    with capture_logs() as lines:
        accepted = await anonymous.post("/v1/invitations/accept", json=body)
    assert accepted.status_code == 200
    assert accepted.json().items() >= {"email": email, "role": "cashier"}.items()
    assert accepted.json()["organization_slug"] == school.slug
    again = await anonymous.post("/v1/invitations/accept", json=body)
    assert again.json()["code"] == "auth.token_unknown"
    browser = make_client()
    entered = await browser.post("/v1/login", json={"login": email, "password": PASSWORD})
    assert entered.status_code == 200, entered.text
    cookie = entered.headers["set-cookie"].partition(";")[0]
    person = make_client(Cookie=cookie, **{"Tallystick-Organization": school.slug})
    assert (await person.get("/v1/customers")).status_code == 200
    assert (await person.get("/v1/members")).status_code == 403, "a cashier manages nobody"
    stored = database.read(_everything)
    for secret in (token, PASSWORD):
        assert secret not in stored
        assert secret not in str(lines)


def _everything(conn: Any) -> str:
    tables = METADATA.sorted_tables
    return "".join(str(row) for table in tables for row in conn.execute(select(table)))


async def test_somebody_known_needs_no_password(
    app: FastAPI, school: School, anonymous: httpx2.AsyncClient, database: Database, email: str
) -> None:
    user_id = login(database, email=email)
    token = await _token(app, school, email, "viewer")
    accepted = await anonymous.post("/v1/invitations/accept", json={"token": token})
    assert (accepted.status_code, accepted.json()["user_id"]) == (200, str(user_id))
    members = (await school.owner.get("/v1/members")).json()["data"]
    assert [(each["user_id"], each["role"]) for each in members] == [(str(user_id), "viewer")]


async def test_what_is_no_token(
    app: FastAPI, school: School, anonymous: httpx2.AsyncClient, email: str
) -> None:
    good = await _token(app, school, email)
    signer = app.state.edge.signer
    place = UUID(school.id).bytes
    for token in (
        "",
        "x",
        good[:-1],
        signer.sign("invitation", place),
        signer.sign("invitation", place + ids.new().bytes),
        signer.sign("reset_password", place + ids.new().bytes),
        signer.sign("payer link", place + ids.new().bytes),
    ):
        body = {"token": token, "name": "Ada", "password": PASSWORD}
        refused = await anonymous.post("/v1/invitations/accept", json=body)
        assert refused.json()["code"] == "auth.token_unknown"


async def test_invitations_are_listed_and_taken_back(
    app: FastAPI,
    school: School,
    make_school: MakeSchool,
    anonymous: httpx2.AsyncClient,
    database: Database,
    email: str,
) -> None:
    token = await _token(app, school, email)
    [listed] = (await school.owner.get("/v1/invitations?pending=true")).json()["data"]
    path = f"/v1/invitations/{listed['id']}"
    assert (await school.owner.get(path)).json() == listed
    stranger = (await make_school()).owner
    assert (await stranger.get(path)).json()["code"] == "invitation.unknown"
    assert (await stranger.post(f"{path}/revoke")).json()["code"] == "invitation.unknown"
    revoked = await school.owner.post(f"{path}/revoke")
    assert (revoked.status_code, revoked.json()["status"]) == (200, "revoked")
    body = {"token": token, "name": "Ada", "password": PASSWORD}
    refused = await anonymous.post("/v1/invitations/accept", json=body)
    assert refused.json()["code"] == "auth.token_unknown"
    assert (await school.owner.get("/v1/invitations?pending=true")).json()["data"] == []
    own = select(INVITATIONS.c.accepted_at).where(INVITATIONS.c.id == UUID(listed["id"]))
    assert database.read(lambda conn: conn.execute(own).scalar()) is None
