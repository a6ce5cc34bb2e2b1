"""Reading invoices: filters, overdue at the organization's midnight, and what is open."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices import queries
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.queries import InvoiceFilter
from tallystick.kernel import clock, ids
from tallystick.kernel.errors import Refused
from tests.factories import Books, Opening

TODAY = date(2026, 3, 2)


@pytest.fixture
def listed(books: Books) -> Any:
    """Return what lists invoices by their filters, as the totals that name them here."""

    def find(today: date = TODAY, **wanted: Any) -> list[int]:
        page = books.read(queries.list_invoices, InvoiceFilter(**wanted), today=today)
        assert page.next_after is None
        return [item["total"] for item in page.items]

    return find


def test_invoices_are_listed_by_what_they_are(
    books: Books, open_books: Opening, listed: Any
) -> None:
    open_books().issued(7)
    other = UUID(books.customer()["id"])
    books.draft(1)
    late = books.issued(2, issue_date=date(2026, 1, 10), terms_days=20)
    part = books.issued(3, issue_date=date(2026, 2, 10), terms_days=30, customer_id=other)
    paid = books.issued(4, issue_date=date(2026, 2, 10), terms_days=10)
    void = books.issued(5, issue_date=date(2026, 2, 11), terms_days=0)
    books.issued(6, currency="JPY", issue_date=date(2026, 3, 1), terms_days=0)
    books.paid(1, part)
    books.paid(4, paid)
    books.done(void_invoices, VoidInvoice(books.act(), UUID(void["id"]), "x"))

    assert listed() == [6, 5, 4, 3, 2, 1]
    by_status = {
        "draft": [1],
        "open": [6, 4, 3, 2],
        "void": [5],
        "unpaid": [6, 2],
        "partial": [3],
        "paid": [4],
        "overdue": [6, 2],
    }
    assert {status: listed(status=status) for status in by_status} == by_status
    assert listed(customer_id=other) == [3]
    assert listed(customer_id=ids.new()) == []
    assert listed(number=late["number"]) == [2]
    assert listed(number="inv-2026-000001") == []
    assert listed(currency="JPY") == [6]
    assert listed(issued_from=date(2026, 2, 10)) == [6, 5, 4, 3]
    assert listed(issued_to=date(2026, 2, 10)) == [4, 3, 2]
    assert listed(issued_from=date(2026, 2, 11), issued_to=date(2026, 2, 11)) == [5]
    assert listed(due_from=date(2026, 2, 20)) == [6, 4, 3]
    assert listed(due_to=date(2026, 1, 30)) == [2]
    assert listed(total_min=3, total_max=4) == [4, 3]
    assert listed(total_min=10**15) == []
    assert listed(status="open", customer_id=books.payer, total_max=4) == [4, 2]


def test_a_list_says_what_an_invoice_says(books: Books) -> None:
    issued = books.issued()
    page = books.read(queries.list_invoices, InvoiceFilter(), today=TODAY)
    [summary] = page.items
    whole: dict[str, Any] = {**books.invoice(issued)}
    assert summary == {name: whole[name] for name in summary}
    assert {*queries.InvoiceSummary.__annotations__} == {*summary}


def test_pages_of_invoices(books: Books) -> None:
    made = [books.issued(total)["total"] for total in range(1, 6)]
    seen: list[int] = []
    after: UUID | None = None
    for expected in (2, 2, 1):
        page = books.read(queries.list_invoices, InvoiceFilter(), today=TODAY, after=after, limit=2)
        assert len(page.items) == expected
        seen += [item["total"] for item in page.items]
        after = page.next_after
        books.issued(9)
    assert after is None
    assert seen == made[::-1]


@pytest.mark.parametrize("zone", ["America/Mexico_City", "Pacific/Auckland"])
def test_an_invoice_is_overdue_from_the_midnight_of_its_organization(
    open_books: Opening, zone: str
) -> None:
    books = open_books(time_zone=zone)
    issued = books.issued(terms_days=10, at=datetime(2026, 3, 2, 18, 0, tzinfo=UTC))
    due_date = date.fromisoformat(issued["due_date"] or "")
    # The midnight after the due date, in UTC: 13 March 06:00 in Mexico City, 11:00 in Auckland.
    hour = {"America/Mexico_City": 6, "Pacific/Auckland": 11}[zone]
    day = due_date + timedelta(days=1 if zone.startswith("America") else 0)
    midnight = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    for moment, late in ((midnight - timedelta(microseconds=1), False), (midnight, True)):
        today = clock.day(moment, zone)
        assert books.invoice(issued, today)["overdue"] is late
        page = books.read(queries.list_invoices, InvoiceFilter(status="overdue"), today=today)
        assert len(page.items) == late
    books.paid(10_000, issued)
    assert books.invoice(issued, due_date + timedelta(days=99))["overdue"] is False


def test_an_invoice_of_others_is_unknown(books: Books, open_books: Opening) -> None:
    stranger = UUID(open_books().issued()["id"])
    for invoice_id in (stranger, ids.new()):
        with pytest.raises(Refused) as refused:
            books.read(queries.get_invoice, invoice_id, today=TODAY)
        assert refused.value.refusal.code == "invoice.unknown"


def test_what_customers_have_open_is_the_oldest_due_first(books: Books) -> None:
    other = UUID(books.customer()["id"])
    late = books.issued(1, issue_date=date(2026, 1, 1), terms_days=90)
    soon = books.issued(2, issue_date=date(2026, 1, 2), terms_days=1)
    same = books.issued(3, issue_date=date(2026, 1, 2), terms_days=1)
    theirs = books.issued(4, customer_id=other)
    yen = books.issued(5, currency="JPY")
    for gone in (books.issued(6), books.issued(7)):
        books.paid(gone["total"], gone)
    books.done(void_invoices, VoidInvoice(books.act(), UUID(books.issued(8)["id"]), "x"))
    books.draft(9)
    place = books.organization_id
    keys = [
        (place, books.payer, "EUR"),
        (place, other, "EUR"),
        (place, books.payer, "JPY"),
        (place, other, "USD"),
        (ids.new(), books.payer, "EUR"),
    ]
    found = books.database.read(lambda conn: queries.open_of_customers(conn, keys))
    assert found == {
        keys[0]: [UUID(each["id"]) for each in (soon, same, late)],
        keys[1]: [UUID(theirs["id"])],
        keys[2]: [UUID(yen["id"])],
    }
