"""Rules on the command line: made, looked at, changed, and carried from one place to another."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tallystick.kernel.database import Database
from tallystick.rules import managing
from tests.cli.conftest import Ended, Run
from tests.factories import Books, Opening

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

REST = """
name: Small rests
trigger: payment_settled
condition: {field: invoice.payment_status, operator: eq, value: partial}
actions: [{action: settle_within_tolerance}]
"""
EARLY = """
name: "Early: 2 %"
trigger: payment_settled
customer: S-2026-0117
condition:
  any:
    - {field: payment.reference, operator: contains, value: "1e3 # \\"\\u2028"}
    - {field: payment.amount, operator: between, value: ["1", "50.5"]}
    - {field: payment.reference, operator: is_null, value: true}
actions:
  - {action: early_payment_discount, percent: "2.5", within_days: 10}
priority: 7
enabled: false
valid_from: 2026-01-01
"""
GIVE, REFUSED = (
    "{action: allocate_to_open_invoices}",
    "{action: settle_within_tolerance}",
)
SAID = "When a payment is settled and how far the invoice is paid is partial: write off the rest"
Rules = Callable[..., Ended]


@pytest.fixture
def opening(migrated: str) -> Iterator[Opening]:
    """Return a factory of organizations in the database of the settings."""
    database = Database(migrated)
    yield Opening(database)
    database.close()


@pytest.fixture
def books(opening: Opening) -> Books:
    """Return the books of an organization with the slug here."""
    return opening(slug="here")


@pytest.fixture
def rules(run: Run, books: Books) -> Rules:
    """Return a way to run a command about the rules of that organization."""
    assert books.organization["slug"] == "here"
    return lambda *words: run("rules", *words, "--organization", "here")


def written(folder: Path, text: str) -> str:
    """Write a file, and give its name."""
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return "a.yaml"


def test_one_rule_from_its_beginning_to_its_end(rules: Rules, folder: Path) -> None:
    made = rules("add", written(folder, REST))
    assert (made.code, made.err.split(". ")[0]) == (0, "The rule “Small rests” is made")
    rule_id = made.out.strip()
    listed = rules("list")
    assert f"100       yes      Small rests  {rule_id}  {SAID}" in listed.out
    [rule] = rules("list", "--json").json
    assert (rule["id"], rule["version"]) == (rule_id, 1)
    # What is shown may be sent back.
    shown = rules("show", "Small rests").out
    assert shown.startswith(f"# {SAID}")
    changed = rules("change", rule_id, written(folder, shown.replace("100", "5")), "--json")
    assert (changed.json["priority"], changed.json["version"]) == (5, 2)
    assert rules("disable", "Small rests").err.startswith("The rule “Small rests” is switched off")
    assert rules("enable", rule_id, "--json").json["enabled"] is True
    assert rules("remove", "Small rests").code == 0
    assert rules("list").out == ""
    gone = rules("show", "Small rests")
    assert (gone.code, gone.err) == (3, "There is no rule “Small rests” in this organization.\n")
    past = rules("history", rule_id)
    assert [line.split()[0] for line in past.out.splitlines()] == ["version", *"54321"]


def test_a_second_rule_of_the_same_name(rules: Rules, folder: Path) -> None:
    assert rules("add", written(folder, REST)).code == 0
    again = rules("add", written(folder, REST))
    assert (again.out, again.err) == (
        "",
        "There is a rule “Small rests” already. Choose another name.\n",
    )
    kept = folder / "kept.yaml"
    kept.write_text(rules("export").out)
    assert rules("import", str(kept)).code == 0


def test_a_name_that_two_rules_have(
    rules: Rules, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Since when there is this check, none gets there any more.
    monkeypatch.setattr(managing, "_check_free", lambda *_: None)
    ids = [rules("add", written(folder, REST)).out.strip() for _ in range(2)]
    named = rules("show", "Small rests")
    assert named.code == 3
    assert named.err.startswith("2 rules are called “Small rests”. Name one by its id.")
    assert rules("show", ids[1], "--json").json["id"] == ids[1]
    taken = rules(
        "import", written(folder, f"rules:\n- {REST.strip().replace(chr(10), chr(10) + '  ')}")
    )
    assert (taken.code, taken.out) == (2, "")
    assert taken.err.startswith("a.yaml, line 2, /rules/0/name: Several rules")


def test_what_is_exported_is_imported_elsewhere(
    rules: Rules, run: Run, books: Books, opening: Opening, folder: Path
) -> None:
    books.customer(external_reference="S-2026-0117")
    for text in (REST, EARLY):
        assert rules("add", written(folder, text)).code == 0
    exported = rules("export").out
    lines = exported.splitlines()
    # Those that come first stand first, each below its sentence.
    assert lines[:2] == ['currency: "EUR"', "rules:"]
    assert lines[2].startswith("  # When a payment is settled of one customer and ")
    assert lines[3:6] == [
        '  - name: "Early: 2 %"',
        "    trigger: payment_settled",
        '    customer: "S-2026-0117"',
    ]
    assert '          value: "1e3 # \\"\\U00002028"' in lines
    assert '            - "50.50"' in lines
    again = rules("import", written(folder, exported), "--json")
    names = ["Early: 2 %", "Small rests"]
    assert again.json == {"added": [], "changed": [], "unchanged": names}
    for rule in rules("list", "--json").json:
        rules("remove", rule["id"])
    assert rules("export").out == 'currency: "EUR"\nrules: []\n'
    added = rules("import", "a.yaml")
    assert added.out == "added      Early: 2 %\nadded      Small rests\n"
    assert rules("export").out == exported
    # What is not in the file is left alone.
    other = exported.partition("  # When a payment is settled and")[0].replace("50.50", "60")
    changed = rules("import", written(folder, other))
    assert (changed.out, changed.err) == (
        "changed    Early: 2 %\n",
        "0 added, 1 changed, 0 unchanged.\n",
    )
    opening(slug="there", currency="JPY").customer(external_reference="S-2026-0117")
    yen = run("rules", "import", "a.yaml", "--organization", "there")
    assert yen.err == "a.yaml, line 1, /currency: The organization's currency is JPY.\n"


def test_what_rules_did(rules: Rules, books: Books, folder: Path) -> None:
    assert rules("log").err == "No rule did anything of this kind yet.\n"
    rule_id = rules("add", written(folder, REST)).out.strip()
    invoices = [books.issued(), books.issued()]
    paid = [books.paid(9_950, invoice)["id"] for invoice in invoices]
    log = rules("log").out.splitlines()
    assert log[0].split()[3:] == ["rule", "version", "action", "outcome", "amount", "reason"]
    assert [line.split("  ")[1] for line in log[1:]] == paid[::-1]
    left = f"50 EUR are left on “{invoices[0]['number']}”, and no more than 0.00 EUR may be"
    assert f"Small rests  1        settle_within_tolerance  refused  -       0.{left}" in log[2]
    for one in (
        ("--payment", paid[0]),
        ("--invoice", str(invoices[0]["number"])),
        ("--rule", "Small rests", "--invoice", invoices[0]["id"]),
    ):
        [firing] = rules("log", *one, "--json").json
        assert (firing["payment_id"], firing["rule_id"]) == (paid[0], rule_id)
        assert firing["facts"]["payment.amount"] == "99.50"
    assert len(rules("log", "--rule", rule_id, "--limit", "1", "--json").json) == 1
    assert rules("log", "--rule", "nothing").code == 3


def test_a_file_is_checked_whole_before_anything_is_written(rules: Rules, folder: Path) -> None:
    assert rules("add", written(folder, REST)).code == 0
    before = rules("list", "--json").json
    text = """rules:
- {name: Small rests, priority: 1, trigger: payment_settled, actions: [{action: keep_overpayment}]}
- name: B
  trigger: payment_settled
  condition: {all: [{field: payment.amuont, operator: eq, value: "1"}]}
  actions: [{action: settle_within_tolerance}]
- {name: C, trigger: payment_settled, actions: [{action: settle_within_tolerance}]}
- {name: C, trigger: payment_settled, actions: [{action: settle_within_tolerance}]}
- {name: D, trigger: payment_settled, actions: [{action: settle_within_tolerance}]}
"""
    refused = rules("import", written(folder, text))
    assert (refused.code, refused.out) == (2, "")
    told = [line.split(": ")[0] for line in refused.err.splitlines()]
    assert told == [
        "a.yaml, line 2, /rules/0/actions/0/action",
        "a.yaml, line 5, /rules/1/condition/all/0/field",
        "a.yaml, line 7, /rules/2/name",
        "a.yaml, line 8, /rules/3/name",
    ]
    assert "Did you mean payment.amount?" in refused.err
    assert rules("list", "--json").json == before


ONE = "name: A\ntrigger: payment_settled\nactions: [{action: settle_within_tolerance}]\n"
WRONG = {
    "a list": ("add", "- 1", "line 1: Write an object."),
    "no rules": ("import", "currency: EUR", "line 1, /rules: This is required."),
    "rules that are a text": ("import", "rules: x", "line 1, /rules: Write a list."),
    "a rule that is a text": ("import", "rules: [x]", "/rules/0: Write an object."),
    "a member that is none": ("add", f"{ONE}<<: 1", "/<<: There is no such member here."),
    "a text for a truth": ("add", f"{ONE}enabled: yes", "line 4, /enabled: Write true or false."),
    "a number for a name": ("add", ONE.replace("A", "1", 1), "line 1, /name: Write this as a"),
    "an escaped NUL": ("add", ONE.replace("A", '"\\0"', 1), "There is a control character"),
    "nobody": ("add", f"{ONE}customer: S-0", "line 4, /customer: There is no customer “S-0”"),
    "a NUL for nobody": ("add", f'{ONE}customer: "\\0"', "line 4, /customer: There is no cust"),
    "one named twice": ("add", f"{ONE}customer: S-0\ncustomer_id: x", "not both"),
    "an amount without quotes": (
        "add",
        f"{ONE}condition: {{field: payment.amount, operator: eq, value: 10}}",
        '/condition/value: payment.amount is compared with a decimal text such as "100.00"',
    ),
    "more than there may be": ("import", f"rules: [{'{}, ' * 51}]", "at most 50 rules"),
    "aliases": ("import", "rules: [&a {}, *a]", "Anchors and aliases are not taken."),
    "more than a file may have": ("import", "#" * (2**20 + 1), "has more than 1 MiB."),
}


def test_what_is_no_file_of_rules(rules: Rules, folder: Path) -> None:
    for what, (command, text, words) in WRONG.items():
        ended = rules(command, written(folder, text))
        assert (ended.code, ended.out) == (2, ""), what
        assert words in ended.err, what
    assert rules("list").out == ""


def test_rules_are_tried_over_past_payments(rules: Rules, books: Books, folder: Path) -> None:
    invoice, other = books.issued(1_000), books.issued(300)
    payment = books.paid(1_100, invoice, excess="credit")
    books.paid(290, other)
    books.act.now += timedelta(days=40)
    books.paid(3, other)
    two = (
        f"rules:\n- {{name: All, trigger: payment_settled, actions: [{GIVE}, {REFUSED}]}}\n"
        "- {name: Kept, trigger: payment_recorded, actions: [{action: keep_overpayment}]}\n"
    )
    days = ("--since", "2026-03-01", "--until", "2026-03-31")
    before = books.snapshot()
    done = rules("try", written(folder, two), *days, "--json")
    assert books.snapshot() == before
    settled, recorded = json.loads(done.out)
    assert (settled["name"], settled["looked_at"], settled["fires"]) == ("All", 2, 2)
    assert [(each["applied"], each["refused"], each["amount"]) for each in settled["actions"]] == [
        (1, 0, "1.00"),
        (0, 1, "0.00"),
    ]
    assert [each["payment_id"] for each in recorded["cases"]] == [payment["id"]]
    assert recorded["cases"][0]["results"][0]["amount"] == "1.00"
    assert "were refused" in recorded["actions"][0]["note"]
    said = rules("try", written(folder, two), *days, "--limit", "1")
    assert "There are 1 more cases." in said.err
    assert "2 payments looked at" in said.out
    assert f"{payment['receipt_number']}  {invoice['number']}" in said.out


def test_what_cannot_be_tried(rules: Rules, folder: Path) -> None:
    charge = "{action: add_interest, percent: '5', after_days: 1}"
    overdue = f"name: Late\ntrigger: invoice_overdue\nactions: [{charge}]\n"
    refused = rules("try", written(folder, overdue), "--since", "2026-03-01")
    assert refused.code
    assert "line 2, /trigger: A dry run is of rules about payment_settled" in refused.err
    future = rules("try", written(folder, REST), "--since", "2999-01-01")
    assert "The first day, 2999-01-01, is after today" in future.err
