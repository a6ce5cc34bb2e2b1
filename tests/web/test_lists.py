"""Pages of lists, and the cursors between them."""

from typing import Any

import pytest

from tests.web.conftest import LINE, MakeSchool, School

pytestmark = pytest.mark.anyio


async def test_pages_show_everything_once(school: School) -> None:
    made = [(await school.customer(name=f"Customer {number}"))["id"] for number in range(5)]
    seen: list[str] = []
    cursor: str | None = None
    sizes = []
    while True:
        query: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await school.owner.get("/v1/customers", params=query)).json()
        sizes.append(len(page["data"]))
        seen += [each["id"] for each in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
        # What is made while somebody turns pages stands before their place.
        await school.customer(name="Later")
    assert sizes == [2, 2, 1]
    assert seen == made[::-1]


async def test_a_full_last_page_has_no_next(school: School) -> None:
    for _ in range(2):
        await school.customer()
    page = (await school.owner.get("/v1/customers?limit=2")).json()
    assert (len(page["data"]), page["next"]) == (2, None)


async def test_the_page_size_may_change(school: School) -> None:
    for _ in range(4):
        await school.customer()
    first = (await school.owner.get("/v1/customers?limit=1")).json()
    rest = (await school.owner.get(f"/v1/customers?limit=100&cursor={first['next']}")).json()
    assert (len(rest["data"]), rest["next"]) == (3, None)


async def test_filters_go_with_the_cursor(school: School) -> None:
    customer = await school.customer()
    for _ in range(3):
        await school.invoice(customer_id=customer["id"], lines=[LINE])
    await school.invoice()
    query = f"customer_id={customer['id']}&status=unpaid&total_min=1.00"
    first = (await school.owner.get(f"/v1/invoices?limit=2&{query}")).json()
    rest = (await school.owner.get(f"/v1/invoices?{query}&cursor={first['next']}")).json()
    assert (len(first["data"]), len(rest["data"]), rest["next"]) == (2, 1, None)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_cursor_of_another_list(school: School, make_school: MakeSchool) -> None:
    other = await make_school()
    for each in (school, other):
        invoice = await each.invoice()
        for _ in range(2):
            await each.customer()
            await each.payment(amount="1.00", invoices=[{"invoice_id": invoice["id"]}])
    cursor = (await school.owner.get("/v1/customers?limit=1")).json()["next"]
    assert cursor is not None
    again = await school.owner.get(f"/v1/customers?cursor={cursor}")
    assert again.status_code == 200
    for client, path in (
        (other.owner, f"/v1/customers?cursor={cursor}"),
        (school.owner, f"/v1/payments?cursor={cursor}"),
        (school.owner, f"/v1/customers?kind=student&cursor={cursor}"),
        (school.owner, f"/v1/customers?active=true&cursor={cursor}"),
        (school.owner, f"/v1/customers?cursor={cursor[:-1]}"),
        (
            school.owner,
            f"/v1/customers?cursor={cursor[:-2]}{'AA' if cursor[-2:] != 'AA' else 'BB'}",
        ),
        (school.owner, f"/v1/customers?cursor=A{cursor}"),
        (school.owner, f"/v1/customers?cursor={cursor[::-1]}"),
        (school.owner, "/v1/customers?cursor="),
        (school.owner, "/v1/customers?cursor=x"),
        (school.owner, "/v1/customers?cursor=%00%ff"),
        (school.owner, "/v1/customers?cursor=018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"),
    ):
        response = await client.get(path)
        assert (response.status_code, response.json()["code"]) == (422, "paging.cursor_unknown")
        assert response.json()["errors"][0]["parameter"] == "cursor"
