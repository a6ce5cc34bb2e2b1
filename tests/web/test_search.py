"""Text that is looked for, and the totals of what was found."""

from typing import Any

import pytest

from tests.web.conftest import LINE, School

pytestmark = pytest.mark.anyio


async def numbers(school: School, **query: str) -> list[str]:
    response = await school.owner.get("/v1/invoices", params=query)
    assert response.status_code == 200, response.text
    return sorted(str(each["number"]) for each in response.json()["data"])


@pytest.fixture
async def found(school: School) -> School:
    """Return a school with three invoices and two customers."""
    maya = await school.customer(name="Maya Ökonkwo", external_reference="50%_!")
    ben = await school.customer(name="Ben 50X_Y")
    await school.invoice(customer_id=maya["id"], reference="PO-4711")
    await school.invoice(customer_id=ben["id"], reference="100% wool")
    await school.invoice(customer_id=ben["id"], issue=False)
    return school


INVOICES = {
    "maya": ["INV-2026-000001"],
    "MAYA ö": ["INV-2026-000001"],
    "ÖKON": ["INV-2026-000001"],
    "po-47": ["INV-2026-000001"],
    "000002": ["INV-2026-000002"],
    "inv-2026": ["INV-2026-000001", "INV-2026-000002"],
    "ben": ["INV-2026-000002", "None"],
    "100%": ["INV-2026-000002"],
    "0%_": [],
    "%": ["INV-2026-000002"],
    "_": ["INV-2026-000002", "None"],
    "!": [],
    "\\": [],
    "'; DROP TABLE invoice; --": [],
}


async def test_invoices_are_found(found: School) -> None:
    assert {text: await numbers(found, q=text) for text in INVOICES} == INVOICES
    for text, expected in INVOICES.items():
        totals = (await found.owner.get("/v1/invoices/totals", params={"q": text})).json()["data"]
        assert sum(each["count"] for each in totals) == len(expected), text


CUSTOMERS = {
    "öko": ["Maya Ökonkwo"],
    "50": ["Ben 50X_Y", "Maya Ökonkwo"],
    "50%_!": ["Maya Ökonkwo"],
    "x_y": ["Ben 50X_Y"],
    "xay": [],
}


async def test_customers_are_found(found: School) -> None:
    names = {}
    for text in CUSTOMERS:
        response = await found.owner.get("/v1/customers", params={"q": text})
        names[text] = sorted(each["name"] for each in response.json()["data"])
    assert names == CUSTOMERS


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("text", ["", "x" * 101, "a\nb"])
async def test_what_cannot_be_looked_for(school: School, text: str) -> None:
    for path in ("/v1/invoices", "/v1/customers", "/v1/invoices/totals"):
        response = await school.owner.get(path, params={"q": text})
        assert (response.status_code, response.json()["code"]) == (422, "request.invalid")
        assert response.json()["errors"][0]["parameter"] == "q"


async def test_the_totals_of_what_a_list_shows(school: School) -> None:
    async def totals(**query: str) -> list[dict[str, Any]]:
        response = await school.owner.get("/v1/invoices/totals", params=query)
        assert response.status_code == 200, response.text
        data: list[dict[str, Any]] = response.json()["data"]
        return data

    assert await totals() == []
    payer = (await school.customer())["id"]
    paid = await school.invoice(customer_id=payer)
    await school.invoice(customer_id=payer, issue=False)
    void = await school.invoice(customer_id=payer)
    await school.owner.post(f"/v1/invoices/{void['id']}/void", json={"reason": "twice"})
    yen = [LINE | {"unit_price": "1000"}]
    await school.invoice(customer_id=payer, currency="JPY", lines=yen)
    await school.payment(amount="60.00", invoices=[{"invoice_id": paid["id"]}])
    euro = {
        "currency": "EUR",
        "count": 3,
        "total": "300.00",
        "paid": "60.00",
        "credited": "0.00",
        "written_off": "0.00",
        "due": "140.00",
    }
    japan = {
        "currency": "JPY",
        "count": 1,
        "total": "1000",
        "paid": "0",
        "credited": "0",
        "written_off": "0",
        "due": "1000",
    }
    assert await totals() == [euro, japan]
    assert await totals(currency="JPY") == [japan]
    partial = {**euro, "count": 1, "total": "100.00", "due": "40.00"}
    assert await totals(status="partial") == [partial]
    nothing = {**euro, "count": 1, "total": "100.00", "paid": "0.00", "due": "0.00"}
    assert await totals(status="void") == [nothing]
    refused = await school.owner.get("/v1/invoices/totals", params={"limit": "1"})
    assert refused.status_code == 422
