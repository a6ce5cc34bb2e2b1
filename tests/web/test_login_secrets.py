"""What people send to log in is repeated by no answer, and kept under no key."""

import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from structlog.testing import capture_logs

from tallystick.auth.models import ATTEMPTS
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.idempotency import KEYS
from tallystick.web import hashing
from tallystick.web.direct import DirectRoute
from tests.web.people import PASSWORD, People, people

__all__ = ["people"]

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

PLANTED = "planted-and-never-shown"
SECRET = {"password", "new_password", "token", "code"}


def _operations(app: FastAPI) -> list[tuple[str, str, dict[str, Any]]]:
    """Give method, path and a body of planted secrets of each operation about logins."""
    found = []
    for route in app.routes:
        if not isinstance(route, DirectRoute) or "logins" not in route.tags or not route.takes_body:
            continue
        model = route.body_field.field_info.annotation  # type: ignore[union-attr]  # it takes one
        members = model.model_fields  # type: ignore[union-attr]  # a body is a model
        body = {name: PLANTED for name in members if name in SECRET}
        body |= {name: "a@example.com" for name in members if name in {"email", "login"}}
        body |= {name: "Ada" for name in members if name == "name"}
        if body.keys() & SECRET:
            found.append((next(iter(route.methods or ())), route.path, body))
    return found


async def test_no_answer_repeats_a_secret(
    app: FastAPI, people: People, anonymous: httpx2.AsyncClient
) -> None:
    browser = await people.log_in(people.add())
    operations = _operations(app)
    assert len(operations) > 10
    for method, path, body in operations:
        secrets = body.keys() & SECRET
        wrong: list[dict[str, Any]] = [body, body | {"none": PLANTED}]
        wrong += [body | {name: [PLANTED]} for name in secrets]
        wrong += [body | {name: PLANTED * 60} for name in secrets]
        texts = [json.dumps(each) for each in wrong]
        texts += [f'{{"password": "{PLANTED}", "password": "{PLANTED}"}}', f'"{PLANTED}', PLANTED]
        for text in texts:
            for client in (anonymous, browser):
                people.forget_tries()
                with capture_logs() as lines:
                    response = await client.request(
                        method, path, content=text, headers={"Content-Type": "application/json"}
                    )
                assert response.status_code < 500
                assert PLANTED not in response.text, (path, text)
                assert PLANTED not in str(response.headers)
                assert PLANTED not in str(lines)


async def test_nothing_is_kept_under_a_key(
    app: FastAPI, people: People, database: Database, anonymous: httpx2.AsyncClient
) -> None:
    def kept() -> int:
        count = select(func.count()).select_from(KEYS)
        return database.read(lambda conn: conn.execute(count).scalar_one())

    browser = await people.log_in(people.add())
    before = kept()
    headers = {"Idempotency-Key": str(ids.new())}
    for method, path, body in _operations(app):
        for client in (anonymous, browser):
            for sent in (body, body | {"password": PASSWORD}):
                response = await client.request(method, path, json=sent, headers=headers)
                assert "Idempotent-Replayed" not in response.headers
    assert kept() == before


async def test_a_mistake_while_a_password_is_hashed_tells_it_to_nobody(
    people: People, anonymous: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(password: str, _kept: str | None) -> bool:
        assert password
        raise RuntimeError("planted")

    monkeypatch.setattr("tallystick.auth.passwords.fits", fail)
    given = {"login": people.add().email, "password": PLANTED}
    with capture_logs() as lines:
        response = await anonymous.post("/v1/login", json=given)
    assert response.status_code == 500
    assert PLANTED not in response.text + str(lines)


async def test_few_hash_at_once_and_few_wait(
    people: People, anonymous: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "WAITING_MAX", 0)
    given = {"login": people.add().email, "password": PASSWORD}
    response = await anonymous.post("/v1/login", json=given)
    assert response.status_code == 503
    assert response.json()["code"] == "server.unavailable"
    assert response.headers["Retry-After"] == "1"
    # Nothing was looked at, so nothing counts.
    count = select(func.sum(ATTEMPTS.c.count))
    assert people.database.read(lambda conn: conn.execute(count).scalar()) == 0
    with pytest.raises(Unavailable):
        await hashing.Hashing().run(lambda: None)


async def test_a_reset_costs_an_unknown_address_what_it_costs_a_known_one(
    people: People, anonymous: httpx2.AsyncClient
) -> None:
    seen: list[str] = []
    sent: list[list[str]] = []
    known = people.add().email
    people.database.watch_statements(seen.append)
    for email in (known, f"{ids.new().hex}@example.com"):
        seen.clear()
        response = await anonymous.post("/v1/password-reset", json={"email": email})
        assert response.status_code == 202
        sent.append(list(seen))
    assert len(sent[0]) > 5
    assert sent[0] == sent[1]
