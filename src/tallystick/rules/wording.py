"""A rule as a sentence, so that whoever did not write it can read it."""

from collections.abc import Mapping, Sequence
from typing import Final

from tallystick.kernel import money
from tallystick.rules import catalog
from tallystick.rules.conditions import Condition, Operator, Test
from tallystick.rules.facts import Trigger, Value
from tallystick.rules.rulebook import ActiveRule

WHEN: Final[Mapping[Trigger, str]] = {
    "payment_settled": "When a payment is settled",
    "payment_recorded": "When a payment is recorded",
    "invoice_issued": "When an invoice is issued",
    "invoice_overdue": "When an invoice is overdue",
    "refund_requested": "When a refund is requested",
    "customer_changed": "When a customer is changed",
}
_COMPARED: Final[Mapping[Operator, str]] = {
    "eq": "is",
    "ne": "is not",
    "lt": "is less than",
    "lte": "is at most",
    "gt": "is more than",
    "gte": "is at least",
    "in": "is",
    "between": "is from",
    "contains": "contains",
}
_OF_DAYS: Final[Mapping[Operator, str]] = {
    **_COMPARED,
    "lt": "is before",
    "lte": "is not after",
    "gt": "is after",
    "gte": "is not before",
}


def sentence(rule: ActiveRule) -> str:
    """Say what a rule does, and when."""
    when = WHEN[rule.fires_on]
    about = ""
    if rule.customer_kind is not None:
        about = f" of a {rule.customer_kind} customer"
    elif rule.customer_id is not None:
        about = " of one customer"
    if rule.condition is not None:
        about += f" and {_said(rule.condition, rule.currency, inner=False)}"
    done = ", then ".join(catalog.said(action, rule.currency) for action in rule.actions)
    return f"{when}{about}: {done}."


def _said(condition: Condition, currency: str, *, inner: bool) -> str:
    if isinstance(condition, Test):
        return _tested(condition, currency)
    joint = " and " if condition.every else " or "
    text = joint.join(_said(part, currency, inner=True) for part in condition.parts)
    return f"({text})" if inner and len(condition.parts) > 1 else text


def _tested(test: Test, currency: str) -> str:
    subject = test.field.words
    if test.operator == "is_null":
        return f"{subject} is {'empty' if test.values[0] else 'given'}"
    compared = _OF_DAYS if test.field.type == "date" else _COMPARED
    values = [_value(test, value, currency) for value in test.values]
    joined = f"{values[0]} to {values[1]}" if test.operator == "between" else _either(values)
    return f"{subject} {compared[test.operator]} {joined}"


def _either(values: Sequence[str]) -> str:
    if len(values) == 1:
        return values[0]
    return f"{', '.join(values[:-1])} or {values[-1]}"


def _value(test: Test, value: Value, currency: str) -> str:
    if test.field.type == "money":
        assert isinstance(value, int), "amounts were read as minor units"
        return f"{money.text(value, currency)} {currency}"
    if test.field.type == "text":
        return f"“{value}”"
    return str(value).replace("_", " ") if test.field.type == "word" else str(value)
