"""Payments and receipts through the API."""

import asyncio

import pytest

from tests.web.conftest import LINE, School

pytestmark = pytest.mark.anyio


async def test_pay_in_two_parts(school: School) -> None:
    invoice = await school.invoice()
    for amount, due, status in (("40.00", "60.00", "partial"), ("60.00", "0.00", "paid")):
        payment = await school.payment(amount=amount, invoices=[{"invoice_id": invoice["id"]}])
        part = {
            "invoice_id": invoice["id"],
            "invoice_number": invoice["number"],
            "amount": amount,
        }
        assert payment["allocations"] == [part]
        now = (await school.viewer.get(f"/v1/invoices/{invoice['id']}")).json()
        assert (now["due"], now["payment_status"]) == (due, status)
        receipt = (await school.viewer.get(f"/v1/payments/{payment['id']}/receipt")).json()
        assert receipt["number"] == payment["receipt_number"]
        assert receipt["invoices"] == [
            {
                "invoice_id": invoice["id"],
                "number": invoice["number"],
                "amount": amount,
                "due_after": due,
            }
        ]
        assert receipt["received_from"]["name"] == "Maya Okonkwo"
        assert receipt["received_by"]["name"] == "North School"


async def test_record_and_read(school: School) -> None:
    invoice = await school.invoice()
    wanted = {
        "amount": "25.00",
        "currency": "EUR",
        "method": "bank_transfer",
        "paid_on": "2026-11-19",
        "reference": "8841",
        "note": "By\nhand",
    }
    response = await school.owner.post(
        "/v1/payments", json={**wanted, "invoices": [{"invoice_id": invoice["id"]}]}
    )
    assert response.status_code == 201
    payment = response.json()
    assert payment.items() >= wanted.items()
    assert (payment["allocated"], payment["unallocated"], payment["refunded"]) == (
        "25.00",
        "0.00",
        "0.00",
    )
    assert payment["receipt_number"] == "REC-2026-000001"
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == f"/v1/payments/{payment['id']}"
    assert (await school.viewer.get(response.headers["Location"])).json() == payment


async def test_more_than_the_due(school: School) -> None:
    invoice = await school.invoice()
    body = {
        "amount": "100.01",
        "currency": "EUR",
        "method": "cash",
        "invoices": [{"invoice_id": invoice["id"]}],
    }
    response = await school.owner.post("/v1/payments", json=body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "payment.exceeds_due")
    assert (problem["due"], problem["currency"]) == ("100.00", "EUR")
    assert problem["type"] == "/developers/errors/payment.exceeds_due"
    assert "100.00" in problem["detail"]
    assert (await school.owner.get("/v1/payments")).json()["data"] == []
    response = await school.owner.post("/v1/payments", json=body | {"excess": "credit"})
    assert response.json()["unallocated"] == "0.01"


async def test_the_customer_alone_pays_the_oldest_first(school: School) -> None:
    customer = await school.customer()
    late = await school.invoice(customer_id=customer["id"], issue_date="2026-09-01")
    new = await school.invoice(customer_id=customer["id"])
    payment = await school.payment(amount="150.00", customer_id=customer["id"])
    assert [(part["invoice_id"], part["amount"]) for part in payment["allocations"]] == [
        (late["id"], "100.00"),
        (new["id"], "50.00"),
    ]
    payment = await school.payment(amount="70.00", customer_id=customer["id"])
    assert payment["unallocated"] == "20.00"


async def test_several_invoices(school: School) -> None:
    customer = await school.customer()
    first, second = [await school.invoice(customer_id=customer["id"]) for _ in range(2)]
    payment = await school.payment(
        amount="100.00",
        invoices=[
            {"invoice_id": first["id"], "amount": "30.00"},
            {"invoice_id": second["id"], "amount": "70.00"},
        ],
    )
    assert {part["invoice_id"]: part["amount"] for part in payment["allocations"]} == {
        first["id"]: "30.00",
        second["id"]: "70.00",
    }


async def test_what_is_not_owed_cannot_be_paid(school: School) -> None:
    draft = await school.invoice(issue=False)
    void = await school.invoice()
    await school.owner.post(f"/v1/invoices/{void['id']}/void", json={"reason": "x"})
    other = await school.invoice(currency="USD")
    for invoice, code in (
        (draft, "invoice.not_payable"),
        (void, "invoice.not_payable"),
        (other, "money.currency"),
    ):
        body = {
            "amount": "1.00",
            "currency": "EUR",
            "method": "cash",
            "invoices": [{"invoice_id": invoice["id"]}],
        }
        response = await school.owner.post("/v1/payments", json=body)
        assert (response.status_code, response.json()["code"]) == (409, code)
    assert (await school.owner.get("/v1/payments")).json()["data"] == []


async def test_twenty_at_once(school: School) -> None:
    invoice = await school.invoice()
    body = {
        "amount": "100.00",
        "currency": "EUR",
        "method": "cash",
        "invoices": [{"invoice_id": invoice["id"]}],
    }
    responses = await asyncio.gather(
        *[school.owner.post("/v1/payments", json=body) for _ in range(20)]
    )
    assert sorted(response.status_code for response in responses) == [201] + [409] * 19
    refused = [response.json() for response in responses if response.status_code == 409]
    assert {(each["code"], each["due"]) for each in refused} == {("payment.exceeds_due", "0.00")}


async def test_list(school: School) -> None:
    invoice = await school.invoice()
    one = [{"invoice_id": invoice["id"]}]
    first = await school.payment(amount="1.00", invoices=one, paid_on="2026-11-01")
    second = await school.payment(amount="2.00", invoices=one, method="cheque")
    third = await school.payment(amount="3.00", customer_id=(await school.customer())["id"])
    for query, expected in (
        ("", [third, second, first]),
        ("?method=cheque", [second]),
        (f"?customer_id={invoice['customer_id']}", [second, first]),
        (f"?invoice_id={invoice['id']}", [second, first]),
        ("?paid_from=2026-11-02", [third, second]),
        ("?paid_to=2026-11-02", [first]),
    ):
        found = (await school.viewer.get(f"/v1/payments{query}")).json()
        assert found == {"data": expected, "next": None}, query


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("currency", "price", "amount"),
    [("JPY", "30000", "30000"), ("KWD", "1.234", "1.234"), ("CLF", "1.2345", "1.2345")],
)
async def test_currencies_of_other_decimals(
    school: School, currency: str, price: str, amount: str
) -> None:
    line = LINE | {"unit_price": price}
    invoice = await school.invoice(currency=currency, lines=[line])
    assert invoice["total"] == amount
    payment = await school.payment(
        amount=amount, currency=currency, invoices=[{"invoice_id": invoice["id"]}]
    )
    assert payment["allocated"] == amount


async def test_the_books(school: School) -> None:
    invoice = await school.invoice(lines=[LINE | {"tax_rate": "19"}])
    await school.payment(
        amount="20.00", invoices=[{"invoice_id": invoice["id"]}], paid_on="2026-11-10"
    )
    held = (await school.viewer.get("/v1/ledger/balances")).json()
    by_name = {each["account"].split(":")[1]: each["balance"] for each in held["data"]}
    assert by_name == {"Cash": "20.00", "Receivable": "99.00", "Sales": "-100.00", "Tax": "-19.00"}
    assert held["next"] is None
    [sales] = (await school.viewer.get("/v1/ledger/balances?account=Income")).json()["data"]
    assert sales == {"account": "Income:Sales", "currency": "EUR", "balance": "-100.00"}
    [sheet] = (await school.viewer.get("/v1/ledger/trial-balance?on=2026-11-20")).json()["data"]
    assert (sheet["debit"], sheet["credit"]) == ("119.00", "119.00")
    assert len(sheet["accounts"]) == 4
    before = (await school.viewer.get("/v1/ledger/trial-balance?on=2026-11-09")).json()
    assert before == {"data": [], "next": None}
