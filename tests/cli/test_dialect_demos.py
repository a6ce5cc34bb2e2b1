"""Demonstration data of older contracts: made once, under their numbers, in every state."""

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from tallystick import settings, wiring
from tests.cli.conftest import Run

BASE = "http://tallystick.test/dialects"
SCHOOLS = tuple(
    f"school-billing/api/v1/{noun}" for noun in ("schools", "students", "invoices", "payments")
)
CARDS = ("card-invoices/invoices",)
CONFIGURABLE = ("configurable-payments/invoices",)
PAID_BY_THE_EXAMPLE: list[dict[str, Any]] = [
    {
        "invoice_id": 1,
        "customer_id": 101,
        "amount_due": 500,
        "status": "Paid",
        "payment_date": "2023-09-19",
    },
    {
        "invoice_id": 2,
        "customer_id": 102,
        "amount_due": 300,
        "status": "Unpaid",
        "payment_date": None,
    },
]


async def _shown(
    *paths: str, paid: dict[str, int] | None = None
) -> dict[str, list[dict[str, Any]]]:
    app = wiring.create_app(settings.load())
    transport = httpx2.ASGITransport(app=app)
    async with app.router.lifespan_context(app), httpx2.AsyncClient(transport=transport) as client:
        if paid is not None:
            answer = await client.post(f"{BASE}/configurable-payments/payments", json=paid)
            assert answer.status_code == 201
        return {
            path.rpartition("/")[2]: (await client.get(f"{BASE}/{path}")).json() for path in paths
        }


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the collector and the logs of the test process alone."""
    idle = SimpleNamespace(collect=lambda: 0, freeze=lambda: None, enable=lambda: None)
    monkeypatch.setattr("tallystick.web.app.gc", idle)
    # Loggers that were used once keep their way, and tests that capture them would see nothing.
    monkeypatch.setattr(wiring, "start_logs", lambda _settings: None)


@pytest.mark.usefixtures("quiet")
def test_the_schools_are_made_once_and_have_their_numbers(run: Run, migrated: str) -> None:
    assert migrated
    first = run("demo", "--data", "school-billing")
    assert (first.code, first.out) == (0, "")
    assert first.err.startswith("Made 3 schools, 8 students, 16 invoices and 12 payments.")
    shown = asyncio.run(_shown(*SCHOOLS))
    assert [(each["id"], each["country"], each["currency"]) for each in shown["schools"]] == [
        (1, "MX", "MXN"),
        (2, "CO", "COP"),
        (3, "EC", "USD"),
    ]
    assert all(each["name"].endswith("(demo)") for each in shown["schools"])
    assert [each["id"] for each in shown["students"]] == list(range(1, 9))
    assert {each["id"] for each in shown["invoices"]} == set(range(1, 17))
    assert {each["id"] for each in shown["payments"]} == set(range(1, 13))
    assert Counter(each["status"] for each in shown["invoices"]) == {
        "ISSUED": 5,
        "PARTIAL": 4,
        "PAID": 5,
        "VOID": 2,
    }
    second = run("demo", "--data", "school-billing")
    assert second.code == 0
    assert second.err.endswith("schools are there already. Nothing was changed.\n")
    assert asyncio.run(_shown(*SCHOOLS)) == shown
    assert run("audit").code == 0


@pytest.mark.usefixtures("quiet")
def test_card_invoices_are_those_of_the_contract(run: Run, migrated: str) -> None:
    assert migrated
    # An organization that the contract does not know stands beside its own.
    assert run("demo").code == 0
    first = run("demo", "--data", "card-invoices")
    assert (first.code, first.out) == (0, "")
    assert first.err.startswith("Made 5 customers, 5 invoices and 2 payments.")
    shown = asyncio.run(_shown(*CARDS))
    names = ("customerId", "jobDescription", "amount", "invoiceStatus")
    assert [tuple(each[name] for name in names) for each in reversed(shown["invoices"])] == [
        (1, "Website Development", 450.75, "PAID"),
        (1, "Graphic Design Service", 220.50, "PAID"),
        (3, "SEO Optimization", 175.00, "PENDING"),
        (4, "Software License Fee", 99.99, "CANCELLED"),
        (3, "Consultation Service", 300.25, "PENDING"),
    ]
    whose = {
        each["customerId"]: (each["customerName"], each["customerEmail"])
        for each in shown["invoices"]
    }
    assert whose == {
        1: ("John Doe", "john.doe@example.com"),
        3: ("Seth Hall", "seth.hall@paymark.co.nz"),
        4: ("Amanda Lee", "amanda.lee@paymark.co.nz"),
    }
    second = run("demo", "--data", "card-invoices")
    assert second.code == 0
    assert second.err.endswith("card invoices are there already. Nothing was changed.\n")
    assert asyncio.run(_shown(*CARDS)) == shown
    assert run("audit").code == 0


@pytest.mark.usefixtures("quiet")
def test_configurable_payments_answer_as_in_the_contract(
    run: Run, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert migrated
    now = datetime(2023, 9, 19, 0, 0, 1, tzinfo=UTC)
    monkeypatch.setattr("tallystick.kernel.clock.now", lambda: now)
    first = run("demo", "--data", "configurable-payments")
    assert (first.code, first.out) == (0, "")
    assert first.err.startswith("Made 2 customers and 2 invoices.")
    [before] = asyncio.run(_shown(*CONFIGURABLE)).values()
    assert before == [
        {**each, "status": "Unpaid", "payment_date": None} for each in PAID_BY_THE_EXAMPLE
    ]
    second = run("demo", "--data", "configurable-payments")
    assert second.code == 0
    assert second.err.endswith("payments is there already. Nothing was changed.\n")
    sent = {"invoice_id": 1, "amount": 500}
    [after] = asyncio.run(_shown(*CONFIGURABLE, paid=sent)).values()
    assert json.dumps(after) == json.dumps(PAID_BY_THE_EXAMPLE)
    assert run("audit").code == 0


def test_an_unknown_dialect_is_refused(run: Run, migrated: str) -> None:
    assert migrated
    ended = run("serve", "--root-dialect", "nothing")
    assert ended.code == 2
    assert ended.err == (
        "There is no dialect “nothing”. TALLYSTICK_DIALECTS and TALLYSTICK_ROOT_DIALECT know "
        "configurable-payments, card-invoices, school-billing.\n"
    )
