"""Contract 001 without cards, sent as it stands: whole answers, every status and text."""

import json
import re
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.web.dialects.frame import Chosen
from tests.contracts.cards import BASE, Cards, cards, foreign, serving
from tests.contracts.conftest import Serve
from tests.factories import Books, Opening

__all__ = ["cards", "foreign"]

pytestmark = pytest.mark.anyio

CARD_LIKE = "1234567812345678"


async def test_health_and_documentation_need_no_outside_host(cards: Cards) -> None:
    answer = await cards.client.get(f"{BASE}/health-check")
    assert (answer.status_code, answer.json()) == (200, {"status": "UP"})
    for page in ("/docs", "/redoc"):
        answer = await cards.client.get(BASE + page)
        assert answer.status_code == 200
        assert "<title>Card invoices</title>" in answer.text
        found = re.findall(r'(?:src|href)="([^"]*)"', answer.text)
        assert found
        assert all(place.startswith("/static/") for place in found)
    document = (await cards.client.get(f"{BASE}/openapi.json")).json()
    operations = {(path, method) for path, of in document["paths"].items() for method in of}
    assert operations == {
        ("/invoice", "post"),
        ("/invoice/{uuid}", "get"),
        ("/invoice/pay/{uuid}", "post"),
        ("/invoices", "get"),
    }
    # The contract knows no keys, and in development nobody asks for one.
    assert "security" not in document


async def test_a_database_that_is_gone_is_down(serve: Serve) -> None:
    gone = Database("postgresql://nobody@127.0.0.1:1/nothing", deadline_s=0.1)
    async with serve(Chosen(names=("card-invoices",), trusting=True), database=gone) as client:
        answer = await client.get(f"{BASE}/health-check")
    gone.close()
    assert (answer.status_code, answer.json()) == (502, {"status": "DOWN"})


async def test_an_invoice_is_made_and_read(cards: Cards) -> None:
    sent = {"jobDescription": "Website Development", "amount": 199.99, "customerId": cards.john}
    made = await cards("POST", "/invoice", 201, sent=sent)
    assert str(UUID(made["id"])) == made["id"]
    assert made == {
        "id": made["id"],
        "jobDescription": "Website Development",
        "customerId": cards.john,
        "amount": 199.99,
        "customerName": "John Doe",
        "customerEmail": "john.doe@example.com",
        "invoiceStatus": "PENDING",
    }
    await cards("GET", f"/invoice/{made['id']}", 200, made)
    await cards("GET", f"/invoice/{made['id'].upper()}", 200, made)
    await cards("GET", "/invoices", 200, [made])
    await cards("POST", "/invoice", 201, sent={**sent, "card": None})


AMOUNTS = [
    ("0.01", "0.01"),
    ("1", "1"),
    ("999.99", "999.99"),
    ("1000", "1000"),
    ("1e3", "1000"),
    ("123456.70", "123456.7"),
    ('"199.99"', "199.99"),
    ('"199.9"', "199.9"),
    ('"5"', "5"),
    # More than a float tells apart, and the largest there is.
    ("9007199254740.93", "9007199254740.93"),
    ('"10000000000000.00"', "10000000000000"),
]


async def test_amounts_are_exact(cards: Cards) -> None:
    headers = {"Content-Type": "application/json"}
    for written, shown in AMOUNTS:
        body = f'{{"jobDescription": "A", "amount": {written}, "customerId": {cards.john}}}'
        answer = await cards.client.post(f"{BASE}/invoice", content=body, headers=headers)
        assert answer.status_code == 201, answer.text
        made = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)
        assert made["amount"] == Decimal(shown)
        read = (await cards.client.get(f"{BASE}/invoice/{made['id']}")).text
        assert json.loads(read, parse_float=Decimal, parse_int=Decimal) == made


FAULTS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"amount": 0}, "greater_than", ["amount"]),
    ({"amount": -1.5}, "greater_than", ["amount"]),
    ({"amount": "-1"}, "greater_than", ["amount"]),
    ({"amount": 1.001}, "decimal_max_places", ["amount"]),
    ({"amount": "lots"}, "decimal_parsing", ["amount"]),
    ({"amount": "١٢"}, "decimal_parsing", ["amount"]),
    ({"amount": True}, "decimal_type", ["amount"]),
    ({"amount": None}, "decimal_type", ["amount"]),
    ({"amount": 10**16}, "decimal_max_digits", ["amount"]),
    ({"amount": int(CARD_LIKE)}, "decimal_max_digits", ["amount"]),
    ({"jobDescription": ""}, "string_too_short", ["jobDescription"]),
    ({"jobDescription": "x" * 101}, "string_too_long", ["jobDescription"]),
    ({"jobDescription": 5}, "string_type", ["jobDescription"]),
    ({"jobDescription": "a\u0000"}, "tallystick_control_character", ["jobDescription"]),
    ({"jobDescription": f"Card {CARD_LIKE}"}, "card_number", ["jobDescription"]),
    ({"jobDescription": "1234 5656 7822 5678"}, "card_number", ["jobDescription"]),
    ({"customerId": "one"}, "int_parsing", ["customerId"]),
    ({"customerId": int(CARD_LIKE)}, "less_than_equal", ["customerId"]),
    ({"customerId": -int(CARD_LIKE)}, "greater_than_equal", ["customerId"]),
    *(
        ({"jobDescription": text}, "card_number", ["jobDescription"])
        for text in ("12345678 12345678", "1234-5678 1234-5678", " ".join("4111111111111111"))
    ),
    *(
        ({"jobDescription": text}, "tallystick_card_number", ["jobDescription"])
        for text in ("4111.1111.1111.1111", "4111/1111/1111/1111", "4111 1111  1111 1111")
    ),
    ({"card": "none"}, "model_type", ["card"]),
    ({"card": {}}, "missing", ["card", "number"]),
]


async def test_what_cannot_be_read_is_told_and_never_repeated(cards: Cards) -> None:
    for sent, kind, place in FAULTS:
        given = {"jobDescription": "A", "amount": 1, "customerId": cards.john, **sent}
        body = await cards("POST", "/invoice", 422, sent=given)
        assert body["detail"][0]["type"] == kind
        assert body["detail"][0]["loc"] == ["body", *place]
        assert all(fault.keys() == {"type", "loc", "msg"} for fault in body["detail"])
        assert CARD_LIKE not in json.dumps(body)
        assert "5656" not in json.dumps(body)
    await cards("GET", "/invoices", 200, [])


async def test_numbers_that_are_no_card_may_stand_in_a_text(cards: Cards) -> None:
    for text in (
        "EAN 4006381333931",
        "Rent, IBAN DE89370400440532013000",
        "Rent, IBAN DE89 3704 0044 0532 0130 00",
        "Delivery note 20261121000123",
    ):
        sent = {"jobDescription": text, "amount": 1, "customerId": cards.john}
        assert (await cards("POST", "/invoice", 201, sent=sent))["jobDescription"] == text


async def test_what_is_no_json_or_no_id_is_refused_without_an_echo(cards: Cards) -> None:
    headers = {"Content-Type": "application/json"}
    for raw in (f'{{"card": {CARD_LIKE}', CARD_LIKE, "", "NaN"):
        answer = await cards.client.post(f"{BASE}/invoice", content=raw, headers=headers)
        assert answer.status_code == 422
        assert [fault.keys() for fault in answer.json()["detail"]] == [{"type", "loc", "msg"}]
        assert CARD_LIKE not in answer.text
    [fault] = (await cards("GET", "/invoice/abc", 422))["detail"]
    assert fault.pop("msg").startswith("Input should be a valid UUID")
    assert fault == {"type": "uuid_parsing", "loc": ["path", "uuid"]}
    for path in (f"/invoice/{CARD_LIKE}", f"/invoices?limit={CARD_LIKE}"):
        body = await cards("GET", path, 422)
        assert CARD_LIKE not in json.dumps(body)


async def test_what_is_unknown_is_404(cards: Cards, open_books: Opening) -> None:
    await cards("GET", f"/invoice/{ids.new()}", 404, {"detail": "No record found with this UUID"})
    sent = {"jobDescription": "A", "amount": 1, "customerId": 987_654_321_012}
    missing = {"detail": "No customer found with id 987654321012"}
    await cards("POST", "/invoice", 404, missing, sent)
    for number in (0, -1):
        missing = {"detail": f"No customer found with id {number}"}
        await cards("POST", "/invoice", 404, missing, {**sent, "customerId": number})
    # Whoever and whatever is another organization's is unknown too.
    other = Cards(cards.client, open_books())
    missing = {"detail": f"No customer found with id {other.john}"}
    await cards("POST", "/invoice", 404, missing, {**sent, "customerId": other.john})
    theirs = other.books.issued()["id"]
    await cards("GET", f"/invoice/{theirs}", 404, {"detail": "No record found with this UUID"})
    await cards("GET", "/nothing", 404, {"detail": "Not Found"})
    await cards("DELETE", f"/invoice/{theirs}", 405, {"detail": "Method Not Allowed"})


async def test_every_state_has_its_status(cards: Cards) -> None:
    books = cards.books
    draft = books.draft()
    unpaid = books.issued(17_500)
    partly, paid, void, credited, given_up = [books.issued(10_000) for _ in range(5)]
    books.paid(4_000, partly)
    books.paid(10_000, paid)
    books.voided(void)
    books.credited(credited)
    books.paid(2_500, given_up)
    books.written_off(given_up)
    expected = {
        unpaid["id"]: ("PENDING", 175.0),
        partly["id"]: ("PENDING", 100.0),
        paid["id"]: ("PAID", 100.0),
        void["id"]: ("CANCELLED", 100.0),
        credited["id"]: ("CANCELLED", 0.0),
        given_up["id"]: ("PAID", 25.0),
    }
    listed = await cards("GET", "/invoices", 200)
    assert [each["id"] for each in listed] == list(expected)[::-1]
    assert {each["id"]: (each["invoiceStatus"], each["amount"]) for each in listed} == expected
    for status in ("PENDING", "PAID", "CANCELLED"):
        shown = await cards("GET", f"/invoices?invoiceStatus={status}", 200)
        assert shown == [each for each in listed if each["invoiceStatus"] == status]
        assert "Link" not in cards.headers
    fault = {
        "type": "literal_error",
        "loc": ["query", "invoiceStatus"],
        "msg": "Input should be 'PENDING', 'PAID' or 'CANCELLED'",
    }
    await cards("GET", "/invoices?invoiceStatus=paid", 422, {"detail": [fault]})
    missing = {"detail": "No record found with this UUID"}
    await cards("GET", f"/invoice/{draft['id']}", 404, missing)


async def test_the_list_goes_on_both_ways_by_its_links(cards: Cards) -> None:
    made = [cards.books.issued(number)["id"] for number in range(100, 125)][::-1]
    listed = await cards("GET", "/invoices", 200)
    assert [each["id"] for each in listed] == made[:10]
    assert cards.links().keys() == {"next"}
    seen = [each["id"] for each in listed]
    while "next" in cards.links():
        path = cards.links()["next"]
        assert re.fullmatch(BASE + r"/invoices\?limit=10&cursor=[A-Za-z0-9_-]+", path)
        listed = await cards("GET", path.removeprefix(BASE), 200)
        seen += [each["id"] for each in listed]
    assert seen == made
    back = [made[20:]]
    while "prev" in cards.links():
        # What is made meanwhile stands before the first page and moves nothing.
        cards.books.issued(99)
        listed = await cards("GET", cards.links()["prev"].removeprefix(BASE), 200)
        back.insert(0, [each["id"] for each in listed])
    assert [each for page in back for each in page][-25:] == made
    everything = await cards("GET", "/invoices?limit=100", 200)
    assert cards.links() == {}
    page = "/invoices?invoiceStatus=PENDING&limit=3&offset=5"
    await cards("GET", page, 200, everything[5:8])
    await cards("GET", cards.links()["next"].removeprefix(BASE), 200, everything[8:11])
    await cards("GET", cards.links()["prev"].removeprefix(BASE), 200, everything[5:8])
    await cards("GET", cards.links()["prev"].removeprefix(BASE), 200, everything[2:5])
    assert await cards("GET", "/invoices?offset=1000", 200) == []
    for wrong in ("limit=0", "limit=101", "offset=-1", "cursor=none", "limit=x"):
        body = await cards("GET", f"/invoices?{wrong}", 422)
        assert body["detail"][0]["loc"] == ["query", wrong.partition("=")[0]]
    # A cursor belongs to the filter that it was made with; what is no filter is not repeated.
    await cards("GET", f"/invoices?limit=1&x={CARD_LIKE}", 200)
    assert CARD_LIKE not in cards.links()["next"]
    cursor = cards.links()["next"].removeprefix(BASE)
    await cards("GET", f"{cursor}&invoiceStatus=PAID", 422)


async def test_a_repeated_post_has_its_effect_once(cards: Cards) -> None:
    sent = {"jobDescription": "A", "amount": "5.00", "customerId": cards.john}
    key = {"Idempotency-Key": ids.new().hex}
    made = await cards("POST", "/invoice", 201, sent=sent, **key)
    cards.books.paid(500, {**cards.books.issued(1), "id": made["id"]})
    await cards("POST", "/invoice", 201, made, sent, **key)
    assert cards.headers["Idempotent-Replayed"] == "true"
    body = await cards("POST", "/invoice", 422, sent={**sent, "amount": 6}, **key)
    assert body["detail"][0]["loc"] == ["header", "Idempotency-Key"]
    assert body["detail"][0].keys() == {"type", "loc", "msg"}
    await cards("POST", "/invoice", 422, sent=sent, **{"Idempotency-Key": " "})
    assert len(await cards("GET", "/invoices?limit=100", 200)) == 2


async def test_currencies_with_other_decimals(serve: Serve, open_books: Opening) -> None:
    for currency, good, bad in (
        ("JPY", [("12.00", 12)], "12.50"),
        ("KWD", [("1.25", 1.25)], "1.255"),
    ):
        books = open_books(currency=currency)
        async with serving(serve, books) as cards:
            for amount, shown in good:
                sent = {"jobDescription": "A", "amount": amount, "customerId": cards.john}
                made = await cards("POST", "/invoice", 201, sent=sent)
                assert made["amount"] == shown
            body = await cards("POST", "/invoice", 422, sent={**sent, "amount": bad})
            [fault] = body["detail"]
            assert (fault["type"], fault["loc"]) == ("decimal_max_places", ["body", "amount"])


async def test_an_invoice_of_another_door_shows_its_first_line(cards: Cards, books: Books) -> None:
    invoice = books.issued(700)
    shown = await cards("GET", f"/invoice/{invoice['id']}", 200)
    assert (shown["jobDescription"], shown["customerName"]) == ("Tuition", "Ann Example")
    # Its customer has a number now, and that one stays.
    sent = {"jobDescription": "A", "amount": 1, "customerId": shown["customerId"]}
    made = await cards("POST", "/invoice", 201, sent=sent)
    assert made["customerEmail"] == "ann@example.com"
