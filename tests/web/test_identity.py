"""Who may do what, and in which organization: each operation with each kind of caller."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import update
from structlog.testing import capture_logs

from tallystick.auth.models import API_KEYS
from tallystick.auth.policy import PERMISSIONS
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.signing import Signer
from tallystick.web.direct import DirectRoute
from tallystick.web.identity import Callers
from tests.web.conftest import LINE, MakeClient, MakeKey, MakeSchool, Moment, School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

BODIES: dict[str, Callable[[dict[str, str]], Any]] = {
    "create_organization": lambda _: {
        "slug": "taken-over",
        "name": "Taken over",
        "country": "DE",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
    },
    "change_organization": lambda _: {"name": "Taken over"},
    "create_customer": lambda _: {"kind": "student", "name": "Taken over"},
    "change_customer": lambda _: {"name": "Taken over"},
    "create_invoice": lambda ids: {"customer_id": ids["customer_id"], "lines": [LINE]},
    "change_invoice": lambda _: {"note": "Taken over"},
    "void_invoice": lambda _: {"reason": "Taken over"},
    "write_off_invoice": lambda _: {"reason": "Taken over"},
    "replace_invoice": lambda _: {"reason": "Taken over", "lines": [LINE]},
    "annotate_invoice": lambda _: {"memo": "Taken over"},
    "create_credit_note": lambda _: {"reason": "Taken over"},
    "record_payment": lambda ids: {
        "amount": "1.00",
        "currency": "EUR",
        "method": "cash",
        "invoices": [{"invoice_id": ids["invoice_id"]}],
    },
    "claim_payment": lambda ids: {
        "amount": "1.00",
        "currency": "EUR",
        "method": "cash",
        "invoices": [{"invoice_id": ids["invoice_id"]}],
    },
    "decline_payment": lambda _: {"reason": "Taken over"},
    "release_payment": lambda ids: {"invoice_id": ids["invoice_id"]},
    "refund_payment": lambda ids: {"payment_id": ids["payment_id"]},
}
"""A body for each operation that takes one, about somebody's objects."""
BODIES |= {
    "create_invoices": lambda ids: {"invoices": [BODIES["create_invoice"](ids)]},
    "record_payments": lambda ids: {"payments": [BODIES["record_payment"](ids)] * 2},
}
OF_MANY = {"create_invoices", "record_payments"}
"""Operations that answer each item by itself."""
NOT_ABOUT_ONE = {
    "sum_invoices",
    "list_customers",
    "list_invoices",
    "list_payments",
    "list_organizations",
} | {
    *("create_customer", "list_balances", "get_trial_balance", "create_organization"),
    *("list_refunds", "list_credit_notes"),
}
"""Operations that name no object, so a stranger sees or changes only their own."""


@pytest.fixture
def send(app: FastAPI) -> Callable[..., Any]:
    """Return a way to send each operation, about given objects, as a given client."""
    operations = {route.unique_id: route for route in app.routes if isinstance(route, DirectRoute)}

    async def send(
        client: httpx2.AsyncClient, operation: str, objects: dict[str, str], **headers: str
    ) -> httpx2.Response:
        route: Any = operations[operation]
        body = BODIES[operation](objects) if operation in BODIES else None
        return await client.request(
            next(iter(route.methods)),
            route.path.format(**objects),
            json=body,
            headers={"If-Match": '"1"', **headers} if "if-match" in route.headers else headers,
        )

    return send


async def test_every_operation_has_a_permission(app: FastAPI) -> None:
    operations = {route.unique_id for route in app.routes if isinstance(route, DirectRoute)}
    assert operations == PERMISSIONS.keys()


@pytest.mark.parametrize("key", [None, "", "tsk_wrong", "x" * 10_000, "tsk_é", "a b"])
async def test_without_a_key(
    make_client: MakeClient, school: School, send: Callable[..., Any], key: str | None
) -> None:
    headers: Any = {} if key is None else {"Authorization": f"Bearer {key}".encode()}
    objects = {
        name: str(ids.new())
        for name in ("customer_id", "invoice_id", "payment_id", "refund_id", "credit_note_id")
    }
    objects["organization_id"] = school.id
    for operation in PERMISSIONS:
        with capture_logs() as lines:
            response = await send(make_client(), operation, objects, **headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="tallystick"'
        assert response.json()["code"] in {"auth.key_missing", "auth.key_unknown"}
        [line] = lines
        assert line["event"] in {"no key", "unknown key"}
        assert line["operation"] == operation
        assert not key or key not in response.text + json.dumps(lines)


@pytest.mark.parametrize("operation", sorted(PERMISSIONS))
async def test_a_viewer_only_reads(
    school: School, send: Callable[..., Any], operation: str
) -> None:
    objects = await school.objects()
    with capture_logs() as lines:
        response = await send(school.viewer, operation, objects)
    if PERMISSIONS[operation] == "read":
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert response.json()["code"] == "auth.forbidden"
        [line] = lines
        assert (line["event"], line["operation"]) == ("forbidden", operation)
        assert line["organization"] == school.id


@pytest.mark.parametrize(
    "operation", sorted(name for name, needed in PERMISSIONS.items() if needed == "platform")
)
async def test_an_owner_is_not_the_platform(
    school: School, send: Callable[..., Any], operation: str
) -> None:
    response = await send(school.owner, operation, {"organization_id": school.id})
    assert response.status_code == 403


@pytest.mark.parametrize(
    "operation", sorted(name for name, needed in PERMISSIONS.items() if needed != "platform")
)
async def test_a_stranger_finds_nothing(
    school: School, make_school: MakeSchool, send: Callable[..., Any], operation: str
) -> None:
    objects = await school.objects()
    before = await school.seen(objects)
    stranger = await make_school()
    response = await send(stranger.owner, operation, objects)
    if operation in NOT_ABOUT_ONE:
        assert response.status_code in {200, 201}
        assert all(id_ not in response.text for id_ in objects.values())
    elif operation in OF_MANY:
        assert response.status_code == 200
        results = response.json()["results"]
        assert {result["status"] for result in results} == {404}
        assert all(result["problem"]["code"].endswith(".unknown") for result in results)
    else:
        assert response.status_code == 404
        assert response.json()["code"].endswith(".unknown")
    # The name of the organization in a header gets them no further.
    response = await send(
        stranger.owner, operation, objects, **{"Tallystick-Organization": school.id}
    )
    assert response.status_code == 404
    assert response.json()["code"] == "organization.unknown"
    assert await school.seen(objects) == before


async def test_a_key_in_a_header_of_its_own(make_client: MakeClient, school: School) -> None:
    key = school.owner.headers["Authorization"].removeprefix("Bearer ")
    response = await make_client(**{"X-API-Key": key}).get("/v1/customers")
    assert response.status_code == 200
    response = await make_client(Authorization=f"bEARER  {key}").get("/v1/customers")
    assert response.status_code == 200
    response = await make_client(Authorization=f"Basic {key}").get("/v1/customers")
    assert response.json()["code"] == "auth.key_missing"


async def test_a_platform_key_names_the_organization(
    platform: httpx2.AsyncClient, school: School
) -> None:
    response = await platform.get("/v1/customers")
    assert response.status_code == 422
    assert response.json()["code"] == "organization.header_missing"
    for named in (school.id, school.slug):
        headers = {"Tallystick-Organization": named}
        response = await platform.get("/v1/customers", headers=headers)
        assert response.status_code == 200
    for named in (str(ids.new()), "none-such", "", "x" * 70, "Ünknown", "../etc"):
        response = await platform.get(
            "/v1/customers", headers=[(b"Tallystick-Organization", named.encode())]
        )
        assert response.status_code == 404
        assert response.json()["code"] == "organization.unknown"


async def test_an_owner_may_name_their_own_organization(school: School) -> None:
    for named in (school.id, school.slug):
        response = await school.owner.get(
            "/v1/customers", headers={"Tallystick-Organization": named}
        )
        assert response.status_code == 200


async def test_a_revoked_key_is_forgotten(
    app: FastAPI, database: Database, school: School, make_client: MakeClient, make_key: MakeKey
) -> None:
    client = make_client(make_key("viewer", school.id))
    assert (await client.get("/v1/customers")).status_code == 200
    revoke = update(API_KEYS).where(API_KEYS.c.organization_id == UUID(school.id))
    database.write(lambda conn: conn.execute(revoke.values(revoked_at=app.state.edge.clock())))
    assert (await client.get("/v1/customers")).status_code == 200
    app.state.edge.callers.forget()
    assert (await client.get("/v1/customers")).status_code == 401


async def test_callers_are_looked_up_once_while_fresh(
    database: Database, school: School, make_key: MakeKey
) -> None:
    now, reads = 0.0, 0

    async def read(query: Callable[..., Any]) -> Any:
        nonlocal reads
        reads += 1
        return database.read(query)

    callers = Callers(Signer("x"), Moment(), monotonic=lambda: now)
    key = make_key("viewer", school.id)
    for moment, expected in ((0.0, 1), (3.9, 1), (4.1, 2), (8.0, 2), (60.0, 3)):
        now = moment
        found = await callers.find(read, key, None)
        assert found is not None
        assert found.actor.role == "viewer"
        assert found.place is not None
        assert found.place.time_zone == "Europe/Berlin"
        assert reads == expected
    assert key not in repr(callers._found)  # noqa: SLF001  # nobody else may see it either


async def test_the_first_who_doubts_looks_for_all(
    database: Database, school: School, make_key: MakeKey
) -> None:
    now, reads = 0.0, 0
    callers = Callers(Signer("x"), Moment(), monotonic=lambda: now)
    key = make_key("viewer", school.id)

    async def read(query: Callable[..., Any]) -> Any:
        nonlocal reads
        reads += 1
        if reads == 2:
            # While it looks, another request goes on with what was known.
            assert await callers.find(read, key, None) is not None
        return database.read(query)

    await callers.find(read, key, None)
    now = 4.5
    await callers.find(read, key, None)
    assert reads == 2


async def test_what_is_remembered_is_bounded(
    database: Database, school: School, make_key: MakeKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.web.identity.REMEMBERED_MAX", 2)

    async def read(query: Callable[..., Any]) -> Any:
        return database.read(query)

    callers = Callers(Signer("x"), Moment())
    for _ in range(4):
        await callers.find(read, make_key("viewer", school.id), None)
    assert len(callers._found) == 2  # noqa: SLF001  # there is no other way to see it
