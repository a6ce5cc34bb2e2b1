"""Credit notes, write-offs, replacements and annotations through the API."""

from typing import Any

import pytest

from tests.web.conftest import LINE, School

pytestmark = pytest.mark.anyio

TAXED = [
    {"description": "Tuition", "unit_price": "100.00", "tax_rate": "19"},
    {"description": "Book", "unit_price": "33.33", "tax_rate": "7"},
    {"description": "Stamps", "unit_price": "1.01"},
]


async def test_credit_notes(school: School) -> None:
    invoice = await school.invoice(lines=TAXED)
    path = f"/v1/invoices/{invoice['id']}/credit-notes"
    response = await school.owner.post(path, json={"reason": "Late.", "amount": "10.00"})
    assert response.status_code == 201
    note = response.json()
    assert response.headers["Location"] == f"/v1/credit-notes/{note['id']}"
    assert (
        note.items()
        >= {
            "number": "CN-2026-000001",
            "invoice_id": invoice["id"],
            "invoice_number": "INV-2026-000001",
            "customer_id": invoice["customer_id"],
            "currency": "EUR",
            "net": "8.63",
            "tax": "1.37",
            "total": "10.00",
            "reason": "Late.",
            "issue_date": "2026-11-20",
            "seller": invoice["seller"],
            "buyer": invoice["buyer"],
        }.items()
    )
    assert [(each["tax_rate"], each["taxable"], each["tax"]) for each in note["tax_rates"]] == [
        ("0", "0.07", "0.00"),
        ("7", "2.14", "0.15"),
        ("19", "6.42", "1.22"),
    ]
    assert note["lines"][0] == {
        "position": 1,
        "description": "Credit for invoice INV-2026-000001",
        "quantity": "1",
        "unit_price": "0.07",
        "tax_rate": "0",
        "discount": None,
        "net": "0.07",
    }
    lines = [{"description": "Half", "quantity": "0.5", "unit_price": "40.00", "tax_rate": "19"}]
    second = await school.credit_note(invoice, lines=lines)
    assert (second["net"], second["tax"], second["total"]) == ("20.00", "3.80", "23.80")
    last = await school.credit_note(invoice)
    now = (await school.viewer.get(f"/v1/invoices/{invoice['id']}")).json()
    assert (now["status"], now["credited"], now["due"]) == ("credited", "155.67", "0.00")
    assert last["total"] == "121.87"
    assert (await school.viewer.get(f"/v1/credit-notes/{note['id']}")).json() == note


async def test_listing_credit_notes(school: School) -> None:
    one, two = await school.invoice(), await school.invoice()
    notes = [await school.credit_note(each, amount="1.00") for each in (one, two, one)]
    for query, expected in (
        ("", [2, 1, 0]),
        (f"?invoice_id={one['id']}", [2, 0]),
        (f"?customer_id={two['customer_id']}", [1]),
        (f"?invoice_id={one['id']}&customer_id={two['customer_id']}", []),
    ):
        found = (await school.viewer.get(f"/v1/credit-notes{query}")).json()
        assert found == {"data": [notes[index] for index in expected], "next": None}
    page = (await school.viewer.get("/v1/credit-notes?limit=2")).json()
    rest = await school.viewer.get(f"/v1/credit-notes?limit=2&cursor={page['next']}")
    assert page["data"] + rest.json()["data"] == notes[::-1]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_what_cannot_be_credited(school: School) -> None:
    invoice = await school.invoice()
    path = f"/v1/invoices/{invoice['id']}/credit-notes"
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"amount": "100.01"}, 409, "credit_note.exceeds_invoice"),
        ({"amount": "0"}, 422, "credit_note.amount_not_positive"),
        ({"amount": "1.001"}, 422, "money.precision"),
        ({"amount": "1", "lines": [LINE]}, 422, "credit_note.amount_and_lines"),
        ({"lines": [LINE | {"tax_rate": "19"}]}, 422, "credit_note.rate_unknown"),
        ({"lines": [LINE | {"quantity": "-1"}]}, 422, "invoice.quantity_malformed"),
        ({"reason": ""}, 422, "request.invalid"),
    ]
    for body, status, code in cases:
        response = await school.owner.post(path, json={"reason": "x", **body})
        assert (response.status_code, response.json()["code"]) == (status, code), body
    response = await school.owner.post(path, json={"reason": "x", "amount": "100.01"})
    assert response.json()["creditable"] == "100.00"
    draft = await school.invoice(issue=False)
    response = await school.owner.post(
        f"/v1/invoices/{draft['id']}/credit-notes", json={"reason": "x"}
    )
    assert (response.status_code, response.json()["code"]) == (409, "invoice.draft")
    response = await school.owner.get(f"/v1/credit-notes/{invoice['id']}")
    assert (response.status_code, response.json()["code"]) == (404, "credit_note.unknown")
    response = await school.owner.get("/v1/credit-notes/1")
    assert (response.status_code, response.json()["code"]) == (404, "credit_note.unknown")
    assert (await school.owner.get("/v1/credit-notes")).json()["data"] == []


async def test_writing_off_and_paying_after_all(school: School) -> None:
    invoice = await school.invoice()
    path = f"/v1/invoices/{invoice['id']}/write-off"
    response = await school.owner.post(path, json={"reason": "Moved away.", "amount": "30.00"})
    part = response.json()
    assert (response.status_code, part["written_off"], part["due"]) == (200, "30.00", "70.00")
    assert part["write_off_reason"] == "Moved away."
    response = await school.owner.post(path, json={"reason": "x", "amount": "70.01"})
    assert (response.status_code, response.json()["code"]) == (409, "write_off.exceeds_due")
    assert response.json()["due"] == "70.00"
    rest = (await school.owner.post(path, json={"reason": "Gone."})).json()
    assert (rest["written_off"], rest["due"], rest["payment_status"]) == ("100.00", "0.00", "paid")
    response = await school.owner.post(path, json={"reason": "x"})
    assert (response.status_code, response.json()["code"]) == (409, "write_off.nothing_due")
    paying = {"currency": "EUR", "method": "cash", "invoices": [{"invoice_id": invoice["id"]}]}
    response = await school.owner.post("/v1/payments", json={**paying, "amount": "100.01"})
    assert (response.status_code, response.json()["code"]) == (409, "payment.exceeds_due")
    assert (response.json()["due"], response.json()["written_off"]) == ("0.00", "100.00")
    await school.payment(amount="60.00", invoices=[{"invoice_id": invoice["id"]}])
    now = (await school.viewer.get(f"/v1/invoices/{invoice['id']}")).json()
    assert (now["paid"], now["written_off"], now["due"]) == ("60.00", "40.00", "0.00")


async def test_replacing(school: School) -> None:
    old = await school.invoice(note="Wrong")
    payment = await school.payment(amount="80.00", invoices=[{"invoice_id": old["id"]}])
    path = f"/v1/invoices/{old['id']}/replace"
    body: dict[str, Any] = {"reason": "Wrong price.", "lines": [LINE | {"unit_price": "50.00"}]}
    response = await school.owner.post(path, json=body)
    assert (response.status_code, response.json()["code"]) == (409, "invoice.below_paid")
    assert (response.json()["paid"], response.json()["total"]) == ("80.00", "50.00")
    response = await school.owner.post(path, json={**body, "excess": "credit", "note": "Right"})
    new = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/v1/invoices/{new['id']}"
    assert (new["number"], new["replaces"], new["note"]) == ("INV-2026-000002", old["id"], "Right")
    assert (new["total"], new["paid"], new["due"]) == ("50.00", "50.00", "0.00")
    assert (new["customer_id"], new["currency"]) == (old["customer_id"], old["currency"])
    gone = (await school.viewer.get(f"/v1/invoices/{old['id']}")).json()
    assert (gone["status"], gone["void_reason"]) == ("void", "Wrong price.")
    now = (await school.viewer.get(f"/v1/payments/{payment['id']}")).json()
    assert (now["allocated"], now["unallocated"]) == ("50.00", "30.00")
    assert [each["invoice_id"] for each in now["allocations"]] == [new["id"]]
    response = await school.owner.post(path, json=body)
    assert (response.status_code, response.json()["code"]) == (409, "invoice.void")
    await school.credit_note(new, amount="1.00")
    response = await school.owner.post(f"/v1/invoices/{new['id']}/replace", json=body)
    assert (response.status_code, response.json()["code"]) == (409, "invoice.corrected")


async def test_annotating(school: School) -> None:
    invoice = await school.invoice()
    path = f"/v1/invoices/{invoice['id']}/annotate"
    response = await school.owner.post(path, json={"due_date": "2027-01-31", "memo": "Asked."})
    now = response.json()
    assert response.status_code == 200
    assert response.headers["ETag"] == f'"{invoice["version"] + 1}"'
    assert (now["due_date"], now["memo"]) == ("2027-01-31", "Asked.")
    assert now["document_hash"] == invoice["document_hash"]
    cleared = (await school.owner.post(path, json={"memo": None})).json()
    assert (cleared["due_date"], cleared["memo"]) == ("2027-01-31", None)
    for body, code in (
        ({"due_date": "2026-11-19"}, "invoice.due_before_issue"),
        ({"due_date": None}, "request.invalid"),
        ({"note": "x"}, "request.invalid"),
    ):
        response = await school.owner.post(path, json=body)
        assert (response.status_code, response.json()["code"]) == (422, code)


async def test_a_list_of_what_is_credited(school: School) -> None:
    credited, _ = await school.invoice(), await school.invoice()
    await school.credit_note(credited)
    found = (await school.viewer.get("/v1/invoices?status=credited")).json()["data"]
    assert [(each["id"], each["status"]) for each in found] == [(credited["id"], "credited")]
