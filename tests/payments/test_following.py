"""Rules follow invoices that were issued and customers that were changed, each event once."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tallystick.invoices.erasing import erase_customers
from tallystick.kernel import ids, positions
from tallystick.kernel.database import Database
from tallystick.parties import labels
from tallystick.parties.customers import ChangeCustomer, EraseCustomer, change_customers
from tallystick.parties.labels import LabelFilter, Subject
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments import following, labelling
from tallystick.payments.labelling import (
    AddLabel,
    RemoveLabel,
    add_labels,
    label,
    remove_labels,
)
from tallystick.reports.explaining import explain_invoice
from tallystick.rules.facts import FREE_TEXTS, Trigger
from tallystick.rules.managing import (
    CreateRule,
    EnableRule,
    RuleContent,
    create_rules,
    enable_rules,
)
from tallystick.rules.queries import FiringFilter, RuleDocument, list_firings
from tests.factories import Books

SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
LARGE = {"field": "invoice.total", "operator": "gte", "value": "100.00"}
STUDENT = {"field": "customer.kind", "operator": "eq", "value": "student"}


def rule(
    books: Books, trigger: Trigger, text: str, condition: Any = None, **values: Any
) -> RuleDocument:
    """Make a rule that adds a label."""
    actions = [{"action": "add_label", "label": text}]
    content = RuleContent(f"Mark {text}", trigger, actions, condition, **values)
    return books.done(create_rules, CreateRule(books.act(), content))


def told(books: Books) -> None:
    """Give all events their positions."""
    seen = books.database.read_snapshot(partial(positions.waiting, limit=10_000))
    books.database.write(lambda conn: positions.stamp(conn, seen))


def follow(books: Books, database: Database | None = None) -> None:
    """Let the worker follow what happened here."""
    told(books)
    moment = books.act.now + timedelta(minutes=1)
    while (database or books.database).write(
        partial(following.follow, books.organization_id, moment)
    ):
        pass


def there(books: Books) -> set[tuple[str, str, str]]:
    """Tell which labels there are, on what."""
    found = books.read(labels.list_labels, LabelFilter()).items
    return {(each["subject"], each["subject_id"], each["label"]) for each in found}


def read_up_to(books: Books) -> int:
    """Tell how far the events were read for the rules."""
    [reading] = books.snapshot()["rule_reading"][1]
    return int(reading["position"])


def changed(books: Books, customer_id: UUID, **changes: Any) -> None:
    """Change a customer."""
    books.done(change_customers, ChangeCustomer(books.act(), customer_id, None, changes))


def test_what_is_issued_after_the_rule_is_labelled_once(books: Books) -> None:
    books.issued(10_000)
    rule(books, "invoice_issued", "large", LARGE)
    large, _small = books.issued(10_000), books.issued(9_999)
    follow(books)
    expected = {("invoice", large["id"], "large")}
    assert there(books) == expected
    [fired] = books.read(list_firings, FiringFilter()).items
    assert (fired["trigger"], fired["invoice_id"]) == ("invoice_issued", large["id"])
    last = books.read(explain_invoice, UUID(large["id"]))["steps"][-1]
    assert last["text"] == "The rule “Mark large”, version 1: the label “large” was added"
    # Taken off by a person it stays off.
    [added] = books.read(labels.list_labels, LabelFilter()).items
    books.done(remove_labels, RemoveLabel(books.act(), UUID(added["id"])))
    follow(books)
    assert there(books) == set()


def test_a_customer_who_is_made_or_changed(books: Books) -> None:
    made = rule(books, "customer_changed", "pupil", STUDENT)
    one = UUID(books.customer()["id"])
    two = UUID(books.customer(kind="corporate")["id"])
    follow(books)
    assert there(books) == {("customer", str(one), "pupil")}
    changed(books, two, kind="student")
    changed(books, two, language="de")
    follow(books)
    both = {("customer", str(each), "pupil") for each in (one, two)}
    assert there(books) == both
    assert len(books.read(list_firings, FiringFilter()).items) == 2
    # What happened while it was switched off is none of its business, and is not even read.
    switch = EnableRule(books.act(), UUID(made["id"]), enabled=False)
    books.done(enable_rules, switch)
    before = read_up_to(books)
    books.customer()
    told(books)
    books.done(enable_rules, replace(switch, act=books.act(), enabled=True))
    assert read_up_to(books) > before
    assert books.organization_id not in books.database.read(following._behind)  # noqa: SLF001
    # Where a rule follows what happened, another one does not keep it from reading all of it.
    late = UUID(books.customer()["id"])
    told(books)
    rule(books, "invoice_issued", "large", LARGE)
    follow(books)
    assert there(books) == both | {("customer", str(late), "pupil")}


def test_a_settled_payment_is_labelled_in_its_transaction(books: Books) -> None:
    rule(books, "payment_settled", "in cash", customer_kind="student")
    payment = books.paid(500, books.issued(500))
    assert there(books) == {("payment", payment["id"], "in cash")}
    [fired] = books.read(list_firings, FiringFilter(payment_id=UUID(payment["id"]))).items
    assert fired["results"][0]["detail"] == "the label “in cash” was added"


def test_two_workers_and_one_that_is_killed_follow_once(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(books, "invoice_issued", "large", LARGE)
    issued = [books.issued(10_000) for _ in range(3)]
    told(books)
    with monkeypatch.context() as patch:
        patch.setattr(labelling, "label", _killed)
        with pytest.raises(KeyboardInterrupt):
            follow(books)
    assert there(books) == set()
    url = books.database.url.render_as_string(hide_password=False)
    others = [Database(url) for _ in range(2)]
    start = threading.Barrier(2)

    def work(database: Database) -> None:
        start.wait(20)
        moment = books.act.now + timedelta(minutes=1)
        following.follow_all(database, moment, lambda: False)

    threads = [threading.Thread(target=work, args=(each,)) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for each in others:
        each.close()
    assert there(books) == {("invoice", each["id"], "large") for each in issued}
    assert len(books.read(list_firings, FiringFilter()).items) == 3


def _killed(*given: Any) -> None:
    label(*given)
    raise KeyboardInterrupt


def test_labels_of_people(books: Books) -> None:
    invoice = books.issued(500)
    payment = books.paid(500, invoice)

    def add(subject: Subject, subject_id: UUID | str, text: str) -> AddLabel:
        return AddLabel(books.act(), subject, UUID(str(subject_id)), text)

    first = books.done(add_labels, add("customer", books.payer, "pays late"))
    assert books.done(add_labels, add("customer", books.payer, "pays late")) == first
    books.done(add_labels, add("invoice", invoice["id"], "checked"))
    books.done(add_labels, add("payment", payment["id"], "checked"))
    assert len(there(books)) == 3
    for command, code in (
        (add("customer", invoice["id"], "x"), "customer.unknown"),
        # It may still get another customer, whose data would be erased without this label.
        (add("invoice", books.draft()["id"], "x"), "invoice.draft"),
        (add("invoice", books.payer, "x"), "invoice.unknown"),
        (add("payment", books.payer, "x"), "payment.unknown"),
        (add("invoice", invoice["id"], " x"), "label.malformed"),
        (add("invoice", invoice["id"], "4111 1111 1111 1111"), "label.malformed"),
    ):
        assert books.refused(add_labels, command).code == code
    gone = books.refused(remove_labels, RemoveLabel(books.act(), books.payer))
    assert gone.code == "label.unknown"
    for number in range(19):
        books.done(add_labels, add("customer", books.payer, f"label {number}"))
    full = books.refused(add_labels, add("customer", books.payer, "one more"))
    assert full.code == "label.too_many"


def test_labels_and_what_rules_saw_go_with_a_customer_who_is_erased(books: Books) -> None:
    rule(books, "payment_settled", "late", {**STUDENT, "field": "customer.kind"})
    other = UUID(books.customer(external_reference="S-17")["id"])
    invoice = books.issued(500, customer_id=other)
    books.paid(500, invoice, reference="Ann's school fees")
    books.done(add_labels, AddLabel(books.act(), "customer", other, "Ann's brother"))
    stay = AddLabel(books.act(), "customer", books.payer, "stays")
    books.done(add_labels, stay)
    books.done(erase_customers, EraseCustomer(books.act(), other))
    assert there(books) == {("customer", str(books.payer), "stays")}
    snapshot = books.snapshot()
    assert "Ann's brother" not in repr(snapshot)
    assert {"payment.reference", "refund.reason", "customer.external_reference"} == FREE_TEXTS
    [fired] = snapshot["firing"][1]
    facts = fired["facts"]
    assert (facts["customer.kind"], facts["payment.currency"]) == ("student", "EUR")
    assert {facts.get(name) for name in FREE_TEXTS} == {None}
    [result] = fired["results"]
    assert (result["outcome"], result["detail"]) == ("applied", None)
    # The payment itself keeps its reference, as issued documents keep what they say.
    assert snapshot["payment"][1][0]["reference"] == "Ann's school fees"
    again = AddLabel(books.act(), "invoice", UUID(invoice["id"]), "late")
    assert books.refused(add_labels, again).code == "customer.erased"


@SQLITE
def test_nothing_is_kept_of_who_is_erased_just_before_the_label(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule(books, "customer_changed", "pupil", STUDENT)
    one = UUID(books.customer(external_reference="S-17")["id"])
    erasing = EraseCustomer(books.act(), one)

    def erased_meanwhile(conn: Connection, commands: Sequence[AddLabel]) -> Any:
        erase_customers(conn, [erasing])
        return add_labels(conn, commands)

    monkeypatch.setattr(labelling, "add_labels", erased_meanwhile)
    follow(books)
    snapshot = books.snapshot()
    assert (there(books), snapshot["firing"][1]) == (set(), [])
    assert "S-17" not in repr(snapshot)


@SQLITE
def test_what_happened_waits_while_the_organization_is_inactive(books: Books) -> None:
    rule(books, "invoice_issued", "large", LARGE)
    issued = books.issued(10_000)
    told(books)
    before = read_up_to(books)
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    follow(books)
    assert books.organization_id not in books.database.read(following._behind)  # noqa: SLF001
    assert (there(books), read_up_to(books)) == (set(), before)
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=True))
    follow(books)
    assert there(books) == {("invoice", issued["id"], "large")}


@SQLITE
def test_one_run_ends_and_takes_turns(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    much, little = ids.new(), ids.new()
    followed: list[UUID] = []

    def one_more(organization_id: UUID, *_rest: Any) -> bool:
        followed.append(organization_id)
        return organization_id == much

    monkeypatch.setattr(following, "TRANSACTIONS_AT_ONCE", 4)
    monkeypatch.setattr(following, "_behind", lambda _conn: [much, little])
    monkeypatch.setattr(following, "follow", one_more)
    following.follow_all(books.database, books.act.now, lambda: False)
    assert followed == [much, little, much, much]
