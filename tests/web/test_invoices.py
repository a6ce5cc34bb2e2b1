"""Invoices through the API."""

from typing import Any

import pytest

from tests.web.conftest import LINE, School

pytestmark = pytest.mark.anyio

LINES: list[dict[str, Any]] = [
    {
        "description": "Tuition, autumn term",
        "quantity": "1.5",
        "unit_price": "100.00",
        "tax_rate": "19",
        "discount": {"fixed": "5.00"},
    },
    {"description": "Books", "quantity": "2", "unit_price": "10.50", "tax_rate": "8.875"},
]


async def test_a_draft_has_every_figure(school: School) -> None:
    customer = await school.customer()
    wanted = {
        "customer_id": customer["id"],
        "lines": LINES,
        "discount": {"percent": "10"},
        "reference": "PO-4711",
        "note": "First line\nsecond line",
    }
    response = await school.owner.post("/v1/invoices", json=wanted)
    assert response.status_code == 201
    draft = response.json()
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == f"/v1/invoices/{draft['id']}"
    assert (await school.viewer.get(response.headers["Location"])).json() == draft
    # 1.5 x 100.00 - 5.00 = 145.00 and 2 x 10.50 = 21.00; a tenth off 166.00 is 16.60, shared
    # 2.10 and 14.50; 8.875 % of 18.90 is 1.68, 19 % of 130.50 is 24.80.
    assert draft["lines"] == [
        {"position": 1, **LINES[0], "net": "145.00"},
        {"position": 2, **LINES[1], "discount": None, "net": "21.00"},
    ]
    assert draft["tax_rates"] == [
        {
            "tax_rate": "8.875",
            "net": "21.00",
            "discount": "2.10",
            "taxable": "18.90",
            "tax": "1.68",
        },
        {
            "tax_rate": "19",
            "net": "145.00",
            "discount": "14.50",
            "taxable": "130.50",
            "tax": "24.80",
        },
    ]
    figures = {
        "net": "149.40",
        "tax": "26.48",
        "total": "175.88",
        "due": "175.88",
        "paid": "0.00",
        "discount": {"percent": "10"},
        "discount_total": "16.60",
        "currency": "EUR",
        "terms_days": 30,
        "series": "INV",
        "status": "draft",
        "payment_status": "unpaid",
        "overdue": False,
    }
    assert draft.items() >= figures.items()
    for name in ("number", "issue_date", "due_date", "seller", "buyer", "document_hash"):
        assert draft[name] is None


async def test_how_the_figures_came_about(school: School) -> None:
    draft = await school.invoice(issue=False, lines=LINES)
    trace = (await school.viewer.get(f"/v1/invoices/{draft['id']}/totals")).json()
    [tax] = [step for step in trace["totals"] if step["term"] == "BT-110"]
    assert tax["amount"] == 186 + 2755
    assert [each["line"] for each in trace["lines"]] == [1, 2]


async def test_issue_a_draft(school: School) -> None:
    draft = await school.invoice(issue=False)
    path = f"/v1/invoices/{draft['id']}"
    response = await school.owner.post(f"{path}/issue")
    assert response.status_code == 200
    issued = response.json()
    assert response.headers["ETag"] == '"2"'
    assert issued["number"] == "INV-2026-000001"
    assert (issued["issue_date"], issued["due_date"]) == ("2026-11-20", "2026-12-20")
    assert issued["seller"]["name"] == "North School"
    assert issued["buyer"]["name"] == "Maya Okonkwo"
    assert len(issued["document_hash"]) == 64
    assert (await school.viewer.get(path)).json() == issued
    response = await school.owner.post(f"{path}/issue")
    assert (response.status_code, response.json()["code"]) == (409, "invoice.issued")


async def test_draft_and_issue_in_one(school: School) -> None:
    first = await school.invoice(issue_date="2026-11-18", terms_days=0)
    second = await school.invoice(series="EXTRA")
    third = await school.invoice()
    assert [each["number"] for each in (first, second, third)] == [
        "INV-2026-000001",
        "EXTRA-2026-000001",
        "INV-2026-000002",
    ]
    assert (first["issue_date"], first["due_date"]) == ("2026-11-18", "2026-11-18")
    assert first["overdue"] is True


async def test_issue_on_a_day(school: School) -> None:
    draft = await school.invoice(issue=False)
    path = f"/v1/invoices/{draft['id']}/issue"
    for day, code in (("2026-11-21", "invoice.date_in_future"), ("1899-12-31", "request.invalid")):
        response = await school.owner.post(path, json={"issue_date": day})
        assert (response.status_code, response.json()["code"]) == (422, code)
        assert response.json()["errors"][0]["pointer"] == "/issue_date"
    response = await school.owner.post(path, json={"issue_date": "2026-11-02"})
    assert response.json()["issue_date"] == "2026-11-02"
    await school.invoice(issue_date="2026-11-10")
    response = await school.owner.post(
        "/v1/invoices",
        json={
            "customer_id": draft["customer_id"],
            "lines": [LINE],
            "issue": True,
            "issue_date": "2026-11-09",
        },
    )
    assert (response.status_code, response.json()["code"]) == (409, "invoice.date_before_last")


async def test_a_draft_has_no_issue_date(school: School) -> None:
    customer = await school.customer()
    response = await school.owner.post(
        "/v1/invoices", json={"customer_id": customer["id"], "issue_date": "2026-11-20"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid")
    assert response.json()["errors"][0]["pointer"] == "/issue_date"


async def test_what_cannot_be_issued(school: School) -> None:
    for lines, code in (
        ([], "invoice.no_lines"),
        ([LINE | {"unit_price": "0.00"}], "invoice.total_zero"),
    ):
        draft = await school.invoice(issue=False, lines=lines)
        response = await school.owner.post(f"/v1/invoices/{draft['id']}/issue")
        assert (response.status_code, response.json()["code"]) == (409, code)


async def test_change_a_draft(school: School) -> None:
    draft = await school.invoice(
        issue=False, lines=LINES, discount={"fixed": "1.00"}, reference="PO-1", terms_days=10
    )
    path = f"/v1/invoices/{draft['id']}"
    response = await school.owner.patch(
        path, json={"discount": None, "note": "Thank you"}, headers={"If-Match": '"1"'}
    )
    assert response.status_code == 200
    changed = response.json()
    assert changed["version"] == 2
    assert (changed["discount"], changed["note"]) == (None, "Thank you")
    assert changed["lines"] == draft["lines"]
    assert (changed["reference"], changed["terms_days"]) == ("PO-1", 10)
    response = await school.owner.patch(path, json={"lines": [LINE]}, headers={"If-Match": '"2"'})
    assert response.json()["total"] == "100.00"
    response = await school.owner.patch(path, json={"note": "x"}, headers={"If-Match": '"1"'})
    assert (response.status_code, response.json()["code"]) == (412, "precondition.stale")
    assert (await school.owner.get(path)).json()["note"] == "Thank you"


async def test_amounts_keep_their_value_in_another_currency(school: School) -> None:
    draft = await school.invoice(issue=False, lines=LINES)
    path = f"/v1/invoices/{draft['id']}"
    response = await school.owner.patch(path, json={"currency": "JPY"}, headers={"If-Match": '"1"'})
    assert (response.status_code, response.json()["code"]) == (422, "money.precision")
    assert response.json()["errors"][0]["pointer"] == "/lines/0/unit_price"
    response = await school.owner.patch(path, json={"currency": "KWD"}, headers={"If-Match": '"1"'})
    assert response.json()["lines"][0]["unit_price"] == "100.000"


async def test_an_issued_invoice_never_changes(school: School) -> None:
    invoice = await school.invoice()
    path = f"/v1/invoices/{invoice['id']}"
    version = {"If-Match": f'"{invoice["version"]}"'}
    for response in (
        await school.owner.patch(path, json={"note": "x"}, headers=version),
        await school.owner.delete(path, headers=version),
    ):
        assert (response.status_code, response.json()["code"]) == (409, "invoice.issued")
    assert (await school.owner.get(path)).json() == invoice


async def test_delete_a_draft(school: School) -> None:
    draft = await school.invoice(issue=False)
    path = f"/v1/invoices/{draft['id']}"
    response = await school.owner.delete(path)
    assert (response.status_code, response.json()["code"]) == (428, "precondition.required")
    response = await school.owner.delete(path, headers={"If-Match": '"2"'})
    assert (response.status_code, response.json()["code"]) == (412, "precondition.stale")
    response = await school.owner.delete(path, headers={"If-Match": '"1"'})
    assert (response.status_code, response.content) == (204, b"")
    response = await school.owner.get(path)
    assert (response.status_code, response.json()["code"]) == (404, "invoice.unknown")


async def test_void(school: School) -> None:
    invoice = await school.invoice()
    path = f"/v1/invoices/{invoice['id']}/void"
    response = await school.owner.post(path, json={"reason": "Wrong customer."})
    assert response.status_code == 200
    void = response.json()
    assert (void["status"], void["number"]) == ("void", invoice["number"])
    assert (void["void_reason"], void["voided_at"]) == (
        "Wrong customer.",
        "2026-11-20T09:00:00.000000Z",
    )
    response = await school.owner.post(path, json={"reason": "Again."})
    assert (response.status_code, response.json()["code"]) == (409, "invoice.void")
    for body in ({}, {"reason": ""}, {"reason": "  "}, {"reason": None}):
        response = await school.owner.post(path, json=body)
        assert (response.status_code, response.json()["code"]) == (422, "request.invalid")


async def test_what_cannot_be_voided(school: School) -> None:
    draft = await school.invoice(issue=False)
    paid = await school.invoice()
    await school.payment(amount="1.00", invoices=[{"invoice_id": paid["id"]}])
    for invoice, code in ((draft, "invoice.draft"), (paid, "invoice.paid")):
        response = await school.owner.post(
            f"/v1/invoices/{invoice['id']}/void", json={"reason": "x"}
        )
        assert (response.status_code, response.json()["code"]) == (409, code)


async def test_list(school: School) -> None:
    customer = await school.customer()
    mine: Any = {"customer_id": customer["id"]}
    draft = await school.invoice(issue=False, **mine)
    late = await school.invoice(issue_date="2026-09-01", terms_days=10, **mine)
    part = await school.invoice(lines=[LINE | {"unit_price": "300.00"}], terms_days=60)
    paid = await school.invoice(currency="JPY", lines=[LINE | {"unit_price": "30000"}])
    void = await school.invoice()
    await school.payment(amount="1.00", invoices=[{"invoice_id": part["id"]}])
    await school.payment(amount="30000", currency="JPY", invoices=[{"invoice_id": paid["id"]}])
    await school.owner.post(f"/v1/invoices/{void['id']}/void", json={"reason": "x"})
    for query, expected in (
        ("", [void, paid, part, late, draft]),
        ("?status=draft", [draft]),
        ("?status=open", [paid, part, late]),
        ("?status=void", [void]),
        ("?status=unpaid", [late]),
        ("?status=partial", [part]),
        ("?status=paid", [paid]),
        ("?status=overdue", [late]),
        (f"?customer_id={customer['id']}", [late, draft]),
        (f"?number={late['number']}", [late]),
        ("?number=inv-2026-000001", []),
        ("?currency=JPY", [paid]),
        ("?issued_from=2026-11-20", [void, paid, part]),
        ("?issued_to=2026-11-19", [late]),
        ("?due_from=2026-12-21", [part]),
        ("?due_to=2026-09-11", [late]),
        ("?total_min=100.01", [part]),
        ("?total_max=100", [void, late, draft]),
        ("?total_min=1000&currency=JPY", [paid]),
        ("?total_min=30001&currency=JPY", []),
    ):
        found = (await school.viewer.get(f"/v1/invoices{query}")).json()
        numbers = [each["id"] for each in found["data"]]
        assert numbers == [each["id"] for each in expected], query
    listed = (await school.viewer.get("/v1/invoices?status=partial")).json()["data"][0]
    assert (listed["paid"], listed["due"]) == ("1.00", "299.00")


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("total_min=1.234", "money.precision", "total_min"),
        ("total_max=1e5", "money.malformed", "total_max"),
        ("total_min=1&currency=EURO", "money.currency_unknown", "currency"),
        ("currency=EURO", "money.currency_unknown", "currency"),
        ("status=late", "request.invalid", "status"),
        ("customer_id=1", "request.invalid", "customer_id"),
        ("issued_from=20.11.2026", "request.invalid", "issued_from"),
        ("issued_from=2026-02-30", "request.invalid", "issued_from"),
        ("due_to=9999-12-31", "request.invalid", "due_to"),
        ("number=%00", "request.invalid", "number"),
        ("sort=number", "request.invalid", "sort"),
    ],
)
async def test_what_cannot_be_listed(school: School, query: str, code: str, parameter: str) -> None:
    response = await school.owner.get(f"/v1/invoices?{query}")
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert response.json()["errors"][0]["parameter"] == parameter
