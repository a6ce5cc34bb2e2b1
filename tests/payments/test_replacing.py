"""Replacing: the old invoice is void, the new one stands, and the same money pays it."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from tallystick.invoices.totals import Line
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal
from tallystick.parties.customers import SetCustomerActive, set_customers_active
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments import queries
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.replacing import replace_invoices
from tests.factories import Books, Opening


def held(books: Books, *payments: PaymentDocument) -> list[tuple[int, int, dict[str, int]]]:
    now = [books.read(queries.get_payment, UUID(payment["id"])) for payment in payments]
    return [
        (
            each["allocated"],
            each["unallocated"],
            {part["invoice_id"]: part["amount"] for part in each["allocations"]},
        )
        for each in now
    ]


def test_an_unpaid_invoice_is_replaced(books: Books) -> None:
    lines = (Line("Tuition", 1_000_000, 20_000, 190_000),)
    old = books.issued(10_000, note="wrong")
    act = books.act(at=datetime(2026, 4, 30, 22, 30, tzinfo=UTC))
    new = books.done(replace_invoices, books.replacement(old, lines=lines, note="right", act=act))
    assert new == {
        **books.invoice(new),
        "number": "INV-2026-000002",
        "status": "open",
        "total": 23_800,
        "paid": 0,
        "due": 23_800,
        "replaces": old["id"],
        "note": "right",
        "issue_date": "2026-05-01",
        "due_date": "2026-05-31",
    }
    gone = books.invoice(old)
    assert gone == {
        **old,
        "status": "void",
        "due": 0,
        "version": old["version"] + 1,
        "updated_at": "2026-04-30T22:30:00.000000Z",
        "voided_at": "2026-04-30T22:30:00.000000Z",
        "void_reason": "A mistake",
    }
    assert books.balances() == {
        f"Assets:Receivable:{ids.code(books.payer)}": 23_800,
        "Income:Sales": -20_000,
        "Liabilities:Tax:19": -3_800,
    }
    assert books.balances(on=date(2026, 4, 30))["Income:Sales"] == -10_000
    told = Counter(row["type"] for row in books.snapshot()["event"][1])
    del told["customer.created"]
    assert told == {"invoice.issued": 2, "invoice.voided": 1, "invoice.replaced": 1}
    [event] = [row for row in books.snapshot()["event"][1] if row["type"] == "invoice.replaced"]
    assert event["subject_id"] == UUID(old["id"])
    assert event["payload"] == {"invoice_id": old["id"], "replaced_by": new["id"]}


def test_the_same_payments_pay_the_new_invoice(books: Books) -> None:
    old, other = books.issued(10_000), books.issued(1_000)
    first = books.paid(3_000, old)
    second = books.paid(5_000, old, other)
    assert held(books, second) == [(5_000, 0, {old["id"]: 5_000})]
    new = books.replaced(old, 9_000)
    assert (new["paid"], new["due"], new["payment_status"]) == (8_000, 1_000, "partial")
    assert held(books, first, second) == [
        (3_000, 0, {new["id"]: 3_000}),
        (5_000, 0, {new["id"]: 5_000}),
    ]
    gone = books.invoice(old)
    assert (gone["status"], gone["paid"], gone["payment_status"]) == ("void", 0, "unpaid")
    receivable = f"Assets:Receivable:{ids.code(books.payer)}"
    credit = f"Liabilities:Credit:{ids.code(books.payer)}"
    assert books.balances() == {
        "Assets:Cash:Cash": 8_000,
        receivable: 2_000,
        "Income:Sales": -10_000,
    }
    released = [(receivable, 3_000), (receivable, 5_000), (credit, -5_000), (credit, -3_000)]
    assert sorted(books.postings("payment.released")) == released
    assert sorted(books.postings("payment.allocated")) == sorted(
        (account, -amount) for account, amount in released
    )
    again = books.replaced(new, 8_000)
    assert again["payment_status"] == "paid"
    assert held(books, first, second) == [
        (3_000, 0, {again["id"]: 3_000}),
        (5_000, 0, {again["id"]: 5_000}),
    ]


def test_what_the_new_invoice_has_no_need_of_is_credit_where_it_may(books: Books) -> None:
    old = books.issued(10_000)
    first, second, third = (books.paid(amount, old) for amount in (1_000, 4_000, 5_000))
    refusal = books.refused(replace_invoices, books.replacement(old, 3_000))
    assert refusal == Refusal(
        "invoice.below_paid",
        "100.00 EUR are paid on the invoice “INV-2026-000001”, more than the new total of 30.00 "
        "EUR. Say excess: credit to keep the rest for the customer.",
        "",
        {"paid": "100.00", "total": "30.00"},
    )
    new = books.replaced(old, 3_000, excess="credit")
    assert (new["paid"], new["due"], new["payment_status"]) == (3_000, 0, "paid")
    assert held(books, first, second, third) == [
        (1_000, 0, {new["id"]: 1_000}),
        (2_000, 2_000, {new["id"]: 2_000}),
        (0, 5_000, {}),
    ]
    assert books.balances() == {
        "Assets:Cash:Cash": 10_000,
        "Income:Sales": -3_000,
        f"Liabilities:Credit:{ids.code(books.payer)}": -7_000,
    }


def test_an_overpaid_invoice_is_replaced_by_a_larger_one(books: Books) -> None:
    old = books.issued(1_000)
    payment = books.paid(1_500, old, excess="credit")
    new = books.replaced(old, 2_000)
    assert (new["paid"], new["due"]) == (1_000, 1_000), "credit stays credit until it is allocated"
    assert held(books, payment) == [(1_000, 500, {new["id"]: 1_000})]


def test_an_issue_date_of_its_own(books: Books) -> None:
    old = books.issued(1_000)
    books.paid(500, old)
    act = books.act(at=datetime(2026, 5, 4, 9, tzinfo=UTC))
    new = books.replaced(old, 1_000, issue_date=date(2026, 4, 1), act=act, terms_days=7)
    assert (new["issue_date"], new["due_date"]) == ("2026-04-01", "2026-04-08")
    rows = books.snapshot()["allocation"][1]
    assert [(row["date"], row["amount"]) for row in rows] == [
        (date(2026, 3, 2), 500),
        (date(2026, 5, 4), -500),
        (date(2026, 5, 4), 500),
    ]


def test_what_cannot_be_replaced(books: Books, open_books: Opening) -> None:
    draft, void, issued = books.draft(), books.voided(books.issued()), books.issued()
    credited, part, given_up = books.issued(), books.issued(), books.issued()
    books.credited(credited)
    books.credited(part, 1)
    books.written_off(given_up, 1)
    other = UUID(books.customer()["id"])
    inactive = UUID(books.customer()["id"])
    theirs = books.issued(customer_id=inactive)
    gone = SetCustomerActive(books.act(), inactive, active=False)
    books.done(set_customers_active, gone)
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (draft, {}, "invoice.draft"),
        (void, {}, "invoice.void"),
        (credited, {}, "invoice.corrected"),
        (part, {}, "invoice.corrected"),
        (given_up, {}, "invoice.corrected"),
        (issued, {"customer_id": other}, "invoice.replacement_differs"),
        (issued, {"currency": "USD"}, "invoice.replacement_differs"),
        (issued, {"lines": ()}, "invoice.no_lines"),
        (issued, {"total": 0}, "invoice.total_zero"),
        (issued, {"issue_date": date(2026, 3, 3)}, "invoice.date_in_future"),
        (issued, {"issue_date": date(2026, 3, 1)}, "invoice.date_before_last"),
        (theirs, {"customer_id": inactive}, "customer.inactive"),
        (open_books().issued(), {}, "invoice.unknown"),
    ]
    commands = [books.replacement(invoice, **values) for invoice, values, _ in cases]
    refusals = books.refusals(replace_invoices, *commands)
    assert [each.code for each in refusals] == [code for _, _, code in cases]
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    refusal = books.refused(replace_invoices, books.replacement(issued))
    assert refusal.code == "organization.inactive"


def test_an_invoice_named_twice_in_a_batch_is_replaced_once(books: Books) -> None:
    old = books.issued(100)
    payment = books.paid(60, old)
    first, second = books.answers(
        replace_invoices, books.replacement(old, 100), books.replacement(old, 200)
    )
    assert not isinstance(first.outcome, Refusal)
    assert isinstance(second.outcome, Refusal)
    assert second.outcome.code == "invoice.void"
    assert held(books, payment) == [(60, 0, {first.outcome["id"]: 60})]
