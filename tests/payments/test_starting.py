"""Payments on their way to a provider: committed and reserved before anybody is called."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.kernel import ids
from tallystick.kernel.tasks import TASKS
from tallystick.payments import queries
from tallystick.payments.allocating import Share
from tallystick.payments.cards import Card
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.provider import Succeeded, Unknown
from tallystick.payments.starting import RepeatPayment, repeat_payments, start_payments
from tests.factories import Books
from tests.payments.online import repeat, resolved, start, started

CARD = Card(number="1234 5656 7822 5678", expiry="01-2040", name="J Doe").kept


def test_a_payment_is_committed_and_reserved_before_the_call(books: Books) -> None:
    invoice = books.issued(1_000)
    balances = books.balances()
    payment = started(books, 600, invoice, card=CARD, reference="web")
    assert payment == {
        **payment,
        "method": "fakepay",
        "status": "processing",
        "amount": 600,
        "allocated": 0,
        "unallocated": 0,
        "receipt_number": None,
        "allocations": [],
        "online": {
            "provider": "fakepay",
            "unknown_from": "2026-03-02T09:00:15.000000Z",
            "action_url": None,
            "failure_code": None,
            "failure_reason": None,
            "late": False,
            "card": {
                "brand": "unknown",
                "first_six": "123456",
                "last_four": "5678",
                "expiry": "01-2040",
            },
        },
    }
    assert books.read(queries.get_payment, UUID(payment["id"])) == payment
    assert books.balances() == balances
    # Nobody else can pay what is reserved, and nothing takes the invoice back under it.
    assert books.refused(start_payments, start(books, 401, invoice)).facts["due"] == "4.00"
    invoice_id = UUID(invoice["id"])
    assert books.refused(void_invoices, VoidInvoice(books.act(), invoice_id, "x")).code == (
        "invoice.paid"
    )
    credit = CreditInvoice(books.act(), invoice_id, "x", 401)
    assert books.refused(credit_invoices, credit).code == "credit_note.reserved"
    books.paid(400, invoice)
    [task] = [row for row in books.snapshot()["task"][1] if row["kind"] == "ask:fakepay"]
    assert task["payload"] == {"order_id": payment["id"]}


def test_all_that_is_due_of_several_invoices(books: Books) -> None:
    one, two = books.issued(1_000), books.issued(500)
    books.paid(300, one)
    payment = started(books, None, one, two)
    assert payment["amount"] == 1_200
    settled = resolved(books, payment, Succeeded("ref-1"))
    assert [part["amount"] for part in settled["allocations"]] == [700, 500]


def test_the_oldest_due_of_a_customer_comes_first(books: Books) -> None:
    one, two = books.issued(1_000), books.issued(500)
    payment = started(books, 1_100, customer_id=books.payer)
    settled = resolved(books, payment, Succeeded())
    assert [(part["invoice_id"], part["amount"]) for part in settled["allocations"]] == [
        (one["id"], 1_000),
        (two["id"], 100),
    ]


REFUSED: Mapping[str, tuple[int | None, Mapping[str, Any]]] = {
    "payment.exceeds_due": (1_001, {}),
    "payment.amount_not_positive": (0, {}),
    "money.currency": (1, {"currency": "USD"}),
    "invoice.unknown": (1, {"invoices": (Share(ids.NIL),)}),
    "payment.payer_missing": (1, {"invoices": ()}),
}


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_refused_reserves_nothing(books: Books, code: str) -> None:
    amount, values = REFUSED[code]
    command = replace(start(books, amount, books.issued(1_000)), **values)
    assert books.refused(start_payments, command).code == code


def test_money_without_a_place_is_not_taken(books: Books) -> None:
    invoice = books.issued(1_000)
    code = books.refused(start_payments, start(books, 1_001, customer_id=books.payer)).code
    assert code == "payment.exceeds_due"
    books.paid(1_000, invoice)
    for command in (
        start(books, 1, customer_id=books.payer),
        start(books, None, customer_id=books.payer),
    ):
        assert books.refused(start_payments, command).code == "payment.nothing_due"
    assert books.refused(start_payments, start(books, None, invoice)).code == "payment.exceeds_due"


def test_one_repeat_at_a_time(books: Books) -> None:
    payment = started(books, 600, books.issued(1_000))
    assert books.refused(repeat_payments, repeat(books, payment)).code == "payment.in_flight"
    resolved(books, payment, Unknown("timeout"))
    again = books.done(repeat_payments, repeat(books, payment))
    assert again["online"] is not None
    assert again["online"]["unknown_from"] is not None
    assert books.refused(repeat_payments, repeat(books, payment)).code == "payment.in_flight"
    # A process that dies in the midst of a call keeps nobody out for longer than it may take.
    books.act.now += timedelta(minutes=1)
    books.done(repeat_payments, repeat(books, payment))
    resolved(books, payment, Succeeded())
    refusal = books.refused(repeat_payments, repeat(books, payment))
    assert (refusal.code, refusal.facts) == (
        "payment.outcome_known",
        {"payment_status": "succeeded"},
    )
    [task] = [row for row in books.snapshot()[TASKS.name][1] if row["kind"] == "ask:fakepay"]
    assert task["due_at"] is None


def test_what_cannot_be_repeated(books: Books) -> None:
    unknown = RepeatPayment(books.act(), ids.NIL, 10)
    assert books.refused(repeat_payments, unknown).code == "payment.unknown"
    cash = books.paid(1_000, books.issued(1_000))
    assert books.refused(repeat_payments, repeat(books, cash)).code == "payment.not_online"
