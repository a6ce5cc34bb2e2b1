"""Payers through the API: by their login in every organization, and by a link."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select

from tallystick.auth.credentials import LINK_START
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.migrations.tables import METADATA
from tests.people import login, member, personal_token
from tests.web.conftest import MakeClient, MakeSchool, School

pytestmark = pytest.mark.anyio

KEPT_TO_ITSELF = {"memo", "void_reason", "write_off_reason", "version", "series", "document_hash"}
MakePerson = Callable[[UUID], httpx2.AsyncClient]


@pytest.fixture
def make_person(database: Database, make_client: MakeClient) -> MakePerson:
    """Return a factory of clients that act as a person."""

    def make(user_id: UUID) -> httpx2.AsyncClient:
        return make_client(personal_token(database, user_id))

    return make


@pytest.fixture
def email() -> str:
    """Return an address that nobody else has."""
    return f"{ids.new().hex}@example.com"


async def _link(school: School, **target: Any) -> dict[str, Any]:
    made = await school.owner.post("/v1/payer-links", json=target)
    assert made.status_code == 201, made.text
    link: dict[str, Any] = made.json()
    return link


async def test_one_login_collects_and_pays(
    school: School,
    make_school: MakeSchool,
    database: Database,
    make_person: MakePerson,
    email: str,
) -> None:
    other = await make_school(name="South School")
    person = make_person(member(database, UUID(school.id), "owner", email=email))
    own = {"Tallystick-Organization": school.id}
    owed_to_us = await school.invoice()
    owed_by_us = await other.invoice(customer_id=(await other.customer(email=email))["id"])
    to_collect = (await person.get("/v1/invoices", headers=own)).json()["data"]
    assert [each["id"] for each in to_collect] == [owed_to_us["id"]]
    to_pay = (await person.get("/v1/payer/invoices")).json()["data"]
    assert [each["id"] for each in to_pay] == [owed_by_us["id"]]
    assert to_pay[0]["organization"] == {"id": other.id, "name": "South School"}
    # Where they pay they are nobody else.
    there = {"Tallystick-Organization": other.id}
    assert (await person.get("/v1/invoices", headers=there)).status_code == 404
    path = f"/v1/payer/invoices/{owed_by_us['id']}"
    claimed = await person.post(f"{path}/claims", json={"method": "bank_transfer"})
    assert (claimed.status_code, claimed.json()["amount"]) == (201, "100.00")
    assert claimed.json()["status"] == "pending_confirmation"
    assert (await person.get(path)).json()["due"] == "100.00", "nothing is paid by saying so"
    payment = claimed.headers["Location"]
    assert (await person.get(payment)).json()["receipt"] is None
    confirmed = await other.owner.post(f"/v1/payments/{claimed.json()['id']}/confirm")
    assert confirmed.status_code == 200
    assert (await person.get(path)).json()["due"] == "0.00"
    read = (await person.get(payment)).json()
    assert (read["status"], read["receipt"]["amount"]) == ("succeeded", "100.00")
    listed = (await person.get("/v1/payer/payments")).json()["data"]
    assert [each["id"] for each in listed] == [read["id"]]
    records = (await person.get("/v1/payer/customers")).json()["data"]
    assert [each["organization"]["id"] for each in records] == [other.id]


async def test_an_address_that_is_not_proved_opens_nothing(
    school: School, database: Database, make_person: MakePerson, email: str
) -> None:
    invoice = await school.invoice(customer_id=(await school.customer(email=email))["id"])
    person = make_person(login(database, email=email, email_verified_at=None))
    assert (await person.get("/v1/payer/invoices")).json()["data"] == []
    assert (await person.get(f"/v1/payer/invoices/{invoice['id']}")).status_code == 404


async def test_pages_run_across_organizations(
    school: School,
    make_school: MakeSchool,
    database: Database,
    make_person: MakePerson,
    email: str,
) -> None:
    made = []
    for place in (school, await make_school(), school):
        customer = await place.customer(email=email)
        made.append((await place.invoice(customer_id=customer["id"]))["id"])
    person = make_person(login(database, email=email))
    seen, cursor = [], ""
    for _ in range(3):
        page = (await person.get(f"/v1/payer/invoices?limit=1{cursor}")).json()
        seen += [each["id"] for each in page["data"]]
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]
    assert page["next"] is None


async def test_a_payer_sees_nothing_of_the_organizations_own(
    school: School, make_client: MakeClient
) -> None:
    invoice = await school.invoice()
    await school.owner.post(f"/v1/invoices/{invoice['id']}/annotate", json={"memo": "A late payer"})
    payment = await school.payment(
        amount="40.00", invoices=[{"invoice_id": invoice["id"]}], note="In coins"
    )
    link = await _link(school, customer_id=invoice["customer_id"])
    payer = make_client(link["token"])
    answers = [
        await payer.get(f"/v1/payer/{path}")
        for path in (
            "customers",
            "invoices",
            f"invoices/{invoice['id']}",
            "payments",
            f"payments/{payment['id']}",
        )
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "A late payer" not in answer.text
        assert "In coins" not in answer.text
    shown = answers[2].json()
    assert not shown.keys() & KEPT_TO_ITSELF
    assert (shown["due"], shown["lines"][0]["description"]) == ("60.00", "Tuition")
    assert "note" not in answers[4].json()


async def test_a_link_to_one_invoice(school: School, make_client: MakeClient) -> None:
    customer = await school.customer()
    one, other = [await school.invoice(customer_id=customer["id"]) for _ in range(2)]
    link = await _link(school, invoice_id=one["id"])
    assert link["token"].startswith(LINK_START)
    assert len(link["token"]) >= len(LINK_START) + 22, "128 bits are 22 letters"
    payer = make_client(link["token"])
    listed = (await payer.get("/v1/payer/invoices")).json()["data"]
    assert [each["id"] for each in listed] == [one["id"]]
    for path in (f"invoices/{other['id']}", f"invoices/{ids.new()}", f"payments/{ids.new()}"):
        assert (await payer.get(f"/v1/payer/{path}")).status_code == 404
    body = {"method": "cash"}
    refused = await payer.post(f"/v1/payer/invoices/{other['id']}/claims", json=body)
    assert (refused.status_code, refused.json()["code"]) == (404, "invoice.unknown")
    claimed = await payer.post(f"/v1/payer/invoices/{one['id']}/claims", json=body)
    assert claimed.status_code == 201
    for path in ("/v1/invoices", "/v1/customers", "/v1/payer-links", "/v1/me/tokens"):
        assert (await payer.get(path)).status_code == 403
    revoked = await school.owner.post(f"/v1/payer-links/{link['id']}/revoke")
    assert revoked.status_code == 200
    assert "token" not in revoked.json()
    assert (await payer.get("/v1/payer/invoices")).status_code == 401, "from the next request on"


async def test_a_link_is_shown_again_and_never_kept(
    school: School, database: Database, make_client: MakeClient
) -> None:
    invoice = await school.invoice()
    headers = {"Idempotency-Key": str(ids.new())}
    body = {"invoice_id": invoice["id"], "expires_in_days": 3}
    first, again = [
        await school.owner.post("/v1/payer-links", json=body, headers=headers) for _ in range(2)
    ]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert first.json() == again.json()
    link = first.json()
    assert link["expires_at"] == "2026-11-23T09:00:00.000000Z"
    read = await school.owner.get(f"/v1/payer-links/{link['id']}")
    assert read.json() == link
    token = link.pop("token")
    assert (await school.owner.get("/v1/payer-links")).json()["data"] == [link]
    assert (await make_client(token).get("/v1/payer/invoices")).status_code == 200
    # Another last letter may stand for the same bytes, so the middle is spoiled.
    spoiled = token[:20] + ("A" if token[20] != "A" else "B") + token[21:]
    assert (await make_client(spoiled).get("/v1/payer/invoices")).status_code == 401
    stored = database.read(_everything)
    assert token not in stored
    assert token.removeprefix(LINK_START) not in stored


def _everything(conn: Any) -> str:
    tables = METADATA.sorted_tables
    return "".join(str(row) for table in tables for row in conn.execute(select(table)))


async def test_a_repeated_claim_is_one_claim_and_stands_apart_from_the_staffs(
    school: School, make_client: MakeClient
) -> None:
    invoice = await school.invoice()
    headers = {"Idempotency-Key": "the-same-for-all"}
    await school.owner.post(
        "/v1/customers", json={"kind": "student", "name": "Bo"}, headers=headers
    )
    path = f"/v1/payer/invoices/{invoice['id']}/claims"
    links = [await _link(school, invoice_id=invoice["id"]) for _ in range(2)]
    one, other = [make_client(link["token"]) for link in links]
    body = {"method": "cash", "amount": "40.00", "reference": "8841"}
    first = await one.post(path, json=body, headers=headers)
    again = await one.post(path, json=body, headers=headers)
    assert (first.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert first.json() == again.json()
    third = await other.post(path, json=body, headers=headers)
    assert third.json()["id"] != first.json()["id"]


async def test_a_link_is_good_for_nothing_once_its_customer_is_erased(
    school: School, make_client: MakeClient
) -> None:
    customer = await school.customer()
    payer = make_client((await _link(school, customer_id=customer["id"]))["token"])
    assert (await payer.get("/v1/payer/invoices")).status_code == 200
    erased = await school.owner.post(f"/v1/customers/{customer['id']}/erase")
    assert erased.status_code == 200
    assert (await payer.get("/v1/payer/invoices")).status_code == 401, "from the next request on"


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "request.invalid"),
        ({"method": "card"}, "request.invalid"),
        ({"method": "cash", "amount": 60}, "request.invalid"),
        ({"method": "cash", "amount": "60.001"}, "money.precision"),
        ({"method": "cash", "amount": "0.00"}, "payment.amount_not_positive"),
        ({"method": "cash", "paid_on": "2027-01-01"}, "payment.date_in_future"),
        ({"method": "cash", "paid_on": "2026-11-19"}, "payment.before_invoice"),
        ({"method": "cash", "customer_id": str(ids.NIL)}, "request.invalid"),
        ({"method": "cash", "note": "x"}, "request.invalid"),
    ],
)
async def test_what_cannot_be_claimed(
    school: School, make_client: MakeClient, body: dict[str, Any], code: str
) -> None:
    invoice = await school.invoice()
    payer = make_client((await _link(school, invoice_id=invoice["id"]))["token"])
    refused = await payer.post(f"/v1/payer/invoices/{invoice['id']}/claims", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await payer.get("/v1/payer/payments")).json()["data"] == []


async def test_no_more_is_claimed_than_is_left(school: School, make_client: MakeClient) -> None:
    invoice = await school.invoice()
    payer = make_client((await _link(school, invoice_id=invoice["id"]))["token"])
    path = f"/v1/payer/invoices/{invoice['id']}/claims"
    body = {"method": "cash", "amount": "10.00"}
    assert (await payer.post(path, json={**body, "amount": "50.00"})).status_code == 201
    beyond = await payer.post(path, json={**body, "amount": "50.01"})
    assert (beyond.status_code, beyond.json()["code"]) == (409, "payment.exceeds_due")
    assert beyond.json().items() >= {"due": "100.00", "waiting": "50.00"}.items()
    claimed = [await payer.post(path, json=body) for _ in range(4)]
    assert [each.status_code for each in claimed] == [201] * 4
    full = await payer.post(path, json=body)
    assert (full.status_code, full.json()["code"]) == (409, "payment.claims_waiting")
    declined = claimed[0].json()["id"]
    answer = await school.owner.post(f"/v1/payments/{declined}/decline", json={"reason": "No"})
    assert answer.status_code == 200, answer.text
    assert (await payer.post(path, json=body)).status_code == 201


async def test_who_manages_alone_holds_no_link(
    school: School, database: Database, make_person: MakePerson
) -> None:
    permissions = {"name": "clerk", "permissions": ["manage"]}
    made = await school.owner.post("/v1/roles", json=permissions)
    assert made.status_code == 201, made.text
    user_id = member(database, UUID(school.id), "clerk")
    person, own = make_person(user_id), {"Tallystick-Organization": school.id}
    key = {"Idempotency-Key": str(ids.new())}
    target = {"invoice_id": (await school.invoice())["id"]}
    link = (await school.owner.post("/v1/payer-links", json=target, headers=key)).json()
    for refused in (
        await person.post("/v1/payer-links", json=target, headers=own),
        await person.post("/v1/payer-links", json=target, headers={**own, **key}),
        await person.get(f"/v1/payer-links/{link['id']}", headers=own),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "auth.beyond_own")
        assert link["token"] not in refused.text
    listed = await person.get("/v1/payer-links", headers=own)
    assert [each["id"] for each in listed.json()["data"]] == [link["id"]]
    revoked = await person.post(f"/v1/payer-links/{link['id']}/revoke", headers=own)
    assert revoked.status_code == 200


async def test_links_of_elsewhere_do_not_exist(school: School, make_school: MakeSchool) -> None:
    link = await _link(school, invoice_id=(await school.invoice())["id"])
    stranger = (await make_school()).owner
    for method, path in (("GET", ""), ("POST", "/revoke")):
        response = await stranger.request(method, f"/v1/payer-links/{link['id']}{path}")
        assert (response.status_code, response.json()["code"]) == (404, "payer_link.unknown")
    assert (await stranger.get("/v1/payer-links")).json()["data"] == []
