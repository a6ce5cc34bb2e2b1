"""Contract 000, sent as it stands: whole answers, every status, text and code."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tallystick.kernel import ids
from tallystick.kernel.alias_numbers import GiveNumbers, Wanted, give_numbers
from tallystick.parties.customers import ChangeCustomer, change_customers
from tallystick.rules import queries as rules
from tallystick.rules.managing import CreateRule, RuleContent, create_rules
from tallystick.rules.queries import FiringFilter
from tallystick.web.dialects.frame import Chosen
from tests.contracts.conftest import Serve
from tests.factories import Books

pytestmark = pytest.mark.anyio

BASE = "/dialects/configurable-payments"
UNREAD: Any = object()
TODAY = "2026-11-20"
PAID_RULE: dict[str, Any] = {
    "instance_type": "payment",
    "conditions": {"check_field": "status", "expected_value": "Unpaid"},
    "actions": [{"action_type": "update", "target_field": "status", "new_value": "Paid"}],
}
PAYMENT = {"message": "Payment added and configuration checked"}
ADDED = {"message": "Configuration added successfully"}
UPDATED = {"message": "Configuration updated successfully"}
DELETED = {"message": "Configuration deleted successfully"}


@dataclass
class Client:
    """Sends what the contract says and holds the whole answer against it."""

    client: httpx2.AsyncClient
    books: Books
    first: int
    second: int
    ann: int
    bob: int
    ann_id: UUID
    headers: httpx2.Headers

    async def __call__(
        self,
        method: str,
        path: str,
        status: int,
        expected: Any = UNREAD,
        sent: Any = None,
        **headers: str,
    ) -> Any:
        """Send one request, compare its answer, and give its body."""
        response = await self.client.request(method, BASE + path, json=sent, headers=headers)
        assert response.status_code == status, response.text
        assert response.headers["Content-Type"] == "application/json"
        self.headers = response.headers
        body = response.json()
        if expected is not UNREAD:
            # The order of members is part of the contract.
            assert json.dumps(body) == json.dumps(expected)
        return body

    async def pays(self, amount: Any, invoice: int | None = None) -> None:
        """Pay an invoice, the first one unless told otherwise."""
        sent = {"invoice_id": invoice or self.first, "amount": amount}
        await self("POST", "/payments", 201, PAYMENT, sent)

    async def refused(self, sent: Any, status: int, code: str, *words: str) -> None:
        """Send a configuration that is refused with this code and these words."""
        body = await self("POST", "/configs", status, sent=sent)
        assert body.keys() == {"message", "code"}
        assert body["code"] == code
        assert all(word in body["message"] for word in words), body["message"]

    def shown(self, number: int, amount: Any, status: str, paid_on: str | None) -> dict[str, Any]:
        """Write down an invoice as the contract shows it."""
        return {
            "invoice_id": number,
            "customer_id": self.ann if number == self.first else self.bob,
            "amount_due": amount,
            "status": status,
            "payment_date": paid_on,
        }

    def firings(self) -> list[tuple[str, list[str | None]]]:
        """List what rules did, oldest first: the outcome, and the codes of refusals."""
        page = self.books.read(rules.list_firings, FiringFilter())
        return [
            (each["outcome"], [result["code"] for result in each["results"]])
            for each in reversed(page.items)
        ]


def threshold(value: Any, customer: Any = None) -> dict[str, Any]:
    """Write the configuration of a tolerance, of a customer or of all."""
    conditions = {"check_field": "customer_id", "expected_value": customer}
    action = {"action_type": "update", "target_field": "payment_threshold", "new_value": value}
    return {
        "instance_type": "customer",
        "conditions": {} if customer is None else conditions,
        "actions": [action],
    }


def checking(field: str, value: Any) -> dict[str, Any]:
    """Write the example's configuration with another condition."""
    return {**PAID_RULE, "conditions": {"check_field": field, "expected_value": value}}


@pytest.fixture
async def client(serve: Serve, books: Books) -> AsyncIterator[Client]:
    """Return a client in development, for an organization with two invoices: 500 and 300."""
    ann, bob = books.customer(name="Ann Example"), books.customer(name="Bob Example")
    issued = [
        books.issued(amount, customer_id=UUID(payer["id"]))
        for amount, payer in ((50_000, ann), (30_000, bob))
    ]
    given: dict[str, list[int]] = {}
    for kind, objects in (("customer", (ann, bob)), ("invoice", issued)):
        wanted = tuple(Wanted(books.organization_id, UUID(each["id"])) for each in objects)
        command = GiveNumbers(books.act(), "configurable-payments", kind, wanted)
        aliases = books.done(give_numbers, command)
        given[kind] = [aliases[UUID(each["id"])].number for each in objects]
    slug = books.organization["slug"]
    chosen = Chosen(names=("configurable-payments",), trusting=True, organization=slug)
    async with serve(chosen) as http:
        yield Client(
            client=http,
            books=books,
            first=given["invoice"][0],
            second=given["invoice"][1],
            ann=given["customer"][0],
            bob=given["customer"][1],
            ann_id=UUID(ann["id"]),
            headers=httpx2.Headers(),
        )


async def test_the_examples_as_they_stand(client: Client) -> None:
    await client("POST", "/configs", 201, ADDED, PAID_RULE)
    assert client.headers["Location"].startswith(f"{BASE}/configs/")
    await client("POST", "/configs", 200, UPDATED, PAID_RULE)
    await client.pays(500)
    await client(
        "GET",
        "/invoices",
        200,
        [
            client.shown(client.first, 500, "Paid", TODAY),
            client.shown(client.second, 300, "Unpaid", None),
        ],
    )
    # On an invoice whose due is 0 there is nothing to do.
    assert client.firings() == []


async def test_the_rest_is_settled_on_one_side_of_the_tolerance_only(client: Client) -> None:
    await client("POST", "/configs", 201, ADDED, PAID_RULE)
    await client("POST", "/configs", 201, ADDED, threshold(50, client.ann))
    await client.pays(449.99)
    await client.pays(250, client.second)
    listed = await client("GET", "/invoices", 200)
    assert [each["status"] for each in listed] == ["Unpaid", "Unpaid"]
    assert client.books.postings("invoice.written_off") == []
    refusal = ("refused", ["rule.beyond_tolerance"])
    assert client.firings() == [refusal, refusal]
    # Now 50.00 are left, which is inside; the other customer still has no tolerance.
    await client.pays(0.01)
    await client.pays(49.99, client.second)
    first, second = await client("GET", "/invoices", 200)
    assert first == client.shown(client.first, 450, "Paid", TODAY)
    assert second == client.shown(client.second, 300, "Unpaid", None)
    assert client.firings()[2:] == [("applied", [None]), refusal]
    balances = client.books.balances()
    assert balances["Expenses:WriteOff"] == 5_000
    # No money was received that was not paid.
    assert balances["Assets:Cash:Other"] == 44_999 + 1 + 25_000 + 4_999
    # Who pays after all pays what was written off, and no more.
    due = "the 0.00 due and the 50.00 written off"
    expected = {
        "message": f"The amount 50.01 is more than {due} on invoice {client.first}.",
        "code": "payment.exceeds_due",
    }
    sent = {"invoice_id": client.first, "amount": 50.01}
    await client("POST", "/payments", 409, expected, sent)
    await client.pays(20)
    first = (await client("GET", "/invoices", 200))[0]
    assert first == client.shown(client.first, 470, "Paid", TODAY)


async def test_a_tolerance_for_all_holds_where_a_customer_has_none(client: Client) -> None:
    await client("POST", "/configs", 201, ADDED, PAID_RULE)
    await client("POST", "/configs", 201, ADDED, threshold(10.5))
    nothing: tuple[Any, ...] = (None, {})
    for conditions in nothing:
        same = {**threshold(20), "conditions": conditions}
        await client("POST", "/configs", 200, UPDATED, same)
    await client("POST", "/configs", 201, ADDED, threshold(0, client.bob))
    await client.pays(480)
    await client.pays(299, client.second)
    first, second = await client("GET", "/invoices", 200)
    assert first == client.shown(client.first, 480, "Paid", TODAY)
    assert second == client.shown(client.second, 300, "Unpaid", None)


APPLY: list[tuple[Any, Any]] = [
    ("status", "Unpaid"),
    ("amount", 490),
    # What the invoice comes to, not what is left to pay.
    ("amount_due", 500),
    ("invoice_id", "number"),
    ("customer_id", "ann"),
    (None, None),
]
DO_NOT_APPLY: list[tuple[Any, Any]] = [
    ("status", "Paid"),
    ("amount", 490.01),
    ("amount_due", 10),
    ("invoice_id", "first"),
    ("customer_id", "bob"),
]


async def test_every_field_decides(client: Client) -> None:
    await client("POST", "/configs", 201, ADDED, threshold(10, client.ann))
    for cases, status in ((APPLY, "Paid"), (DO_NOT_APPLY, "Unpaid")):
        for field, value in cases:
            client.books.issued(50_000, customer_id=client.ann_id)
            number = (await client("GET", "/invoices", 200))[-1]["invoice_id"]
            named = {"number": number, "first": client.first}
            named |= {"ann": client.ann, "bob": client.bob}
            sent = {**PAID_RULE, "conditions": {}}
            if field is not None:
                sent = checking(field, named.get(value, value))
            await client("POST", "/configs", 201, ADDED, sent)
            place = client.headers["Location"].removeprefix(BASE)
            await client.pays(490, number)
            last = (await client("GET", "/invoices", 200))[-1]
            assert (last["invoice_id"], last["status"]) == (number, status), field
            await client("DELETE", place, 200, DELETED)


async def test_configurations_are_listed_read_replaced_and_deleted(client: Client) -> None:
    sent = [
        PAID_RULE,
        checking("amount", 20.5),
        checking("invoice_id", client.second),
        threshold(50, client.ann),
        threshold(5.25),
    ]
    places = []
    for each in sent:
        await client("POST", "/configs", 201, ADDED, each)
        places.append(client.headers["Location"].removeprefix(BASE))
    shown = [
        {"id": int(place.rpartition("/")[2]), **each, "enabled": True}
        for place, each in zip(places, sent, strict=True)
    ]
    await client("GET", "/configs", 200, shown)
    for place, each in zip(places, shown, strict=True):
        await client("GET", place, 200, each)
    await client("PUT", places[1], 200, UPDATED, checking("amount", 30))
    await client("PUT", places[3], 200, UPDATED, threshold(60, client.ann))
    taken = await client("PUT", places[1], 409, sent=PAID_RULE)
    assert taken == {
        "message": "Another configuration has these conditions. Change that one, or delete it.",
        "code": "rule.taken",
    }
    for place, other in (
        (places[0], threshold(1)),
        (places[3], PAID_RULE),
        (places[3], threshold(1, client.bob)),
        (places[4], threshold(1, client.bob)),
    ):
        assert (await client("PUT", place, 409, sent=other))["code"] == "rule.fixed"
    shown[1] |= checking("amount", 30)
    shown[3] |= threshold(60, client.ann)
    await client("GET", "/configs", 200, shown)
    for place in places:
        await client("DELETE", place, 200, DELETED)
        number = place.rpartition("/")[2]
        missing = {"message": f"There is no configuration {number}.", "code": "rule.unknown"}
        await client("GET", place, 404, missing)
        await client("DELETE", place, 404, missing)
        await client("PUT", place, 404, missing, PAID_RULE)
    await client("GET", "/configs", 200, [])
    # What was deleted does nothing any more.
    await client.pays(499.99)
    assert (await client("GET", "/invoices", 200))[0]["status"] == "Unpaid"
    assert client.firings() == []


async def test_what_other_doors_configure_is_seen_where_the_contract_has_words(
    client: Client,
) -> None:
    books = client.books
    open_rest = {
        "field": "invoice.payment_status",
        "operator": "in",
        "value": ["unpaid", "partial"],
    }
    settle = [{"action": "settle_within_tolerance"}]
    contents = [
        RuleContent("Ours", "payment_settled", settle, open_rest, priority=7, enabled=False),
        RuleContent("No words", "payment_settled", settle, {"all": [open_rest]}),
        RuleContent("Of one", "payment_settled", settle, None, customer_id=books.payer),
        RuleContent("Other", "payment_settled", [{"action": "allocate_to_open_invoices"}]),
    ]
    made = [books.done(create_rules, CreateRule(books.act(), each)) for each in contents]
    books.done(
        change_customers, ChangeCustomer(books.act(), books.payer, None, {"payment_tolerance": 5})
    )
    first, second = await client("GET", "/configs", 200)
    assert first == {"id": first["id"], **PAID_RULE, "enabled": False}
    assert second["actions"][0]["new_value"] == 0.05
    # To add it is to switch it on; it stays the rule that it is.
    await client("POST", "/configs", 200, UPDATED, PAID_RULE)
    assert (await client("GET", "/configs", 200))[0] == {**first, "enabled": True}
    found = books.read(rules.get_rule, UUID(made[0]["id"]))
    assert (found["name"], found["priority"], found["version"]) == ("Ours", 7, 2)


async def test_a_name_that_another_rule_has_is_in_nobody_s_way(client: Client) -> None:
    settle = [{"action": "settle_within_tolerance"}]
    theirs = RuleContent("Paid when status is Unpaid", "payment_settled", settle, priority=1)
    client.books.done(create_rules, CreateRule(client.books.act(), theirs))
    await client("POST", "/configs", 201, UNREAD, PAID_RULE)
    names = [each["name"] for each in client.books.read(rules.standing)]
    assert names == ["Paid when status is Unpaid", "Paid when status is Unpaid (2)"]


REFUSED: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"instance_type": "invoice"}, "rule.malformed", ["instance_type", "payment, customer"]),
    ({"instance_type": 5}, "rule.malformed", ["instance_type", "payment, customer"]),
    (
        checking("colour", 1),
        "rule.malformed",
        ["check_field", "“colour”", "status, amount, amount_due, invoice_id, customer_id"],
    ),
    ({"conditions": {"expected_value": 1}}, "rule.malformed", ["check_field", "status, amount"]),
    (checking("status", "Open"), "rule.malformed", ["“Open”", "Unpaid, Paid"]),
    (checking("status", 1), "rule.malformed", ["Unpaid, Paid"]),
    (checking("amount", "500"), "rule.malformed", ["expected_value", "number"]),
    (checking("amount", 1.001), "money.precision", ["1.001", "2 decimals"]),
    (checking("amount", 10**20), "money.too_large", []),
    (checking("amount_due", None), "rule.malformed", ["expected_value", "number"]),
    (checking("invoice_id", "1"), "rule.malformed", ["invoice_id", "whole number"]),
    (checking("customer_id", [1]), "rule.malformed", ["customer_id", "whole number"]),
    (
        {"actions": [{**PAID_RULE["actions"][0], "action_type": "delete"}]},
        "rule.malformed",
        ["action_type", "“delete”", "update"],
    ),
    (
        {"actions": [{**PAID_RULE["actions"][0], "target_field": "amount"}]},
        "rule.malformed",
        ["target_field", "“amount”", "status, payment_threshold"],
    ),
    (
        {"actions": threshold(5)["actions"]},
        "rule.malformed",
        ["target_field of payment is status"],
    ),
    (
        {"actions": [{**PAID_RULE["actions"][0], "new_value": "Void"}]},
        "rule.malformed",
        ["“Void”", "Paid"],
    ),
    ({"actions": []}, "request.invalid", ["actions"]),
    ({"actions": PAID_RULE["actions"] * 2}, "request.invalid", ["actions"]),
    ({"actions": [{}]}, "request.invalid", ["actions.0.action_type: Field required."]),
    ({"actions": "none"}, "request.invalid", ["actions"]),
    ({"conditions": {"check": 1}}, "request.invalid", ["conditions.check"]),
    ({"conditions": [PAID_RULE["conditions"]]}, "request.invalid", ["conditions"]),
    ({"more": 1}, "request.invalid", ["more"]),
]


async def test_configurations_that_there_are_not_name_those_that_there_are(
    client: Client,
) -> None:
    before = client.books.snapshot()
    for changed, code, words in REFUSED:
        await client.refused({**PAID_RULE, **changed}, 422, code, *words)
    for value in ("50", None, True, -1):
        await client.refused(threshold(value), 422, "rule.malformed", "new_value")
    await client.refused(
        {**threshold(5), "conditions": {"check_field": "status", "expected_value": "Paid"}},
        422,
        "rule.malformed",
        "check_field for customer",
        "There are customer_id.",
    )
    unknown = 987_654_321
    for field, code in (("invoice_id", "invoice.unknown"), ("customer_id", "customer.unknown")):
        await client.refused(checking(field, unknown), 404, code, str(unknown))
    await client.refused(threshold(5, unknown), 404, "customer.unknown", str(unknown))
    assert client.books.snapshot() == before


AMOUNTS = [
    (0, "amount: Input should be greater than 0."),
    (-5, "amount: Input should be greater than 0."),
    (-0.01, "amount: Input should be greater than 0."),
    ("500", "amount: This is a number, such as 500 or 500.25."),
    ("lots", "amount: This is a number, such as 500 or 500.25."),
    (True, "amount: This is a number, such as 500 or 500.25."),
    (None, "amount: This is a number, such as 500 or 500.25."),
    ([1], "amount: This is a number, such as 500 or 500.25."),
]


async def test_payments_that_are_refused(client: Client) -> None:
    books, void = client.books, client.books.issued(7_000)
    books.voided(void)
    listed = await client("GET", "/invoices", 200)
    assert listed[2]["status"] == "Void"
    before = books.snapshot()
    for amount, message in AMOUNTS:
        sent = {"invoice_id": client.first, "amount": amount}
        expected = {"message": message, "code": "request.invalid"}
        await client("POST", "/payments", 422, expected, sent)
    for amount, code in ((1.001, "money.precision"), (10**20, "money.too_large")):
        sent = {"invoice_id": client.first, "amount": amount}
        assert (await client("POST", "/payments", 422, sent=sent))["code"] == code
    shapeless: tuple[Any, ...] = ({"amount": 1}, {"invoice_id": "1", "amount": 1}, [], 5)
    for wrong in shapeless:
        assert (await client("POST", "/payments", 422, sent=wrong))["code"] == "request.invalid"
    assert (await client("POST", "/payments", 422, sent=5))["message"] == (
        "The body is a JSON object, sent with the Content-Type application/json."
    )
    for raw in (b"", b"{", b"NaN", b"\xff"):
        headers = {"Content-Type": "application/json"}
        answer = await client.client.post(f"{BASE}/payments", content=raw, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    for number, shown in ((0, "0"), (-1, "-1"), (10**9, "1000000000"), (1234567812345678, "…")):
        expected = {"message": f"There is no invoice {shown}.", "code": "invoice.unknown"}
        await client("POST", "/payments", 404, expected, {"invoice_id": number, "amount": 1})
    assert books.snapshot() == before
    expected = {
        "message": f"The amount 500.01 is more than the 500.00 due on invoice {client.first}.",
        "code": "payment.exceeds_due",
    }
    sent = {"invoice_id": client.first, "amount": 500.01}
    await client("POST", "/payments", 409, expected, sent)
    sent = {"invoice_id": listed[2]["invoice_id"], "amount": 1}
    body = await client("POST", "/payments", 409, sent=sent)
    assert body == {
        "message": f"This invoice cannot be paid: “{void['number']}” is void.",
        "code": "invoice.not_payable",
    }
    # Nothing was written but what was answered under the keys of these two.
    after = books.snapshot()
    assert {name for name in after if after[name] != before[name]} == {"idempotency_key"}


async def test_more_than_the_due_becomes_credit_where_the_organization_says_so(
    client: Client,
) -> None:
    books = client.books
    keep = RuleContent("Keep it", "payment_recorded", [{"action": "keep_overpayment"}])
    books.done(create_rules, CreateRule(books.act(), keep))
    await client.pays(520.25)
    # A paid invoice takes all of it as credit.
    await client.pays(1)
    assert (await client("GET", "/invoices", 200))[0] == client.shown(
        client.first, 500, "Paid", TODAY
    )
    ann = [row for row in books.snapshot()["payment"][1] if row["unallocated"]]
    assert sorted(row["unallocated"] for row in ann) == [100, 2_025]


async def test_a_payment_that_a_rule_holds_is_not_told_as_paid(client: Client) -> None:
    hold = RuleContent("Look at it", "payment_recorded", [{"action": "hold_for_approval"}])
    client.books.done(create_rules, CreateRule(client.books.act(), hold))
    waits = {"message": "A rule holds the payment until another person approves it"}
    await client("POST", "/payments", 201, waits, {"invoice_id": client.first, "amount": 500})
    [first, _] = await client("GET", "/invoices", 200)
    assert first == client.shown(client.first, 500, "Unpaid", None)


async def test_amounts_are_exact_and_whole_ones_are_integers(client: Client) -> None:
    body = f'{{"invoice_id": {client.first}, "amount": 1.2300e2}}'
    headers = {"Content-Type": "application/json"}
    answer = await client.client.post(f"{BASE}/payments", content=body, headers=headers)
    assert answer.status_code == 201
    assert client.books.snapshot()["payment"][1][0]["amount"] == 12_300
    client.books.issued(50_025)
    client.books.issued(900_719_925_474_093)
    listed = (await client.client.get(f"{BASE}/invoices")).text
    shown = [each["amount_due"] for each in json.loads(listed, parse_float=Decimal)]
    assert [str(each) for each in shown] == ["500", "300", "500.25", "9007199254740.93"]


async def test_the_day_is_that_of_the_payment_that_settled_it(client: Client) -> None:
    invoice = client.books.issued(20_000)
    client.books.paid(15_000, invoice)
    listed = await client("GET", "/invoices", 200)
    number = listed[2]["invoice_id"]
    assert (listed[2]["status"], listed[2]["payment_date"]) == ("Unpaid", None)
    await client.pays(50, number)
    assert (await client("GET", "/invoices", 200))[2]["payment_date"] == TODAY
    given_up = client.books.issued(1_000)
    client.books.written_off(given_up)
    last = (await client("GET", "/invoices", 200))[3]
    assert (last["amount_due"], last["status"], last["payment_date"]) == (0, "Paid", None)


async def test_a_repeated_post_has_its_effect_once(client: Client) -> None:
    key = {"Idempotency-Key": "k" * 255}
    sent = {"invoice_id": client.first, "amount": 300}
    for _ in range(2):
        await client("POST", "/payments", 201, PAYMENT, sent, **key)
    assert client.headers["Idempotent-Replayed"] == "true"
    body = await client("POST", "/payments", 422, sent={**sent, "amount": 1}, **key)
    assert body["code"] == "idempotency.key_reused"
    assert body["message"].startswith("Idempotency-Key: This Idempotency-Key was used")
    assert (await client("POST", "/payments", 422, sent=sent, **{"Idempotency-Key": " "}))[
        "code"
    ] == "request.invalid"
    # Without a key, or under another one, it is another payment.
    await client("POST", "/payments", 409, sent=sent, **{"Idempotency-Key": ids.new().hex})
    key = {"Idempotency-Key": ids.new().hex}
    await client("POST", "/configs", 201, ADDED, PAID_RULE, **key)
    place = client.headers["Location"]
    await client("POST", "/configs", 201, ADDED, PAID_RULE, **key)
    assert (client.headers["Idempotent-Replayed"], client.headers["Location"]) == ("true", place)
    assert len(await client("GET", "/configs", 200)) == 1


async def test_what_is_nowhere_is_refused_in_its_form(client: Client) -> None:
    unknown = {"message": "Not Found", "code": "request.path_unknown"}
    await client("GET", "/nothing", 404, unknown)
    method = {"message": "Method Not Allowed", "code": "request.method_unknown"}
    await client("GET", "/payments", 405, method)
    assert client.headers["Allow"] == "POST"
    body = await client("GET", "/configs/abc", 422)
    assert (body["code"], body["message"].partition(":")[0]) == ("request.invalid", "config_id")
    document = await client("GET", "/openapi.json", 200)
    operations = {(path, method) for path, of in document["paths"].items() for method in of}
    assert operations == {
        ("/payments", "post"),
        ("/invoices", "get"),
        *[("/configs", method) for method in ("get", "post")],
        *[("/configs/{config_id}", method) for method in ("get", "put", "delete")],
    }
