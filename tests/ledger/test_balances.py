"""What accounts hold at the end of a day, and the trial balance."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.totals import Line
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts, balances
from tallystick.ledger.posting import Entry, Leg, post
from tests.factories import Books, Opening


@pytest.fixture
def booked(books: Books) -> Books:
    """Return books with entries on three days and in two currencies."""
    writes = Writes()
    for day, currency, legs in (
        (1, "EUR", [("Assets:Cash:Cash", 100), ("Income:Sales", -100)]),
        (2, "EUR", [("Assets:Cash:CashBox", 40), ("Income:Sales", -40)]),
        (2, "EUR", [("Assets:Cash", 3), ("Income:Sales", -3)]),
        (3, "EUR", [("Assets:Cash:Cash", -100), ("Assets:Bank", 100)]),
        (3, "JPY", [("Assets:Cash:Cash", 7), ("Income:Sales", -7)]),
    ):
        entry = Entry("test.booked", date(2026, 3, day), currency, [Leg(*leg) for leg in legs])
        post(writes, books.act(), entry)
    books.database.write(writes.flush)
    return books


def test_balances_at_the_end_of_each_day(booked: Books) -> None:
    def on(day: int | None) -> list[tuple[str, str, int]]:
        when = None if day is None else date(2026, 3, day)
        found = booked.read(balances.balances, on=when)
        return [(each["account"], each["currency"], each["balance"]) for each in found]

    everything = [
        ("Assets:Bank", "EUR", 100),
        ("Assets:Cash", "EUR", 3),
        ("Assets:Cash:Cash", "JPY", 7),
        ("Assets:Cash:CashBox", "EUR", 40),
        ("Income:Sales", "EUR", -143),
        ("Income:Sales", "JPY", -7),
    ]
    assert on(None) == on(3) == on(31) == everything
    assert on(1) == [("Assets:Cash:Cash", "EUR", 100), ("Income:Sales", "EUR", -100)]
    assert on(2) == [
        ("Assets:Cash", "EUR", 3),
        ("Assets:Cash:Cash", "EUR", 100),
        ("Assets:Cash:CashBox", "EUR", 40),
        ("Income:Sales", "EUR", -143),
    ]


def test_an_account_stands_for_those_below_it(booked: Books) -> None:
    cash = {"Assets:Cash", "Assets:Cash:Cash", "Assets:Cash:CashBox"}
    expected: dict[str, set[str]] = {
        "Assets": {"Assets:Bank", *cash},
        "Assets:Cash": cash,
        "Assets:Cash:Cash": {"Assets:Cash:Cash"},
        "Income:Sales": {"Income:Sales"},
    }
    expected |= {
        account: set()
        for account in (
            *("", "Asset", "Assets:", "Assets:Cash:", "assets", "ASSETS:CASH", "Assets:cash"),
            *("%", "_ssets", "Assets:C_sh", "Assets:%", "Assets:Cash:Cash:Box"),
        )
    }
    assert {account: set(booked.balances(account=account)) for account in expected} == expected


def test_the_trial_balance_of_each_currency(booked: Books) -> None:
    sheets = booked.read(balances.trial_balance, on=date(2026, 3, 3))
    assert sheets == [
        {
            "currency": "EUR",
            "debit": 143,
            "credit": 143,
            "accounts": [
                {"account": "Assets:Bank", "debit": 100, "credit": 0},
                {"account": "Assets:Cash", "debit": 3, "credit": 0},
                {"account": "Assets:Cash:CashBox", "debit": 40, "credit": 0},
                {"account": "Income:Sales", "debit": 0, "credit": 143},
            ],
        },
        {
            "currency": "JPY",
            "debit": 7,
            "credit": 7,
            "accounts": [
                {"account": "Assets:Cash:Cash", "debit": 7, "credit": 0},
                {"account": "Income:Sales", "debit": 0, "credit": 7},
            ],
        },
    ]


def test_books_without_entries_are_empty(books: Books) -> None:
    assert books.balances() == {}
    assert books.read(balances.trial_balance) == []


def test_books_of_others_are_not_ours(booked: Books, open_books: Opening) -> None:
    assert open_books().balances() == {}
    assert booked.balances(account="Assets:Bank") == {"Assets:Bank": 100}


def test_sums_beyond_one_amount_are_exact(books: Books) -> None:
    writes = Writes()
    for _ in range(9):
        legs = [Leg("Assets:Cash:Cash", 10**18), Leg("Income:Sales", -(10**18))]
        post(writes, books.act(), Entry("test.booked", date(2026, 3, 1), "EUR", legs))
    books.database.write(writes.flush)
    assert books.balances() == {"Assets:Cash:Cash": 9 * 10**18, "Income:Sales": -9 * 10**18}


def test_what_an_invoice_its_payment_and_its_voiding_book(books: Books) -> None:
    customer = books.payer
    taxed = (
        Line("Tuition", 1_000_000, 10_000, 190_000),
        Line("Book", 1_000_000, 1_000, 70_000),
        Line("Gift", 1_000_000, 500, 0),
    )
    invoice = books.issued(lines=taxed)
    owed: dict[str, Any] = {
        accounts.receivable(customer): 13_470,
        "Income:Sales": -11_500,
        "Liabilities:Tax:19": -1_900,
        "Liabilities:Tax:7": -70,
    }
    assert books.balances() == owed
    books.paid(14_000, invoice, excess="credit", method="bank_transfer")
    del owed[accounts.receivable(customer)]
    paid = {
        **owed,
        "Assets:Cash:BankTransfer": 14_000,
        accounts.credit(customer): -530,
    }
    assert books.balances() == paid
    other = books.issued(lines=taxed)
    assert books.balances()["Income:Sales"] == -23_000
    books.done(void_invoices, VoidInvoice(books.act(), UUID(other["id"]), "wrong"))
    assert books.balances() == paid
