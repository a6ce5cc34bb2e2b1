"""Rules are checked whole when they are saved, and each change is kept."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.parties.models import ORGANIZATIONS
from tallystick.rules import managing, queries
from tallystick.rules.forms import Form
from tallystick.rules.managing import (
    ChangeRule,
    CreateRule,
    EnableRule,
    RemoveRule,
    RuleContent,
    change_rules,
    create_rules,
    enable_rules,
    remove_rules,
)
from tests.factories import Books

PART = {"field": "invoice.payment_status", "operator": "eq", "value": "partial"}
TOLERANT = RuleContent(
    "Small rests", "payment_settled", [{"action": "settle_within_tolerance"}], PART
)


def created(books: Books, content: RuleContent = TOLERANT) -> queries.RuleDocument:
    """Make a rule."""
    return books.done(create_rules, CreateRule(books.act(), content))


def test_a_rule_and_its_changes_are_kept(books: Books) -> None:
    rule = created(books)
    assert rule["sentence"] == (
        "When a payment is settled and how far the invoice is paid is partial: write off the rest "
        "of the invoice if it is within the tolerance."
    )
    rule_id = UUID(rule["id"])
    content = replace(TOLERANT, name="Rests", priority=7, customer_kind="student")
    changed = books.done(change_rules, ChangeRule(books.act(), rule_id, 1, content))
    assert (changed["name"], changed["priority"], changed["version"]) == ("Rests", 7, 2)
    off = books.done(enable_rules, EnableRule(books.act(), rule_id, enabled=False))
    assert (off["enabled"], off["version"]) == (False, 3)
    # What is so already is no change.
    assert books.done(enable_rules, EnableRule(books.act(), rule_id, enabled=False)) == off
    assert books.read(queries.get_rule, rule_id) == off
    books.done(remove_rules, RemoveRule(books.act(), rule_id, 3))
    assert books.read(queries.standing) == []
    past = books.read(queries.history, rule_id)
    assert [each["version"] for each in past] == [4, 3, 2, 1]
    assert past[-1]["name"] == "Small rests"
    stale = ChangeRule(books.act(), rule_id, 1, content)
    assert books.refused(change_rules, stale).code == "rule.unknown"
    told = [row["type"] for row in books.snapshot()["event"][1]]
    assert sorted(told) == ["rule.changed", "rule.created", "rule.disabled", "rule.removed"]
    [place] = [
        row for row in books.snapshot()[ORGANIZATIONS.name][1] if row["id"] == books.organization_id
    ]
    assert place["rules_version"] == 4


def test_somebody_else_was_quicker(books: Books) -> None:
    rule = created(books)
    rule_id = UUID(rule["id"])
    books.done(change_rules, ChangeRule(books.act(), rule_id, 1, TOLERANT))
    stale = ChangeRule(books.act(), rule_id, 1, TOLERANT)
    assert books.refused(change_rules, stale).code == "precondition.stale"
    gone = RemoveRule(books.act(), ids.NIL)
    assert books.refused(remove_rules, gone).code == "rule.unknown"


def test_the_order_is_that_of_priorities(books: Books) -> None:
    for priority in (30, 10, 20):
        created(books, replace(TOLERANT, name=str(priority), priority=priority))
    assert [rule["priority"] for rule in books.read(queries.standing)] == [10, 20, 30]


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"trigger": "payment_setled"}, "/trigger", "Did you mean payment_settled?"),
    ({"actions": []}, "/actions", "1 to 5 actions"),
    ({"actions": [{"action": "eval"}]}, "/actions/0/action", "There are settle_within_tolerance"),
    ({"actions": [{"action": "hold_for_approval"}]}, "/actions/0/action", "payment_settled"),
    (
        {"actions": [{"action": "settle_within_tolerance", "target_field": "paid"}]},
        "/actions/0/target_field",
        "There is no member “target_field”",
    ),
    ({"actions": [{"action": "settle_within_tolerance"}] * 2}, "/actions", "once"),
    (
        {"actions": [{"action": "early_payment_discount", "percent": "101", "within_days": 1}]},
        "/actions/0/percent",
        "“101”",
    ),
    (
        {"actions": [{"action": "early_payment_discount", "percent": "2"}]},
        "/actions/0/within_days",
        "whole number of days",
    ),
    ({"priority": -1}, "/priority", "from 0 to 1000"),
    ({"customer_id": ids.NIL, "customer_kind": "student"}, "/customer_kind", "not both"),
    ({"condition": {"field": "x", "operator": "eq", "value": "1"}}, "/condition/field", "“x”"),
]


@pytest.mark.parametrize(("values", "pointer", "words"), REFUSED)
def test_what_is_no_rule(books: Books, values: dict[str, Any], pointer: str, words: str) -> None:
    command = CreateRule(books.act(), replace(TOLERANT, **values))
    refusal = books.refused(create_rules, command)
    assert (refusal.code, refusal.pointer) == ("rule.malformed", pointer)
    assert words in refusal.detail


def test_a_customer_of_somebody_else(books: Books) -> None:
    command = CreateRule(books.act(), replace(TOLERANT, customer_id=ids.new()))
    assert books.refused(create_rules, command).code == "customer.unknown"


def test_as_many_as_there_may_be(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managing, "RULES_MAX", 2)
    created(books)
    created(books, replace(TOLERANT, name="Two"))
    command = CreateRule(books.act(), replace(TOLERANT, name="Three"))
    assert books.refused(create_rules, command).code == "rule.too_many"


def test_a_name_is_one_rule_s(books: Books) -> None:
    created(books)
    other = created(books, replace(TOLERANT, name="Other"))
    refusal = books.refused(create_rules, CreateRule(books.act(), TOLERANT))
    assert (refusal.code, refusal.pointer) == ("rule.name_taken", "/name")
    rename = ChangeRule(books.act(), UUID(other["id"]), 1, TOLERANT)
    assert books.refused(change_rules, rename).code == "rule.name_taken"
    assert sorted(each["name"] for each in books.read(queries.standing)) == ["Other", "Small rests"]
    # The name of one that is removed is free again.
    books.done(remove_rules, RemoveRule(books.act(), UUID(other["id"])))
    created(books, replace(TOLERANT, name="Other"))


def test_two_that_had_one_name_before_can_be_changed(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    created(books)
    with monkeypatch.context() as before:
        before.setattr(managing, "_check_free", lambda *_: None)
        twin = created(books)
    rule_id = UUID(twin["id"])
    same = replace(TOLERANT, priority=5)
    assert books.done(change_rules, ChangeRule(books.act(), rule_id, 1, same))["priority"] == 5
    renamed = replace(TOLERANT, name="Twin")
    assert books.done(change_rules, ChangeRule(books.act(), rule_id, 2, renamed))["name"] == "Twin"


def test_what_was_saved_with_a_value_that_is_none_goes_on(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    euro = {"field": "payment.currency", "operator": "eq", "value": "EURO"}
    misspelt = replace(TOLERANT, condition=euro)
    refusal = books.refused(create_rules, CreateRule(books.act(), misspelt))
    assert (refusal.code, refusal.pointer) == ("rule.malformed", "/condition/value")
    with monkeypatch.context() as before:
        before.setattr(Form, "wrong", lambda *_: None)
        rule = created(books, misspelt)
    assert books.read(queries.standing) == [rule]
    off = books.done(enable_rules, EnableRule(books.act(), UUID(rule["id"]), enabled=False))
    assert (off["enabled"], off["condition"]) == (False, euro)
