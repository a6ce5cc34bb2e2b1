"""What holds for every request, whatever it asks for."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from starlette.routing import Route
from structlog.testing import capture_logs

from tallystick.kernel.errors import Unavailable
from tallystick.web.direct import DirectRoute
from tallystick.web.middleware import BODY_MAX_BYTES
from tests.web.conftest import MakeClient, School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

JSON = {"Content-Type": "application/json"}


async def test_a_request_id_is_made(anonymous: httpx2.AsyncClient) -> None:
    first = await anonymous.get("/health/live")
    second = await anonymous.get("/health/live")
    assert re.fullmatch("[0-9a-f]{32}", first.headers["X-Request-Id"])
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "given",
    [
        *("a", "A-1.b_2", "x" * 64, "call-12345678901"),
        # Many digits of an id are no number of a card.
        *("12345678-1234-5678-1234-567812345678", "a" + "1234567812345678" + "b" * 15),
    ],
)
async def test_a_request_id_is_taken_over(anonymous: httpx2.AsyncClient, given: str) -> None:
    response = await anonymous.get("/health/live", headers={"X-Request-Id": given})
    assert response.headers["X-Request-Id"] == given


@pytest.mark.parametrize(
    "given",
    [
        *("", "x" * 65, "a b", "<script>", "a\tb", "é"),
        # An example of contract 001, which no check digit tells.
        *("1234567812345678", "pay_1234.5656-7822_5678", "123456789012"),
    ],
)
async def test_a_strange_request_id_is_replaced(anonymous: httpx2.AsyncClient, given: str) -> None:
    headers = [(b"X-Request-Id", given.encode("latin-1"))]
    response = await anonymous.get("/health/live", headers=headers)
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-Id"])


async def test_head_is_get_without_a_body(school: School) -> None:
    for path in ("/", "/v1/customers", "/health/live"):
        got = await school.owner.get(path)
        head = await school.owner.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == got.headers["Content-Length"]


async def test_an_unknown_address(anonymous: httpx2.AsyncClient) -> None:
    for path in ("/nothing", "/v1/nothing", "/v1/customers/", "/v2/customers"):
        response = await anonymous.get(path)
        assert response.status_code == 404
        assert response.json()["code"] == "request.path_unknown"
        assert response.json()["instance"] == path


async def test_an_unknown_method(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.put("/v1/customers")
    assert response.status_code == 405
    assert response.json()["code"] == "request.method_unknown"
    assert response.headers["Allow"] == "GET, HEAD, POST"
    response = await anonymous.request("TRACE", "/")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


async def test_browsers_get_pages(anonymous: httpx2.AsyncClient) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    for method, path, status in (("GET", "/<script>", 404), ("POST", "/docs", 405)):
        response = await anonymous.request(method, path, headers=browser)
        assert response.status_code == status
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "<script>" not in response.text


@pytest.mark.parametrize("sent", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_only_json_is_read(school: School, sent: str) -> None:
    response = await school.owner.post(
        "/v1/customers", content=b"{}", headers={"Content-Type": sent}
    )
    assert response.status_code == 415
    assert response.json()["code"] == "request.media_type"


@pytest.mark.parametrize("sent", ["application/json; charset=utf-8", "Application/JSON"])
async def test_json_by_other_spellings(school: School, sent: str) -> None:
    response = await school.owner.post(
        "/v1/customers",
        content=b'{"kind": "student", "name": "Maya"}',
        headers={"Content-Type": sent},
    )
    assert response.status_code == 201


async def test_a_compressed_body_is_refused(school: School) -> None:
    for encoding in ("gzip", "br", "identity, gzip"):
        response = await school.owner.post(
            "/v1/customers", content=b"\x1f\x8b", headers=JSON | {"Content-Encoding": encoding}
        )
        assert response.status_code == 415
        assert response.json()["code"] == "request.content_encoding"
    response = await school.owner.post(
        "/v1/customers", content=b"{}", headers=JSON | {"Content-Encoding": "identity"}
    )
    assert response.status_code == 422


async def test_a_body_that_says_it_is_too_large_is_not_read(school: School) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(4_000):
            read += 1
            yield b"x" * 1_024

    length = {"Content-Length": str(BODY_MAX_BYTES + 1)}
    response = await school.owner.post("/v1/customers", content=endless(), headers=JSON | length)
    assert response.status_code == 413
    assert response.json()["code"] == "request.too_large"
    assert read == 0


async def test_a_chunked_body_is_counted(school: School) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(100_000):
            read += 1
            yield b"x" * 1_024

    response = await school.owner.post("/v1/customers", content=endless(), headers=JSON)
    assert response.status_code == 413
    assert response.json()["code"] == "request.too_large"
    assert read == BODY_MAX_BYTES // 1_024 + 1


async def test_a_body_of_the_largest_size_is_read(school: School) -> None:
    body = b'{"kind": "student", "name": "' + b"x" * BODY_MAX_BYTES
    response = await school.owner.post(
        "/v1/customers", content=body[: BODY_MAX_BYTES - 2] + b'"}', headers=JSON
    )
    assert response.status_code == 422


async def test_our_mistake_is_told_to_the_log_only(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("SELECT secret FROM table")

    monkeypatch.setattr("tallystick.parties.customers.list_customers", fail)
    with capture_logs() as lines:
        response = await school.owner.get("/v1/customers", headers={"X-Request-Id": "req-1"})
    assert response.status_code == 500
    assert response.json()["code"] == "server.error"
    assert response.json()["request_id"] == "req-1"
    assert response.json()["retryable"] is True
    assert "secret" not in response.text
    assert "Traceback" not in response.text
    [line] = lines
    assert line["event"] == "request failed"
    assert line["log_level"] == "error"


async def test_what_cannot_be_done_now_may_be_repeated(
    app: FastAPI, school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: Any) -> None:
        raise Unavailable("Too many requests wait.", retry_after_s=7)

    monkeypatch.setattr(type(app.state.edge.coalescer), "run", busy)
    response = await school.owner.post("/v1/customers", json={"kind": "student", "name": "Maya"})
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert response.json()["code"] == "server.unavailable"
    assert response.json()["detail"] == "Too many requests wait."
    assert response.json()["retryable"] is True


async def test_below_a_prefix(make_client: MakeClient, school: School) -> None:
    client = make_client(**dict(school.owner.headers))
    client._transport.root_path = "/books"  # type: ignore[attr-defined]  # noqa: SLF001  # the proxy's
    made = await client.post("/books/v1/customers", json={"kind": "student", "name": "Maya"})
    assert made.headers["Location"] == f"/books/v1/customers/{made.json()['id']}"
    refused = await client.get("/books/v1/customers?limit=0")
    assert refused.json()["type"] == "/books/developers/errors/request.invalid"
    page = await client.get("/books/")
    assert 'href="/books/docs"' in page.text
    assert 'href="/books/static/pages.css"' in page.text


async def test_every_operation_is_admitted(app: FastAPI) -> None:
    # Any other route below /v1 would let in whoever comes.
    routes = [route for route in app.routes if isinstance(route, Route)]
    operations = [route for route in routes if route.path.startswith("/v1")]
    assert len(operations) > 20
    assert all(isinstance(route, DirectRoute) for route in operations)
