"""Ageing: what is overdue by how long, at the end of any day."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from tallystick.kernel.errors import Refused
from tallystick.payments.recording import record_payments
from tallystick.reports import ageing
from tests.factories import Books, Opening

NOTHING = dict.fromkeys(ageing.PARTS, 0)


def issued(books: Books, day: date, total: int, **values: Any) -> UUID:
    """Issue an invoice on a day; it is due 30 days later."""
    moment = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return UUID(books.issued(total, at=moment, **values)["id"])


@pytest.fixture
def owing(books: Books) -> Books:
    """Return books of one customer with an invoice in each part as of 30 June 2026."""
    # Due on 1 April, 2 April, 1 May, 31 May, 29 June and 30 June.
    for day, total in (
        (date(2026, 3, 2), 1),
        (date(2026, 3, 3), 10),
        (date(2026, 4, 1), 100),
        (date(2026, 5, 1), 1_000),
        (date(2026, 5, 30), 10_000),
        (date(2026, 5, 31), 100_000),
    ):
        issued(books, day, total)
    return books


def test_each_invoice_stands_in_its_part(owing: Books) -> None:
    # On 30 June the due dates are 90, 89, 60, 30, 1 and 0 days past.
    found = owing.read(ageing.customer_ageing, owing.payer, on=date(2026, 6, 30))
    assert found == {
        "customer_id": str(owing.payer),
        "blocks": [
            {
                "currency": "EUR",
                "parts": {
                    "not_due": 100_000,
                    "days_1_30": 11_000,
                    "days_31_60": 100,
                    "days_61_90": 11,
                    "days_over_90": 0,
                },
                "total": 111_111,
                "credit": 0,
            }
        ],
    }
    [block] = owing.read(ageing.customer_ageing, owing.payer, on=date(2026, 7, 1))["blocks"]
    assert list(block["parts"].values()) == [0, 110_000, 1_000, 110, 1]


def test_it_is_as_it_was_on_that_day(owing: Books) -> None:
    on = date(2026, 4, 10)
    before = owing.read(ageing.customer_ageing, owing.payer, on=on)
    assert before["blocks"][0]["parts"] == {**NOTHING, "not_due": 100, "days_1_30": 11}
    paying = owing.payment(200_000, customer_id=owing.payer, excess="credit", invoices=())
    act = owing.act(at=datetime(2026, 6, 30, 9, tzinfo=UTC))
    owing.done(record_payments, replace(paying, act=act))
    assert owing.read(ageing.customer_ageing, owing.payer, on=on) == before
    [block] = owing.read(ageing.customer_ageing, owing.payer, on=date(2026, 6, 30))["blocks"]
    assert (block["parts"], block["total"], block["credit"]) == (NOTHING, 0, 88_889)


def test_all_customers_of_an_organization(owing: Books) -> None:
    other = UUID(owing.customer(name="Bo Other")["id"])
    issued(owing, date(2026, 6, 1), 7, customer_id=other)
    issued(owing, date(2026, 6, 1), 5, customer_id=other, currency="JPY")
    on = date(2026, 6, 30)
    whole = owing.read(ageing.organization_ageing, on=on)
    own, others = (
        owing.read(ageing.customer_ageing, customer_id, on=on)
        for customer_id in (owing.payer, other)
    )
    assert [block["total"] for block in others["blocks"]] == [7, 5]
    assert (whole["page"].items, whole["page"].next_after) == ([others, own], None)
    assert [(block["currency"], block["total"]) for block in whole["totals"]] == [
        ("EUR", 111_118),
        ("JPY", 5),
    ]
    assert whole["totals"][0]["parts"]["not_due"] == 100_007
    first = owing.read(ageing.organization_ageing, on=on, limit=1)
    assert (first["totals"], first["page"].items) == (whole["totals"], [others])
    assert first["page"].next_after == other
    second = owing.read(ageing.organization_ageing, on=on, limit=1, after=other)
    assert (second["page"].items, second["page"].next_after) == ([own], None)


def test_nothing_is_owed(books: Books, open_books: Opening) -> None:
    on = date(2026, 6, 30)
    assert books.read(ageing.customer_ageing, books.payer, on=on)["blocks"] == []
    assert books.read(ageing.organization_ageing, on=on)["totals"] == []
    with pytest.raises(Refused) as caught:
        books.read(ageing.customer_ageing, open_books().payer, on=on)
    assert caught.value.refusal.code == "customer.unknown"
