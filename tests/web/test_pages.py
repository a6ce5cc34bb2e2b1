"""The start page and the health of the server."""

import asyncio
from collections.abc import Callable
from html.parser import HTMLParser

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tallystick import __version__, migrations
from tallystick.kernel.errors import Unavailable
from tests.web.conftest import MakeClient

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]


class Links(HTMLParser):
    """Collects what a page points to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an address."""
        assert tag != "script" or dict(attrs).get("src")
        assert "style" not in dict(attrs)
        self.found |= {str(value) for name, value in attrs if name in {"href", "src"}}


async def test_the_start_page(anonymous: httpx2.AsyncClient) -> None:
    page = await anonymous.get("/", headers={"Host": "books.example:8443"})
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert __version__ in page.text
    assert "development" in page.text
    assert "http://books.example:8443/v1/organizations" in page.text
    links = Links()
    links.feed(page.text)
    assert {"/docs", "/openapi.json", "/developers/errors/", "/health/ready"} <= links.found
    for path in links.found:
        assert (await anonymous.get(path)).status_code == 200, path


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_where_the_program_stands_is_told_in_development_only(
    app: FastAPI, anonymous: httpx2.AsyncClient, environment: str
) -> None:
    app.state.program = ".venv/bin/tallystick"
    page = await anonymous.get("/")
    assert ("$(.venv/bin/tallystick key" in page.text) == (environment == "development")
    assert ("$(tallystick key" in page.text) == (environment == "production")


async def test_a_host_that_is_none_is_not_shown(anonymous: httpx2.AsyncClient) -> None:
    page = await anonymous.get("/", headers={"Host": "<script>"})
    assert "<script>" not in page.text
    assert "http://localhost/v1/organizations" in page.text


async def test_live(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


async def test_ready(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.get("/health/ready")
    assert response.status_code == 200
    head = migrations.head()
    told = response.json()
    # What else it tells depends on what the tests before left; `condition` has tests of its own.
    assert isinstance(told.pop("warnings"), list)
    figures = {name: told.pop(name) for name in sorted(told) if "worker" in name or "age" in name}
    assert list(figures) == [
        "oldest_event_age_s",
        "oldest_task_age_s",
        "oldest_unknown_payment_age_s",
        "worker_beat_age_s",
        "workers",
    ]
    assert told == {
        "status": "ready",
        "database": "reachable",
        "revision": head,
        "revision_wanted": head,
    }


@pytest.fixture
def with_status(
    app: FastAPI, make_client: MakeClient
) -> Callable[[Callable[[], tuple[str | None, str]]], httpx2.AsyncClient]:
    """Return a client of an application whose migrations stand elsewhere."""

    def make(status: Callable[[], tuple[str | None, str]]) -> httpx2.AsyncClient:
        from dataclasses import replace  # noqa: PLC0415

        app.state.edge = replace(app.state.edge, migration_status=status)
        return make_client()

    return make


async def test_not_ready_with_other_tables(with_status: Callable[..., httpx2.AsyncClient]) -> None:
    for revision in (None, "0001", "9999"):
        response = await with_status(lambda at=revision: (at, "0006")).get("/health/ready")
        assert (response.status_code, response.json()["code"]) == (503, "server.not_ready")
        assert response.json()["revision"] == revision
        assert response.json()["revision_wanted"] == "0006"


async def test_not_ready_without_a_database(
    with_status: Callable[..., httpx2.AsyncClient],
) -> None:
    def gone() -> tuple[str | None, str]:
        raise Unavailable("postgresql://user:secret@host is gone")

    with capture_logs():
        response = await with_status(gone).get("/health/ready")
    assert (response.status_code, response.json()["code"]) == (503, "server.not_ready")
    assert response.json()["database"] == "unreachable"
    assert "secret" not in response.text


async def test_not_ready_when_it_takes_too_long(
    with_status: Callable[..., httpx2.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow() -> tuple[str | None, str]:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result()
        return "0006", "0006"

    monkeypatch.setattr("tallystick.web.health.ANSWER_S", 0.05)
    with capture_logs():
        response = await with_status(slow).get("/health/ready")
    release.set()
    assert response.status_code == 503
