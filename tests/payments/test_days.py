"""The days on which money is booked: no past day ever shows less than nothing."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel.errors import Refusal
from tallystick.ledger import accounts
from tallystick.payments.allocating import Share
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import record_payments
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.releasing import ReleaseAllocation, release_allocations
from tests.factories import Books

BEFORE, ISSUED, TODAY = date(2026, 2, 1), date(2026, 2, 20), date(2026, 3, 2)
BETWEEN = date(2026, 2, 25)


def held(books: Books, day: date) -> tuple[int, int]:
    """Read what the payer owed and had as credit at the end of a day."""
    found = books.balances(on=day)
    owed = found.get(accounts.receivable(books.payer), 0)
    return owed, -found.get(accounts.credit(books.payer), 0)


def released(books: Books, payment: PaymentDocument, invoice: InvoiceDocument) -> None:
    command = ReleaseAllocation(books.act(), UUID(payment["id"]), UUID(invoice["id"]))
    books.done(release_allocations, command)


def refund(
    books: Books, payment: PaymentDocument, amount: int | None, day: date | None
) -> RefundPayment:
    return RefundPayment(books.act(), UUID(payment["id"]), amount, day)


def test_money_that_came_before_the_invoice_is_credit_until_then(books: Books) -> None:
    invoice = books.issued(1_000, issue_date=ISSUED)
    payment = books.paid(700, invoice, paid_on=BEFORE)
    assert (payment["paid_on"], payment["allocated"]) == (str(BEFORE), 700)
    assert held(books, BEFORE) == (0, 700)
    assert held(books, date(2026, 2, 19)) == (0, 700)
    assert held(books, ISSUED) == (300, 0)
    assert books.postings("payment.settled") == [
        ("Assets:Cash:Cash", 700),
        (accounts.credit(books.payer), -700),
    ]
    assert books.postings("payment.allocated") == [
        (accounts.credit(books.payer), 700),
        (accounts.receivable(books.payer), -700),
    ]
    told = [row["type"] for row in books.snapshot()["event"][1]]
    assert sorted(told) == ["customer.created", "invoice.issued", "payment.settled"]
    [allocation] = books.snapshot()["allocation"][1]
    assert allocation["date"] == ISSUED


def test_money_that_came_after_the_invoice_pays_it_on_that_day(books: Books) -> None:
    books.paid(700, books.issued(1_000, issue_date=ISSUED), paid_on=BETWEEN)
    assert held(books, date(2026, 2, 24)) == (1_000, 0)
    assert held(books, BETWEEN) == (300, 0)
    assert books.postings("payment.allocated") == []


def test_each_invoice_is_paid_on_its_own_day(books: Books) -> None:
    one, two = books.issued(100, issue_date=ISSUED), books.issued(100, issue_date=BETWEEN)
    shares = Share(UUID(one["id"]), 100), Share(UUID(two["id"]), 100)
    books.paid(250, *shares, paid_on=BEFORE, excess="credit")
    assert [held(books, day) for day in (BEFORE, ISSUED, BETWEEN)] == [(0, 250), (0, 150), (0, 50)]
    days = [row["date"] for row in books.snapshot()["allocation"][1]]
    assert days == [ISSUED, BETWEEN]


def test_money_waits_for_what_was_booked_on_the_invoice_meanwhile(books: Books) -> None:
    """What was due on a past day is not what is due now."""
    invoice = books.issued(100, issue_date=ISSUED)
    first = books.paid(100, invoice, paid_on=ISSUED)
    released(books, first, invoice)
    books.paid(100, invoice, paid_on=BETWEEN)
    assert held(books, BETWEEN) == (0, 100)
    assert held(books, TODAY) == (0, 100)


def test_a_batch_sees_the_days_of_its_earlier_commands(books: Books) -> None:
    invoice = books.issued(100, issue_date=ISSUED)
    late = books.payment(40, invoice, paid_on=TODAY)
    early = books.payment(60, invoice, paid_on=BETWEEN)
    books.outcomes(record_payments, late, early)
    assert held(books, BETWEEN) == (100, 60)
    assert held(books, TODAY) == (0, 0)


def test_a_recovered_write_off_is_an_entry_of_its_own(books: Books) -> None:
    invoice = books.issued(100, issue_date=ISSUED)
    books.written_off(invoice)
    payment = books.paid(60, invoice, paid_on=BETWEEN)
    assert books.invoice(invoice)["written_off"] == 40
    assert held(books, BETWEEN) == (100, 60)
    assert held(books, TODAY) == (0, 0)
    assert books.balances(on=date(2026, 3, 1)).get("Expenses:WriteOff", 0) == 0
    assert books.balances(on=TODAY)["Expenses:WriteOff"] == 40
    assert books.postings("invoice.write_off_reversed") == [
        (accounts.receivable(books.payer), 60),
        ("Expenses:WriteOff", -60),
    ]
    assert books.postings("payment.settled") == [
        ("Assets:Cash:Cash", 60),
        (accounts.credit(books.payer), -60),
    ]
    rows = books.snapshot()
    reversal = [row for row in rows["posting"][1] if row["kind"] == "invoice.write_off_reversed"]
    assert {(row["date"], row["payment_id"]) for row in reversal} == {(TODAY, None)}
    told = [row for row in rows["event"][1] if row["type"] == "invoice.write_off_reversed"]
    assert [(row["subject_id"], row["payload"]) for row in told] == [
        (
            UUID(invoice["id"]),
            {"invoice_id": invoice["id"], "currency": "EUR", "amount": 60},
        )
    ]
    assert payment["allocated"] == 60


def test_credit_that_recovers_a_write_off_books_that_too(books: Books) -> None:
    payment = books.paid(100, customer_id=books.payer)
    invoice = books.issued(100)
    books.written_off(invoice)
    shares = (Share(UUID(invoice["id"])),)
    books.done(apply_credit, ApplyCredit(books.act(), UUID(payment["id"]), shares))
    assert [amount for _, amount in books.postings("invoice.write_off_reversed")] == [100, -100]
    assert books.balances() == {"Assets:Cash:Cash": 100, "Income:Sales": -100}


@pytest.mark.parametrize("written_off", [30, 100])
def test_only_who_names_an_invoice_brings_back_what_was_written_off(
    books: Books, written_off: int
) -> None:
    invoice = books.issued(100)
    books.written_off(invoice, written_off)
    due = 100 - written_off
    payment = books.paid(100, customer_id=books.payer)
    assert (payment["allocated"], payment["unallocated"]) == (due, written_off)
    assert books.invoice(invoice)["written_off"] == written_off
    again = ApplyCredit(books.act(), UUID(payment["id"]))
    assert books.refused(apply_credit, again).code == "payment.nothing_due"
    shares = (Share(UUID(invoice["id"])),)
    books.done(apply_credit, ApplyCredit(books.act(), UUID(payment["id"]), shares))
    assert books.invoice(invoice)["written_off"] == 0


def test_a_refund_is_not_dated_before_its_money_was_last_moved(books: Books) -> None:
    invoice = books.issued(100, issue_date=ISSUED)
    payment = books.paid(100, customer_id=books.payer, paid_on=BEFORE)
    # The customer's payment went to the invoice on the day the invoice was issued.
    assert held(books, ISSUED) == (0, 0)
    released(books, payment, invoice)
    assert held(books, TODAY) == (100, 100)
    refusal = books.refused(refund_payments, refund(books, payment, 50, BETWEEN))
    assert refusal == Refusal(
        "refund.before_last_movement",
        "The refund date “2026-02-25” is before 2026-03-02, the day on which money of this payment "
        "was last moved. Date the refund on that day or later.",
        "/refunded_on",
        {"last_moved_on": "2026-03-02"},
    )
    assert books.done(refund_payments, refund(books, payment, 50, TODAY))["amount"] == 50


def test_a_refund_after_the_last_movement_keeps_its_day(books: Books) -> None:
    invoice = books.issued(100, issue_date=ISSUED)
    payment = books.paid(130, invoice, paid_on=ISSUED, excess="credit")
    books.done(refund_payments, refund(books, payment, 50, BETWEEN))
    assert held(books, BETWEEN) == (20, 0)
    assert books.invoice(invoice)["due"] == 20


def test_money_is_applied_no_earlier_than_it_came(books: Books) -> None:
    """A clock that is behind at midnight, or a time zone that was changed."""
    payment = books.paid(100, customer_id=books.payer)
    invoice = books.issued(100)
    act = books.act(at=datetime(2026, 3, 1, 22, 59, tzinfo=UTC))
    books.done(apply_credit, ApplyCredit(act, UUID(payment["id"])))
    assert held(books, date(2026, 3, 1)) == (0, 0)
    assert held(books, TODAY) == (0, 0)
    act = books.act(at=datetime(2026, 3, 1, 22, 59, tzinfo=UTC))
    command = ReleaseAllocation(act, UUID(payment["id"]), UUID(invoice["id"]))
    books.done(release_allocations, command)
    assert held(books, date(2026, 3, 1)) == (0, 0)


def test_nothing_is_taken_back_before_it_was_owed(books: Books) -> None:
    """The clock of another process is a little ahead at midnight."""
    late = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
    early = datetime(2026, 3, 1, 22, 59, tzinfo=UTC)
    voided, credited = (
        books.done(issue_new, IssueNew(books.act(at=late), books.content())) for _ in range(2)
    )
    books.done(void_invoices, VoidInvoice(books.act(at=early), UUID(voided["id"]), "Twice."))
    books.credited(credited, act=books.act(at=early))
    assert held(books, date(2026, 3, 1)) == (0, 0)
    assert held(books, TODAY) == (0, 0)
