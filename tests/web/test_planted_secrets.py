"""What is secret is used in every way there is, and then looked for: in the database, in the logs.

The secrets of the whole suite are looked for too, in what every test logs (`tests/leaks.py`).
"""

import hashlib
from collections.abc import Callable

import httpx2
import pyotp
import pytest
from fastapi import FastAPI

from tallystick.kernel.database import Database
from tests.web.conftest import MakeClient, Moment, School
from tests.web.dumps import dump
from tests.web.people import People, secret_of

pytestmark = pytest.mark.anyio

FIRST = "planted Zürich-Oerlikon 7391"
SECOND = "planted Winterthur-Töss 5204"
WRONG = "planted but wrong 1112"


@pytest.fixture
def people(database: Database, app: FastAPI, moment: Moment, make_client: MakeClient) -> People:
    """Return a way to read what was mailed."""
    made = People(database, app.state.edge.signer, moment, make_client)
    made.forget_tries()
    return made


async def _a_person(
    people: People, anonymous: httpx2.AsyncClient, moment: Moment
) -> tuple[httpx2.AsyncClient, dict[str, str]]:
    """Let somebody sign up, prove their address, turn a second factor on and log in with it."""
    secrets = {"password": FIRST, "wrong password": WRONG}
    email = "planted@example.com"
    await anonymous.post("/v1/signup", json={"email": email, "name": "P", "password": FIRST})
    user_id = people.find(email).id
    secrets["token of a sign-up"] = proof = people.token("verify_email", user_id)
    await anonymous.post("/v1/verify-email", json={"token": proof, "password": WRONG})
    await anonymous.post("/v1/verify-email", json={"token": proof, "password": FIRST})
    await anonymous.post("/v1/login", json={"login": email, "password": WRONG})
    # A slip: the password where the name belongs, and a key in an address.
    await anonymous.post("/v1/login", json={"login": FIRST, "password": FIRST})
    await anonymous.post("/v1/login", json={"login": email, "password": FIRST, "extra": FIRST})
    response = await anonymous.post("/v1/login", json={"login": email, "password": FIRST})
    assert response.status_code == 200
    browser = people.browser(response)
    response = await browser.post("/v1/me/two-factor", json={"password": FIRST})
    secrets["TOTP secret"] = response.json()["secret"]
    totp = pyotp.TOTP(secrets["TOTP secret"])
    code = totp.at(moment.now)
    response = await browser.post("/v1/me/two-factor/confirm", json={"code": code})
    codes = response.json()["recovery_codes"]
    secrets |= {f"recovery code {number}": code for number, code in enumerate(codes)}
    given = {"login": email, "password": FIRST, "code": codes[0]}
    response = await anonymous.post("/v1/login", json=given)
    assert response.status_code == 200, response.text
    secrets["session"] = secret_of(response)
    browser = people.browser(response)
    secrets["CSRF token"] = browser.headers["X-CSRF-Token"]
    await browser.post("/v1/me/password", json={"password": FIRST, "new_password": SECOND})
    await anonymous.post("/v1/password-reset", json={"email": email})
    secrets["token of a reset"] = reset = people.token("reset_password", user_id)
    await anonymous.post("/v1/password-reset/confirm", json={"token": reset, "password": "short"})
    return browser, secrets | {"new password": SECOND}


async def _keys(school: School, browser: httpx2.AsyncClient) -> dict[str, str]:
    """Make keys and tokens, use them well and badly."""
    secrets = {}
    response = await school.owner.post("/v1/keys", json={"name": "planted", "role": "viewer"})
    assert response.status_code == 201, response.text
    secrets["key"] = response.json()["key"]
    path = f"/v1/keys/{response.json()['id']}/rotate"
    secrets["key that follows"] = (await school.owner.post(path, json={})).json()["key"]
    response = await browser.post("/v1/me/tokens", json={"name": "planted"})
    assert response.status_code == 201, response.text
    secrets["personal token"] = response.json()["token"]
    for secret in list(secrets.values()):
        for headers in (
            {"Authorization": f"Bearer {secret}"},
            {"Authorization": f"Bearer {secret}x"},
            {"Idempotency-Key": secret[:20]},
            {"Cookie": f"__Host-tallystick={secret}"},
        ):
            await school.owner.get("/v1/customers", headers=headers)
            await school.owner.get(f"/v1/customers/{secret}", headers=headers)
    return secrets


async def test_no_secret_rests_and_none_is_logged(
    people: People,
    school: School,
    database: Database,
    anonymous: httpx2.AsyncClient,
    moment: Moment,
    logged: Callable[[], str],
) -> None:
    browser, secrets = await _a_person(people, anonymous, moment)
    secrets |= await _keys(school, browser)
    looked_for = {name: forms for name, secret in secrets.items() if (forms := _forms(secret))}
    # What can be guessed may not rest as a plain hash either.
    for name in ("password", "new password", "wrong password"):
        looked_for[name] |= {hashlib.sha256(secrets[name].encode()).hexdigest()}
    rests, said = database.read(dump), logged()
    assert "planted@example.com" in rests, "the dump holds what was written"
    assert "wrong login" in said, "the log holds what happened"
    for place, words in (("database", rests), ("log", said)):
        found = [name for name, forms in looked_for.items() for each in forms if each in words]
        assert found == [], place
    assert len(looked_for) > 15  # passwords, tokens, codes, keys


def _forms(secret: str) -> set[str]:
    """Give the ways in which a secret might be written."""
    escaped = secret.encode("unicode_escape").decode()
    return {secret, escaped, secret.encode().hex(), secret.replace("-", "")}
