"""Clients of the API in this process; every answer is held against its documentation."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from pydantic import TypeAdapter
from starlette.responses import PlainTextResponse
from starlette.routing import Match

from tallystick import migrations
from tallystick.auth import passwords
from tallystick.auth.credentials import create_key
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.sealing import Sealer
from tallystick.kernel.signing import Signer
from tallystick.payments.provider import Provider
from tallystick.web.app import make_app
from tallystick.web.direct import DirectRoute
from tallystick.web.documented import Problem
from tallystick.web.problems import MEDIA_TYPE, TABLE

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CUSTOMER = {"kind": "student", "name": "Maya Okonkwo"}
LINE = {"description": "Tuition", "unit_price": "100.00"}

MakeKey = Callable[[str, str | None], str]
MakeClient = Callable[..., httpx2.AsyncClient]


class Moment:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Tell the time."""
        return self.now


@pytest.fixture
def moment() -> Moment:
    """Return the clock of the application."""
    return Moment()


@pytest.fixture(scope="session", autouse=True)
def _no_freezing() -> Iterator[None]:
    """Leave the collector of the test process alone: every test starts an application."""
    with pytest.MonkeyPatch.context() as patch:
        idle = SimpleNamespace(collect=lambda: 0, freeze=lambda: None, enable=lambda: None)
        patch.setattr("tallystick.web.app.gc", idle)
        yield


@pytest.fixture(scope="module", autouse=True)
def _cheap_hashing() -> Iterator[None]:
    """Hash passwords with as little work as Argon2 allows: what it costs is tested elsewhere."""
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", cheap)
        patch.setattr(passwords, "NOBODYS", f"$argon2id$v=19$m=8,t=1,p=1${'A' * 22}${'A' * 43}")
        yield


@pytest.fixture
def environment() -> str:
    """Name the environment; a test module may have another."""
    return "development"


@pytest.fixture
def providers() -> Mapping[str, Provider]:
    """Return who takes payments online; nobody, unless a test module says otherwise."""
    return {}


@pytest.fixture
async def app(
    database: Database, moment: Moment, environment: str, providers: Mapping[str, Provider]
) -> AsyncIterator[FastAPI]:
    """Return the application on the shared database, started."""
    made = make_app(
        database=database,
        clock=moment,
        signer=Signer("a secret of the tests"),
        sealer=Sealer.derived("a secret of the tests"),
        environment=environment,
        migration_status=lambda: (database.read(migrations.current), migrations.head()),
        providers=providers,
    )
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
def make_key(database: Database) -> MakeKey:
    """Return a factory of API keys."""

    def make(role: str, organization_id: str | None) -> str:
        act = Act(OPERATOR, ids.NIL, START, str(ids.new()), "made by a test")
        place = None if organization_id is None else UUID(organization_id)
        text, _ = database.write(
            lambda conn: create_key(conn, act, organization_id=place, role=role, name="a test")
        )
        return text

    return make


@pytest.fixture
async def make_client(app: FastAPI) -> AsyncIterator[MakeClient]:
    """Return a factory of clients, whose answers are held against the documentation."""
    made = []

    def make(key: str | None = None, **headers: str) -> httpx2.AsyncClient:
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app),
            base_url="http://tallystick.test",
            headers=headers,
            event_hooks={"response": [Witness(app)]},
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.aclose()


class Witness:
    """Sees every answer and fails the test whose answer is not as OpenAPI says."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, response: httpx2.Response) -> None:
        """Hold one answer against the documentation of its operation."""
        await response.aread()
        if response.request.method == "HEAD":
            return
        problem = response.headers.get("content-type") == MEDIA_TYPE
        if problem:
            document = Problem.model_validate_json(response.content)
            assert document.status == response.status_code == TABLE[document.code].status
            assert document.request_id == response.headers["X-Request-Id"]
        route = self._operation(response.request)
        if route is None:
            return
        assert response.status_code in route.responses, f"{response.status_code} is undocumented"
        documented = route.responses[response.status_code]
        if problem:
            codes = documented["content"][MEDIA_TYPE]["examples"]
            assert response.json()["code"] in codes, f"{response.json()['code']} is undocumented"
        elif "model" in documented:
            TypeAdapter(documented["model"]).validate_json(response.content)
        elif route.response_class is not PlainTextResponse:
            assert response.content == b""
        assert {"ETag", "Location"} & documented.get("headers", {}).keys() <= {
            name for name in ("ETag", "Location") if name in response.headers
        }

    def _operation(self, request: httpx2.Request) -> DirectRoute | None:
        path, method = request.url.path.removeprefix("/books"), request.method
        scope = {"type": "http", "path": path, "method": method, "root_path": ""}
        for route in self._app.routes:
            if isinstance(route, DirectRoute) and route.matches(scope)[0] is Match.FULL:
                return route
        return None


@pytest.fixture
def anonymous(make_client: MakeClient) -> httpx2.AsyncClient:
    """Return a client without a key."""
    return make_client()


@pytest.fixture
def platform(make_client: MakeClient, make_key: MakeKey) -> httpx2.AsyncClient:
    """Return a client with a platform key, which names no organization."""
    return make_client(make_key("platform", None))


@dataclass(frozen=True)
class School:
    """An organization with clients for its roles, and shortcuts to what tests need most."""

    id: str
    slug: str
    owner: httpx2.AsyncClient
    viewer: httpx2.AsyncClient

    async def customer(self, **members: Any) -> dict[str, Any]:
        """Make a customer."""
        return await self._made("/v1/customers", CUSTOMER | members)

    async def invoice(self, *, issue: bool = True, **members: Any) -> dict[str, Any]:
        """Make an invoice of 100.00, issued unless told otherwise."""
        if "customer_id" not in members:
            members["customer_id"] = (await self.customer())["id"]
        members.setdefault("lines", [LINE])
        return await self._made("/v1/invoices", {"issue": issue, **members})

    async def payment(self, **members: Any) -> dict[str, Any]:
        """Record a payment in cash and euro."""
        given = {"currency": "EUR", "method": "cash", **members}
        return await self._made("/v1/payments", given)

    async def refund(self, **members: Any) -> dict[str, Any]:
        """Give money of a payment back."""
        return await self._made("/v1/refunds", members)

    async def credit_note(self, invoice: dict[str, Any], **members: Any) -> dict[str, Any]:
        """Credit an invoice, all of it unless told otherwise."""
        given = {"reason": "A mistake", **members}
        return await self._made(f"/v1/invoices/{invoice['id']}/credit-notes", given)

    async def objects(self) -> dict[str, str]:
        """Make one object of each kind; give their ids by the names that paths have for them."""
        invoice = await self.invoice()
        payment = await self.payment(amount="10.00", invoices=[{"invoice_id": invoice["id"]}])
        refund = await self.refund(payment_id=payment["id"], amount="1.00")
        return {
            "organization_id": self.id,
            "customer_id": invoice["customer_id"],
            "invoice_id": invoice["id"],
            "payment_id": payment["id"],
            "refund_id": refund["id"],
            "credit_note_id": (await self.credit_note(invoice, amount="1.00"))["id"],
        }

    async def seen(self, objects: dict[str, str]) -> list[bytes]:
        """Read what the owner sees of such objects."""
        paths = [
            f"/v1/organizations/{objects['organization_id']}",
            f"/v1/customers/{objects['customer_id']}",
            f"/v1/invoices/{objects['invoice_id']}",
            f"/v1/payments/{objects['payment_id']}",
            f"/v1/refunds/{objects['refund_id']}",
            f"/v1/credit-notes/{objects['credit_note_id']}",
        ]
        return [(await self.owner.get(path)).content for path in paths]

    async def _made(self, path: str, members: dict[str, Any]) -> dict[str, Any]:
        response = await self.owner.post(path, json=members)
        assert response.status_code == 201, response.text
        made: dict[str, Any] = response.json()
        return made


MakeSchool = Callable[..., Awaitable[School]]


@pytest.fixture
def make_school(
    platform: httpx2.AsyncClient, make_client: MakeClient, make_key: MakeKey
) -> MakeSchool:
    """Return a factory of organizations."""

    async def make(**members: Any) -> School:
        slug = f"school-{ids.new().hex}"
        given = {
            "slug": slug,
            "name": "North School",
            "country": "DE",
            "currency": "EUR",
            "time_zone": "Europe/Berlin",
        }
        response = await platform.post("/v1/organizations", json=given | members)
        assert response.status_code == 201, response.text
        organization_id = response.json()["id"]
        return School(
            id=organization_id,
            slug=slug,
            owner=make_client(make_key("owner", organization_id)),
            viewer=make_client(make_key("viewer", organization_id)),
        )

    return make


@pytest.fixture
async def school(make_school: MakeSchool) -> School:
    """Return a new organization: EUR, Europe/Berlin."""
    return await make_school()


@pytest.fixture
def logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """Return a way to read everything that was logged or printed."""
    caplog.set_level(logging.DEBUG)
    # The client of the test writes down the addresses that it asks for; that is not our log.
    caplog.set_level(logging.WARNING, "httpx2")

    def read() -> str:
        printed = capfd.readouterr()
        return caplog.text + printed.out + printed.err

    return read
