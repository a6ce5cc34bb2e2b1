"""Rules over HTTP: made, changed, switched, asked, and what they did."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.payments import trying
from tallystick.payments.overdue import charge_all
from tests.web.conftest import MakeSchool, Moment, School

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session"),
]

RULE: dict[str, Any] = {
    "name": "Small rests",
    "trigger": "payment_settled",
    "condition": {"field": "invoice.payment_status", "operator": "eq", "value": "partial"},
    "actions": [{"action": "settle_within_tolerance"}],
}


MALFORMED = (422, "rule.malformed")
VALUE = "/condition/value"
ONE_TEXT = '{{"field":"payment.amount","operator":"eq","value":{}}}'


def asked(field: str, operator: str, value: Any) -> dict[str, Any]:
    """Write a change of the rule that asks one thing."""
    return {"condition": {"field": field, "operator": operator, "value": value}}


async def tolerate(school: School, amount: str) -> None:
    """Let rests be written off."""
    here = f"/v1/organizations/{school.id}"
    seen = (await school.owner.get(here)).headers["ETag"]
    changes = {"payment_tolerance": amount}
    changed = await school.owner.patch(here, json=changes, headers={"If-Match": seen})
    assert changed.json()["payment_tolerance"] == amount


async def test_a_rule_is_made_and_works_at_once(school: School) -> None:
    made = await school.owner.post("/v1/rules", json=RULE)
    rule = made.json()
    assert made.status_code == 201
    assert rule["sentence"].startswith("When a payment is settled and how far")
    assert (await school.viewer.get(made.headers["Location"])).json() == rule
    assert (await school.viewer.get("/v1/rules")).json() == {"data": [rule]}
    await tolerate(school, "0.50")
    invoice = await school.invoice()
    half = {"invoices": [{"invoice_id": invoice["id"]}]}
    payment = await school.payment(amount="99.50", **half)
    paid = (await school.viewer.get(f"/v1/invoices/{invoice['id']}")).json()
    assert (paid["paid"], paid["written_off"], paid["due"]) == ("99.50", "0.50", "0.00")
    log = (await school.viewer.get(f"/v1/rules/log?payment_id={payment['id']}")).json()["data"]
    assert len(log) == 1
    assert (
        log[0].items()
        >= {
            "rule_id": rule["id"],
            "invoice_id": invoice["id"],
            "outcome": "applied",
        }.items()
    )
    assert log[0]["facts"]["invoice.due"] == "0.50"
    assert log[0]["results"] == [
        {
            "action": "settle_within_tolerance",
            "outcome": "applied",
            "code": None,
            "detail": None,
            "amount": "0.50",
        }
    ]


async def test_why_an_invoice_is_paid(school: School, moment: Moment) -> None:
    made = (await school.owner.post("/v1/rules", json=RULE)).json()
    await tolerate(school, "0.50")
    invoice = await school.invoice()
    here = f"/v1/invoices/{invoice['id']}/explanation"
    half = {"invoices": [{"invoice_id": invoice["id"]}]}
    beyond = await school.payment(amount="60.00", **half)
    moment.now += timedelta(seconds=1)
    payment = await school.payment(amount="39.50", **half)
    told = (await school.viewer.get(here)).json()
    assert (told["payment_status"], told["due"]) == ("paid", "0.00")
    paid = "{0} EUR were paid by a payment of {0} EUR by cash ({1})."
    rule = "The rule “Small rests”, version 1: "
    left = f"40.00 EUR are left on “{invoice['number']}”, and no more than 0.50 EUR may be "
    assert [(step["kind"], step["amount"], step["text"]) for step in told["steps"]] == [
        ("invoice.issued", "100.00", "Issued: 100.00 EUR are owed."),
        ("payment.settled", "-60.00", paid.format("60.00", beyond["receipt_number"])),
        ("rule.refused", None, f"{rule}{left}written off."),
        ("payment.settled", "-39.50", paid.format("39.50", payment["receipt_number"])),
        ("invoice.written_off", "-0.50", "0.50 EUR were written off."),
        ("rule.applied", None, f"{rule}settle within tolerance: applied"),
    ]
    assert told["steps"][-1]["rule_id"] == made["id"]
    assert {leg["account"] for leg in told["steps"][-2]["legs"]} > {"Expenses:WriteOff"}


async def test_a_rule_is_changed_switched_and_removed(school: School) -> None:
    made = await school.owner.post("/v1/rules", json=RULE)
    here, seen = made.headers["Location"], made.headers["ETag"]
    renamed = {**RULE, "name": "Rests"}
    changed = await school.owner.put(here, json=renamed, headers={"If-Match": seen})
    assert (changed.json()["name"], changed.json()["version"]) == ("Rests", 2)
    stale = await school.owner.put(here, json=renamed, headers={"If-Match": seen})
    assert stale.json()["code"] == "precondition.stale"
    off = (await school.owner.post(f"{here}/disable")).json()
    assert off["enabled"] is False
    on = await school.owner.post(f"{here}/enable")
    assert on.json()["enabled"] is True
    gone = await school.owner.delete(here, headers={"If-Match": on.headers["ETag"]})
    assert gone.status_code == 204
    assert (await school.viewer.get(here)).json()["code"] == "rule.unknown"
    past = (await school.viewer.get(f"{here}/history")).json()["data"]
    assert [(each["version"], each["name"]) for each in past] == [
        (5, "Rests"),
        (4, "Rests"),
        (3, "Rests"),
        (2, "Rests"),
        (1, "Small rests"),
    ]


async def test_what_is_no_rule_says_where_and_what_is_allowed(school: School) -> None:
    condition = {"all": [RULE["condition"], {"field": "payment.amuont", "operator": "eq"}]}
    wrong = await school.owner.post("/v1/rules", json={**RULE, "condition": condition})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "rule.malformed")
    assert wrong.json()["errors"][0]["pointer"] == "/condition/all/1"
    action = [{"action": "update", "target_field": "status", "new_value": "Paid"}]
    wrong = await school.owner.post("/v1/rules", json={**RULE, "actions": action})
    assert "There are settle_within_tolerance" in wrong.json()["detail"]
    deep: Any = RULE["condition"]
    for _ in range(40):
        deep = {"all": [deep]}
    wrong = await school.owner.post("/v1/rules", json={**RULE, "condition": deep})
    assert wrong.json()["code"] == "rule.malformed"
    assert (await school.viewer.get("/v1/rules")).json() == {"data": []}


ONE = asked("payment.amount", "eq", "1")["condition"]
BROKEN, SHAPE = (400, "request.json_malformed"), (422, "request.invalid")
HOSTILE: dict[str, tuple[dict[str, Any] | str, tuple[int, str], str]] = {
    # What is a text stands in the place of the condition as it is.
    "groups a thousand deep": ('{"all":[' * 1_000 + "{}" + "]}" * 1_000, BROKEN, ""),
    "groups a hundred thousand deep": ('{"all":[' * 100_000, BROKEN, ""),
    "lists a hundred thousand deep": ("[" * 100_000 + "]" * 100_000, BROKEN, ""),
    "no number": (f'{{"all":[{ONE_TEXT.format("NaN")}]}}', BROKEN, ""),
    "a number beyond all": (ONE_TEXT.format("1e400"), BROKEN, ""),
    "a number of a million digits": (ONE_TEXT.format("9" * 10**6), BROKEN, ""),
    "half a surrogate pair": (ONE_TEXT.format('"\\ud800"'), BROKEN, ""),
    "a member twice": (ONE_TEXT.format('"1","value":"2"'), BROKEN, ""),
    "a further member of the rule": ({"__class__": "x"}, SHAPE, "/__class__"),
    "a key without end": ({"k" * 100_000: 1}, SHAPE, f"/{'k' * 39}…"),
    "a name without end": ({"name": "x" * 10**6}, SHAPE, "/name"),
    "a number for a name": ({"name": 1}, SHAPE, "/name"),
    "a trigger that is none": ({"trigger": "__init__"}, SHAPE, "/trigger"),
    "a condition that is a list": ({"condition": [ONE]}, SHAPE, "/condition"),
    "an action that is a list": ({"actions": [[{}]]}, SHAPE, "/actions/0"),
    "actions without end": ({"actions": [RULE["actions"][0]] * 10_000}, SHAPE, "/actions"),
    "a priority that is a fraction": ({"priority": 1.5}, SHAPE, "/priority"),
    "a priority beyond all": ({"priority": 2**63}, SHAPE, "/priority"),
    "a list within a list": ({"condition": {"all": [[ONE]]}}, MALFORMED, "/condition/all/0"),
    "groups forty deep": (
        '{"all":[' * 40 + "{}" + "]}" * 40,
        MALFORMED,
        "/condition" + "/all/0" * 8,
    ),
    "ten thousand conditions": (
        {"condition": {"all": [ONE] * 10_000}},
        MALFORMED,
        "/condition/all",
    ),
    "a class": (asked("__class__", "eq", "1"), MALFORMED, "/condition/field"),
    "a dict": (asked("payment.__dict__", "eq", "1"), MALFORMED, "/condition/field"),
    "a method": (asked("payment.amount.__init__", "eq", "1"), MALFORMED, "/condition/field"),
    "a field without end": (asked("x" * 10**6, "eq", "1"), MALFORMED, "/condition/field"),
    "digits without end": (asked("4" * 10**6, "eq", "1"), MALFORMED, "/condition/field"),
    "a text without end": (asked("payment.reference", "eq", "x" * 10**6), MALFORMED, VALUE),
    "NUL": (asked("payment.reference", "eq", "\0"), MALFORMED, VALUE),
    "a member of a condition": ({"condition": {"k" * 100_000: 1}}, MALFORMED, "/condition"),
    "an action that is none": (
        {"actions": [{"action": "__del__"}]},
        MALFORMED,
        "/actions/0/action",
    ),
    "a member of an action": (
        {"actions": [{**RULE["actions"][0], "a/b~ 4111 1111 1111 1111": 1}]},
        MALFORMED,
        "/actions/0/a~1b~0 …",
    ),
    "an action twice": ({"actions": RULE["actions"] * 2}, MALFORMED, "/actions"),
    "nobody": ({"customer_id": str(ids.new())}, (404, "customer.unknown"), "/customer_id"),
}


async def test_hostile_rules(school: School, make_school: MakeSchool) -> None:
    other = await (await make_school()).customer()
    foreign = {"customer_id": other["id"]}, (404, "customer.unknown"), "/customer_id"
    kept = (await school.owner.post("/v1/rules", json=RULE)).json()
    for what, (values, answer, pointer) in {**HOSTILE, "somebody else's": foreign}.items():
        body = json.dumps(RULE | (values if isinstance(values, dict) else {"condition": "?"}))
        if isinstance(values, str):
            body = body.replace('"?"', values)
        for method, path in (("POST", ""), ("PUT", f"/{kept['id']}")):
            refused = await school.owner.request(
                method,
                f"/v1/rules{path}",
                content=body,
                headers={"Content-Type": "application/json", "If-Match": '"1"'},
            )
            assert (refused.status_code, refused.json()["code"]) == answer, what
            assert len(refused.content) < 2_000, what
            if pointer:
                assert refused.json()["errors"][0]["pointer"] == pointer, what
    assert (await school.viewer.get("/v1/rules")).json() == {"data": [kept]}


async def test_the_catalog_lists_all_there_is(school: School) -> None:
    catalog = (await school.viewer.get("/v1/rules/catalog")).json()
    assert catalog["fields"]["invoice.due"]["operators"][0] == "eq"
    assert catalog["actions"]["hold_for_approval"]["triggers"] == ["payment_recorded"]
    assert "refund.amount" in catalog["triggers"]["refund_requested"]


async def test_tolerances(school: School) -> None:
    customer = (await school.invoice())["customer_id"]
    here = f"/v1/customers/{customer}"
    seen = await school.owner.get(here)
    assert seen.json()["payment_tolerance"] is None
    match = {"If-Match": seen.headers["ETag"]}
    for amount, code in (("-1", "tolerance.negative"), ("1.005", "money.precision")):
        refused = await school.owner.patch(here, json={"payment_tolerance": amount}, headers=match)
        assert refused.json()["code"] == code
    changed = await school.owner.patch(here, json={"payment_tolerance": "3.00"}, headers=match)
    assert changed.json()["payment_tolerance"] == "3.00"


async def test_a_rule_is_tried_over_past_payments(school: School, moment: Moment) -> None:
    invoice = await school.invoice()
    half = {"invoices": [{"invoice_id": invoice["id"]}]}
    first = await school.payment(amount="60.00", **half)
    moment.now += timedelta(seconds=1)
    second = await school.payment(amount="39.50", **half)
    moment.now += timedelta(seconds=1)
    # What is booked later changes nothing of what stood then.
    await school.credit_note(invoice, amount="0.20")
    await tolerate(school, "0.50")
    asked = {**RULE, "since": "2020-01-01"}
    del asked["name"]
    tried = await school.viewer.post("/v1/rules/dry-run", json=asked)
    answer = tried.json()
    assert (tried.status_code, answer["sentence"][:25]) == (200, "When a payment is settled")
    assert (answer["looked_at"], answer["matched"], answer["fires"]) == (2, 2, 2)
    [done] = answer["actions"]
    assert (done["applied"], done["refused"], done["amount"]) == (1, 1, "0.50")
    cases = answer["cases"]
    assert [each["payment_id"] for each in cases] == [first["id"], second["id"]]
    assert [each["outcome"] for each in cases] == ["refused", "applied"]
    assert cases[1]["facts"] == {"invoice.payment_status": "partial"}
    assert cases[1]["invoice_number"] == invoice["number"]
    assert answer["more"] is False
    assert (await school.viewer.get("/v1/rules/log")).json()["data"] == []


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"condition": {"all": []}}, "rule.malformed", "/condition/all"),
        ({"customer_id": str(ids.NIL)}, "customer.unknown", "/customer_id"),
        ({"since": "2100-01-01"}, "rule.period", "/since"),
        ({"until": "2019-12-31"}, "rule.period", "/until"),
    ],
)
async def test_what_cannot_be_tried(
    school: School, changes: dict[str, Any], code: str, pointer: str
) -> None:
    asked = {**RULE, "since": "2020-01-01", **changes}
    refused = await school.viewer.post("/v1/rules/dry-run", json=asked)
    found = refused.json()
    assert (found["code"], 400 <= refused.status_code < 500) == (code, True)
    assert [each["pointer"] for each in found["errors"]] == ([pointer] if pointer else [])


async def test_more_payments_than_one_request_looks_at(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "CHUNK", 1)
    monkeypatch.setattr("tallystick.web.api.rules.CHUNKS_MAX", 1)
    await school.payment(amount="1.00", invoices=[{"invoice_id": (await school.invoice())["id"]}])
    await school.payment(amount="1.00", invoices=[{"invoice_id": (await school.invoice())["id"]}])
    refused = await school.owner.post("/v1/rules/dry-run", json={**RULE, "since": "2020-01-01"})
    assert refused.json()["code"] == "rule.too_many_payments"
    assert "more than 1 payments" in refused.json()["detail"]


async def test_a_late_fee_names_the_invoice_that_it_is_about(
    school: School, moment: Moment, database: Database
) -> None:
    fee = {"action": "add_late_fee", "amount": "7.50", "after_days": 3}
    rule = {"name": "Late", "trigger": "invoice_overdue", "actions": [fee]}
    made = (await school.owner.post("/v1/rules", json=rule)).json()
    assert made["sentence"] == (
        "When an invoice is overdue: issue an invoice with a late fee of 7.50 EUR, 3 days overdue."
    )
    late = await school.invoice(terms_days=0)
    charge_all(database, moment.now + timedelta(days=3), lambda: False)
    [found, first] = (await school.viewer.get("/v1/invoices")).json()["data"]
    assert first["id"] == late["id"]
    charge = (await school.viewer.get(f"/v1/invoices/{found['id']}")).json()
    assert (charge["relates_to"], charge["total"]) == (late["id"], "7.50")
    log = (await school.viewer.get(f"/v1/rules/log?invoice_id={late['id']}")).json()["data"]
    assert log[0]["results"][0]["amount"] == "7.50"
    assert log[0]["facts"]["invoice.due"] == late["due"]
