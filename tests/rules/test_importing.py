"""The rules of a file are taken over together, and none twice."""

from dataclasses import replace

from tallystick.parties.models import ORGANIZATIONS
from tallystick.rules import managing, queries
from tallystick.rules.importing import ImportRules, check_rules, import_rules
from tallystick.rules.managing import CreateRule, RuleContent, create_rules
from tests.factories import Books

ONE = RuleContent("One", "payment_settled", [{"action": "settle_within_tolerance"}])
TWO = replace(ONE, name="Two", priority=3)
BAD = replace(ONE, name="Bad", trigger="payment_setled")  # type: ignore[arg-type]


def test_all_of_them_or_none(books: Books) -> None:
    books.done(create_rules, CreateRule(books.act(), ONE))
    changed = replace(ONE, priority=7)
    wrong = ImportRules(books.act(), (changed, TWO, BAD))
    refusal = books.refused(import_rules, wrong)
    assert (refusal.code, refusal.pointer) == ("rule.malformed", "/rules/2/trigger")
    judged = books.database.write(lambda conn: check_rules(conn, books.act(), wrong.rules))
    assert [each and each.pointer for each in judged] == [None, None, "/trigger"]
    done = books.done(import_rules, ImportRules(books.act(), (TWO, changed)))
    assert done == {"added": ["Two"], "changed": ["One"], "unchanged": []}
    standing = books.read(queries.standing)
    assert [(each["name"], each["version"]) for each in standing] == [("Two", 1), ("One", 2)]
    before = books.snapshot()
    again = books.done(import_rules, ImportRules(books.act(), (changed, TWO)))
    assert again == {"added": [], "changed": [], "unchanged": ["One", "Two"]}
    after = books.snapshot()
    assert {name for name in after if after[name] != before[name]} == {"idempotency_key"}
    [place] = [row for row in after[ORGANIZATIONS.name][1] if row["id"] == books.organization_id]
    # Once for the rule, and once for both that came from the file.
    assert place["rules_version"] == 2


def test_no_more_than_there_may_be(books: Books) -> None:
    many = tuple(replace(ONE, name=str(each)) for each in range(managing.RULES_MAX))
    books.done(import_rules, ImportRules(books.act(), many))
    assert books.refused(import_rules, ImportRules(books.act(), (ONE,))).code == "rule.too_many"
    assert len(books.done(import_rules, ImportRules(books.act(), many))["unchanged"]) == len(many)
