"""Cards in transit: nothing shows them but `reveal`, and little of them is kept."""

import copy
import pickle

import orjson
import pytest

from tallystick.kernel import ids
from tallystick.payments.cards import Card, KeptCard
from tallystick.payments.provider import PaymentOrder

NUMBER = "1234567812345678"


def _card(number: str = NUMBER) -> Card:
    return Card(number=number, expiry="01-2040", name="J Doe")


@pytest.mark.parametrize("given", [NUMBER, "1234 5678 1234 5678", "1234-5678-1234-5678"])
def test_a_number_may_have_spaces_and_dashes(given: str) -> None:
    card = _card(given)
    assert tuple(card.reveal()) == (NUMBER, "01-2040", "J Doe")
    assert card.kept == KeptCard("unknown", "123456", "5678", "01-2040")
    assert card.kept.masked == "123456********5678"


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4111111111111111", "visa"),
        ("5555555555554444", "mastercard"),
        ("2221000000000009", "mastercard"),
        ("2720990000000007", "mastercard"),
        ("2721000000000004", "unknown"),
        ("378282246310005", "amex"),
        ("6011111111111117", "discover"),
        ("3530111333300000", "jcb"),
        ("30569309025904", "diners"),
        ("6200000000000005", "unionpay"),
        ("6759649826438453", "maestro"),
        ("9999999999999995", "unknown"),
    ],
)
def test_the_brand_follows_from_the_first_digits(number: str, brand: str) -> None:
    assert _card(number).kept.brand == brand


@pytest.mark.parametrize(
    "text",
    [
        NUMBER,
        f"pay {'.'.join(NUMBER)}!",
        "١٢٣٤٥٦٧٨١٢٣٤٥٦٧٨",
        "\uff11\uff12\uff13\uff14 5678 १२३४ ⑤⑥⑦⑧",
    ],
)
def test_a_number_is_found_however_it_is_written(text: str) -> None:
    assert _card().stands_in(text)
    assert not _card("1234567812345679").stands_in(text)


@pytest.mark.parametrize("length", range(12, 20))
def test_the_mask_has_eight_stars_whatever_the_length(length: int) -> None:
    number = "9" * length
    assert _card(number).kept.masked == "999999********9999"


@pytest.mark.parametrize(
    "number", ["", "1234", "1" * 11, "1" * 20, "1234567812345678x", "١٢٣٤٥٦٧٨١٢٣٤٥٦٧٨"]
)
def test_a_malformed_number_is_not_repeated(number: str) -> None:
    with pytest.raises(ValueError, match=r"^A card number has 12 to 19 digits\.$"):
        _card(number)


@pytest.mark.parametrize("expiry", ["", "1-2040", "13-2040", "01/2040", "01-40", "01-2040\n"])
def test_a_malformed_expiry_is_refused(expiry: str) -> None:
    with pytest.raises(ValueError, match="The expiry of a card"):
        Card(number=NUMBER, expiry=expiry, name="J Doe")


def test_nothing_shows_a_card() -> None:
    card = _card()
    order = PaymentOrder(key=ids.new(), amount=1, currency="EUR", card=card)
    revealed = card.reveal()
    shown = [
        repr(card),
        str(card),
        f"{card}",
        f"{card!r:>40}",
        repr(order),
        repr([card]),
        repr(revealed),
        orjson.dumps({"card": card, "order": order}, default=repr).decode(),
    ]
    assert [text for text in shown if NUMBER in text or "J Doe" in text] == []
    assert shown[0] == "Card(123456********5678)"
    assert not hasattr(card, "__dict__")


@pytest.mark.parametrize("work", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_card_is_not_copied(work: object) -> None:
    assert callable(work)
    with pytest.raises(TypeError, match="not copied and not stored"):
        work(_card())
