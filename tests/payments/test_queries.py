"""Reading payments: one by one, and listed by what they are."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.kernel.errors import Refused
from tallystick.payments import queries
from tallystick.payments.queries import PaymentFilter
from tests.factories import Books, Opening


def test_a_payment_reads_as_it_was_answered(books: Books) -> None:
    one, two = books.issued(1_000, terms_days=1), books.issued(1_000)
    for payment in (
        books.paid(1_500, one, two, reference="r", note="n"),
        books.paid(700, two, excess="credit"),
        books.paid(5, customer_id=books.payer),
    ):
        assert books.read(queries.get_payment, UUID(payment["id"])) == payment


def test_a_payment_of_others_is_unknown(books: Books, open_books: Opening) -> None:
    other = open_books()
    stranger = UUID(other.paid(1, other.issued())["id"])
    for payment_id in (stranger, ids.new()):
        with pytest.raises(Refused) as refused:
            books.read(queries.get_payment, payment_id)
        assert refused.value.refusal.code == "payment.unknown"
        with pytest.raises(Refused) as refused:
            books.read(queries.get_receipt, payment_id)
        assert refused.value.refusal.code == "payment.unknown"


def test_payments_are_listed_by_what_they_are(books: Books, open_books: Opening) -> None:
    elsewhere = open_books()
    elsewhere.paid(1, elsewhere.issued())
    other = UUID(books.customer()["id"])
    one, two = books.issued(1_000), books.issued(1_000)
    theirs = books.issued(1_000, customer_id=other)
    books.paid(1, one, paid_on=date(2026, 2, 1))
    books.paid(2, two, method="cheque", paid_on=date(2026, 2, 2))
    books.paid(1_001, one, two, paid_on=date(2026, 2, 3))
    books.paid(4, theirs)
    books.paid(5, customer_id=other, paid_on=date(2026, 2, 2))

    def listed(**wanted: Any) -> list[int]:
        page = books.read(queries.list_payments, PaymentFilter(**wanted))
        assert page.next_after is None
        return [item["amount"] for item in page.items]

    assert listed() == [5, 4, 1_001, 2, 1]
    assert listed(customer_id=other) == [5, 4]
    assert listed(invoice_id=UUID(one["id"])) == [1_001, 1]
    assert listed(invoice_id=UUID(two["id"])) == [1_001, 2]
    assert listed(invoice_id=ids.new()) == []
    assert listed(method="cheque") == [2]
    assert listed(paid_from=date(2026, 2, 2)) == [5, 4, 1_001, 2]
    assert listed(paid_to=date(2026, 2, 2)) == [5, 2, 1]
    assert listed(paid_from=date(2026, 2, 2), paid_to=date(2026, 2, 2), method="cash") == [5]


def test_a_listed_payment_says_what_one_says(books: Books) -> None:
    one, two = books.issued(1_000, terms_days=1), books.issued(1_000)
    made = [books.paid(1_500, one, two), books.paid(700, two, excess="credit")]
    page = books.read(queries.list_payments, PaymentFilter())
    assert page.items == made[::-1]


def test_pages_of_payments(books: Books) -> None:
    invoice = books.issued(1_000)
    made = [books.paid(amount, invoice)["id"] for amount in range(1, 6)]
    seen: list[str] = []
    after: UUID | None = None
    for expected in (2, 2, 1):
        page = books.read(queries.list_payments, PaymentFilter(), after=after, limit=2)
        assert len(page.items) == expected
        seen += [item["id"] for item in page.items]
        after = page.next_after
        books.paid(9, invoice)
    assert after is None
    assert seen == made[::-1]
