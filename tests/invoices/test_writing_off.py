"""Write-offs: what is given up is an expense, until somebody pays after all."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments.recording import record_payments
from tests.factories import Books, Opening


def test_writing_off_all_that_is_due(books: Books) -> None:
    issued = books.issued(10_000)
    books.paid(4_000, issued)
    act = books.act(at=datetime(2026, 4, 30, 22, 30, tzinfo=UTC))
    now = books.done(write_off_invoices, WriteOff(act, UUID(issued["id"]), "Moved away"))
    assert now == {
        **issued,
        "payment_status": "paid",
        "paid": 4_000,
        "written_off": 6_000,
        "due": 0,
        "version": issued["version"] + 2,
        "updated_at": "2026-04-30T22:30:00.000000Z",
        "write_off_reason": "Moved away",
    }
    assert books.invoice(issued) == now
    assert books.invoice(issued, date(2027, 1, 1))["overdue"] is False
    assert books.balances() == {
        "Assets:Cash:Cash": 4_000,
        "Expenses:WriteOff": 6_000,
        "Income:Sales": -10_000,
    }
    assert "Expenses:WriteOff" not in books.balances(on=date(2026, 4, 30)), "1 May in Berlin"
    [event] = [row for row in books.snapshot()["event"][1] if row["type"] == "invoice.written_off"]
    assert event["payload"] == {
        "invoice_id": issued["id"],
        "customer_id": str(books.payer),
        "number": issued["number"],
        "currency": "EUR",
        "amount": 6_000,
    }


def test_writing_off_in_parts(books: Books) -> None:
    issued = books.issued(100)
    assert books.written_off(issued, 30)["due"] == 70
    now = books.written_off(issued, 20)
    assert (now["written_off"], now["due"], now["payment_status"]) == (50, 50, "unpaid")
    assert books.balances()["Expenses:WriteOff"] == 50


def test_what_cannot_be_written_off(books: Books, open_books: Opening) -> None:
    draft, void, paid = books.draft(), books.voided(books.issued()), books.issued()
    books.paid(10_000, paid)
    credited, part = books.issued(), books.issued()
    books.credited(credited)
    books.paid(1, part)
    cases = [
        (draft, None, "invoice.draft"),
        (void, None, "invoice.void"),
        (paid, None, "write_off.nothing_due"),
        (paid, 1, "write_off.nothing_due"),
        (credited, None, "write_off.nothing_due"),
        (part, 0, "write_off.amount_not_positive"),
        (part, -1, "write_off.amount_not_positive"),
        (part, 10_000, "write_off.exceeds_due"),
        (open_books().issued(), None, "invoice.unknown"),
    ]
    commands = [
        WriteOff(books.act(), UUID(invoice["id"]), "x", amount) for invoice, amount, _ in cases
    ]
    refusals = books.refusals(write_off_invoices, *commands)
    assert [each.code for each in refusals] == [code for _, _, code in cases]
    assert dict(refusals[7].facts) == {"due": "99.99", "currency": "EUR"}


def test_an_inactive_organization_writes_nothing_off(books: Books) -> None:
    issued = books.issued()
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    command = WriteOff(books.act(), UUID(issued["id"]), "x")
    assert books.refused(write_off_invoices, command).code == "organization.inactive"


def test_an_invoice_with_a_write_off_is_not_voided(books: Books) -> None:
    issued = books.issued()
    books.written_off(issued, 1)
    void = VoidInvoice(books.act(), UUID(issued["id"]), "x")
    assert books.refused(void_invoices, void).code == "invoice.paid"


@pytest.mark.parametrize(
    ("written_off", "paid", "left", "due"),
    [
        (10_000, 10_000, 0, 0),
        (10_000, 2_500, 7_500, 0),
        (6_000, 4_000, 6_000, 0),
        (6_000, 3_000, 6_000, 1_000),
        (6_000, 5_000, 5_000, 0),
    ],
)
def test_a_later_payment_brings_back_as_much_as_it_needs(
    books: Books, written_off: int, paid: int, left: int, due: int
) -> None:
    issued = books.issued(10_000)
    books.written_off(issued, written_off)
    payment = books.paid(paid, issued)
    assert (payment["allocated"], payment["unallocated"]) == (paid, 0)
    now = books.invoice(issued)
    assert (now["paid"], now["written_off"], now["due"]) == (paid, left, due)
    held = {
        "Assets:Cash:Cash": paid,
        "Expenses:WriteOff": left,
        "Income:Sales": -10_000,
        f"Assets:Receivable:{ids.code(books.payer)}": due,
    }
    assert books.balances() == {account: amount for account, amount in held.items() if amount}


def test_a_payment_beyond_what_was_written_off_is_told_both_amounts(books: Books) -> None:
    issued = books.issued(10_000)
    books.written_off(issued, 3_000)
    refusal = books.refused(record_payments, books.payment(10_001, issued))
    assert refusal == Refusal(
        "payment.exceeds_due",
        "The payment of 100.01 EUR is more than the 70.00 EUR due and the 30.00 EUR written off "
        "on INV-2026-000001. Pay at most both together, or say excess: credit.",
        "/amount",
        {"due": "70.00", "currency": "EUR", "written_off": "30.00"},
    )
    assert books.paid(10_000, issued)["allocated"] == 10_000
    plain = books.issued(100)
    refusal = books.refused(record_payments, books.payment(101, plain))
    assert refusal.detail == (
        "The payment of 1.01 EUR is more than the 1.00 EUR due on INV-2026-000002. Pay at most "
        "the due, or say excess: credit."
    )
    assert dict(refusal.facts) == {"due": "1.00", "currency": "EUR"}


def test_money_for_a_customer_leaves_alone_what_was_given_up(books: Books) -> None:
    gone, owed = books.issued(1_000), books.issued(500)
    books.written_off(gone)
    payment = books.paid(800, customer_id=books.payer)
    assert (payment["allocated"], payment["unallocated"]) == (500, 300)
    assert books.invoice(gone)["written_off"] == 1_000
    assert books.invoice(owed)["due"] == 0
