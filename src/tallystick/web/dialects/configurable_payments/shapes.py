"""What contract 000 is sent, and what its answers look like.

The words of a configuration are read by `words`, which says of a wrong one which ones there are.
"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt
from pydantic_core import PydanticCustomError, PydanticKnownError

from tallystick.web.dialects.amounts import plain

Status = Literal["Unpaid", "Paid", "Void"]


def number(value: Any) -> str:
    """Read a number of JSON as it was written, without an exponent and without zeros at its end."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PydanticCustomError("number_type", "This is a number, such as 500 or 500.25")
    written = plain(value)
    return written.rstrip("0").rstrip(".") if "." in written else written


def _above_zero(value: Any) -> str:
    written = number(value)
    if Decimal(written) <= 0:
        raise PydanticKnownError("greater_than", {"gt": 0})
    return written


Amount = Annotated[
    str,
    BeforeValidator(_above_zero),
    Field(
        json_schema_extra={"type": "number", "exclusiveMinimum": 0},
        description="Above 0, with no more decimals than the currency has.",
        examples=[500],
    ),
]


class NewPayment(BaseModel):
    """A payment of an invoice."""

    invoice_id: Annotated[StrictInt, Field(examples=[1])]
    amount: Amount


def _one_of(*names: str) -> Any:
    """Document the words that there are; they are not judged here."""
    return Field(json_schema_extra={"type": "string", "enum": list(names)})


class Conditions(BaseModel):
    """When a configuration applies; without members, always."""

    model_config = ConfigDict(extra="forbid")

    check_field: Annotated[
        Any, _one_of("status", "amount", "amount_due", "invoice_id", "customer_id")
    ] = None
    expected_value: Annotated[Any, Field(examples=["Unpaid"])] = None


class Action(BaseModel):
    """What a configuration does."""

    model_config = ConfigDict(extra="forbid")

    action_type: Annotated[Any, _one_of("update")]
    target_field: Annotated[Any, _one_of("status", "payment_threshold")]
    new_value: Annotated[Any, Field(examples=["Paid"])]


class NewConfiguration(BaseModel):
    """Something that is to be configured."""

    model_config = ConfigDict(extra="forbid")

    instance_type: Annotated[Any, _one_of("payment", "customer")]
    conditions: Conditions | None = None
    actions: Annotated[list[Action], Field(min_length=1, max_length=1)]


class Message(BaseModel):
    """What was done."""

    message: str


class Refusal(Message):
    """Why something was not done."""

    code: str


class Invoice(BaseModel):
    """An invoice."""

    invoice_id: int
    customer_id: int
    amount_due: Annotated[float, Field(description="What the invoice comes to.", examples=[500])]
    status: Status
    payment_date: Annotated[
        date | None, Field(description="The day of the payment that settled it.")
    ]


class Configuration(BaseModel):
    """Something that is configured."""

    id: int
    instance_type: Literal["payment", "customer"]
    conditions: Conditions
    actions: list[Action]
    enabled: bool
