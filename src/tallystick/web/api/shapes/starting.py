"""Payments to be started at a provider, as the API takes them."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, PlainValidator
from pydantic_core import PydanticCustomError

from tallystick.payments.cards import Card
from tallystick.payments.planning import INVOICES_MAX
from tallystick.web.api.shapes.payments import InvoiceShare, Note, Reference
from tallystick.web.fields import Amount, Body, CurrencyCode, Id, Line, Word, line

_MEMBERS: Final = {"number", "expiry", "name"}
_NAME_MAX: Final = 100
_URL_MAX: Final = 2000
_SPACE = re.compile(r"\s")


class SentCard(Body):
    """A card. There is no member for its security code."""

    number: Annotated[
        str,
        Field(
            min_length=12,
            max_length=40,
            json_schema_extra={"pattern": "^[0-9](?:[ -]?[0-9]){11,18}$"},
            description="12 to 19 digits; spaces and dashes are dropped. It is sent to the "
            "provider and kept nowhere.",
            examples=["1234 5678 1234 5678"],
        ),
    ]
    expiry: Annotated[
        str,
        Field(
            json_schema_extra={"pattern": "^(0[1-9]|1[0-2])-[0-9]{4}$"},
            description="Month and year.",
            examples=["01-2040"],
        ),
    ]
    name: Annotated[
        Line,
        Field(
            min_length=1, max_length=_NAME_MAX, description="As on the card.", examples=["J Doe"]
        ),
    ]


def _card(sent: Any) -> Card:
    """Read a card without repeating anything of it: no value, and no name of a member either."""
    if not isinstance(sent, dict) or set(sent) != _MEMBERS:
        raise _no_card("A card is an object of number, expiry and name, and of nothing else.")
    if not all(isinstance(value, str) for value in sent.values()):
        raise _no_card("Write number, expiry and name of a card as strings.")
    if not 1 <= len(sent["name"]) <= _NAME_MAX:
        raise _no_card(f"The name on a card has 1 to {_NAME_MAX} characters.")
    line(sent["name"])
    try:
        return Card(**sent)
    except ValueError as error:
        raise _no_card(str(error)) from None


def _no_card(message: str) -> PydanticCustomError:
    # The message is a template; none of ours has a brace.
    return PydanticCustomError("tallystick_card", message)


def _address(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or _SPACE.search(value):
        raise PydanticCustomError(
            "tallystick_address", "Write a whole address that begins with https:// or http://."
        )
    return value


class NewOnlinePayment(Body):
    """Money that a provider is to take, and what it pays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "currency": "EUR",
                    "invoices": [{"invoice_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"}],
                    "card": {
                        "number": "1234 5678 1234 5678",
                        "expiry": "01-2040",
                        "name": "J Doe",
                    },
                }
            ]
        }
    )

    currency: CurrencyCode
    provider: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=30,
            description="Who takes it, as GET /v1/providers lists them; left out takes the only "
            "one, or fakepay.",
            examples=["fakepay"],
        ),
    ] = None
    amount: Annotated[
        Amount | None,
        Field(
            description="What is to be taken, above 0 and no more than what is due; left out "
            "takes what the invoices name, or all that is due of them.",
            examples=["500.00"],
        ),
    ] = None
    invoices: Annotated[
        list[InvoiceShare],
        Field(
            max_length=INVOICES_MAX,
            description="The invoices that it pays, of one customer.",
            examples=[[{"invoice_id": "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"}]],
        ),
    ] = Field(default=[])
    customer_id: Annotated[
        Id | None,
        Field(
            description="Who pays. Alone, without invoices, the oldest due is paid first.",
            examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"],
        ),
    ] = None
    return_url: Annotated[
        Annotated[Word, AfterValidator(_address)] | None,
        Field(
            min_length=1,
            max_length=_URL_MAX,
            json_schema_extra={"pattern": r"^https?://[^/\s]+"},
            description="Where the provider's own page sends the payer afterwards.",
            examples=["https://school.example/paid"],
        ),
    ] = None
    description: Annotated[
        Line | None,
        Field(
            min_length=1,
            max_length=255,
            description="What the payer reads at the provider; left out names the invoices.",
            examples=["Tuition, autumn term"],
        ),
    ] = None
    reference: Reference = None
    note: Note = None
    card: Annotated[
        Card | None,
        PlainValidator(
            lambda sent: None if sent is None else _card(sent),
            json_schema_input_type=SentCard | None,
        ),
        Field(description="In development only, for a provider that takes cards itself."),
    ] = None

    def texts(self) -> Iterator[tuple[str, str]]:
        """Give every text that would be kept, each after the pointer to its place."""
        for name in ("description", "reference", "note", "return_url"):
            text = getattr(self, name)
            if text is not None:
                yield f"/{name}", text
