"""Contract 004 as it is served: whose key opens what, at the root, and to many at once."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tallystick.auth.credentials import create_key
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.kernel import alias_numbers, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.alias_numbers import GiveNumbers, Wanted, give_numbers
from tallystick.kernel.database import Database
from tallystick.rules.managing import CreateRule, RuleContent, create_rules
from tallystick.web.dialects.frame import Chosen
from tests.contracts.conftest import API_KEY, START, Serve
from tests.contracts.test_004 import BASE, TRUSTING, Contract
from tests.factories import Books
from tests.people import login, personal_token
from tests.races.server import ServerProcess

pytestmark = pytest.mark.anyio

GUARDED = Chosen(names=("school-billing",), api_key=API_KEY)
MISSING = (401, {"detail": "Missing API Key"})
WRONG = (403, {"detail": "Invalid API Key"})
NEW_SCHOOL = {"name": "A", "country": "MX", "currency": "MXN"}


def _key(database: Database, role: str, organization_id: UUID | None) -> str:
    act = Act(OPERATOR, ids.NIL, START, str(ids.new()), "made by a test")
    text, _ = database.write(
        lambda conn: create_key(
            conn, act, organization_id=organization_id, role=role, name="a test"
        )
    )
    return text


async def _asked(
    client: httpx2.AsyncClient, method: str, path: str, **headers: str
) -> tuple[int, Any]:
    sent = NEW_SCHOOL if method == "POST" else None
    answer = await client.request(method, f"{BASE}/api/v1{path}", json=sent, headers=headers)
    return answer.status_code, answer.json()


async def test_in_development_reading_needs_no_key_and_writing_does(serve: Serve) -> None:
    async with serve(TRUSTING) as client:
        assert (await _asked(client, "GET", "/schools"))[0] == 200
        assert (await _asked(client, "GET", "/schools", **{"X-API-Key": "wrong"}))[0] == 200
        for method, path in (
            ("POST", "/schools"),
            ("PATCH", "/schools/1"),
            ("DELETE", "/students/1"),
            ("PATCH", "/invoices/1"),
        ):
            assert await _asked(client, method, path) == MISSING
            assert await _asked(client, method, path, **{"X-API-Key": "wrong"}) == WRONG


async def test_elsewhere_every_request_needs_a_key(serve: Serve) -> None:
    async with serve(GUARDED) as client:
        for method in ("GET", "POST"):
            assert await _asked(client, method, "/schools") == MISSING
            assert await _asked(client, method, "/schools", **{"X-API-Key": "wrong"}) == WRONG
        assert (await _asked(client, "GET", "/schools", **{"X-API-Key": API_KEY}))[0] == 200
        bearer = {"Authorization": f"Bearer {API_KEY}"}
        assert (await _asked(client, "GET", "/schools", **bearer))[0] == 200
        assert (await client.get(f"{BASE}/health")).status_code == 200


async def test_without_a_key_of_the_contract_none_passes_for_it(serve: Serve) -> None:
    async with serve(Chosen(names=("school-billing",))) as client:
        assert await _asked(client, "GET", "/schools", **{"X-API-Key": ""}) == MISSING
        assert await _asked(client, "GET", "/schools", **{"X-API-Key": "None"}) == WRONG


async def test_a_key_of_one_school_sees_that_school_alone(serve: Serve, database: Database) -> None:
    async with serve(TRUSTING, **{"X-API-Key": API_KEY}) as client:
        contract = Contract(client)
        school, other = await contract.school(), await contract.issued()
        listed = await contract("GET", "/schools?limit=1000", 200)
        assert school in listed
    found = database.read(
        lambda conn: alias_numbers.by_number(conn, "school-billing", "school", [school["id"]])
    )
    place = found[school["id"]].object_id
    owner, viewer = (_key(database, role, place) for role in ("owner", "viewer"))
    async with serve(GUARDED) as client:
        of_owner = {"X-API-Key": owner}
        assert await _asked(client, "GET", "/schools", **of_owner) == (200, [school])
        gone = (404, {"detail": f"Invoice with id {other['id']} not found"})
        assert await _asked(client, "GET", f"/invoices/{other['id']}", **of_owner) == gone
        path = f"/invoices?student_id={other['student_id']}"
        assert await _asked(client, "GET", path, **of_owner) == (200, [])
        assert await _asked(client, "GET", "/payments", **of_owner) == (200, [])
        denied = (403, {"detail": "This API key may not do this"})
        assert await _asked(client, "POST", "/schools", **of_owner) == denied
        of_viewer = {"X-API-Key": viewer}
        assert await _asked(client, "GET", "/schools", **of_viewer) == (200, [school])
        assert await _asked(client, "PATCH", f"/schools/{school['id']}", **of_viewer) == denied


async def test_people_do_not_act_here(serve: Serve, database: Database) -> None:
    for platform in (False, True):
        token = personal_token(database, login(database, platform=platform))
        async with serve(GUARDED) as client:
            for method in ("GET", "POST"):
                sent = {"X-API-Key": token}
                assert await _asked(client, method, "/schools", **sent) == WRONG


async def test_what_is_not_chosen_is_not_there(serve: Serve) -> None:
    async with serve(Chosen(trusting=True)) as client:
        for path in ("/api/v1/schools", "/health", "/docs", "/openapi.json"):
            answer = await client.get(BASE + path)
            assert answer.status_code == 404
            assert answer.json()["code"] == "request.path_unknown"


async def test_at_the_root_it_takes_the_documentation_and_leaves_v1(serve: Serve) -> None:
    root = Chosen(names=("school-billing",), root="school-billing", trusting=True, api_key=API_KEY)
    async with serve(root) as client:
        assert (await client.get("/health")).json() == {"status": "healthy"}
        assert (await client.get("/api/v1/schools")).status_code == 200
        assert (await client.get("/api/v1/nothing")).json() == {"detail": "Not Found"}
        assert (await client.get("/openapi.json")).json()["info"]["title"] == "School billing"
        for page in ("/docs", "/redoc"):
            assert "<title>School billing</title>" in (await client.get(page)).text
        assert (await client.get("/health/live")).json() == {"status": "live"}
        assert (await client.get("/v1/organizations")).json()["code"] == "auth.key_missing"
        assert (await client.get("/nothing")).json()["code"] == "request.path_unknown"
        assert (await client.get(f"{BASE}/api/v1/schools")).status_code == 200


async def test_the_prefix_is_the_one_of_the_settings(serve: Serve) -> None:
    chosen = Chosen(names=("school-billing",), trusting=True, api_v1_prefix="/api/v2")
    async with serve(chosen) as client:
        assert (await client.get(f"{BASE}/api/v2/schools")).status_code == 200
        assert (await client.get(f"{BASE}/api/v1/schools")).status_code == 404


async def test_who_lists_at_once_what_is_new_sees_the_same_numbers(
    serve: Serve, books: Books
) -> None:
    for _ in range(5):
        books.issued(1_000)
    name = books.organization["name"]
    async with serve(TRUSTING) as first, serve(TRUSTING) as second:

        async def ask(client: httpx2.AsyncClient, path: str) -> list[dict[str, Any]]:
            answer = await client.get(f"{BASE}/api/v1{path}")
            assert answer.status_code == 200, answer.text
            listed: list[dict[str, Any]] = answer.json()
            return listed

        clients = [first, second] * 4
        for path in ("/invoices?limit=5", "/students?limit=1000", "/schools?limit=1000"):
            lists = await asyncio.gather(*[ask(client, path) for client in clients])
            assert all(each == lists[0] for each in lists)
            numbers = [each["id"] for each in lists[0]]
            assert len(set(numbers)) == len(numbers)
        assert name in {each["name"] for each in lists[0]}


async def test_a_payment_that_a_rule_holds_is_not_told_as_paid(serve: Serve, books: Books) -> None:
    hold = RuleContent("Look at it", "payment_recorded", [{"action": "hold_for_approval"}])
    books.done(create_rules, CreateRule(books.act(), hold))
    wanted = Wanted(books.organization_id, UUID(books.issued(1_000)["id"]))
    command = GiveNumbers(books.act(), "school-billing", "invoice", (wanted,))
    number = books.done(give_numbers, command)[wanted.object_id].number
    async with serve(TRUSTING, **{"X-API-Key": API_KEY}) as http:
        contract = Contract(http)
        text = (
            "A rule of the school holds this payment: it is kept and counts for nothing until "
            "another person approves it. Do not send it again."
        )
        path = f"/invoices/{number}/payments"
        await contract.refused("POST", path, 400, text, {"amount": "10.00"})
        await contract("GET", path, 200, [])


async def test_a_student_with_5000_invoices_has_right_totals(
    serve: Serve, books: Books, database: Database, engine: str
) -> None:
    # On the servers a fifth of them comes to the same.
    amount, batches = (562, 5) if engine == "sqlite" else (2_810, 1)
    content = books.content(amount)
    for _ in range(batches):
        books.outcomes(issue_new, *[IssueNew(books.act(), content) for _ in range(1_000)])
    act = books.act()
    wanted = (Wanted(books.organization_id, books.payer),)
    command = GiveNumbers(act, "school-billing", "student", wanted)
    [answer] = database.write(lambda conn: give_numbers(conn, [command]))
    assert isinstance(answer.outcome, dict)
    number = answer.outcome[books.payer].number
    async with serve(TRUSTING) as client:
        statement = await Contract(client)("GET", f"/students/{number}/statement", 200)
        first = await Contract(client)("GET", f"/students/{number}/statement?limit=1", 200)
    totals = {"invoiced": "28100.00", "paid": "0.00", "pending": "28100.00"}
    assert statement["totals"] == first["totals"] == totals
    assert len({each["id"] for each in statement["invoices"]}) == batches * 1_000
    assert first["invoices"] == statement["invoices"][:1]


@pytest.fixture
def server(database: Database, database_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    assert database.url.database is not None, "migrated before it is served"
    (tmp_path / ".env").write_text("API_KEY=b7f0a1c44e9d21\n", encoding="utf-8")
    process = ServerProcess(database_url, tmp_path)
    process.start()
    yield process
    process.stop()


async def test_of_twenty_payments_at_once_one_is_taken(server: ServerProcess) -> None:
    headers = {"X-API-Key": "b7f0a1c44e9d21"}
    async with httpx2.AsyncClient(
        base_url=server.url, headers=headers, timeout=30, trust_env=False
    ) as client:
        invoice = await Contract(client).issued()
        start = asyncio.Barrier(20)

        async def pay() -> tuple[int, str]:
            async with httpx2.AsyncClient(
                base_url=server.url, headers=headers, timeout=30, trust_env=False
            ) as payer:
                await payer.get(f"{BASE}/health")
                await start.wait()
                path = f"{BASE}/api/v1/invoices/{invoice['id']}/payments"
                answer = await payer.post(path, json={"amount": "100.00"})
                return answer.status_code, answer.json().get("detail", "")

        answers = Counter(await asyncio.gather(*[pay() for _ in range(20)]))
        text = "Payment amount (100.00) exceeds pending amount (0.00)"
        assert answers == {(201, ""): 1, (400, text): 19}
        path = f"{BASE}/api/v1/invoices/{invoice['id']}"
        assert (await client.get(path)).json()["status"] == "PAID"
        assert len((await client.get(f"{path}/payments")).json()) == 1
