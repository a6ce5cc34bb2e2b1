"""Entries: they balance, or they never reach the database."""

from datetime import date
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.kernel.rows import Writes
from tallystick.ledger.posting import Entry, Leg, post
from tests.factories import Books

DAY = date(2026, 3, 2)


def test_an_entry_becomes_a_posting_for_each_leg(books: Books) -> None:
    act, payment_id, entry_id = books.act(), ids.new(), ids.new()
    # No invoice of these books: an invoice that is not there would be a violation.
    legs = [Leg("Assets:Cash:Cash", 250), Leg("Income:Sales", 0), Leg("Income:Sales", -250)]
    writes = Writes()
    post(writes, act, Entry("test.booked", DAY, "EUR", legs, payment_id, entry_id))
    books.database.write(writes.flush)
    same = {
        "organization_id": books.organization_id,
        "entry_id": entry_id,
        "kind": "test.booked",
        "date": DAY,
        "recorded_at": act.at,
        "currency": "EUR",
        "invoice_id": None,
        "payment_id": payment_id,
    }
    assert books.snapshot()["posting"][1] == [
        {**same, "leg": 1, "account": "Assets:Cash:Cash", "amount": 250},
        {**same, "leg": 2, "account": "Income:Sales", "amount": -250},
    ]


@pytest.mark.parametrize(
    ("amounts", "why"),
    [
        ([1], "an entry balances"),
        ([100, -99], "an entry balances"),
        ([], "an entry moves something"),
        ([0, 0], "an entry moves something"),
    ],
)
def test_what_is_no_entry_is_a_mistake_of_ours(amounts: list[int], why: str, books: Books) -> None:
    before = books.snapshot()
    writes = Writes()
    legs = [Leg("Assets:Cash:Cash", amount) for amount in amounts]
    with pytest.raises(AssertionError, match=why):
        post(writes, books.act(), Entry("test.booked", DAY, "EUR", legs))
    assert books.snapshot() == before


def test_entries_have_ids_of_their_own() -> None:
    first, second = (Entry("test.booked", DAY, "EUR", []) for _ in range(2))
    assert isinstance(first.id, UUID)
    assert first.id != second.id
