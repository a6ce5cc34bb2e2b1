"""Contract 001 where several want to pay one invoice, or one wants it several times."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tallystick.kernel import clock, ids
from tallystick.kernel.alarms import list_alarms
from tallystick.payments.allocating import Share
from tallystick.payments.provider import Failed, Succeeded
from tallystick.payments.resolving import (
    DecidePayment,
    ResolvePayment,
    decide_payments,
    resolve_payments,
)
from tallystick.payments.starting import StartPayment, start_payments
from tests.contracts.cards import BASE, Cards, Foreign, cards, foreign

__all__ = ["cards", "foreign"]

pytestmark = pytest.mark.anyio

CARD = {"number": "1234567812345678", "expiry": "01-2040", "name": "J Doe"}


async def _pending(cards: Cards) -> tuple[dict[str, Any], str]:
    sent = {"jobDescription": "A", "amount": 199.99, "customerId": cards.john}
    made = await cards("POST", "/invoice", 201, sent=sent)
    return made, f"/invoice/pay/{made['id']}"


async def test_who_came_second_pays_under_the_same_key_when_the_first_has_failed(
    cards: Cards, foreign: Foreign
) -> None:
    made, path = await _pending(cards)
    key = {"Idempotency-Key": ids.new().hex}
    share = (Share(UUID(made["id"])),)
    command = StartPayment(cards.books.act(), "fakepay", 10.0, "EUR", invoices=share)
    first = cards.books.done(start_payments, command)
    for _ in range(2):
        await cards("POST", path, 409, sent=CARD, **key)
    failed = ResolvePayment(cards.books.act(), UUID(first["id"]), Failed("declined", "No."))
    cards.books.done(resolve_payments, failed)
    paid = await cards("POST", path, 201, sent=CARD, **key)
    await cards("POST", path, 201, paid, CARD, **key)
    assert foreign.charges(made["id"]) == 1


async def test_without_a_key_nobody_is_told_to_repeat_what_makes_an_invoice(
    cards: Cards, foreign: Foreign
) -> None:
    sent = {"jobDescription": "A", "amount": 1, "customerId": cards.john, "card": CARD}
    foreign.then("drop")
    said = await cards("POST", "/invoice", 502, sent=sent)
    assert f"Send the card to /invoice/pay/{said['invoiceId']} " in said["detail"]
    assert "would make and charge another invoice" in said["detail"]
    await cards("POST", f"/invoice/pay/{said['invoiceId']}", 201, sent=CARD)
    key = {"Idempotency-Key": ids.new().hex}
    foreign.then("drop")
    said = await cards("POST", "/invoice", 502, sent=sent, **key)
    assert "Send the card again to finish this payment" in said["detail"]


async def test_a_charge_that_a_person_declined_meanwhile_is_never_answered_402(
    cards: Cards, foreign: Foreign, tmp_path: Path
) -> None:
    books = cards.books
    made, path = await _pending(cards)
    foreign.hold(tmp_path / "held")
    paying = asyncio.create_task(cards.client.post(BASE + path, json=CARD))
    await asyncio.wait_for(foreign.holds(tmp_path / "held"), 10)
    [row] = books.snapshot()["payment"][1]
    # The clock of whoever declines is ahead of the server's.
    books.act.now = clock.now() + timedelta(minutes=1)
    no = DecidePayment(books.act(), UUID(str(row["id"])), Failed("declined", "Not there."))
    assert books.done(decide_payments, no)["status"] == "failed"
    invoice_id = UUID(made["id"])
    command = StartPayment(
        *(books.act(), "fakepay", 10.0, "EUR"),
        invoices=(Share(invoice_id),),
        provider_key=invoice_id,
    )
    second = books.done(start_payments, command)
    taken = ResolvePayment(books.act(), UUID(second["id"]), Succeeded())
    assert books.done(resolve_payments, taken)["status"] == "succeeded"
    foreign.let_go(tmp_path / "held")
    answer = await asyncio.wait_for(paying, 20)
    assert (answer.status_code, answer.json()["invoiceStatus"]) == (201, "PAID")
    found, _ = books.read(list_alarms, cleared=False, after=None, limit=10)
    assert [each["kind"] for each in found] == ["payment.called_again"]
