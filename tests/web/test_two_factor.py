"""The second factor: begun, confirmed, asked for, taken once, removed."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx2
import pyotp
import pytest
from fastapi import FastAPI

from tallystick.kernel.sealing import Sealer
from tests.web.conftest import Moment
from tests.web.people import PASSWORD, People, Someone, people

__all__ = ["people"]

pytestmark = pytest.mark.anyio

PROOF = {"password": PASSWORD}


@pytest.fixture
def ada(people: People) -> Someone:
    return people.add()


@pytest.fixture
async def browser(people: People, ada: Someone) -> httpx2.AsyncClient:
    return await people.log_in(ada)


class App:
    """An authenticator app."""

    def __init__(self, secret: str, moment: Moment) -> None:
        self.secret = secret
        self._moment = moment

    def code(self, *, steps: int = 0) -> str:
        """Give the code of now, or of some steps later."""
        return pyotp.TOTP(self.secret).at(self._moment.now + steps * timedelta(seconds=30))


@pytest.fixture
async def phone(browser: httpx2.AsyncClient, moment: Moment) -> App:
    """Return the app of a second factor that has begun."""
    response = await browser.post("/v1/me/two-factor", json=PROOF)
    assert response.status_code == 200
    return App(response.json()["secret"], moment)


@pytest.fixture
async def codes(browser: httpx2.AsyncClient, phone: App, moment: Moment) -> list[str]:
    """Return the recovery codes of a second factor that is on, a minute later."""
    response = await browser.post("/v1/me/two-factor/confirm", json={"code": phone.code()})
    assert response.status_code == 200
    moment.now += timedelta(minutes=1)
    given: list[str] = response.json()["recovery_codes"]
    return given


async def test_begin_and_confirm(
    people: People, ada: Someone, browser: httpx2.AsyncClient, moment: Moment
) -> None:
    response = await browser.post("/v1/me/two-factor/confirm", json={"code": "123456"})
    assert response.json()["code"] == "two_factor.not_begun"
    begun = (await browser.post("/v1/me/two-factor", json=PROOF)).json()
    found = pyotp.parse_uri(begun["otpauth_uri"])
    assert (found.secret, found.issuer, found.name) == (begun["secret"], "Tallystick", ada.email)
    kept = people.row(ada.id).totp_sealed
    assert begun["secret"] not in kept
    # Until it is confirmed, nobody is asked.
    await people.log_in(ada)
    assert (await browser.get("/v1/me")).json()["two_factor"] is False
    app = App(begun["secret"], moment)
    response = await browser.post("/v1/me/two-factor/confirm", json={"code": app.code(steps=5)})
    assert response.json()["code"] == "two_factor.code_wrong"
    response = await browser.post("/v1/me/two-factor/confirm", json={"code": app.code()})
    given = response.json()["recovery_codes"]
    assert len(set(given)) == 10
    assert all(len(code) == 19 for code in given)
    me = (await browser.get("/v1/me")).json()
    assert (me["two_factor"], me["recovery_codes_left"]) == (True, 10)
    for path, sent in (("", PROOF), ("/confirm", {"code": app.code()})):
        response = await browser.post(f"/v1/me/two-factor{path}", json=sent)
        assert response.json()["code"] == "two_factor.on_already"


async def test_log_in_with_a_code(
    people: People, ada: Someone, anonymous: httpx2.AsyncClient, phone: App, codes: list[str]
) -> None:
    assert len(codes) == 10
    given = {"login": ada.email, "password": PASSWORD}
    response = await anonymous.post("/v1/login", json=given)
    assert (response.status_code, response.json()["code"]) == (403, "login.code_required")
    assert "Set-Cookie" not in response.headers
    # Nobody learns of it who has not the password.
    wrong = {**given, "password": "some other words"}
    for sent in (wrong, wrong | {"code": phone.code()}):
        response = await anonymous.post("/v1/login", json=sent)
        assert response.json()["code"] == "login.wrong"
    response = await anonymous.post("/v1/login", json=given | {"code": phone.code(steps=3)})
    assert (response.status_code, response.json()["code"]) == (401, "login.code_wrong")
    code = phone.code()
    await people.log_in(ada, code=f"{code[:3]} {code[3:]}")
    # A step is taken once, and none before it is taken after it.
    for sent_code in (code, phone.code(steps=-1)):
        response = await anonymous.post("/v1/login", json=given | {"code": sent_code})
        assert response.json()["code"] == "login.code_wrong"
    await people.log_in(ada, code=phone.code(steps=1))


async def test_a_code_is_taken_once_by_many_at_once(
    ada: Someone, anonymous: httpx2.AsyncClient, phone: App, codes: list[str]
) -> None:
    for code in (phone.code(), codes[0]):
        given = {"login": ada.email, "password": PASSWORD, "code": code}
        responses = await asyncio.gather(
            # So few that all are looked at, whichever of them is counted first.
            *(anonymous.post("/v1/login", json=given) for _ in range(4))
        )
        assert sorted(each.status_code for each in responses) == [200] + [401] * 3


async def test_a_recovery_code_works_once(
    people: People, ada: Someone, anonymous: httpx2.AsyncClient, codes: list[str]
) -> None:
    browser = await people.log_in(ada, code=codes[3])
    assert (await browser.get("/v1/me")).json()["recovery_codes_left"] == 9
    given = {"login": ada.email, "password": PASSWORD}
    response = await anonymous.post("/v1/login", json=given | {"code": codes[3]})
    assert response.json()["code"] == "login.code_wrong"
    await people.log_in(ada, code=codes[4].lower().replace("-", ""))


async def test_a_secret_that_no_key_opens_is_told(
    app: FastAPI,
    people: People,
    ada: Someone,
    anonymous: httpx2.AsyncClient,
    phone: App,
    codes: list[str],
) -> None:
    app.state.edge = replace(app.state.edge, sealer=Sealer.derived("another secret key"))
    given = {"login": ada.email, "password": PASSWORD}
    response = await anonymous.post("/v1/login", json=given | {"code": phone.code()})
    assert (response.status_code, response.json()["code"]) == (409, "two_factor.unreadable")
    await people.log_in(ada, code=codes[0])


async def test_wrong_codes_are_ten(
    ada: Someone, anonymous: httpx2.AsyncClient, phone: App, codes: list[str]
) -> None:
    given = {"login": ada.email, "password": PASSWORD}
    statuses = []
    for _ in range(12):
        sent = given | {"code": phone.code(steps=7)}
        statuses.append((await anonymous.post("/v1/login", json=sent)).status_code)
        # To be asked for a code is no failure, and forgives none.
        response = await anonymous.post("/v1/login", json=given)
        assert response.status_code == (403 if len(statuses) < 10 else 429)
    assert statuses == [401] * 10 + [429] * 2
    assert len(codes) == 10


async def test_remove_needs_both(
    people: People, ada: Someone, browser: httpx2.AsyncClient, phone: App, codes: list[str]
) -> None:
    for sent, code in (
        ({"password": "some other words", "code": phone.code()}, "auth.password_wrong"),
        (PROOF | {"code": phone.code(steps=9)}, "two_factor.code_wrong"),
    ):
        response = await browser.post("/v1/me/two-factor/remove", json=sent)
        assert response.json()["code"] == code
    sent = PROOF | {"code": codes[0]}
    assert (await browser.post("/v1/me/two-factor/remove", json=sent)).status_code == 204
    row = people.row(ada.id)
    assert (row.totp_sealed, row.totp_confirmed_at, row.totp_step) == (None, None, None)
    assert (await browser.get("/v1/me")).json()["recovery_codes_left"] == 0
    for path in ("remove", "recovery-codes"):
        response = await browser.post(f"/v1/me/two-factor/{path}", json=sent)
        assert response.json()["code"] == "two_factor.off"
    await people.log_in(ada)


async def test_renewed_codes_end_the_older(
    people: People,
    ada: Someone,
    browser: httpx2.AsyncClient,
    anonymous: httpx2.AsyncClient,
    phone: App,
    codes: list[str],
) -> None:
    response = await browser.post(
        "/v1/me/two-factor/recovery-codes", json=PROOF | {"code": phone.code()}
    )
    renewed = response.json()["recovery_codes"]
    assert len(renewed) == 10
    assert not set(renewed) & set(codes)
    given = {"login": ada.email, "password": PASSWORD, "code": codes[0]}
    response = await anonymous.post("/v1/login", json=given)
    assert response.json()["code"] == "login.code_wrong"
    await people.log_in(ada, code=renewed[0])
