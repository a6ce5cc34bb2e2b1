"""Contract 001 as it is served: whose organization, whose key, and many payers at once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tallystick.auth.credentials import create_key
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.web.dialects.frame import Chosen
from tests.contracts.cards import BASE, Cards, Foreign, cards, foreign
from tests.contracts.conftest import START, Serve
from tests.contracts.test_001_paid import CARD, MASKED, NUMBER
from tests.factories import Books, Opening
from tests.races.server import ServerProcess

__all__ = ["cards", "foreign"]

pytestmark = pytest.mark.anyio

GUARDED = Chosen(names=("card-invoices",))
PAYERS = 8


def _key(database: Database, books: Books, role: str) -> dict[str, str]:
    place = books.organization_id
    act = Act(OPERATOR, ids.NIL, START, str(ids.new()), "made by a test")
    text, _ = database.write(
        lambda conn: create_key(conn, act, organization_id=place, role=role, name="a test")
    )
    return {"Authorization": f"Bearer {text}"}


async def test_outside_development_the_key_says_which_organization(
    serve: Serve, database: Database, open_books: Opening, foreign: Foreign
) -> None:
    async with serve(GUARDED, fakepay=foreign.provider()) as client:
        ours, theirs = Cards(client, open_books()), Cards(client, open_books())
        owner, cashier, other = (
            _key(database, ours.books, "owner"),
            _key(database, ours.books, "cashier"),
            _key(database, theirs.books, "owner"),
        )
        new = {"jobDescription": "A", "amount": 1, "customerId": ours.john}
        made = await ours("POST", "/invoice", 201, sent=new, **owner)
        path, pay = f"/invoice/{made['id']}", f"/invoice/pay/{made['id']}"
        await ours("GET", path, 200, made, **cashier)
        missing = {"detail": "No record found with this UUID"}
        await ours("GET", path, 404, missing, **other)
        await ours("POST", pay, 404, missing, CARD, **other)
        await ours("GET", "/invoices", 200, [], **other)
        unknown = {"detail": f"No customer found with id {ours.john}"}
        await ours("POST", "/invoice", 404, unknown, new, **other)
        denied = {"detail": "This API key may not do this"}
        await ours("POST", "/invoice", 403, denied, new, **cashier)
        await ours(
            "POST", pay, 201, {**made, "invoiceStatus": "PAID", "card": MASKED}, CARD, **owner
        )
        for method, where in (
            ("GET", path),
            ("GET", "/invoices"),
            ("POST", "/invoice"),
            ("POST", pay),
        ):
            sent = CARD if method == "POST" else None
            await ours(method, where, 401, {"detail": "Missing API Key"}, sent)
            wrong = {"detail": "Invalid API Key"}
            await ours(method, where, 403, wrong, sent, **{"X-API-Key": "wrong"})
        await ours("GET", "/health-check", 200, {"status": "UP"})


async def test_without_a_key_it_is_the_only_organization_or_the_one_of_the_settings(
    serve: Serve, open_books: Opening
) -> None:
    wrong = Chosen(names=("card-invoices",), trusting=True, organization="nobody")
    async with serve(wrong) as client:
        cards = Cards(client, open_books())
        said = {"detail": "TALLYSTICK_DIALECT_ORGANIZATION names no organization that there is."}
        await cards("GET", "/invoices", 503, said)
    # Both have customers with numbers here, so nobody can say which one is meant.
    async with serve(Chosen(names=("card-invoices",), trusting=True)) as client:
        cards = Cards(client, open_books())
        body = await cards("GET", "/invoices", 503)
        assert "TALLYSTICK_DIALECT_ORGANIZATION" in body["detail"]


async def test_in_development_a_good_key_says_which_organization(
    serve: Serve, database: Database, open_books: Opening
) -> None:
    async with serve(Chosen(names=("card-invoices",), trusting=True)) as client:
        ours, theirs = Cards(client, open_books()), Cards(client, open_books())
        owner = _key(database, ours.books, "owner")
        new = {"jobDescription": "A", "amount": 1, "customerId": ours.john}
        made = await ours("POST", "/invoice", 201, sent=new, **owner)
        await ours("GET", "/invoices", 200, [made], **owner)
        await theirs("GET", "/invoices", 200, [], **_key(database, theirs.books, "viewer"))
        # The contract knows no keys, so one that is none is as good as none.
        for wrong in ("wrong", owner["Authorization"] + "x"):
            said = await ours("GET", "/invoices", 503, Authorization=f"Bearer {wrong}")
            assert "`tallystick demo --data card-invoices`" in said["detail"]


async def test_at_the_root_its_addresses_are_its_own(serve: Serve, books: Books) -> None:
    root = Chosen(
        names=("card-invoices",),
        root="card-invoices",
        trusting=True,
        organization=books.organization["slug"],
    )
    async with serve(root) as client:
        assert (await client.get("/health-check")).json() == {"status": "UP"}
        assert (await client.get("/invoices")).json() == []
        assert (await client.get("/invoice")).json() == {"detail": "Method Not Allowed"}
        assert (await client.get("/invoices/nothing")).json() == {"detail": "Not Found"}
        assert (await client.get("/openapi.json")).json()["info"]["title"] == "Card invoices"
        assert (await client.get("/nothing")).json()["code"] == "request.path_unknown"
        assert (await client.get(f"{BASE}/invoices")).json() == []


@pytest.fixture
def server(
    database: Database, database_url: str, tmp_path: Path, books: Books, foreign: Foreign
) -> Iterator[ServerProcess]:
    assert database.url.database is not None, "migrated before it is served"
    (tmp_path / ".env").write_text(f"FAKEPAY_URL={foreign.url}\n", encoding="utf-8")
    slug = books.organization["slug"]
    process = ServerProcess(
        database_url,
        tmp_path,
        ROOT_DIALECT="card-invoices",
        DIALECT_ORGANIZATION=slug,
        PROVIDER_TIMEOUT_S="60",
        LOG_LEVEL="debug",
    )
    process.start()
    yield process
    process.stop()


async def test_of_many_payers_at_once_one_is_charged(
    server: ServerProcess, books: Books, foreign: Foreign, tmp_path: Path
) -> None:
    async with httpx2.AsyncClient(base_url=server.url, timeout=60, trust_env=False) as client:
        new = {"jobDescription": "A", "amount": 1, "customerId": Cards(client, books).john}
        made = (await client.post("/invoice", json=new)).json()
        path = f"/invoice/pay/{made['id']}"
        held = tmp_path / "pay"
        foreign.hold(held)
        first = asyncio.create_task(client.post(path, json=CARD))
        await foreign.holds(held)
        others = await asyncio.gather(*[client.post(path, json=CARD) for _ in range(PAYERS)])
        foreign.let_go(held)
        told = {(each.status_code, each.headers.get("Retry-After")) for each in others}
        assert told == {(409, "1")}
        assert (await first).status_code == 201
        assert foreign.charges(made["id"]) == 1

        # A double click under one key: whoever comes second is told to wait, then sees the first.
        key = {"Idempotency-Key": ids.new().hex}
        sent = {**new, "card": CARD}
        held = tmp_path / "create"
        foreign.hold(held)
        first = asyncio.create_task(client.post("/invoice", json=sent, headers=key))
        await foreign.holds(held)
        second = await client.post("/invoice", json=sent, headers=key)
        foreign.let_go(held)
        created = (await first).json()
        assert (second.status_code, second.headers["Retry-After"]) == (409, "1")
        assert second.json()["invoiceId"] == created["id"]
        again = await client.post("/invoice", json=sent, headers=key)
        assert (again.status_code, again.json()) == (201, created)
        assert foreign.charges(created["id"]) == 1

        # Nothing decides beforehand who is first of those that come together.
        made = (await client.post("/invoice", json=new)).json()
        path = f"/invoice/pay/{made['id']}"
        answers = await asyncio.gather(*[client.post(path, json=CARD) for _ in range(PAYERS)])
        assert Counter(each.status_code for each in answers) == {201: 1, 409: PAYERS - 1}
        assert foreign.charges(made["id"]) == 1
        shown = (await client.get("/invoices")).json()
        assert [each["invoiceStatus"] for each in shown] == ["PAID"] * 3
    rows = books.snapshot()
    assert [row["status"] for row in rows["payment"][1]] == ["succeeded"] * 3
    assert NUMBER not in str(rows)
    server.stop()
    logged = server.log.read_text()
    assert "outgoing call" in logged
    assert NUMBER not in logged
