"""One's own login: what it says, its password, its address, its sessions."""

import asyncio
from datetime import timedelta

import httpx2
import pytest
from sqlalchemy import select

from tallystick.auth.credentials import PERSONAL_START, hash_of, new_secret
from tallystick.auth.models import API_KEYS, MAILED_TOKENS
from tallystick.kernel import events, ids
from tallystick.kernel.database import Database
from tests.web.conftest import MakeClient, Moment
from tests.web.people import PASSWORD, People, Someone, people

__all__ = ["people"]

pytestmark = pytest.mark.anyio

NEW = "another four words in a row"


@pytest.fixture
def ada(people: People) -> Someone:
    return people.add()


@pytest.fixture
async def browser(people: People, ada: Someone) -> httpx2.AsyncClient:
    return await people.log_in(ada)


@pytest.fixture
def script(people: People, ada: Someone, make_client: MakeClient) -> httpx2.AsyncClient:
    """Return a client with a personal token."""
    text = new_secret(PERSONAL_START)
    values = {
        "id": ids.new(),
        "user_id": ada.id,
        "role": "",
        "name": "a script",
        "prefix": text[:12],
        "secret_hash": hash_of(text),
        "created_at": people.clock(),
    }
    people.database.write(lambda conn: conn.execute(API_KEYS.insert(), values))
    return make_client(text)


async def test_change_what_others_see(
    people: People, ada: Someone, browser: httpx2.AsyncClient
) -> None:
    me = await browser.get("/v1/me")
    etag = {"If-Match": me.headers["ETag"]}
    name = f"ada-{ids.new().hex}"
    given = {"name": "Ada King", "user_name": name, "language": "en"}
    changed = await browser.patch("/v1/me", json=given, headers=etag)
    assert changed.status_code == 200
    assert given.items() <= changed.json().items()
    assert changed.json()["version"] == me.json()["version"] + 1
    response = await browser.patch("/v1/me", json=given, headers=etag)
    assert response.json()["code"] == "precondition.stale"
    await people.log_in(ada, login=name.upper())

    etag = {"If-Match": changed.headers["ETag"]}
    other = people.add()
    for user_name, code in (
        (other.user_name.lower(), "user.user_name_taken"),
        ("a@b.c", "user.user_name_malformed"),
        ("ünder", "user.user_name_malformed"),
    ):
        response = await browser.patch("/v1/me", json={"user_name": user_name}, headers=etag)
        assert response.json()["code"] == code
    response = await browser.patch("/v1/me", json={"user_name": None}, headers=etag)
    assert response.json()["user_name"] is None


async def test_a_personal_token_has_no_session(
    script: httpx2.AsyncClient, browser: httpx2.AsyncClient
) -> None:
    assert (await script.get("/v1/me")).json()["csrf_token"] is None
    assert (await browser.get("/v1/me")).json()["csrf_token"] is not None
    assert (await script.post("/v1/logout")).json()["code"] == "auth.session_needed"
    listed = (await script.get("/v1/me/sessions")).json()["data"]
    assert [session["current"] for session in listed] == [False]


async def test_choose_another_password(
    people: People, ada: Someone, browser: httpx2.AsyncClient
) -> None:
    other = await people.log_in(ada)
    for sent, code in (
        ({"password": NEW, "new_password": NEW}, "auth.password_wrong"),
        ({"password": PASSWORD, "new_password": "short"}, "password.too_short"),
    ):
        response = await browser.post("/v1/me/password", json=sent)
        assert response.json()["code"] == code
    assert (await other.get("/v1/me")).status_code == 200
    response = await browser.post(
        "/v1/me/password", json={"password": PASSWORD, "new_password": NEW}
    )
    assert response.status_code == 204
    assert people.mails()[-1] == ("mail.password_changed", {"user_id": str(ada.id)})
    assert (await browser.get("/v1/me")).status_code == 200
    assert (await other.get("/v1/me")).status_code == 401
    await people.log_in(ada, password=NEW)


async def test_another_address_is_proved_before_it_counts(
    people: People, ada: Someone, browser: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    new = f"{ids.new().hex}@example.com"
    response = await browser.post("/v1/me/email", json={"email": new, "password": NEW})
    assert response.json()["code"] == "auth.password_wrong"
    response = await browser.post("/v1/me/email", json={"email": new, "password": PASSWORD})
    assert (response.status_code, response.content) == (202, b"")
    assert (await browser.get("/v1/me")).json()["email"] == ada.email
    token = people.token("change_email", ada.id)
    assert people.mails()[-1][0] == "mail.change_email"

    # Whoever reads the new address and follows the link gives nobody anything.
    body = {"token": token}
    assert (await anonymous.post("/v1/me/email/confirm", json=body)).status_code == 401
    stranger = await people.log_in(people.add())
    response = await stranger.post("/v1/me/email/confirm", json=body)
    assert response.json()["code"] == "auth.token_unknown"

    response = await browser.post("/v1/me/email/confirm", json=body)
    assert response.status_code == 200
    assert response.json()["email"] == new
    kind, payload = people.mails()[-1]
    assert (kind, payload["user_id"]) == ("mail.email_changed", str(ada.id))
    note = people.database.read(
        lambda conn: conn.execute(
            select(MAILED_TOKENS.c.email, MAILED_TOKENS.c.used_at).order_by(
                MAILED_TOKENS.c.id.desc()
            )
        ).first()
    )
    assert note is not None
    assert (note.email, note.used_at) == (ada.email, people.clock())
    response = await browser.post("/v1/me/email/confirm", json=body)
    assert response.json()["code"] == "auth.token_unknown"
    await people.log_in(ada, login=new)
    response = await anonymous.post("/v1/login", json={"login": ada.email, "password": PASSWORD})
    assert response.json()["code"] == "login.wrong"


async def test_an_address_belongs_to_one(
    people: People, ada: Someone, browser: httpx2.AsyncClient
) -> None:
    other = people.add()
    response = await browser.post("/v1/me/email", json={"email": other.email, "password": PASSWORD})
    assert (response.status_code, response.content) == (202, b"")
    body = {"token": people.token("change_email", ada.id)}
    response = await browser.post("/v1/me/email/confirm", json=body)
    assert response.json()["code"] == "user.email_taken"
    assert people.row(ada.id).email == ada.email


async def test_list_and_end_sessions(
    people: People, ada: Someone, browser: httpx2.AsyncClient
) -> None:
    other = await people.log_in(ada)
    stranger = await people.log_in(people.add())
    listed = (await browser.get("/v1/me/sessions")).json()["data"]
    assert [session["current"] for session in listed] == [False, True]
    assert listed[0]["address"] == "127.0.0.1"
    response = await stranger.delete(f"/v1/me/sessions/{listed[0]['id']}")
    assert response.json()["code"] == "session.unknown"
    assert (await other.get("/v1/me")).status_code == 200
    response = await browser.delete(f"/v1/me/sessions/{listed[0]['id']}")
    assert response.status_code == 204
    assert (await other.get("/v1/me")).status_code == 401
    response = await browser.delete(f"/v1/me/sessions/{listed[0]['id']}")
    assert response.json()["code"] == "session.unknown"
    page = (await browser.get("/v1/me/sessions?limit=1")).json()
    assert [session["id"] for session in page["data"]] == [listed[1]["id"]]
    assert page["next"] is None


async def test_the_facts_name_nobody(
    ada: Someone, browser: httpx2.AsyncClient, database: Database
) -> None:
    await browser.post("/v1/me/password", json={"password": PASSWORD, "new_password": NEW})
    found = database.read(
        lambda conn: conn.execute(
            select(events.EVENTS)
            .where(events.EVENTS.c.subject_id == ada.id)
            .order_by(events.EVENTS.c.id)
        ).all()
    )
    assert [row.type for row in found] == [
        "user.created",
        "session.begun",
        "user.password_changed",
    ]
    assert [(row.organization_id, row.actor_kind) for row in found] == [
        (ids.NIL, "operator"),
        (ids.NIL, "user"),
        (ids.NIL, "user"),
    ]
    assert found[-1].actor_id == ada.id
    told = str([row.payload for row in found])
    assert "@" not in told
    assert "Ada" not in told


async def test_ten_wrong_passwords_anywhere_are_ten(
    ada: Someone, browser: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    wrong = 0
    for number in range(12):
        if number % 2:
            response = await browser.post("/v1/me/two-factor", json={"password": NEW})
        else:
            login = ada.email if number % 4 else ada.user_name
            response = await anonymous.post("/v1/login", json={"login": login, "password": NEW})
        wrong += response.status_code in {401, 403}
    assert wrong == 10
    assert response.status_code == 429
    assert response.json()["code"] == "auth.too_many_tries"
    assert response.headers["Retry-After"] == str(response.json()["retry_after_s"]) == "900"
    # The right one is not looked at either, from there; it is from elsewhere.
    response = await anonymous.post("/v1/login", json={"login": ada.email, "password": PASSWORD})
    assert response.status_code == 429
    anonymous._transport.client = ("192.0.2.7", 1)  # type: ignore[attr-defined]  # noqa: SLF001  # from elsewhere
    response = await anonymous.post("/v1/login", json={"login": ada.email, "password": PASSWORD})
    assert response.status_code == 200


async def test_twenty_wrong_logins_at_once_are_ten(
    ada: Someone, anonymous: httpx2.AsyncClient
) -> None:
    given = {"login": ada.email, "password": NEW}
    responses = await asyncio.gather(*(anonymous.post("/v1/login", json=given) for _ in range(20)))
    statuses = [response.status_code for response in responses]
    assert sorted(statuses) == [401] * 10 + [429] * 10


async def test_the_right_password_clears_the_wrong_ones(
    people: People, ada: Someone, anonymous: httpx2.AsyncClient, moment: Moment
) -> None:
    for _ in range(3):
        for _ in range(9):
            response = await anonymous.post("/v1/login", json={"login": ada.email, "password": NEW})
            assert response.status_code == 401
        await people.log_in(ada)
    # Without that they are forgotten after a quarter of an hour.
    for status in [401] * 10 + [429]:
        response = await anonymous.post("/v1/login", json={"login": ada.email, "password": NEW})
        assert response.status_code == status
    moment.now += timedelta(minutes=15)
    await people.log_in(ada)


async def test_tokens_are_not_guessed(people: People, anonymous: httpx2.AsyncClient) -> None:
    statuses = []
    for number in range(12):
        path = ("/v1/verify-email", "/v1/password-reset/confirm")[number % 2]
        token = people.signer.sign("another purpose", ids.new().bytes)
        response = await anonymous.post(path, json={"token": token, "password": NEW})
        statuses.append(response.status_code)
    assert statuses == [403] * 10 + [429] * 2
