"""What happened, over HTTP: in order, with amounts in words, and not who may do what."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tallystick.kernel import positions
from tallystick.kernel.database import Database
from tests.web.conftest import MakeSchool, Moment, School

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("engine", ["sqlite"], indirect=True)]

PATH = "/v1/events"


@pytest.fixture
def stamp(database: Database) -> Callable[[], None]:
    """Return what gives all events that wait their positions, as the worker does."""

    def stamp() -> None:
        while (seen := database.read_snapshot(lambda conn: positions.waiting(conn, 1_000))).events:
            database.write(lambda conn: positions.stamp(conn, seen))

    return stamp


async def _page(client: httpx2.AsyncClient, **query: Any) -> dict[str, Any]:
    response = await client.get(PATH, params=query)
    assert response.status_code == 200, response.text
    page: dict[str, Any] = response.json()
    return page


async def test_what_happened_is_told_in_order(
    school: School, stamp: Callable[[], None], moment: Moment
) -> None:
    invoice = await school.invoice()
    moment.now += timedelta(seconds=1)
    payment = await school.payment(amount="10.50", invoices=[{"invoice_id": invoice["id"]}])
    assert await _page(school.viewer) == {"data": [], "next": 0}
    stamp()
    page = await _page(school.viewer)
    told = page["data"]
    assert [event["position"] for event in told] == list(range(1, len(told) + 1))
    assert page["next"] == len(told)
    settled = told[-1]
    assert settled | {"id": "", "at": ""} == {
        "id": "",
        "position": len(told),
        "type": "payment.settled",
        "subject_id": payment["id"],
        "payload": {
            "payment_id": payment["id"],
            "customer_id": invoice["customer_id"],
            "currency": "EUR",
            "amount": "10.50",
            "receipt_number": payment["receipt_number"],
            "invoice_ids": [invoice["id"]],
        },
        "at": "",
    }
    assert settled["at"] == payment["created_at"]
    [issued] = (await _page(school.viewer, type="invoice.issued"))["data"]
    assert issued["payload"]["total"] == "100.00"
    assert await _page(school.viewer, after=page["next"]) == {"data": [], "next": page["next"]}


async def test_one_reads_on_from_the_end(school: School, stamp: Callable[[], None]) -> None:
    await school.customer()
    stamp()
    end = (await _page(school.owner))["next"]
    customer = await school.customer()
    assert (await _page(school.owner, after=end))["data"] == []
    stamp()
    page = await _page(school.owner, after=end, limit=1)
    assert [event["subject_id"] for event in page["data"]] == [customer["id"]]
    assert page["next"] == end + 1


async def test_no_amount_is_told_in_minor_units(school: School, stamp: Callable[[], None]) -> None:
    objects = await school.objects()
    path = f"/v1/invoices/{objects['invoice_id']}/write-off"
    assert (await school.owner.post(path, json={"reason": "lost"})).status_code < 300
    free = await school.payment(amount="1.00", customer_id=objects["customer_id"], excess="credit")
    later = await school.invoice(customer_id=objects["customer_id"])
    shares = {"invoices": [{"invoice_id": later["id"]}]}
    path = f"/v1/payments/{free['id']}"
    assert (await school.owner.post(f"{path}/allocate", json=shares)).status_code < 300
    released = await school.owner.post(f"{path}/release", json={"invoice_id": later["id"]})
    assert released.status_code < 300, released.text
    stamp()
    told = (await _page(school.owner))["data"]
    members = [(event["type"], *item) for event in told for item in event["payload"].items()]
    assert [member for member in members if isinstance(member[2], int | float)] == []
    types = {event["type"] for event in told}
    assert types >= {
        "credit_note.issued",
        "customer.created",
        "invoice.written_off",
        "payment.allocated",
        "payment.released",
        "payment.settled",
        "refund.settled",
    }


async def test_who_may_do_what_is_not_told(
    school: School, make_school: MakeSchool, stamp: Callable[[], None]
) -> None:
    made = await school.owner.post("/v1/roles", json={"name": "clerk", "permissions": ["read"]})
    assert made.status_code == 201, made.text
    stamp()
    assert await _page(school.owner) == {"data": [], "next": 1}
    assert await _page(school.owner, type="role.created") == {"data": [], "next": 1}
    other = await make_school()
    assert await _page(other.owner) == {"data": [], "next": 0}


@pytest.mark.parametrize(
    "query",
    [{"after": "-1"}, {"after": "x"}, {"after": str(2**53)}, {"limit": "101"}, {"cursor": "x"}],
)
async def test_what_cannot_be_asked(school: School, query: dict[str, str]) -> None:
    response = await school.owner.get(PATH, params=query)
    assert (response.status_code, response.json()["code"]) == (422, "request.invalid")
