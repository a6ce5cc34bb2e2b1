"""Amounts, quantities, rates and discounts: decimal strings outside, whole units inside."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from tallystick.invoices.queries import DiscountDocument
from tallystick.invoices.totals import (
    MILLION,
    PERCENT_DECIMALS,
    QUANTITY_DECIMALS,
    QUANTITY_MAX_MICRO,
    Discount,
)
from tallystick.kernel import money
from tallystick.kernel.decimals import parse_scaled, scaled_text
from tallystick.kernel.errors import Invalid, shown
from tallystick.web.fields import UNNAMED, Amount, Part, Percent

_ONE_MEMBER: dict[str, Any] = {"minProperties": 1, "maxProperties": 1}


class DiscountGiven(Part):
    """A discount: either a fixed amount or a percentage."""

    model_config = ConfigDict(json_schema_extra=_ONE_MEMBER)

    fixed: Annotated[
        Amount, Field(description="An amount in the currency of the invoice.", examples=["5.00"])
    ] = UNNAMED
    percent: Annotated[
        Percent, Field(description="In percent, above 0 and at most 100.", examples=["10"])
    ] = UNNAMED

    @model_validator(mode="after")
    def _one(self) -> "DiscountGiven":
        if len(self.model_fields_set) != 1:
            raise PydanticCustomError(
                "tallystick_discount", "A discount is either fixed or percent. Name one of them."
            )
        return self


def not_negative(written: str, currency: str, *, pointer: str) -> int:
    """Read an amount of 0 or more as minor units.

    Raises:
        Invalid: money.negative, and the codes of `money.parse`.
    """
    minor = money.parse(written, currency, pointer=pointer)
    if minor < 0:
        message = f"{shown(written)} is below zero. Prices and discounts are 0 or more."
        raise Invalid("money.negative", message, pointer=pointer)
    return minor


def quantity_micro(written: str, *, pointer: str) -> int:
    """Read a quantity above 0 as millionths of a unit.

    Raises:
        Invalid: invoice.quantity_malformed.
    """
    return parse_scaled(
        written,
        decimals=QUANTITY_DECIMALS,
        minimum=1,
        maximum=QUANTITY_MAX_MICRO,
        code="invoice.quantity_malformed",
        pointer=pointer,
    )


def tax_rate_ppm(written: str, *, pointer: str) -> int:
    """Read a tax rate in percent as parts per million.

    Raises:
        Invalid: invoice.tax_rate_malformed.
    """
    return parse_scaled(
        written,
        decimals=PERCENT_DECIMALS,
        maximum=MILLION,
        code="invoice.tax_rate_malformed",
        pointer=pointer,
    )


def discount(sent: DiscountGiven | None, currency: str, *, pointer: str) -> Discount | None:
    """Read a discount.

    Raises:
        Invalid: invoice.discount_malformed, money.negative, and the codes of `money.parse`.
    """
    if sent is None:
        return None
    if "fixed" in sent.model_fields_set:
        return Discount("fixed", not_negative(sent.fixed, currency, pointer=f"{pointer}/fixed"))
    ppm = parse_scaled(
        sent.percent,
        decimals=PERCENT_DECIMALS,
        minimum=1,
        maximum=MILLION,
        code="invoice.discount_malformed",
        pointer=f"{pointer}/percent",
    )
    return Discount("percent", ppm)


def percent_text(ppm: int) -> str:
    """Write parts per million in percent: "19", "8.875"."""
    return scaled_text(ppm, PERCENT_DECIMALS)


def quantity_text(micro: int) -> str:
    """Write millionths of a unit: "1.5"."""
    return scaled_text(micro, QUANTITY_DECIMALS)


def discount_shown(kept: DiscountDocument | None, currency: str) -> dict[str, Any] | None:
    """Show a discount as it was sent."""
    if kept is None:
        return None
    if kept["kind"] == "fixed":
        return {"fixed": money.text(kept["value"], currency)}
    return {"percent": percent_text(kept["value"])}
