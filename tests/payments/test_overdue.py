"""What rules charge on overdue invoices: as invoices of their own, each step once."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tallystick.invoices.issuing import issue_new
from tallystick.invoices.queries import InvoiceDocument, InvoiceFilter, list_invoices
from tallystick.kernel.database import Database
from tallystick.parties.customers import SetCustomerActive, set_customers_active
from tallystick.payments import charging_late, lateness, overdue
from tallystick.payments.claiming import DeclinePayment, decline_payments
from tallystick.payments.provider import Failed
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.replacing import replace_invoices
from tallystick.reports.explaining import explain_invoice
from tallystick.rules import queries
from tallystick.rules.managing import (
    ChangeRule,
    CreateRule,
    RuleContent,
    change_rules,
    create_rules,
)
from tallystick.rules.queries import FiringDocument, FiringFilter, RuleDocument
from tests.factories import Books
from tests.payments.online import resolved, started

ISSUED = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = date(2026, 4, 1)
"""Terms are 30 days."""


def rule(books: Books, **action: Any) -> RuleDocument:
    """Make a rule with one step."""
    condition = action.pop("condition", None)
    name = f"Dunning {len(books.read(queries.standing)) + 1}"
    content = RuleContent(name, "invoice_overdue", actions=[action], condition=condition)
    return books.done(create_rules, CreateRule(books.act(), content))


def fee(books: Books, **values: Any) -> RuleDocument:
    """Make a rule that charges 5.00 after 30 days."""
    return rule(books, **{"action": "add_late_fee", "amount": "5.00", "after_days": 30} | values)


def run(database: Database, days: int, hour: int = 9) -> None:
    """Let the worker look, so many days after the due date."""
    moment = datetime(DUE.year, DUE.month, DUE.day, hour, tzinfo=UTC) + timedelta(days=days)
    overdue.charge_all(database, moment, lambda: False)


def charges(books: Books) -> list[InvoiceDocument]:
    """List the invoices that charge something on others, the oldest first."""
    page = books.read(list_invoices, InvoiceFilter(), today=DUE)
    whole = [books.invoice(each, DUE) for each in page.items[::-1]]  # type: ignore[arg-type]
    return [each for each in whole if each["relates_to"]]


def firings(books: Books) -> list[FiringDocument]:
    """List what rules did, the oldest first."""
    return books.read(queries.list_firings, FiringFilter()).items[::-1]


def test_a_late_fee_is_an_invoice_of_its_own_and_comes_once(books: Books) -> None:
    made = fee(books)
    late = books.issued(10_000, at=ISSUED)
    run(books.database, 29)
    assert charges(books) == []
    # It is the 30th day in Berlin already, and not in UTC.
    run(books.database, 29, hour=23)
    run(books.database, 30)
    run(books.database, 400)
    [charge] = charges(books)
    assert (charge["relates_to"], charge["total"], charge["due"]) == (late["id"], 500, 500)
    assert (charge["status"], charge["customer_id"]) == ("open", late["customer_id"])
    [line] = charge["lines"]
    assert line["description"] == f"Late fee for {late['number']}, 30 days overdue"
    assert books.invoice(late)["due"] == 10_000
    [fired] = firings(books)
    assert (fired["rule_id"], fired["outcome"], fired["rule_version"]) == (made["id"], "applied", 1)
    assert (fired["invoice_id"], fired["facts"]["invoice.days_overdue"]) == (late["id"], 30)
    assert fired["results"][0]["amount"] == 500
    [told] = {
        books.read(explain_invoice, UUID(each["id"]))["steps"][-1]["text"]
        for each in (late, charge)
    }
    charged = f"5.00 EUR are charged by {charge['number']}. {line['description']}."
    assert told == f"The rule “Dunning 1”, version 1: {charged}"


def test_what_is_not_owed_any_more_is_not_charged(books: Books) -> None:
    fee(books, condition={"field": "invoice.total", "operator": "lt", "value": "500.00"})
    paid, void, gone, credited, large = (
        books.issued(total, at=ISSUED) for total in (100, 200, 300, 400, 50_000)
    )
    books.paid(100, paid)
    books.voided(void)
    books.written_off(gone)
    books.credited(credited)
    other = UUID(books.customer()["id"])
    books.issued(600, at=ISSUED, customer_id=other)
    away = SetCustomerActive(books.act(), other, active=False)
    books.done(set_customers_active, away)
    assert large["status"] == "open"
    run(books.database, 60)
    assert [*charges(books), *firings(books)] == []


@pytest.mark.parametrize(
    ("action", "amount"),
    [
        ({"action": "add_late_fee", "percent": "2.5"}, 225),
        # 90.00 * 9 % * 30 / 365 = 0.6657...
        ({"action": "add_interest", "percent": "9"}, 67),
    ],
)
def test_parts_of_the_due_are_rounded_once(
    books: Books, action: dict[str, Any], amount: int
) -> None:
    rule(books, **action, after_days=30)
    late = books.issued(10_000, at=ISSUED)
    books.paid(1_000, late)
    run(books.database, 30)
    assert [each["total"] for each in charges(books)] == [amount]


def test_interest_repeats_and_charges_no_day_twice(books: Books) -> None:
    rule(books, action="add_interest", percent="7.3", after_days=10, every_days=30)
    # A later step charges for the days since.
    rule(books, action="add_interest", percent="36.5", after_days=60)
    books.issued(10_000, at=ISSUED)
    for days in (10, 39, 40, 60, 69, 70, 135):
        run(books.database, days)
    found = [
        (each["issue_date"], each["total"], each["lines"][0]["description"].partition(": ")[2])
        for each in charges(books)
    ]
    assert found == [
        ("2026-04-11", 20, "7.3 % a year on 100.00 EUR for 10 days"),
        ("2026-05-11", 60, "7.3 % a year on 100.00 EUR for 30 days"),
        ("2026-05-31", 200, "36.5 % a year on 100.00 EUR for 20 days"),
        ("2026-06-10", 20, "7.3 % a year on 100.00 EUR for 10 days"),
        # A worker that was away charges the days since in one.
        ("2026-08-14", 130, "7.3 % a year on 100.00 EUR for 65 days"),
    ]


def test_a_charge_is_never_charged_on(books: Books) -> None:
    fee(books)
    fee(books, after_days=1, amount="1.00")
    books.issued(10_000, at=ISSUED)
    run(books.database, 30)
    run(books.database, 300)
    assert sorted(each["total"] for each in charges(books)) == [100, 500]


def test_a_charge_that_is_refused_is_told_and_not_tried_again(books: Books) -> None:
    rule(books, action="add_interest", percent="100", after_days=3_000)
    late = books.issued(10**15, at=ISSUED)
    run(books.database, 3_000)
    run(books.database, 3_001)
    [fired] = firings(books)
    assert (fired["outcome"], fired["results"][0]["outcome"]) == ("refused", "refused")
    assert fired["results"][0]["code"] == "money.too_large"
    assert charges(books) == []
    assert books.invoice(late)["due"] == 10**15


def test_two_workers_charge_once(books: Books) -> None:
    fee(books)
    for _ in range(4):
        books.issued(10_000, at=ISSUED)
    url = books.database.url.render_as_string(hide_password=False)
    others = [Database(url) for _ in range(2)]
    start = threading.Barrier(2)

    def work(database: Database) -> None:
        start.wait(20)
        run(database, 30)

    threads = [threading.Thread(target=work, args=(each,)) for each in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for each in others:
        each.close()
    assert len(charges(books)) == len(firings(books)) == 4


ON_SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


def day(days: int, hour: int = 8) -> datetime:
    """Say when it is so many days after the due date."""
    return datetime(DUE.year, DUE.month, DUE.day, hour, tzinfo=UTC) + timedelta(days=days)


def keys(books: Books) -> int:
    """Count the answers that are kept."""
    return len(books.snapshot()["idempotency_key"][1])


@ON_SQLITE
def test_what_a_rule_did_as_another_one_is_no_step(books: Books) -> None:
    label = {"action": "add_label", "label": "came in"}
    was = RuleContent("Dunning", "payment_settled", actions=[label])
    made = books.done(create_rules, CreateRule(books.act(), was))
    late = books.issued(10_000, at=ISSUED)
    books.paid(1_000, late)
    assert [each["invoice_id"] for each in firings(books)] == [late["id"]]
    fee = {"action": "add_late_fee", "amount": "5.00", "after_days": 30}
    content = RuleContent("Dunning", "invoice_overdue", actions=[fee])
    books.done(change_rules, ChangeRule(books.act(), UUID(made["id"]), None, content))
    run(books.database, 30)
    run(books.database, 31)
    assert [each["total"] for each in charges(books)] == [500]


@ON_SQLITE
def test_days_on_which_it_was_paid_are_not_charged(books: Books) -> None:
    rule(books, action="add_interest", percent="36.5", after_days=1)
    fee(books, after_days=10)
    late = books.issued(10_000, at=ISSUED)
    payment = books.paid(10_000, late)
    command = RefundPayment(books.act(at=day(100)), UUID(payment["id"]))
    books.done(refund_payments, command)
    run(books.database, 101)
    run(books.database, 109)
    assert [each["total"] for each in charges(books)] == [10], "one day of 0.1 %"
    run(books.database, 110)
    [_, charge] = charges(books)
    said = f"Late fee for {late['number']}, 10 days overdue"
    assert (charge["total"], charge["lines"][0]["description"]) == (500, said)


@ON_SQLITE
def test_nothing_is_charged_while_somebody_has_to_decide_on_a_payment(books: Books) -> None:
    hold = [{"action": "hold_for_approval"}]
    books.done(
        create_rules, CreateRule(books.act(), RuleContent("Two", "payment_recorded", actions=hold))
    )
    fee(books)
    other = UUID(books.customer()["id"])
    mine, another, theirs = (
        books.issued(total, at=ISSUED, customer_id=customer_id)
        for total, customer_id in ((10_000, books.payer), (200, books.payer), (300, other))
    )
    one = books.paid(10_000, mine)
    all_of_theirs = books.paid(300, customer_id=other)
    run(books.database, 30)
    assert [each["relates_to"] for each in charges(books)] == [another["id"]]
    for payment in (one, all_of_theirs):
        books.done(decline_payments, DeclinePayment(books.act(), UUID(payment["id"]), "Not here"))
    run(books.database, 31)
    assert {each["relates_to"] for each in charges(books)} == {
        each["id"] for each in (mine, another, theirs)
    }


@ON_SQLITE
def test_daily_interest_comes_to_what_the_days_come_to(books: Books) -> None:
    rule(books, action="add_interest", percent="2", after_days=1, every_days=1)
    late = books.issued(10_000, at=ISSUED)
    for days in range(1, 11):
        run(books.database, days)
    # 100.00 * 2 % * 10 / 365 = 0.0548; a day that comes to nothing is part of the next step.
    made = charges(books)
    assert [each["total"] for each in made] == [1] * 5
    assert made[1]["lines"][0]["description"].endswith("100.00 EUR for 2 days")
    books.paid(5_000, late)
    for days in range(11, 21):
        run(books.database, days)
    # 50.00 * 2 % * 11 / 365 = 0.0301, from the ninth day on, which was charged last.
    assert [each["total"] for each in charges(books)] == [1] * 8


@ON_SQLITE
def test_what_replaces_a_charge_is_a_charge(books: Books) -> None:
    rule(books, action="add_interest", percent="36.5", after_days=10, every_days=10)
    late = books.issued(10_000, at=ISSUED)
    run(books.database, 10)
    [charge] = charges(books)
    command = books.replacement(charge, 90, act=books.act(at=day(11)))
    new = books.done(replace_invoices, command)
    assert (new["relates_to"], new["replaces"]) == (late["id"], charge["id"])
    run(books.database, 20)
    run(books.database, 200)
    told = [(each["relates_to"], each["total"], each["status"]) for each in charges(books)]
    assert told == [
        (late["id"], 100, "void"),
        (late["id"], 90, "open"),
        (late["id"], 100, "open"),
        (late["id"], 1_800, "open"),
    ]


@ON_SQLITE
def test_days_of_a_void_charge_and_of_a_payment_that_failed_are_charged(books: Books) -> None:
    rule(books, action="add_interest", percent="36.5", after_days=10, every_days=10)
    late = books.issued(10_000, at=ISSUED)
    run(books.database, 10)
    [void] = charges(books)
    books.voided(void)
    payment = started(books, 4_000, late)
    run(books.database, 20)
    assert charges(books) == [books.invoice(void)], "nobody knows yet what is left to pay"
    resolved(books, payment, Failed("declined", "No money"))
    run(books.database, 21)
    run(books.database, 31)
    assert [each["total"] for each in charges(books)] == [100, 210, 100]


@ON_SQLITE
def test_of_two_rules_for_the_same_days_the_first_one_charges(books: Books) -> None:
    for percent in ("36.5", "73"):
        rule(books, action="add_interest", percent=percent, after_days=10)
    books.issued(10_000, at=ISSUED)
    kept = keys(books)
    run(books.database, 10)
    # The other one had nothing to charge; nobody was asked, and nothing is kept of it.
    assert keys(books) - kept == 2, "the step, and the invoice that it issued"
    run(books.database, 12)
    run(books.database, 14)
    assert [each["total"] for each in charges(books)] == [100, 40]


@ON_SQLITE
def test_only_invoices_of_whom_a_rule_is_about_are_read(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = UUID(books.customer(kind="company")["id"])
    late = [
        UUID(books.issued(at=ISSUED, customer_id=each)["id"]) for each in (books.payer, company)
    ]
    scopes: list[dict[str, Any]] = [{"customer_id": books.payer}, {"customer_kind": "company"}]
    for name, scope in zip("AB", scopes, strict=True):
        action = {"action": "add_late_fee", "amount": "5.00", "after_days": 30}
        content = RuleContent(name, "invoice_overdue", actions=[action], **scope)
        books.done(create_rules, CreateRule(books.act(), content))
    read: list[list[UUID]] = []
    cases = lateness.cases

    def seen(*args: Any) -> Any:
        found = cases(*args)
        read.append([case.invoice.id for case in found if case.invoice.id in late])
        return found

    monkeypatch.setattr(lateness, "cases", seen)
    run(books.database, 30)
    # Each is read once to find it, and once under its lock.
    assert sorted(filter(None, read)) == sorted([[each] for each in late] * 2)


@ON_SQLITE
def test_a_run_charges_some_and_says_that_more_is_left(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What other tests have left in the database is done first.
    run(books.database, 30)
    monkeypatch.setattr(overdue, "CHARGED_AT_ONCE", 2)
    fee(books)
    for _ in range(3):
        books.issued(at=ISSUED)
    found = []
    for _ in range(2):
        left = overdue.charge_all(books.database, day(30), lambda: False)
        found.append((left, len(charges(books))))
    assert found == [(True, 2), (False, 3)]


class Killed(BaseException):
    """The end of a worker between two of its statements."""


def test_a_worker_killed_in_between_leaves_nothing_half(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    fee(books)
    books.issued(10_000, at=ISSUED)

    def killed(conn: Connection, commands: Any) -> Any:
        issue_new(conn, commands)
        raise Killed

    monkeypatch.setattr(charging_late, "issue_new", killed)
    with pytest.raises(Killed):
        run(books.database, 30)
    monkeypatch.undo()
    assert [*charges(books), *firings(books)] == []
    run(books.database, 30)
    assert [each["number"] for each in charges(books)] == ["INV-2026-000002"]
    assert len(firings(books)) == 1
