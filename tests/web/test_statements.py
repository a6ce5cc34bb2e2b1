"""Statements and ageing over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from tests.web.conftest import LINE, START, MakeSchool, Moment, School

pytestmark = pytest.mark.anyio


async def _march(school: School, moment: Moment) -> dict[str, Any]:
    """Make an invoice and a payment in the past, and give the customer."""
    moment.now = START.replace(month=3, day=2)
    customer = await school.customer()
    invoice = await school.invoice(customer_id=customer["id"])
    await school.payment(amount="30.00", invoices=[{"invoice_id": invoice["id"]}])
    moment.now = START
    return customer


async def test_the_statement_of_a_customer(school: School, moment: Moment) -> None:
    customer = await _march(school, moment)
    found = await school.viewer.get(f"/v1/customers/{customer['id']}/statement")
    assert found.status_code == 200
    document = found.json()
    assert (document["from"], document["to"]) == ("2026-01-01", "2026-11-20")
    [block] = document["blocks"]
    assert (block["currency"], block["next"]) == ("EUR", None)
    assert (block["opening_balance"], block["closing_balance"]) == ("0.00", "70.00")
    assert [
        (row["date"], row["kind"], row["number"], row["debit"], row["credit"], row["balance"])
        for row in block["data"]
    ] == [
        ("2026-03-02", "invoice.issued", "INV-2026-000001", "100.00", "0.00", "100.00"),
        ("2026-03-02", "payment.settled", "REC-2026-000001", "0.00", "30.00", "70.00"),
    ]
    later = f"/v1/customers/{customer['id']}/statement?from=2026-03-03&to=2026-03-31"
    [block] = (await school.viewer.get(later)).json()["blocks"]
    assert (block["opening_balance"], block["closing_balance"], block["data"]) == (
        *("70.00", "70.00"),
        [],
    )


async def test_as_of_a_past_day_it_stays_the_same_to_the_byte(
    school: School, moment: Moment
) -> None:
    customer = await _march(school, moment)
    paths = [
        f"{path}?as_of=2026-03-31{limit}"
        for path in (
            f"/v1/customers/{customer['id']}/statement",
            f"/v1/organizations/{school.id}/statement",
        )
        for limit in ("", "&limit=1")
    ]
    paths += [f"/v1/customers/{customer['id']}/ageing?as_of=2026-03-31"]
    before = [(await school.owner.get(path)).content for path in paths]
    assert all(b"70.00" in each for each in before)
    payment = {"amount": "70.00", "customer_id": customer["id"]}
    await school.payment(**payment)
    await school.invoice(customer_id=customer["id"])
    moment.now += timedelta(days=400)
    assert [(await school.owner.get(path)).content for path in paths] == before
    # A payment that came before that day belongs to it, whenever it is recorded.
    await school.payment(amount="1.00", customer_id=customer["id"], paid_on="2026-03-30")
    after = [(await school.owner.get(path)).content for path in paths]
    assert all(now != then for now, then in zip(after, before, strict=True))


async def test_pages_of_a_statement(school: School, moment: Moment) -> None:
    customer = await _march(school, moment)
    path = f"/v1/organizations/{school.slug}/statement"
    await school.invoice(
        customer_id=customer["id"], currency="JPY", lines=[LINE | {"unit_price": "500"}]
    )
    first = (await school.owner.get(f"{path}?limit=1")).json()
    assert [(block["currency"], len(block["data"])) for block in first["blocks"]] == [
        ("EUR", 1),
        ("JPY", 1),
    ]
    euro, yen = first["blocks"]
    assert (euro["closing_balance"], yen["closing_balance"], yen["next"]) == ("70.00", "500", None)
    # The next page keeps the period, also when a day has passed.
    moment.now += timedelta(days=1)
    second = (await school.owner.get(path, params={"cursor": euro["next"]})).json()
    assert second["to"] == first["to"]
    [block] = second["blocks"]
    assert (block["opening_balance"], block["closing_balance"]) == ("0.00", "70.00")
    assert [row["balance"] for row in block["data"]] == ["70.00"]
    for query in ({"cursor": euro["next"], "currency": "EUR"}, {"cursor": euro["next"][:-2]}):
        refused = await school.owner.get(path, params=query)
        assert refused.json()["code"] == "paging.cursor_unknown"
    [only] = (await school.owner.get(f"{path}?currency=JPY")).json()["blocks"]
    assert only["data"][0]["debit"] == "500"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("from=2026-04-01&to=2026-03-31", "statement.period"),
        ("from=2099-01-01", "statement.period"),
        ("to=2026-03-31&as_of=2026-03-31", "statement.period"),
        ("currency=XXX", "money.currency_unknown"),
        ("from=yesterday", "request.invalid"),
        ("start=2026-03-31", "request.invalid"),
        ("limit=101", "request.invalid"),
    ],
)
async def test_what_a_statement_cannot_be(school: School, query: str, code: str) -> None:
    customer = await school.customer()
    for path in (f"customers/{customer['id']}", f"organizations/{school.id}"):
        refused = await school.owner.get(f"/v1/{path}/statement?{query}")
        assert (refused.status_code, refused.json()["code"]) == (422, code)


async def test_others_see_nothing(school: School, make_school: MakeSchool) -> None:
    other = await make_school()
    customer = await school.customer()
    for what in ("statement", "ageing"):
        for path in (f"customers/{customer['id']}", f"organizations/{school.id}"):
            refused = await other.owner.get(f"/v1/{path}/{what}")
            assert refused.status_code == 404


async def test_ageing(school: School, moment: Moment) -> None:
    customer = await _march(school, moment)
    own = await school.viewer.get(f"/v1/customers/{customer['id']}/ageing?as_of=2026-04-02")
    # Issued on 2 March, due on 1 April.
    block = {
        "currency": "EUR",
        "not_due": "0.00",
        "days_1_30": "70.00",
        "days_31_60": "0.00",
        "days_61_90": "0.00",
        "days_over_90": "0.00",
        "total": "70.00",
        "credit": "0.00",
    }
    assert own.json() == {
        "as_of": "2026-04-02",
        "customer_id": customer["id"],
        "blocks": [block],
    }
    whole = (await school.viewer.get(f"/v1/organizations/{school.id}/ageing")).json()
    late = block | {"days_1_30": "0.00", "days_over_90": "70.00"}
    assert whole == {
        "as_of": "2026-11-20",
        "totals": [late],
        "data": [{"customer_id": customer["id"], "blocks": [late]}],
        "next": None,
    }
    await school.invoice()
    first = (await school.viewer.get(f"/v1/organizations/{school.id}/ageing?limit=1")).json()
    assert first["totals"][0]["total"] == "170.00"
    query = {"limit": 1, "cursor": first["next"]}
    path = f"/v1/organizations/{school.id}/ageing"
    second = (await school.viewer.get(path, params=query)).json()
    assert (second["data"], second["next"]) == (whole["data"], None)
