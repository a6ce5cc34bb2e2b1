"""Every answer tells browsers what not to do: each route, refused and served."""

import re
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI
from starlette.routing import Mount, Route

from tallystick import migrations
from tallystick.kernel.database import Database
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.signing import Signer
from tallystick.web import app as web
from tallystick.web import health, pages
from tallystick.web.dialects.frame import BASE, Chosen
from tallystick.web.dialects.registry import DIALECTS
from tallystick.web.middleware import Shell
from tests.web.conftest import Moment, School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

CHOSEN = Chosen(names=tuple(DIALECTS), trusting=True)
POLICY = {
    *("default-src 'none'", "script-src 'self'", "img-src 'self' data:", "connect-src 'self'"),
    *("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"),
}
EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture(scope="module")
def routes() -> list[tuple[str, str]]:
    """Return every method and address there is, dialects included."""
    found = [("GET", "/static/pages.css"), ("GET", "/static/none"), ("GET", "/nothing/here")]
    for name, dialect in DIALECTS.items():
        for route in dialect.routes(CHOSEN):
            assert isinstance(route, Route)
            found += [(method, BASE + name + route.path) for method in route.methods or ()]
    for route in [*web.OPERATIONS, *health.ROUTES, *pages.ROUTES]:
        assert isinstance(route, Route)
        found += [(method, route.path) for method in route.methods or ()]
    return sorted((method, re.sub("{.*?}", "x", path)) for method, path in found)


@pytest.fixture
async def app(database: Database, moment: Moment) -> AsyncIterator[FastAPI]:
    """Return the application with every dialect, in production."""
    made = web.make_app(
        database=database,
        clock=moment,
        signer=Signer("a secret of the tests"),
        sealer=Sealer.derived("a secret of the tests"),
        environment="production",
        migration_status=lambda: (database.read(migrations.current), migrations.head()),
        dialects=CHOSEN,
    )
    async with made.router.lifespan_context(made):
        yield made


def _check(method: str, path: str, response: httpx2.Response) -> None:
    headers, place = dict(response.headers), f"{method} {path}"
    assert EVERYWHERE.items() <= headers.items(), place
    assert headers["strict-transport-security"] == "max-age=31536000", place
    policy = set(headers["content-security-policy"].split("; "))
    assert policy >= POLICY, place
    # Swagger UI sets styles on its elements; nothing else may.
    inline = path.endswith(("/docs", "/redoc"))
    styles = {"style-src 'self'" + (" 'unsafe-inline'" if inline else "")}
    assert policy - POLICY == styles, place
    page = inline or not path.startswith(("/v1/", "/metrics", BASE))
    assert headers["cache-control"] == ("no-cache" if page else "no-store"), place


async def test_every_route_answers_with_the_headers_of_safety(
    anonymous: httpx2.AsyncClient, routes: list[tuple[str, str]]
) -> None:
    assert len(routes) > 100
    # Without a credential: most are refused here, and what is open is served.
    for method, path in routes:
        _check(method, path, await anonymous.request(method, path))


async def test_what_is_served_has_them_too(
    app: FastAPI, school: School, routes: list[tuple[str, str]]
) -> None:
    objects = {"customers", "invoices", "payments"}
    lists = [path for method, path in routes if method == "GET" and path[4:] in objects]
    assert len(lists) == len(objects)
    for path in lists:
        response = await school.owner.get(path)
        assert response.status_code == 200
        _check("GET", path, response)
    assert isinstance(app.build_middleware_stack(), Shell)
    assert any(isinstance(route, Mount) for route in app.routes)
