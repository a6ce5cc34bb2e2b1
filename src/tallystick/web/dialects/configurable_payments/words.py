"""From the words of contract 000 to our conditions and tolerances, and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic_core import PydanticCustomError, PydanticKnownError

from tallystick.kernel import money
from tallystick.kernel.errors import Invalid
from tallystick.parties.organizations import OrganizationDocument
from tallystick.rules.conditions import kind_of, malformed, unknown_name
from tallystick.rules.queries import RuleDocument
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.configurable_payments import numbers
from tallystick.web.dialects.configurable_payments.shapes import (
    Action,
    Conditions,
    NewConfiguration,
    number,
)

SETTLES: Final = [{"action": "settle_within_tolerance"}]
"""What the contract calls `status: Paid`, the one lawful way from an open rest to paid."""

PAYMENT, CUSTOMER = "payment", "customer"
_FIELDS: Final[Mapping[str, Mapping[str, str]]] = {
    PAYMENT: {
        "status": "invoice.payment_status",
        "amount": "payment.amount",
        "amount_due": "invoice.amount",
        "invoice_id": "invoice.id",
        "customer_id": "customer.id",
    },
    CUSTOMER: {"customer_id": "customer.id"},
}
"""What can be asked about, by instance type, and what it is here."""
_TARGETS: Final[Mapping[str, str]] = {PAYMENT: "status", CUSTOMER: "payment_threshold"}
_ACTION: Final = "update"
_NUMBERED: Final[Mapping[str, numbers.Kind]] = {"invoice_id": "invoice", "customer_id": "customer"}
_STATUSES: Final[Mapping[str, tuple[str, Any]]] = {
    "Unpaid": ("in", ["unpaid", "partial"]),
    "Paid": ("eq", "paid"),
}
_OURS: Final = {field: name for name, field in _FIELDS[PAYMENT].items()}

Condition = dict[str, Any] | None
"""Ours, as it is written; None applies always."""


@dataclass(frozen=True, slots=True)
class Settles:
    """A payment configuration: what is left over of an invoice is settled within the tolerance."""

    condition: Condition
    name: str


@dataclass(frozen=True, slots=True)
class Tolerates:
    """A customer configuration: the tolerance of a customer, or of all, in minor units."""

    customer_id: UUID | None
    amount: int


Wanted = Settles | Tolerates


async def read(
    call: DialectCall, organization: OrganizationDocument, body: NewConfiguration
) -> Wanted:
    """Read a configuration, and check all of it.

    Refuses:
        rule.malformed: with the words that there are.
        money.precision, money.too_large

    Raises:
        Said: it names an invoice or a customer that is not there.
    """
    instance = body.instance_type
    if not isinstance(instance, str) or instance not in _FIELDS:
        raise unknown_name("/instance_type", "instance_type", instance, _FIELDS)
    value = _new_value(instance, body.actions[0])
    name, expected = _checked(instance, body.conditions)
    if instance == PAYMENT:
        said = "after every payment" if name is None else f"when {name} is {expected}"
        return Settles(await _condition(call, organization, name, expected), f"Paid {said}")
    customer_id = None
    if name is not None:
        customer_id = await _found(call, organization, name, expected)
    place = "/actions/0/new_value"
    return Tolerates(customer_id, _minor(value, organization["currency"], place))


def written(document: RuleDocument) -> tuple[str, Any] | None:
    """Write our condition in the words of the contract, as field and value; None for always.

    Ids stay ours.
    """
    condition = document["condition"]
    if condition is None:
        return None
    name, value = _OURS[condition["field"]], condition["value"]
    if name == "status":
        return name, next(
            status
            for status, form in _STATUSES.items()
            if form == (condition["operator"], condition["value"])
        )
    if name in _NUMBERED:
        return name, UUID(value)
    currency = document["currency"]
    return name, amount(money.parse(value, currency), currency)


def can_be_written(document: RuleDocument, currency: str) -> bool:
    """Tell whether the contract has words for a rule."""
    about = ("customer_id", "customer_kind", "valid_from", "valid_until")
    if (
        document["trigger"] != "payment_settled"
        or document["actions"] != SETTLES
        or document["currency"] != currency
        or any(document[name] is not None for name in about)  # type: ignore[literal-required]
    ):
        return False
    condition = document["condition"]
    if condition is None:
        return True
    field = condition.get("field")
    if field == _FIELDS[PAYMENT]["status"]:
        return (condition["operator"], condition["value"]) in _STATUSES.values()
    return field in _OURS and condition["operator"] == "eq"


def amount(minor: int, currency: str) -> Any:
    """Show an amount as a number of JSON, exactly; a whole one as an integer."""
    whole, rest = divmod(minor, 10 ** money.exponent(currency))
    return orjson.Fragment(money.text(minor, currency)) if rest else whole


def _new_value(instance: str, action: Action) -> Any:
    if action.action_type != _ACTION:
        name = action.action_type
        raise unknown_name("/actions/0/action_type", "action_type", name, [_ACTION])
    target, name = _TARGETS[instance], action.target_field
    if name != target:
        place = "/actions/0/target_field"
        if not isinstance(name, str) or name not in _TARGETS.values():
            raise unknown_name(place, "target_field", name, _TARGETS.values())
        raise malformed(place, f"The target_field of {instance} is {target}, not {name}.")
    if instance == PAYMENT and action.new_value != "Paid":
        place = "/actions/0/new_value"
        raise unknown_name(place, "new_value for status", action.new_value, ["Paid"])
    return action.new_value


def _checked(instance: str, conditions: Conditions | None) -> tuple[str | None, Any]:
    if conditions is None or not conditions.model_fields_set:
        return None, None
    name = conditions.check_field
    if not isinstance(name, str) or name not in _FIELDS[instance]:
        place, what = "/conditions/check_field", f"check_field for {instance}"
        raise unknown_name(place, what, name, _FIELDS[instance])
    return name, conditions.expected_value


async def _condition(
    call: DialectCall, organization: OrganizationDocument, name: str | None, expected: Any
) -> Condition:
    if name is None:
        return None
    field, place = _FIELDS[PAYMENT][name], "/conditions/expected_value"
    if name == "status":
        if not isinstance(expected, str) or expected not in _STATUSES:
            raise unknown_name(place, "expected_value for status", expected, _STATUSES)
        operator, value = _STATUSES[expected]
        return {"field": field, "operator": operator, "value": value}
    if name in _NUMBERED:
        value = str(await _found(call, organization, name, expected))
    else:
        currency = organization["currency"]
        value = money.text(_minor(expected, currency, place), currency)
    return {"field": field, "operator": "eq", "value": value}


async def _found(
    call: DialectCall, organization: OrganizationDocument, name: str, expected: Any
) -> UUID:
    if type(expected) is not int:
        message = f"expected_value for {name} is a whole number, not {kind_of(expected)}."
        raise malformed("/conditions/expected_value", message)
    return await numbers.found(call, organization, _NUMBERED[name], expected)


def _minor(value: Any, currency: str, place: str) -> int:
    member = place.rpartition("/")[2]
    try:
        read = money.parse(number(value), currency, pointer=place)
    except (PydanticCustomError, PydanticKnownError):
        message = f"{member} is a number here, such as 50 or 50.25, not {kind_of(value)}."
        raise malformed(place, message) from None
    if read < 0:
        raise Invalid("rule.malformed", f"{member} is 0 or more.", pointer=place)
    return read
