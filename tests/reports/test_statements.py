"""Statements: exact values over several months, however much of them is summed."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.issuing import IssueInvoice, issue_invoices
from tallystick.kernel.errors import Invalid, Refused
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts, closing
from tallystick.ledger.models import POSTINGS
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import record_payments
from tallystick.reports import statements
from tallystick.reports.statements import BlockDocument, Bookmark, Period
from tests.factories import Books, Opening

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
LATER = NOW + closing.MARKER_REST
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))

Row = tuple[str, str, str | None, int, int, int]


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 9, tzinfo=UTC)


def paid(books: Books, month: int, day: int, amount: int, **values: Any) -> PaymentDocument:
    """Record cash on the day it came."""
    act = books.act(at=at(month, day))
    excess: Any = "credit"
    return books.done(
        record_payments, replace(books.payment(amount, excess=excess, **values), act=act)
    )


@pytest.fixture
def year(books: Books) -> Books:
    """Return books with three months of one customer, one invoice of another, and a void one."""
    other = UUID(books.customer(name="Bo Other")["id"])
    first = books.issued(10_000, at=at(1, 5))
    paid(books, 1, 20, 4_000, invoices=(), customer_id=books.payer)
    books.issued(2_500, at=at(2, 2), customer_id=other)
    paid(books, 2, 11, 7_000, invoices=(), customer_id=books.payer)
    wrong = books.issued(300, at=at(3, 3))
    act = books.act(at=at(3, 4))
    books.done(void_invoices, VoidInvoice(act, UUID(wrong["id"]), "wrong"))
    assert first["number"] == "INV-2026-000001"
    return books


def closed(books: Books) -> None:
    """Sum every month that may be summed."""
    books.database.write(lambda conn: closing.mark(conn, books.organization_id, NOW))
    for month in books.read(closing.ripe, LATER):
        books.database.write(partial(_sum_month, books.organization_id, month))


def _sum_month(organization_id: UUID, month: date, conn: Any) -> None:
    assert closing.sum_month(conn, organization_id, month, LATER)


def blocks(books: Books, period: Period = YEAR, **values: Any) -> list[BlockDocument]:
    return books.read(statements.statement, period, default_currency="EUR", **values)["blocks"]


def rows(block: BlockDocument) -> list[Row]:
    return [
        (
            moved["date"],
            moved["kind"],
            moved["number"],
            moved["debit"],
            moved["credit"],
            moved["balance"],
        )
        for moved in block["movements"]
    ]


def ends(block: BlockDocument) -> tuple[str, int, int]:
    return block["currency"], block["opening_balance"], block["closing_balance"]


OWN: list[Row] = [
    ("2026-01-05", "invoice.issued", "INV-2026-000001", 10_000, 0, 10_000),
    ("2026-01-20", "payment.settled", "REC-2026-000001", 0, 4_000, 6_000),
    ("2026-02-11", "payment.settled", "REC-2026-000002", 0, 7_000, -1_000),
    ("2026-03-03", "invoice.issued", "INV-2026-000003", 300, 0, -700),
    ("2026-03-04", "invoice.voided", "INV-2026-000003", 0, 300, -1_000),
]


@pytest.mark.parametrize("summed", [False, True])
def test_the_statement_of_a_customer(year: Books, *, summed: bool) -> None:
    if summed:
        closed(year)
    [block] = blocks(year, customer_id=year.payer)
    assert ends(block) == ("EUR", 0, -1_000)
    assert rows(block) == OWN
    assert block["next"] is None
    assert {moved["customer_id"] for moved in block["movements"]} == {str(year.payer)}
    [march] = blocks(year, Period(date(2026, 3, 1), date(2026, 3, 3)), customer_id=year.payer)
    assert ends(march) == ("EUR", -1_000, -700)
    assert rows(march) == OWN[3:4]


@pytest.mark.parametrize("summed", [False, True])
def test_the_statement_of_an_organization(year: Books, *, summed: bool) -> None:
    if summed:
        closed(year)
    [block] = blocks(year)
    assert ends(block) == ("EUR", 0, 1_500)
    assert [(row[0], row[3] - row[4], row[5]) for row in rows(block)] == [
        ("2026-01-05", 10_000, 10_000),
        ("2026-01-20", -4_000, 6_000),
        ("2026-02-02", 2_500, 8_500),
        ("2026-02-11", -7_000, 1_500),
        ("2026-03-03", 300, 1_800),
        ("2026-03-04", -300, 1_500),
    ]
    [february] = blocks(year, Period(date(2026, 2, 3), date(2026, 3, 1)))
    assert ends(february) == ("EUR", 8_500, 1_500)
    assert [row[5] for row in rows(february)] == [1_500]


@pytest.mark.parametrize("limit", [1, 2, 5])
@pytest.mark.parametrize("whose", ["customer", "organization"])
def test_pages_carry_the_balance_on(year: Books, limit: int, whose: str) -> None:
    customer_id = year.payer if whose == "customer" else None
    [whole] = blocks(year, customer_id=customer_id)
    shown: list[Row] = []
    after: Bookmark | None = None
    while True:
        [page] = blocks(year, customer_id=customer_id, after=after, limit=limit)
        assert ends(page) == ends(whole)
        assert 0 < len(page["movements"]) <= limit
        shown += rows(page)
        after = page["next"]
        if after is None:
            break
        assert after.balance == shown[-1][5]
    assert shown == rows(whole)


def booked(books: Books, *entries: tuple[date, str, list[tuple[str, int]]]) -> None:
    from tallystick.ledger.posting import Entry, Leg, post  # noqa: PLC0415

    writes = Writes()
    for day, kind, legs in entries:
        act = books.act(at=datetime.combine(day, datetime.min.time(), UTC))
        post(writes, act, Entry(kind, day, "EUR", [Leg(*leg) for leg in legs]))
    books.database.write(writes.flush)


def test_pages_that_do_not_add_up_any_more_are_refused(books: Books) -> None:
    """The entry of a draft is as old as the draft, so it stands before those of later drafts."""
    draft = books.draft(5)
    books.issued(10)
    books.issued(100)
    [first] = blocks(books, limit=1)
    assert [each["debit"] for each in first["movements"]] == [10]
    after = first["next"]
    assert blocks(books, limit=1, after=after)[0]["closing_balance"] == 110
    books.done(issue_invoices, IssueInvoice(books.act(), UUID(draft["id"])))
    with pytest.raises(Refused) as refused:
        blocks(books, limit=1, after=after)
    assert refused.value.refusal.code == "statement.changed"
    [again] = blocks(books, limit=2)
    assert ([each["debit"] for each in again["movements"]], again["closing_balance"]) == (
        *([5, 10],),
        115,
    )
    # What is booked behind the place is simply there.
    books.issued(1_000)
    [last] = blocks(books, limit=9, after=again["next"])
    assert ([each["debit"] for each in last["movements"]], last["closing_balance"]) == (
        *([100, 1_000],),
        1_115,
    )


def test_an_entry_that_moves_nothing_is_left_out(books: Books) -> None:
    own, credit = accounts.receivable(books.payer), accounts.credit(books.payer)
    nothing = (date(2026, 2, 1), "payment.allocated", [(own, -5), (credit, 5)])
    elsewhere = (date(2026, 2, 1), "expense.paid", [("Expenses:Rent", 5), ("Assets:Cash", -5)])
    something = (date(2026, 2, 1), "test.booked", [(own, 3), ("Income:Sales", -3)])
    booked(books, *[nothing] * 7, something, *[elsewhere] * 4, *[nothing] * 5, something)
    for customer_id in (books.payer, None):
        [first] = blocks(books, customer_id=customer_id, limit=1)
        assert [row[1:] for row in rows(first)] == [("test.booked", None, 3, 0, 3)]
        assert first["next"] is not None
        [second] = blocks(books, customer_id=customer_id, limit=1, after=first["next"])
        assert [row[1:] for row in rows(second)] == [("test.booked", None, 3, 0, 6)]
        assert (second["next"], second["closing_balance"]) == (None, 6)


def test_each_currency_has_its_block(year: Books, open_books: Opening) -> None:
    assert open_books().read(statements.statement, YEAR, default_currency="EUR") == {
        "period": YEAR,
        "blocks": [
            {
                "currency": "EUR",
                "opening_balance": 0,
                "closing_balance": 0,
                "movements": [],
                "next": None,
            }
        ],
    }
    year.issued(5_000, at=at(3, 5), currency="JPY")
    found = blocks(year, customer_id=year.payer)
    assert [ends(block) for block in found] == [("EUR", 0, -1_000), ("JPY", 0, 5_000)]
    assert [ends(block) for block in blocks(year)] == [("EUR", 0, 1_500), ("JPY", 0, 5_000)]
    [block] = blocks(year, currency="JPY")
    assert [row[3:] for row in rows(block)] == [(5_000, 0, 5_000)]
    [empty] = blocks(year, currency="CHF")
    assert ends(empty) == ("CHF", 0, 0)


def test_a_late_payment_is_in_the_statement_at_once(year: Books) -> None:
    closed(year)
    period = Period(date(2026, 2, 1), date(2026, 2, 28))
    before = blocks(year, period, customer_id=year.payer)
    command = year.payment(50, customer_id=year.payer, excess="credit", invoices=())
    late = replace(command, act=year.act(at=LATER), paid_on=date(2026, 1, 31))
    year.done(record_payments, late)
    [after] = blocks(year, period, customer_id=year.payer)
    assert ends(before[0]) == ("EUR", 6_000, -1_000)
    assert ends(after) == ("EUR", 5_950, -1_050)
    assert ends(blocks(year)[0]) == ("EUR", 0, 1_450)


def test_the_period() -> None:
    choose: Callable[..., Period] = statements.chosen_period
    today = date(2026, 11, 20)
    assert choose(today, start=None, end=None, as_of=None) == Period(date(2026, 1, 1), today)
    as_of = date(2025, 3, 31)
    assert choose(today, start=None, end=None, as_of=as_of) == Period(date(2025, 1, 1), as_of)
    assert choose(today, start=as_of, end=as_of, as_of=None) == Period(as_of, as_of)
    for wrong in (
        {"start": today, "end": as_of, "as_of": None},
        {"start": None, "end": as_of, "as_of": as_of},
    ):
        with pytest.raises(Invalid) as caught:
            choose(today, **wrong)
        assert caught.value.refusal.code == "statement.period"


def test_an_unknown_customer_has_no_statement(books: Books, open_books: Opening) -> None:
    stranger = open_books().payer
    with pytest.raises(Refused) as caught:
        blocks(books, customer_id=stranger)
    assert caught.value.refusal.code == "customer.unknown"


def test_the_totals_of_many_invoices_are_those_of_all(books: Books, *, full: bool) -> None:
    account = accounts.receivable(books.payer)
    count = 30_000 if full else 5_000
    many(books, count, account)
    total = sum(range(1, count + 1))
    for customer_id in (books.payer, None):
        [block] = blocks(books, customer_id=customer_id)
        assert ends(block) == ("EUR", 0, total)
    closed(books)
    for customer_id in (books.payer, None):
        [block] = blocks(books, customer_id=customer_id, limit=100)
        assert ends(block) == ("EUR", 0, total)
        assert [row[5] for row in rows(block)] == [n * (n + 1) // 2 for n in range(1, 101)]
    books.database.write(
        lambda conn: conn.execute(
            POSTINGS.delete().where(POSTINGS.c.organization_id == books.organization_id)
        )
    )
    books.database.write(lambda conn: _forget(conn, books.organization_id))


def _forget(conn: Any, organization_id: UUID) -> None:
    from tallystick.ledger.models import CLOSED_MONTHS, MONTH_SUMS  # noqa: PLC0415

    for table in (CLOSED_MONTHS, MONTH_SUMS):
        conn.execute(table.delete().where(table.c.organization_id == organization_id))


def many(books: Books, count: int, account: str) -> None:
    """Post entries of 1, 2, 3 and so on, 1,000 a day from the first day of the year on."""
    from tallystick.kernel import ids  # noqa: PLC0415

    own = {
        "organization_id": books.organization_id,
        "kind": "invoice.issued",
        "currency": "EUR",
        "invoice_id": None,
        "payment_id": None,
    }
    for chunk in range(0, count, 1_000):
        day = date(2026, 1, 1) + timedelta(days=chunk // 1_000)
        moment = datetime.combine(day, datetime.min.time(), UTC)
        values = [
            {
                **own,
                "date": day,
                "recorded_at": moment,
                "entry_id": entry_id,
                "leg": leg,
                "account": name,
                "amount": amount,
            }
            for number, entry_id in ((chunk + each, ids.new()) for each in range(1, 1_001))
            for leg, name, amount in (
                (1, account, number),
                (2, accounts.SALES, -number),
            )
        ]
        books.database.write(partial(_insert, values))


def _insert(values: list[dict[str, Any]], conn: Any) -> None:
    conn.execute(POSTINGS.insert(), values)
