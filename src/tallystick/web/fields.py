"""The types of members and parameters, each with its limits, a sentence and an example.

Amounts, quantities and rates are strings here; the operation that knows the currency reads them.
JSON Schema shows the form of such a string, and the refusal comes from the one reader of the
kernel, which says better what is wrong.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from tallystick.kernel import card_numbers, money
from tallystick.kernel.paging import LIMIT_DEFAULT, LIMIT_MAX
from tallystick.kernel.searching import TEXT_MAX

DAY_MIN: Final = date(1900, 1, 1)
DAY_MAX: Final = date(2199, 12, 31)
"""Days in a command lie between these two: all else is a slip, and adds up to no real date."""

_LOOKED_AT_MAX: Final = 10_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_BREAKS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DAY_SCHEMA = r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_MOMENT_SCHEMA = (
    r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?Z$"
)


SLUG: Final = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
COUNTRY: Final = "^[A-Z]{2}$"
LANGUAGE: Final = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*$"
SERIES: Final = "^[A-Z][A-Z0-9]{0,11}$"
METHOD: Final = "^[a-z][a-z0-9_]*$"
ROLE_NAME: Final = "^[a-z][a-z0-9_-]*$"
WANTED: Final[Mapping[str, str]] = {
    SLUG: "Write small letters, digits and hyphens between them, such as northfield.",
    COUNTRY: "Write the two capital letters of a country (ISO 3166-1), such as ES.",
    LANGUAGE: "Write the tag of a language (BCP 47), such as es or pt-BR.",
    SERIES: "Write 1 to 12 capital letters and digits, a letter first, such as INV.",
    METHOD: "Write small letters, digits and underscores, a letter first, such as cash.",
    ROLE_NAME: "Write small letters, digits, hyphens and underscores, a letter first, such as "
    "bookkeeper.",
}
"""What is said where a text has none of these forms."""


class Body(BaseModel):
    """A body that was sent: nothing unknown in it, no type guessed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


UNNAMED: Any = None
"""The default of a member that may be left out and may not be null."""


def _without_defaults(schema: dict[str, Any]) -> None:
    for member in schema.get("properties", {}).values():
        member.pop("default", None)


class Part(Body):
    """A body in which it matters which members were named."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    def named(self) -> dict[str, Any]:
        """Give the members that were named, null ones included, as plain values."""
        return self.model_dump(exclude_unset=True)


class View(BaseModel):
    """What an answer looks like, for its readers; answers are not made through it."""

    model_config = ConfigDict(extra="forbid")


class Query(BaseModel):
    """The parameters of a query: nothing unknown among them."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PageQuery(Query):
    """The parameters of every list."""

    limit: Annotated[
        int,
        Field(ge=1, le=LIMIT_MAX, description="How many items a page has at most.", examples=[20]),
    ] = LIMIT_DEFAULT
    cursor: Annotated[
        str | None,
        Field(
            max_length=200,
            description="The `next` of the page before, with the same filters.",
            examples=[None],
        ),
    ] = None


def line(value: str) -> str:
    """Refuse control characters, line breaks too, text that is only spaces, and card numbers."""
    if _CONTROL.search(value):
        raise PydanticCustomError(
            "tallystick_control_character",
            "There is a control character in this text, such as a line break or NUL. Remove it.",
        )
    return _written(value)


def paragraph(value: str) -> str:
    """Refuse control characters but line breaks, text that is only spaces, and card numbers."""
    if _CONTROL_BUT_BREAKS.search(value):
        raise PydanticCustomError(
            "tallystick_control_character",
            "There is a control character in this text, such as NUL. Remove it.",
        )
    return _written(value)


def _written(value: str) -> str:
    if value and not value.strip():
        raise PydanticCustomError(
            "tallystick_blank", "There are only spaces here. Write something."
        )
    return without_card(value)


def without_card(value: str) -> str:
    """Refuse what looks like the number of a payment card."""
    # Longer ones are refused for their length.
    if card_numbers.found(value[:_LOOKED_AT_MAX]):
        raise PydanticCustomError(
            "tallystick_card_number",
            "There is a number in this text that looks like that of a payment card, and those are "
            "not kept here. Write its last four digits at most.",
        )
    return value


def _day(value: Any) -> date:
    try:
        day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except (TypeError, ValueError):
        day = None
    if day is None:
        raise PydanticCustomError("tallystick_day", "Write a day as a string such as 2026-11-20.")
    if not DAY_MIN <= day <= DAY_MAX:
        raise PydanticCustomError(
            "tallystick_day_range", f"Write a day from {DAY_MIN} to {DAY_MAX}."
        )
    return day


_LINE_SCHEMA = {"pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$"}

Word = Annotated[str, AfterValidator(without_card)]
"""Text whose pattern says what may be in it."""
Line = Annotated[str, AfterValidator(line), Field(json_schema_extra=_LINE_SCHEMA)]
"""Text on one line."""
Paragraph = Annotated[str, AfterValidator(paragraph), Field(max_length=2000)]
"""Text that may have line breaks."""
Looked = Annotated[
    Line | None,
    Field(
        min_length=1,
        max_length=TEXT_MAX,
        description="Text anywhere in the names or numbers, in capitals or not.",
        examples=["okonkwo"],
    ),
]
"""What a list is searched for."""
Day = Annotated[
    date,
    BeforeValidator(_day),
    Field(
        json_schema_extra={"format": "date", "pattern": _DAY_SCHEMA},
        examples=["2026-11-20"],
    ),
]
"""A calendar day in the organization's time zone."""


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if _MOMENT.fullmatch(value) else None
    except (TypeError, ValueError):
        moment = None
    if moment is None:
        raise PydanticCustomError(
            "tallystick_moment", "Write a moment in UTC as a string such as 2026-11-20T09:15:00Z."
        )
    if not DAY_MIN <= moment.date() <= DAY_MAX:
        raise PydanticCustomError(
            "tallystick_moment_range", f"Write a moment from {DAY_MIN} to {DAY_MAX}."
        )
    return moment


GivenMoment = Annotated[
    datetime,
    BeforeValidator(_moment),
    Field(
        json_schema_extra={"format": "date-time", "pattern": _MOMENT_SCHEMA},
        description="RFC 3339, UTC.",
        examples=["2027-11-20T09:15:00Z"],
    ),
]
"""A moment that is sent."""

ID_EXAMPLE: Final = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"
Id = Annotated[UUID, Field(examples=[ID_EXAMPLE])]
"""The id of an object, a UUID of version 7."""

_AMOUNT = r"^[0-9]{1,16}(\.[0-9]{1,4})?$"
_QUANTITY = r"^[0-9]{1,9}(\.[0-9]{1,6})?$"
_PERCENT = r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)$"

Amount = Annotated[
    str,
    Field(max_length=40, json_schema_extra={"pattern": _AMOUNT}, examples=["199.99"]),
]
"""An amount as a decimal string, with at most the decimals of its currency."""
Quantity = Annotated[
    str,
    Field(max_length=40, json_schema_extra={"pattern": _QUANTITY}, examples=["1.5"]),
]
"""A quantity as a decimal string above 0, with at most 6 decimals."""
Percent = Annotated[
    str,
    Field(max_length=40, json_schema_extra={"pattern": _PERCENT}, examples=["19"]),
]
"""A rate in percent as a decimal string, with at most 4 decimals."""
CurrencyCode = Annotated[
    str,
    Field(
        max_length=40,
        json_schema_extra={"enum": sorted(money.EXPONENTS)},
        description="ISO 4217 code in capitals.",
        examples=["EUR"],
    ),
]
Moment = Annotated[
    str,
    Field(
        json_schema_extra={"format": "date-time"},
        description="RFC 3339, UTC, with microseconds.",
        examples=["2026-11-20T09:15:00.000000Z"],
    ),
]
Version = Annotated[
    int,
    Field(ge=1, description="Counts the changes; also the ETag, in quotes.", examples=[1]),
]

NextCursor = Annotated[
    str | None,
    Field(
        description="The `cursor` of the next page; null on the last one.",
        examples=["2f8yq2u1m0v3n5h7k9d1cQGPTB57Knw9nk9aa3yNng8"],
    ),
]
