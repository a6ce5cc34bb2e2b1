"""Contract 000 as it is served: whose organization, whose key, and two who add the same at once."""

import asyncio

import pytest

from tallystick.auth.credentials import create_key
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.web.dialects.frame import Chosen
from tests.conftest import Databases
from tests.contracts.conftest import START, Serve
from tests.contracts.test_000 import BASE, PAID_RULE, PAYMENT, Client, client
from tests.factories import Books, Opening

__all__ = ["client"]

pytestmark = pytest.mark.anyio

GUARDED = Chosen(names=("configurable-payments",))
CALLS = (
    ("POST", "/payments"),
    ("GET", "/invoices"),
    ("POST", "/configs"),
    ("GET", "/configs"),
    ("GET", "/configs/1"),
    ("PUT", "/configs/1"),
    ("DELETE", "/configs/1"),
)


def _key(database: Database, books: Books, role: str) -> dict[str, str]:
    place = books.organization_id
    act = Act(OPERATOR, ids.NIL, START, str(ids.new()), "made by a test")
    text, _ = database.write(
        lambda conn: create_key(conn, act, organization_id=place, role=role, name="a test")
    )
    return {"Authorization": f"Bearer {text}"}


async def test_outside_development_the_key_says_which_organization(
    serve: Serve, database: Database, open_books: Opening
) -> None:
    ours, theirs = open_books(), open_books()
    ours.issued()
    owner, cashier = _key(database, ours, "owner"), _key(database, ours, "cashier")
    other = _key(database, theirs, "owner")
    async with serve(GUARDED) as http:
        for method, path in CALLS:
            answer = await http.request(method, BASE + path)
            assert answer.status_code == 401
            assert answer.json() == {"message": "Missing API Key", "code": "auth.key_missing"}
            answer = await http.request(method, BASE + path, headers={"X-API-Key": "wrong"})
            assert answer.status_code == 403
            assert answer.json() == {"message": "Invalid API Key", "code": "auth.key_unknown"}
        [invoice] = (await http.get(f"{BASE}/invoices", headers=cashier)).json()
        sent = {"invoice_id": invoice["invoice_id"], "amount": 1}
        answer = await http.post(f"{BASE}/payments", json=sent, headers=other)
        assert (answer.status_code, answer.json()["code"]) == (404, "invoice.unknown")
        answer = await http.post(f"{BASE}/payments", json=sent, headers=cashier)
        assert (answer.status_code, answer.json()) == (201, PAYMENT)
        answer = await http.post(f"{BASE}/configs", json=PAID_RULE, headers=cashier)
        assert answer.status_code == 403
        assert answer.json() == {
            "message": "This API key may not do this",
            "code": "auth.forbidden",
        }
        answer = await http.post(f"{BASE}/configs", json=PAID_RULE, headers=owner)
        assert answer.status_code == 201
        place = answer.headers["Location"]
        for method in ("GET", "PUT", "DELETE"):
            sent_or_none = PAID_RULE if method == "PUT" else None
            answer = await http.request(method, place, json=sent_or_none, headers=other)
            assert (answer.status_code, answer.json()["code"]) == (404, "rule.unknown")
        assert (await http.get(f"{BASE}/configs", headers=other)).json() == []
        assert (await http.get(place, headers=cashier)).json()["conditions"] == (
            PAID_RULE["conditions"]
        )


async def test_those_who_add_the_same_at_once_make_one(client: Client) -> None:
    answers = await asyncio.gather(
        *[client.client.post(f"{BASE}/configs", json=PAID_RULE) for _ in range(8)]
    )
    assert sorted(each.status_code for each in answers) == [200] * 7 + [201]
    assert len({each.headers["Location"] for each in answers}) == 1
    assert len((await client.client.get(f"{BASE}/configs")).json()) == 1


async def test_at_the_root_its_addresses_are_its_own(serve: Serve, books: Books) -> None:
    root = Chosen(
        names=("configurable-payments",),
        root="configurable-payments",
        trusting=True,
        organization=books.organization["slug"],
    )
    async with serve(root) as http:
        for path in ("/invoices", "/configs"):
            assert (await http.get(path)).json() == []
        answer = await http.post("/configs", json=PAID_RULE)
        assert answer.headers["Location"].startswith("/configs/")
        assert (await http.get("/payments")).json()["code"] == "request.method_unknown"
        assert (await http.get("/configs/1/more")).json()["code"] == "request.path_unknown"
        assert (await http.get("/openapi.json")).json()["info"]["title"] == "Configurable payments"
        assert (await http.get("/nothing")).json()["code"] == "request.path_unknown"


async def test_without_a_key_several_organizations_are_too_many(
    serve: Serve, open_books: Opening, databases: Databases, engine: str
) -> None:
    # The only one that has numbers already, from another test, would be the one.
    databases.audit(engine)
    open_books(), open_books()
    async with serve(Chosen(names=("configurable-payments",), trusting=True)) as http:
        answer = await http.get(f"{BASE}/invoices")
    assert (answer.status_code, answer.json()["code"]) == (
        503,
        "server.not_ready",
    )
    for remedy in ("TALLYSTICK_DIALECT_ORGANIZATION", "`tallystick demo --data configurable-pay"):
        assert remedy in answer.json()["message"]
