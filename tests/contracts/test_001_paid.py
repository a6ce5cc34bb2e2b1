"""Contract 001 paid by card, through a FakePay that is not ours and counts what it charges."""

import asyncio
import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tallystick.kernel import ids
from tallystick.kernel.errors import Unavailable
from tallystick.payments.allocating import Share
from tallystick.payments.provider import Failed, Provider
from tallystick.payments.releasing import ReleaseAllocation, release_allocations
from tallystick.payments.resolving import ResolvePayment, resolve_payments
from tallystick.payments.starting import StartPayment, start_payments
from tallystick.web.provider_calls import ProviderCalls
from tests.contracts.cards import BASE, Cards, Foreign, cards, foreign, serving
from tests.contracts.conftest import Serve
from tests.factories import Books

__all__ = ["cards", "foreign"]

pytestmark = pytest.mark.anyio

NUMBER = "1234567812345678"
CARD = {"number": NUMBER, "expiry": "01-2040", "name": "J Doe"}
MASKED = {"number": "123456********5678", "expiry": "01-2040", "name": "J Doe"}
BAD_NAME = "Invalid card name. It must contain only letters and spaces."
REASONS = (
    "Missing transactionId",
    "Missing Card Object",
    "Invalid transactionId. It must match UUID",
    "Invalid card pan. It must be a 16-digit number.",
    "Invalid card expiry. It must be in MM-YYYY format.",
    BAD_NAME,
)


@pytest.fixture(autouse=True)
def logged(books: Books) -> Iterator[list[MutableMapping[str, Any]]]:
    """Look for the card numbers of the test in every row and line that it left."""
    with capture_logs() as lines:
        yield lines
    left = json.dumps([books.snapshot(), lines], default=str)
    for number in (NUMBER, "1234565678225678", "1234 5656 7822 5678"):
        assert number not in left


def _new(cards: Cards, **members: Any) -> dict[str, Any]:
    return {"jobDescription": "A", "amount": 199.99, "customerId": cards.john, **members}


def _key() -> dict[str, str]:
    return {"Idempotency-Key": ids.new().hex}


async def _pending(cards: Cards) -> tuple[dict[str, Any], str]:
    made = await cards("POST", "/invoice", 201, sent=_new(cards))
    return made, f"/invoice/pay/{made['id']}"


async def test_an_invoice_is_made_and_paid_at_once(
    cards: Cards, foreign: Foreign, logged: list[MutableMapping[str, Any]]
) -> None:
    spaced = {**CARD, "number": "1234 5656 7822 5678"}
    made = await cards("POST", "/invoice", 201, sent=_new(cards, card=spaced))
    shown = made.pop("card")
    assert shown == {**MASKED, "number": "123456********5678"}
    assert made == {
        "id": made["id"],
        "jobDescription": "A",
        "customerId": cards.john,
        "amount": 199.99,
        "customerName": "John Doe",
        "customerEmail": "john.doe@example.com",
        "invoiceStatus": "PAID",
    }
    await cards("GET", f"/invoice/{made['id']}", 200, made)
    assert foreign.charges(made["id"]) == 1
    assert "outgoing call" in {line["event"] for line in logged}
    assert cards.books.postings("payment.settled")[0] == ("Assets:Clearing:Fakepay", 19_999)


async def test_an_invoice_is_paid_later_and_once(cards: Cards, foreign: Foreign) -> None:
    made, path = await _pending(cards)
    dashed = {**CARD, "number": "1234-5678-1234-5678"}
    paid = {**made, "invoiceStatus": "PAID"}
    await cards("POST", path, 201, {**paid, "card": MASKED}, dashed)
    await cards("GET", f"/invoice/{made['id']}", 200, paid)
    said = {"detail": "Invoice is PAID; only a PENDING one can be paid"}
    await cards("POST", path, 409, said, CARD)
    assert foreign.charges(made["id"]) == 1


async def test_each_refusal_is_told_and_the_next_card_may_pay(
    cards: Cards, foreign: Foreign
) -> None:
    made, path = await _pending(cards)
    for reason in REASONS:
        foreign.then(f"refuse-{reason}")
        await cards("POST", path, 402, {"detail": reason}, CARD)
    await cards("POST", path, 402, {"detail": BAD_NAME}, {**CARD, "name": "J0hn"})
    foreign.then(f"refuse-The card {NUMBER} is stolen")
    await cards("POST", path, 402, {"detail": "The card … is stolen"}, CARD)
    await cards("GET", f"/invoice/{made['id']}", 200, made)
    await cards("POST", path, 201, sent=CARD)
    assert foreign.charges(made["id"]) == 1


async def test_a_refused_card_leaves_the_invoice_to_be_paid_later(
    cards: Cards, foreign: Foreign
) -> None:
    sent = _new(cards, card={**CARD, "name": "J0hn"})
    key = _key()
    refused = await cards("POST", "/invoice", 402, sent=sent, **key)
    assert refused == {"detail": BAD_NAME, "invoiceId": refused["invoiceId"]}
    await cards("POST", "/invoice", 402, refused, sent, **key)
    path = f"/invoice/{refused['invoiceId']}"
    assert (await cards("GET", path, 200))["invoiceStatus"] == "PENDING"
    await cards("POST", f"/invoice/pay/{refused['invoiceId']}", 201, sent=CARD)
    assert foreign.charges(refused["invoiceId"]) == 1
    assert len(await cards("GET", "/invoices", 200)) == 1


@pytest.mark.parametrize("fault", ["drop", "drop-charged", "fault", "garbage"])
async def test_whoever_sends_a_card_again_finishes_what_nobody_knows(
    cards: Cards, foreign: Foreign, fault: str
) -> None:
    made, path = await _pending(cards)
    foreign.then(fault)
    await cards("POST", path, 502, sent=CARD)
    await cards("GET", f"/invoice/{made['id']}", 200, made)
    # A card that is refused now says nothing about the one before.
    await cards("POST", path, 402, {"detail": BAD_NAME}, {**CARD, "name": "J0hn"})
    [payment] = cards.books.snapshot()["payment"][1]
    assert payment["status"] == "processing"
    key = _key()
    paid = await cards("POST", path, 201, sent=CARD, **key)
    assert paid == {**made, "invoiceStatus": "PAID", "card": MASKED}
    await cards("POST", path, 201, paid, CARD, **key)
    assert cards.headers["Idempotent-Replayed"] == "true"
    await cards("POST", path, 409, sent=CARD)
    assert foreign.charges(made["id"]) == 1 + (fault in {"drop-charged", "fault", "garbage"})
    [payment] = cards.books.snapshot()["payment"][1]
    assert (payment["status"], payment["amount"]) == ("succeeded", 19_999)


async def test_of_two_that_finish_it_at_once_under_one_key_one_calls(
    cards: Cards, foreign: Foreign, tmp_path: Path
) -> None:
    made, path = await _pending(cards)
    foreign.then("drop")
    await cards("POST", path, 502, sent=CARD)
    foreign.hold(tmp_path / "held")
    key = _key()
    twins = [
        asyncio.create_task(cards.client.post(BASE + path, json=CARD, headers=key))
        for _ in range(2)
    ]
    done, calling = await asyncio.wait(twins, return_when=asyncio.FIRST_COMPLETED)
    foreign.let_go(tmp_path / "held")
    [other] = await asyncio.gather(*calling)
    assert [(await each).status_code for each in done] == [409]
    assert other.status_code == 201
    await cards("POST", path, 201, other.json(), CARD, **key)
    assert foreign.charges(made["id"]) == 1


async def test_no_answer_in_time_is_504_and_the_same_key_finishes_it(
    serve: Serve, books: Books, foreign: Foreign
) -> None:
    async with serving(serve, books, foreign.provider(timeout_s=0.4)) as cards:
        made, path = await _pending(cards)
        key, other = _key(), _key()
        foreign.then("hang-1")
        await cards("POST", path, 504, sent=CARD, **key)
        await cards("GET", f"/invoice/{made['id']}", 200, made)
        assert foreign.charges(made["id"]) == 1
        await cards(
            "POST", path, 201, {**made, "invoiceStatus": "PAID", "card": MASKED}, CARD, **key
        )
        sent = _new(cards, card=CARD)
        foreign.then("hang-1")
        late = await cards("POST", "/invoice", 504, sent=sent, **other)
        assert foreign.charges(late["invoiceId"]) == 1
        first = await cards("POST", "/invoice", 201, sent=sent, **other)
        assert (first["id"], first["invoiceStatus"]) == (late["invoiceId"], "PAID")
        await cards("POST", "/invoice", 201, first, sent, **other)
        assert cards.headers["Idempotent-Replayed"] == "true"
        assert len(await cards("GET", "/invoices", 200)) == 2


async def test_where_nothing_was_sent_the_payer_is_free_to_try_again(
    serve: Serve, books: Books, foreign: Foreign
) -> None:
    key, other = _key(), _key()
    nothing = {"detail": "FakePay cannot be reached, and nothing was sent to it."}
    async with serving(serve, books, foreign.provider(url="http://127.0.0.1:1/fakepay")) as cards:
        made, path = await _pending(cards)
        for _ in range(2):
            await cards("POST", path, 502, nothing, CARD, **key)
        sent = _new(cards, card=CARD)
        refused = await cards("POST", "/invoice", 502, sent=sent, **other)
        assert refused == {**nothing, "invoiceId": refused["invoiceId"]}
    assert {row["status"] for row in books.snapshot()["payment"][1]} == {"failed"}
    async with serving(serve, books, foreign.provider()) as again:
        paid = await again("POST", path, 201, sent=CARD, **key)
        await again("POST", path, 201, paid, CARD, **key)
        first = await again("POST", "/invoice", 201, sent=sent, **other)
        assert first["id"] == refused["invoiceId"]
        await again("POST", "/invoice", 201, first, sent, **other)
    assert [foreign.charges(each) for each in (made["id"], first["id"])] == [1, 1]


async def test_an_invoice_that_was_charged_and_is_due_again_is_not_charged_again(
    cards: Cards, foreign: Foreign
) -> None:
    made, path = await _pending(cards)
    key = _key()
    await cards("POST", path, 201, sent=CARD, **key)
    [payment] = cards.books.snapshot()["payment"][1]
    release = ReleaseAllocation(cards.books.act(), payment["id"], UUID(made["id"]))
    cards.books.done(release_allocations, release)
    await cards("GET", f"/invoice/{made['id']}", 200, made)
    for _ in range(2):
        body = await cards("POST", path, 409, sent=CARD)
        assert "must be paid another way" in body["detail"]
    assert foreign.charges(made["id"]) == 1
    [row] = cards.books.snapshot()["payment"][1]
    assert row["status"] == "succeeded"


async def test_an_invoice_that_was_paid_since_is_answered_as_paid(
    serve: Serve, books: Books, foreign: Foreign
) -> None:
    keys = [_key(), _key()]
    async with serving(serve, books, foreign.provider(url="http://127.0.0.1:1/fakepay")) as cards:
        sent = _new(cards, card=CARD)
        refused = [await cards("POST", "/invoice", 502, sent=sent, **key) for key in keys]
    one, other = (each["invoiceId"] for each in refused)
    async with serving(serve, books, foreign.provider()) as again:
        await again("POST", f"/invoice/pay/{one}", 201, sent=CARD)
        first = await again("POST", "/invoice", 201, sent=sent, **keys[0])
        assert (first["id"], first["invoiceStatus"]) == (one, "PAID")
        # Somebody else's attempt is on its way, and comes to nothing.
        share = (Share(UUID(other)),)
        command = StartPayment(books.act(), "fakepay", 10.0, "EUR", invoices=share)
        payment = books.done(start_payments, command)
        for _ in range(2):
            await again("POST", "/invoice", 409, sent=sent, **keys[1])
        failed = ResolvePayment(books.act(), UUID(payment["id"]), Failed("declined", "No."))
        books.done(resolve_payments, failed)
        first = await again("POST", "/invoice", 201, sent=sent, **keys[1])
        assert (first["id"], first["invoiceStatus"]) == (other, "PAID")
    assert [foreign.charges(each) for each in (one, other)] == [1, 1]


async def test_a_fakepay_that_is_left_alone_is_502(
    cards: Cards, foreign: Foreign, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, path = await _pending(cards)
    key = _key()
    sent = _new(cards, card=CARD)
    foreign.then("drop")
    unpaid = await cards("POST", "/invoice", 502, sent=sent, **key)

    def check(_providers: ProviderCalls, _provider: Provider) -> None:
        raise Unavailable("It does not answer.", retry_after_s=10)

    monkeypatch.setattr(ProviderCalls, "check", check)
    said = {"detail": "It does not answer."}
    await cards("POST", path, 502, said, CARD)
    assert cards.headers["Retry-After"] == "10"
    await cards("POST", "/invoice", 502, said, sent)
    await cards("POST", "/invoice", 502, {**said, "invoiceId": unpaid["invoiceId"]}, sent, **key)
    assert foreign.charges(made["id"]) == 0
    assert len(await cards("GET", "/invoices", 200)) == 2


async def test_a_part_that_was_paid_is_not_charged_again(cards: Cards, foreign: Foreign) -> None:
    invoice = cards.books.issued(10_000)
    cards.books.paid(4_000, invoice)
    paid = await cards("POST", f"/invoice/pay/{invoice['id']}", 201, sent=CARD)
    assert (paid["amount"], paid["invoiceStatus"]) == (100.0, "PAID")
    assert foreign.charges(invoice["id"]) == 1
    amounts = {row["amount"] for row in cards.books.snapshot()["payment"][1]}
    assert amounts == {4_000, 6_000}


async def test_what_cannot_be_paid_is_not_sent(
    serve: Serve, cards: Cards, foreign: Foreign, books: Books
) -> None:
    void = books.voided(books.issued())["id"]
    said = {"detail": "Invoice is CANCELLED; only a PENDING one can be paid"}
    await cards("POST", f"/invoice/pay/{void}", 409, said, CARD)
    missing = {"detail": "No record found with this UUID"}
    await cards("POST", f"/invoice/pay/{ids.new()}", 404, missing, CARD)
    assert foreign.charges(void) == 0
    async with serving(serve, books, foreign.provider(takes_cards=False)) as guarded:
        said = {"detail": "Card data are taken in development only."}
        await guarded("POST", "/invoice", 403, said, _new(guarded, card=CARD))
        await guarded("POST", f"/invoice/pay/{void}", 403, said, CARD)
    assert len(await cards("GET", "/invoices", 200)) == 1


BAD_CARDS: list[tuple[dict[str, Any], str, str]] = [
    ({"number": NUMBER + "9"}, "string_pattern_mismatch", "number"),
    ({"number": NUMBER[1:]}, "string_pattern_mismatch", "number"),
    ({"number": f"{NUMBER[1:]}x"}, "string_pattern_mismatch", "number"),
    ({"number": int(NUMBER)}, "string_type", "number"),
    ({"expiry": "13-2040"}, "string_pattern_mismatch", "expiry"),
    ({"expiry": "1-2040"}, "string_pattern_mismatch", "expiry"),
    ({"expiry": "01-2040\n"}, "string_too_long", "expiry"),
    ({"expiry": "10-2026"}, "value_error", "expiry"),
    ({"expiry": NUMBER}, "string_too_long", "expiry"),
    ({"name": None}, "string_type", "name"),
    ({"name": NUMBER}, "card_number", "name"),
    ({"name": "١٢٣٤٥٦٧٨١٢٣٤٥٦٧٨"}, "card_number", "name"),
]


async def test_a_malformed_card_is_told_and_never_repeated(cards: Cards, foreign: Foreign) -> None:
    made, path = await _pending(cards)
    for changed, kind, place in BAD_CARDS:
        card = {**CARD, **changed}
        for body, sent, start in (
            (await cards("POST", path, 422, sent=card), card, []),
            (await cards("POST", "/invoice", 422, sent=_new(cards, card=card)), card, ["card"]),
        ):
            [fault] = body["detail"]
            assert (fault["type"], fault["loc"]) == (kind, ["body", *start, place]), sent
            assert fault.keys() == {"type", "loc", "msg"}
            assert NUMBER[1:] not in json.dumps(body)
    for member in CARD:
        card = {name: value for name, value in CARD.items() if name != member}
        body = await cards("POST", path, 422, sent=card)
        assert [fault["loc"] for fault in body["detail"]] == [["body", member]]
    # A key is kept, so it may not be the number.
    dotted = ".".join(NUMBER)
    for body, where in (
        (
            await cards("POST", path, 422, sent=CARD, **{"Idempotency-Key": f"pay {dotted}"}),
            ["header", "Idempotency-Key"],
        ),
        (await cards("POST", path, 422, sent={**CARD, "name": dotted}), ["body", "name"]),
        (
            await cards(
                "POST", "/invoice", 422, sent=_new(cards, card=CARD, jobDescription=dotted)
            ),
            ["body", "jobDescription"],
        ),
    ):
        assert [fault["loc"] for fault in body["detail"]] == [where]
        assert dotted not in json.dumps(body)
    await cards("POST", path, 422, sent=_new(cards, card=CARD))
    assert foreign.charges(made["id"]) == 0
    # A card is good to the last day of its month.
    await cards("POST", path, 201, sent={**CARD, "expiry": "11-2026"})


async def test_a_key_belongs_to_one_request(cards: Cards, foreign: Foreign) -> None:
    made, path = await _pending(cards)
    key = _key()
    paid = await cards("POST", path, 201, sent=CARD, **key)
    await cards("POST", path, 201, paid, CARD, **key)
    for other in ({**CARD, "number": "5105105105105100"}, {**CARD, "expiry": "02-2040"}):
        body = await cards("POST", path, 422, sent=other, **key)
        assert body["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    # What is kept to tell requests apart knows no more of a card than may be kept of it.
    await cards("POST", path, 201, paid, {**CARD, "number": "1234569999995678"}, **key)
    assert cards.headers["Idempotent-Replayed"] == "true"
    assert foreign.charges(made["id"]) == 1
