"""What contract 001 is sent, and what its answers look like.

No name here, no message and no `repr` shows a card number.
"""

import re
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError, PydanticKnownError

from tallystick.kernel import card_numbers
from tallystick.payments import cards
from tallystick.web import fields
from tallystick.web.dialects.amounts import hundredths

CUSTOMER_ID_MAX: Final = 10**12 - 1
"""Nothing longer is read as a number, so that no answer about one repeats that of a card."""

_SEPARATORS = re.compile(r"[ -]")
_NUMBER = re.compile(r"[0-9]{16}")
_LIKE_A_CARD = re.compile(r"(?<![0-9A-Za-z])[0-9](?:[ -]*[0-9]){15}(?![0-9A-Za-z])")
"""What this contract takes for a card, whoever issued it."""


def _without_card(value: str) -> str:
    """Refuse text that looks like a card number: it would be kept or shown."""
    plain = card_numbers.in_plain_digits(value)
    if _LIKE_A_CARD.search(card_numbers.blanked(plain)) or card_numbers.found(plain):
        raise PydanticCustomError(
            "card_number", "There is what looks like a card number in this text. Take it out."
        )
    return value


def _card_number(value: str) -> str:
    digits = _SEPARATORS.sub("", value)
    if not _NUMBER.fullmatch(digits):
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": "^[0-9]{16}$"})
    return digits


CardNumber = Annotated[
    str,
    StringConstraints(max_length=100),
    AfterValidator(_card_number),
    Field(
        repr=False,
        description="16 digits; spaces and dashes between them are dropped.",
        examples=["1234567812345678"],
    ),
]
Expiry = Annotated[
    str, Field(max_length=7, pattern=r"^(0[1-9]|1[0-2])-[0-9]{4}$", examples=["01-2040"])
]
JobDescription = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    AfterValidator(fields.paragraph),
    AfterValidator(_without_card),
    Field(alias="jobDescription", examples=["Website Development"]),
]
Amount = Annotated[
    int,
    BeforeValidator(hundredths, json_schema_input_type=float | str),
    Field(
        json_schema_extra={
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0},
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]{1,2})?$"},
            ]
        },
        description="Above 0, with at most 2 decimals.",
        examples=[199.99],
    ),
]
"""Hundredths, whatever the currency."""
Status = Literal["PENDING", "PAID", "CANCELLED"]


class Card(BaseModel):
    """A card, in transit only."""

    number: CardNumber
    expiry: Expiry
    name: Annotated[
        str,
        StringConstraints(max_length=100),
        AfterValidator(_without_card),
        Field(repr=False, examples=["J Doe"]),
    ]

    def taken(self) -> cards.Card:
        """Make the card that a provider takes."""
        return cards.Card(number=self.number, expiry=self.expiry, name=self.name)

    def kept(self) -> dict[str, str]:
        """Say what of it may be remembered."""
        kept = self.taken().kept
        return {"number": kept.masked, "expiry": kept.expiry}


class InvoiceRequest(BaseModel):
    """An invoice to be made, and paid at once where a card comes with it."""

    job_description: JobDescription
    amount: Amount
    customer_id: Annotated[
        int,
        Field(alias="customerId", ge=-CUSTOMER_ID_MAX, le=CUSTOMER_ID_MAX, examples=[1]),
    ]
    card: Card | None = None

    def kept(self) -> dict[str, Any]:
        """Say what of it may be remembered."""
        card = None if self.card is None else self.card.kept()
        return {**self.model_dump(exclude={"card"}), "card": card}


class InvoiceQuery(BaseModel):
    """Which part of the invoices is wanted."""

    status: Annotated[Status | None, Field(alias="invoiceStatus")] = None
    limit: Annotated[int, Field(ge=1, le=100)] = 10
    offset: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    cursor: Annotated[str | None, Field(max_length=200)] = None


class MaskedCard(BaseModel):
    """What an answer shows of the card that came with the request."""

    number: Annotated[str, Field(examples=["123456********5678"])]
    expiry: Annotated[str, Field(examples=["01-2040"])]
    name: Annotated[str, Field(examples=["J Doe"])]


class InvoiceResponse(BaseModel):
    """An invoice."""

    id: UUID
    job_description: Annotated[str, Field(alias="jobDescription", examples=["Website Development"])]
    customer_id: Annotated[int, Field(alias="customerId", examples=[1])]
    amount: Annotated[float, Field(examples=[199.99])]
    customer_name: Annotated[str, Field(alias="customerName", examples=["John Doe"])]
    customer_email: Annotated[
        str | None, Field(alias="customerEmail", examples=["john.doe@example.com"])
    ]
    invoice_status: Annotated[Status, Field(alias="invoiceStatus")]
    card: MaskedCard | None = None


class Detail(BaseModel):
    """Why something could not be done."""

    detail: str


class PaymentDetail(Detail):
    """Why an invoice is not paid; which one it is, where it was made by this request."""

    invoice_id: Annotated[UUID | None, Field(alias="invoiceId")] = None
