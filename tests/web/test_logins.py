"""People come in: sign up, prove an address, log in and out, choose a password again."""

import json
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import select, update
from structlog.testing import capture_logs

from tallystick.auth import passwords
from tallystick.auth.models import MAILED_TOKENS, SESSIONS, USERS
from tallystick.kernel import events, ids
from tallystick.kernel.database import Database
from tests.people import personal_token
from tests.web.conftest import MakeClient, Moment, School
from tests.web.people import PASSWORD, People, people, secret_of

__all__ = ["people"]

pytestmark = pytest.mark.anyio

NEW = "another four words in a row"


def _sign_up(email: str, **members: Any) -> dict[str, Any]:
    return {"email": email, "name": "Ada", "password": PASSWORD, **members}


def _address() -> str:
    return f"{ids.new().hex}@example.com"


async def test_sign_up_prove_and_log_in(people: People, anonymous: httpx2.AsyncClient) -> None:
    email = _address()
    response = await anonymous.post("/v1/signup", json=_sign_up(email, language="de"))
    assert (response.status_code, response.content) == (202, b"")
    row = people.find(email)
    assert (row.name, row.language, row.email_verified_at) == ("Ada", "de", None)
    kind, payload = people.mails()[-1]
    assert kind == "mail.verify_email"
    token = people.token("verify_email", row.id)
    assert people.signer.read("verify_email", token).hex() == payload["token_id"].replace("-", "")  # type: ignore[union-attr]  # it is ours

    # The right password is not enough yet; the link is mailed again, and ends the first.
    login = {"login": email, "password": PASSWORD}
    asked = len(people.mails())
    response = await anonymous.post("/v1/login", json=login)
    assert response.json()["code"] == "login.wrong"
    assert "Set-Cookie" not in response.headers
    assert [kind for kind, _ in people.mails()[asked:]] == ["mail.verify_email"]
    proof = {"token": token, "password": PASSWORD}
    response = await anonymous.post("/v1/verify-email", json=proof)
    assert response.json()["code"] == "auth.token_unknown"

    # Nor is the link enough without the password.
    proof = {"token": people.token("verify_email", row.id), "password": NEW}
    response = await anonymous.post("/v1/verify-email", json=proof)
    assert response.json()["code"] == "auth.password_wrong"
    response = await anonymous.post("/v1/verify-email", json=proof | {"password": PASSWORD})
    assert response.status_code == 204
    assert people.row(row.id).email_verified_at is not None
    response = await anonymous.post("/v1/verify-email", json=proof | {"password": PASSWORD})
    assert response.json()["code"] == "auth.token_unknown"
    response = await anonymous.post("/v1/login", json=login | {"login": email.upper()})
    assert response.status_code == 200
    assert response.json()["user"]["email_verified"] is True


async def test_nobody_learns_who_has_signed_up(
    people: People, anonymous: httpx2.AsyncClient
) -> None:
    known = people.add()
    before = people.row(known.id)
    answers = []
    for email in (known.email, known.email.upper(), _address()):
        response = await anonymous.post("/v1/signup", json=_sign_up(email, password=NEW))
        answers.append((response.status_code, response.content))
    assert set(answers) == {(202, b"")}
    assert people.row(known.id) == before
    # Nor by the password of a sign-up, whether or not it made a login.
    own = _address()
    await anonymous.post("/v1/signup", json=_sign_up(own, password=NEW))
    said = []
    for email in (known.email, own, _address()):
        given = {"login": email, "password": NEW}
        headers = {"X-Request-Id": "one"}
        response = await anonymous.post("/v1/login", json=given, headers=headers)
        headers = {k: v for k, v in response.headers.items() if k != "date"}
        said.append((response.status_code, response.content, str(sorted(headers.items()))))
    assert len(set(said)) == 1
    told = ("mail.somebody_signed_up_again", {"user_id": str(known.id)})
    assert people.mails().count(told) == 2


async def test_a_sign_up_that_was_not_proved_gives_way(
    people: People, anonymous: httpx2.AsyncClient
) -> None:
    email = _address()
    await anonymous.post("/v1/signup", json=_sign_up(email, password=NEW, name="A thief"))
    user_id = people.find(email).id
    stolen = people.token("verify_email", user_id)
    await anonymous.post("/v1/signup", json=_sign_up(email))
    assert people.find(email).name == "Ada"
    [told] = people.database.read(
        lambda conn: conn.execute(
            select(events.EVENT_CHANGES.c.before, events.EVENT_CHANGES.c.after)
            .join(events.EVENTS, events.EVENTS.c.id == events.EVENT_CHANGES.c.event_id)
            .where(events.EVENTS.c.type == "user.signed_up_again")
            .where(events.EVENTS.c.subject_id == user_id)
        ).all()
    )
    assert (told.before["name"], told.after["name"]) == ("A thief", "Ada")
    for password in (NEW, PASSWORD):
        proof = {"token": stolen, "password": password}
        response = await anonymous.post("/v1/verify-email", json=proof)
        assert response.json()["code"] == "auth.token_unknown"


async def test_a_sign_up_changes_nobody_who_was_invited(
    people: People, anonymous: httpx2.AsyncClient, platform: httpx2.AsyncClient
) -> None:
    email = _address()
    made = await platform.post("/v1/users", json={"email": email, "name": "Ada", "language": "de"})
    before = people.find(email)
    body = _sign_up(email, password=NEW, name="A thief")
    assert (await anonymous.post("/v1/signup", json=body)).status_code == 202
    assert people.find(email) == before
    told = ("mail.somebody_signed_up_again", {"user_id": made.json()["id"]})
    assert people.mails()[-1] == told


async def test_a_reset_ends_personal_tokens(
    people: People, anonymous: httpx2.AsyncClient, make_client: MakeClient
) -> None:
    ada = people.add()
    script = make_client(personal_token(people.database, ada.id))
    assert (await script.get("/v1/me")).status_code == 200
    await anonymous.post("/v1/password-reset", json={"email": ada.email})
    body = {"token": people.token("reset_password", ada.id), "password": NEW}
    assert (await anonymous.post("/v1/password-reset/confirm", json=body)).status_code == 204
    assert (await script.get("/v1/me")).status_code == 401


@pytest.mark.parametrize("email", ["\u0130" * 64 + "@" + "\u0130" * 180, "\u212a@example.com"])
async def test_an_address_is_ascii(
    people: People, anonymous: httpx2.AsyncClient, email: str
) -> None:
    browser = await people.log_in(people.add())
    for client, path, body in (
        (anonymous, "/v1/signup", _sign_up(email)),
        (anonymous, "/v1/password-reset", {"email": email}),
        (browser, "/v1/me/email", {"email": email, "password": PASSWORD}),
    ):
        response = await client.post(path, json=body)
        assert (response.status_code, response.json()["code"]) == (422, "user.email_malformed")
    given = {"login": email, "password": PASSWORD}
    assert (await anonymous.post("/v1/login", json=given)).status_code == 401


async def test_mails_that_anybody_may_cause_are_few(
    people: People, anonymous: httpx2.AsyncClient, moment: Moment
) -> None:
    known, stranger = people.add(), _address()
    before = len(people.mails())
    for _ in range(7):
        for path, email in (
            ("/v1/signup", known.email),
            ("/v1/password-reset", known.email),
            ("/v1/signup", stranger),
        ):
            body = _sign_up(email) if path == "/v1/signup" else {"email": email}
            response = await anonymous.post(path, json=body)
            assert (response.status_code, response.content) == (202, b"")
    # Each purpose counts alone, so that no stranger's sign-ups use up somebody's resets.
    assert len(people.mails()) == before + 5 + 5 + 5
    moment.now += timedelta(hours=1)
    await anonymous.post("/v1/password-reset", json={"email": known.email})
    assert len(people.mails()) == before + 16


@pytest.mark.parametrize("by", ["email", "user_name"])
async def test_log_in_by_either_name(
    people: People, anonymous: httpx2.AsyncClient, school: School, by: str
) -> None:
    ada = people.add(organization_id=school.id, role="cashier")
    given = {"login": getattr(ada, by).swapcase(), "password": PASSWORD}
    response = await anonymous.post("/v1/login", json=given, headers={"User-Agent": "a\x7fb"})
    assert response.status_code == 200
    assert response.json().keys() == {"csrf_token", "user"}
    assert response.json()["user"]["memberships"] == [
        {
            "organization_id": school.id,
            "slug": school.slug,
            "name": "North School",
            "role": "cashier",
        }
    ]
    [session] = people.database.read(
        lambda conn: conn.execute(select(SESSIONS).where(SESSIONS.c.user_id == ada.id)).all()
    )
    assert (session.address, session.agent) == ("127.0.0.1", "a b")
    assert secret_of(response) not in str(session)
    assert secret_of(response) not in response.text
    browser = people.browser(response)
    me = (await browser.get("/v1/me")).json()
    assert me.pop("csrf_token") == response.json()["csrf_token"]
    assert me == response.json()["user"]
    # The cookie does what the role allows, in the organization that is named.
    named = {"Tallystick-Organization": school.slug}
    response = await browser.get("/v1/customers", headers=named)
    assert response.status_code == 200


async def test_the_cookie_is_this_hosts_alone(
    people: People, anonymous: httpx2.AsyncClient
) -> None:
    given = {"login": people.add().email, "password": PASSWORD}
    response = await anonymous.post("/v1/login", json=given)
    name, *attributes = response.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-tallystick=tss_")
    assert sorted(attributes) == ["HttpOnly", "Max-Age=2592000", "Path=/", "SameSite=Lax", "Secure"]
    browser = people.browser(response)
    response = await browser.post("/v1/logout")
    assert response.status_code == 204
    name, *attributes = response.headers["Set-Cookie"].split("; ")
    assert name == "__Host-tallystick="
    assert sorted(attributes) == ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]
    assert (await browser.get("/v1/me")).status_code == 401


async def test_wrong_logins_are_all_alike(
    people: People, anonymous: httpx2.AsyncClient, database: Database
) -> None:
    known, gone, invited = people.add(), people.add(), people.add()

    def change(user_id: Any, **values: Any) -> None:
        statement = update(USERS).where(USERS.c.id == user_id).values(values)
        database.write(lambda conn: conn.execute(statement))

    change(gone.id, active=False)
    change(invited.id, password_hash=None)
    answers = set()
    for login, password in (
        (known.email, NEW),
        (known.user_name, NEW),
        (gone.email, PASSWORD),
        (invited.email, PASSWORD),
        (_address(), PASSWORD),
        ("nobody", PASSWORD),
        ("☃", ""),
    ):
        with capture_logs() as lines:
            response = await anonymous.post(
                "/v1/login",
                json={"login": login, "password": password},
                headers={"X-Request-Id": "one"},
            )
        assert [line["event"] for line in lines] == ["wrong login"]
        assert not password or password not in json.dumps(lines)
        assert login not in json.dumps(lines)
        headers = {k: v for k, v in response.headers.items() if k != "date"}
        answers.add((response.status_code, response.content, str(sorted(headers.items()))))
    [(status, body, _)] = answers
    assert status == 401
    assert json.loads(body)["code"] == "login.wrong"


async def test_known_and_unknown_cost_one_hash(
    people: People, anonymous: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []
    verify = PasswordHasher.verify

    def counted(self: PasswordHasher, kept: str, password: str) -> bool:
        looked_at.append(kept)
        return verify(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    known = people.add()
    kept = people.row(known.id).password_hash
    seen: list[str] = []
    sent: list[list[str]] = []
    people.database.watch_statements(seen.append)
    # The first from a network makes its counter.
    for login in (_address(), known.email, _address()):
        seen.clear()
        given = {"login": login, "password": NEW}
        assert (await anonymous.post("/v1/login", json=given)).status_code == 401
        sent.append(list(seen))
    assert looked_at == [passwords.NOBODYS, kept, passwords.NOBODYS]
    assert len(sent[0]) > 4
    assert sent[1] == sent[2]


async def test_a_login_ends_the_session_before(people: People) -> None:
    ada = people.add()
    first = await people.log_in(ada)
    assert (await first.get("/v1/me")).status_code == 200
    given = {"login": ada.email, "password": PASSWORD}
    response = await first.post("/v1/login", json=given)
    assert response.status_code == 200
    assert (await first.get("/v1/me")).status_code == 401
    assert (await people.browser(response).get("/v1/me")).status_code == 200


async def test_a_session_ends_after_thirty_days_or_seven_idle_ones(
    app: FastAPI, people: People, moment: Moment
) -> None:
    ada = people.add()
    browser, idle = await people.log_in(ada), await people.log_in(ada)
    begun = moment.now

    async def at(days: float) -> int:
        moment.now = begun + timedelta(days=days)
        app.state.edge.callers.forget()
        status = (await browser.get("/v1/me")).status_code
        await _note(app)
        return status

    assert [await at(days) for days in (6.9, 13.8, 20.7, 27.6, 29.9, 30)] == [200] * 5 + [401]
    moment.now = begun + timedelta(days=6.9)
    app.state.edge.callers.forget()
    assert (await idle.get("/v1/me")).status_code == 200
    moment.now = begun + timedelta(days=7)
    app.state.edge.callers.forget()
    # Its use was not noted, which happens once a minute.
    app.state.edge.callers.uses()
    assert (await idle.get("/v1/me")).status_code == 401


async def _note(app: FastAPI) -> None:
    from tallystick.auth.credentials import note_uses  # noqa: PLC0415  # only this one needs it

    uses = app.state.edge.callers.uses()
    await app.state.edge.write(lambda conn: note_uses(conn, uses))


async def test_a_session_is_good_in_its_cookie_only(
    people: People, make_client: MakeClient
) -> None:
    ada = people.add()
    given = {"login": ada.email, "password": PASSWORD}
    response = await make_client().post("/v1/login", json=given)
    for client in (
        make_client(secret_of(response)),
        make_client(**{"X-API-Key": secret_of(response)}),
    ):
        refused = await client.get("/v1/me")
        assert refused.json()["code"] == "auth.key_unknown"


async def test_a_change_is_meant(people: People, app: FastAPI) -> None:
    browser = await people.log_in(people.add())
    other = await people.log_in(people.add())
    tokens: list[dict[str, str]] = [
        {"X-CSRF-Token": ""},
        {"X-CSRF-Token": other.headers["X-CSRF-Token"]},
        {"Origin": "http://elsewhere.test"},
        {"Origin": "https://tallystick.test"},
        {"Origin": "null"},
    ]
    routes: Any = app.routes
    own = [
        route
        for route in routes
        if getattr(route, "permission", "") == "self" and route.methods != {"GET"}
    ]
    assert len(own) > 8
    for route in own:
        path = re.sub("{.*?}", str(ids.new()), route.path)
        for headers in tokens:
            [method] = route.methods
            response = await browser.request(method, path, headers=headers, json={})
            assert response.json()["code"] == "auth.csrf", (path, headers)
    response = await browser.post("/v1/logout", headers={"Origin": "http://tallystick.test"})
    assert response.status_code == 204


async def test_another_site_logs_nobody_in(people: People, anonymous: httpx2.AsyncClient) -> None:
    given = {"login": people.add().email, "password": PASSWORD}
    response = await anonymous.post(
        "/v1/login", json=given, headers={"Origin": "http://elsewhere.test"}
    )
    assert response.json()["code"] == "auth.csrf"
    assert "Set-Cookie" not in response.headers


async def test_reading_changes_nothing(people: People, database: Database) -> None:
    browser = await people.log_in(people.add())
    before = database.read(_everything)
    for path in ("/v1/me", "/v1/me/sessions"):
        assert (await browser.get(path)).status_code == 200
        assert (await browser.head(path)).status_code == 200
    for path in ("/v1/login", "/v1/logout", "/v1/signup", "/v1/setup", "/v1/verify-email"):
        assert (await browser.get(path)).status_code == 405
        assert (await browser.head(path)).status_code == 405
    assert database.read(_everything) == before


def _everything(conn: Any) -> Any:
    tables = (USERS, SESSIONS, MAILED_TOKENS, events.EVENTS)
    return [sorted(map(str, conn.execute(select(table)))) for table in tables]


async def test_reset_a_password(
    app: FastAPI, people: People, anonymous: httpx2.AsyncClient, moment: Moment
) -> None:
    ada = people.add()
    browser = await people.log_in(ada)
    for email in (ada.email, _address()):
        response = await anonymous.post("/v1/password-reset", json={"email": email})
        assert (response.status_code, response.content) == (202, b"")
    kinds = [kind for kind, _ in people.mails()[-2:]]
    assert kinds == ["mail.reset_password"] * 2
    token = people.token("reset_password", ada.id)

    body = {"token": token, "password": ada.email}
    response = await anonymous.post("/v1/password-reset/confirm", json=body)
    assert response.json()["code"] == "password.guessable"
    response = await anonymous.post("/v1/password-reset/confirm", json=body | {"password": NEW})
    assert response.status_code == 204
    assert people.mails()[-1] == ("mail.password_changed", {"user_id": str(ada.id)})
    assert (await browser.get("/v1/me")).status_code == 401
    await people.log_in(ada, password=NEW)
    for path in ("/v1/password-reset/confirm", "/v1/verify-email"):
        response = await anonymous.post(path, json=body | {"password": NEW})
        assert response.json()["code"] == "auth.token_unknown"

    await anonymous.post("/v1/password-reset", json={"email": ada.email})
    late = people.token("reset_password", ada.id)
    moment.now += timedelta(hours=1)
    response = await anonymous.post(
        "/v1/password-reset/confirm", json={"token": late, "password": PASSWORD}
    )
    assert response.json()["code"] == "auth.token_unknown"
    assert app.state.edge.callers is not None


async def test_a_reset_proves_the_address_too(
    people: People, anonymous: httpx2.AsyncClient
) -> None:
    email = _address()
    await anonymous.post("/v1/signup", json=_sign_up(email, password=NEW))
    user_id = people.find(email).id
    link = people.token("verify_email", user_id)
    await anonymous.post("/v1/password-reset", json={"email": email})
    body = {"token": people.token("reset_password", user_id), "password": PASSWORD}
    assert (await anonymous.post("/v1/password-reset/confirm", json=body)).status_code == 204
    login = {"login": email, "password": PASSWORD}
    assert (await anonymous.post("/v1/login", json=login)).status_code == 200
    proof = {"token": link, "password": PASSWORD}
    response = await anonymous.post("/v1/verify-email", json=proof)
    assert response.json()["code"] == "auth.token_unknown"


async def test_an_older_hash_is_made_again(people: People, database: Database) -> None:
    ada = people.add()
    older = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    statement = update(USERS).where(USERS.c.id == ada.id).values(password_hash=older)
    database.write(lambda conn: conn.execute(statement))
    await people.log_in(ada)
    kept = people.row(ada.id).password_hash
    assert kept != older
    assert not passwords.is_outdated(kept)
    await people.log_in(ada)
    assert people.row(ada.id).password_hash == kept
