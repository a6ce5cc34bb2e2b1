"""The form of a condition: read from JSON and checked whole, then asked as often as needed.

    {"all": [CONDITION, ...]}    every one holds
    {"any": [CONDITION, ...]}    at least one holds
    {"field": NAME, "operator": OPERATOR, "value": VALUE}

Amounts are decimal texts in the currency of the rule, dates texts such as 2026-11-20. `in` takes a
list, `between` a pair whose ends belong to it, `is_null` takes true or false. A field that is empty
is nothing: of it only `is_null` is true.
"""

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final, Literal, get_args
from uuid import UUID

from tallystick.kernel import card_numbers, money
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.rules.facts import Facts, Field, Trigger, Type, Value, known

DEPTH_MAX: Final = 8
"""Groups within groups."""
TESTS_MAX: Final = 50
"""Comparisons in one condition, each counted as often as it has values."""
TEXT_MAX: Final = 255
NUMBER_MAX: Final = 10**6

Operator = Literal["eq", "ne", "lt", "lte", "gt", "gte", "in", "between", "contains", "is_null"]
OPERATORS: tuple[Operator, ...] = get_args(Operator)
_ORDERED: Final[tuple[Operator, ...]] = ("eq", "ne", "lt", "lte", "gt", "gte", "in", "between")
OPERATORS_OF: Final[Mapping[Type, tuple[Operator, ...]]] = {
    "money": (*_ORDERED, "is_null"),
    "number": (*_ORDERED, "is_null"),
    "date": (*_ORDERED, "is_null"),
    "text": ("eq", "ne", "in", "contains", "is_null"),
    "word": ("eq", "ne", "in", "is_null"),
    "id": ("eq", "ne", "in", "is_null"),
}


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of a field."""

    field: Field
    operator: Operator
    values: tuple[Value, ...]
    """One; two for between, in order; as many as there are for in; a 0 or 1 for is_null."""


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions, all of which must hold or any."""

    every: bool
    parts: "tuple[Condition, ...]"


Condition = Test | Group


def read(document: Any, trigger: Trigger, currency: str, *, kept: bool = False) -> Condition:
    """Read a condition from JSON that a person has written, and check all of it.

    Args:
        document: anything that JSON can say.
        trigger: decides which fields there are.
        currency: ISO 4217; decides how many decimals an amount may have.
        kept: whether it was saved already; what cannot be anybody's value is refused before that,
            and one that was saved before there was this check goes on as it did.

    Refuses:
        rule.malformed: with the place, what is allowed there and what may have been meant.
    """
    return _Reader(known(trigger), currency, kept=kept).condition(document, "/condition", 1)


def write(condition: Condition, currency: str) -> dict[str, Any]:
    """Write a condition as JSON, as `read` takes it."""
    if isinstance(condition, Group):
        name = "all" if condition.every else "any"
        return {name: [write(part, currency) for part in condition.parts]}
    value: Any
    if condition.operator == "is_null":
        value = bool(condition.values[0])
    else:
        value = [_written(condition.field.type, each, currency) for each in condition.values]
        if condition.operator not in {"in", "between"}:
            [value] = value
    return {"field": condition.field.name, "operator": condition.operator, "value": value}


def holds(condition: Condition, facts: Facts) -> bool:
    """Tell whether a condition holds. It costs no more than one look at each of its tests."""
    if isinstance(condition, Group):
        # Every payment asks each rule, and a loop costs half of what all() and any() do.
        for part in condition.parts:
            if holds(part, facts) is not condition.every:
                return not condition.every
        return condition.every
    found, values = facts.get(condition.field.name), condition.values
    if condition.operator == "is_null":
        return (found is None) == bool(values[0])
    return found is not None and _COMPARE[condition.operator](found, values)


def tests(condition: Condition) -> Iterator[Test]:
    """Give every comparison of a condition, in the order in which it is read."""
    if isinstance(condition, Test):
        yield condition
        return
    for part in condition.parts:
        yield from tests(part)


_COMPARE: Final[Mapping[Operator, Callable[[Any, tuple[Any, ...]], bool]]] = {
    "eq": lambda found, values: bool(found == values[0]),
    "ne": lambda found, values: bool(found != values[0]),
    "lt": lambda found, values: bool(found < values[0]),
    "lte": lambda found, values: bool(found <= values[0]),
    "gt": lambda found, values: bool(found > values[0]),
    "gte": lambda found, values: bool(found >= values[0]),
    "in": lambda found, values: found in values,
    "between": lambda found, values: bool(values[0] <= found <= values[1]),
    "contains": lambda found, values: values[0].casefold() in found.casefold(),
}


class _Reader:
    """Reads one condition; it counts what it has read."""

    def __init__(self, fields: Mapping[str, Field], currency: str, *, kept: bool) -> None:
        self._fields = fields
        self._currency = currency
        self._kept = kept
        self._left = TESTS_MAX

    def condition(self, document: Any, place: str, depth: int) -> Condition:
        if not isinstance(document, dict):
            raise malformed(place, f"A condition is an object, not {kind_of(document)}.")
        if depth > DEPTH_MAX:
            raise malformed(place, f"Groups stand at most {DEPTH_MAX} deep in each other.")
        names = set(document)
        if names in ({"all"}, {"any"}):
            [name] = names
            return self._group(document[name], f"{place}/{name}", depth, every=name == "all")
        if names == {"field", "operator", "value"}:
            return self._test(document, place)
        raise malformed(
            place,
            "A condition has the one member all, or the one member any, or the three members "
            f"field, operator and value. This one has {_listed(document)}.",
        )

    def _group(self, parts: Any, place: str, depth: int, *, every: bool) -> Group:
        if not isinstance(parts, list) or not parts:
            raise malformed(place, "This is a list of at least one condition.")
        if len(parts) > self._left:
            raise malformed(place, f"A condition has at most {TESTS_MAX} comparisons.")
        read_parts = [
            self.condition(part, f"{place}/{index}", depth + 1) for index, part in enumerate(parts)
        ]
        return Group(every, tuple(read_parts))

    def _test(self, document: dict[str, Any], place: str) -> Test:
        name, operator, value = (document[each] for each in ("field", "operator", "value"))
        field = self._fields.get(name) if isinstance(name, str) else None
        if field is None:
            raise unknown_name(f"{place}/field", "field", name, self._fields)
        allowed = OPERATORS_OF[field.type]
        if operator not in allowed:
            raise unknown_name(f"{place}/operator", f"operator for {field.name}", operator, allowed)
        values = self._values(field, operator, value, f"{place}/value")
        self._left -= len(values)
        if self._left < 0:
            raise malformed(place, f"A condition has at most {TESTS_MAX} comparisons.")
        return Test(field, operator, values)

    def _values(self, field: Field, operator: str, value: Any, place: str) -> tuple[Value, ...]:
        if operator == "is_null":
            if not isinstance(value, bool):
                raise malformed(place, f"is_null takes true or false, not {kind_of(value)}.")
            return (int(value),)
        if operator not in {"in", "between"}:
            return (self._formed(field, operator, value, place),)
        if not isinstance(value, list) or not value or len(value) > self._left:
            message = f"{operator} takes a list of 1 to {self._left} values."
            raise malformed(place, message)
        values = tuple(
            self._formed(field, operator, each, f"{place}/{index}")
            for index, each in enumerate(value)
        )
        if operator == "between" and (len(values) != len("ab") or _reversed(values)):
            raise malformed(place, "between takes two values, the lower one first.")
        return values

    def _formed(self, field: Field, operator: str, value: Any, place: str) -> Value:
        """Read a value that the field can have; `contains` takes a part of one."""
        found = self._value(field, value, place)
        if field.form is not None and operator != "contains" and not self._kept:
            wrong = field.form.wrong(str(found))
            if wrong is not None:
                raise malformed(place, wrong)
        return found

    def _value(self, field: Field, value: Any, place: str) -> Value:
        if field.type == "number":
            if type(value) is not int or not -NUMBER_MAX <= value <= NUMBER_MAX:
                found = shown(value) if type(value) is int else kind_of(value)
                bounds = f"from {-NUMBER_MAX} to {NUMBER_MAX}"
                message = f"{field.name} is compared with a whole number {bounds}, not {found}."
                raise malformed(place, message)
            return value
        if not isinstance(value, str):
            message = (
                f"{field.name} is compared with {_EXAMPLES[field.type]}, not {kind_of(value)}."
            )
            raise malformed(place, message)
        if not 0 < len(value) <= TEXT_MAX:
            raise malformed(place, f"This is a text of 1 to {TEXT_MAX} characters.")
        if field.type == "word" and value not in field.choices:
            raise unknown_name(place, field.name, value, field.choices)
        return self._parsed(field, value, place)

    def _parsed(self, field: Field, value: str, place: str) -> Value:
        try:
            if field.type == "money":
                return money.parse(value, self._currency, pointer=place)
            if field.type == "date":
                return _day(value)
            if field.type == "id":
                return UUID(value)
        except (Refused, ValueError):
            message = (
                f"{shown(value)} cannot be compared with {field.name}. "
                f"It takes {_EXAMPLES[field.type]}."
            )
            raise malformed(place, message) from None
        if _CONTROL.search(value):
            message = "There is a control character in this text, such as a line break. Remove it."
            raise malformed(place, message)
        if card_numbers.found(value):
            message = "This text looks like the number of a payment card, which is not kept here."
            raise malformed(place, message)
        return value


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EXAMPLES: Final[Mapping[Type, str]] = {
    "money": 'a decimal text such as "100.00"',
    "number": "a whole number",
    "date": 'a day such as "2026-11-20"',
    "text": "a text",
    "word": "one of its words",
    "id": "an id in its text form",
}


def malformed(place: str, message: str) -> Invalid:
    """Say what is wrong at one place of a rule."""
    return Invalid("rule.malformed", message, pointer=place)


def unknown_name(place: str, what: str, name: Any, allowed: Collection[str]) -> Invalid:
    """Say that a name is none of those there are, and which one may have been meant."""
    message = f"There is no {what} {shown(name) if isinstance(name, str) else kind_of(name)}."
    near = difflib.get_close_matches(str(name)[:TEXT_MAX], allowed, n=1) if name else []
    meant = f" Did you mean {near[0]}?" if near else ""
    return malformed(place, f"{message}{meant} There are {', '.join(allowed) or 'none'}.")


def _day(value: str) -> date:
    day = date.fromisoformat(value)
    # It reads weeks too, and days without hyphens.
    if day.isoformat() != value:
        raise ValueError(value)
    return day


def _reversed(values: tuple[Any, ...]) -> bool:
    return bool(values[0] > values[1])


def _listed(names: Iterable[str]) -> str:
    few = [shown(name) for name in islice(names, 5)]
    return ", ".join(few) if few else "none"


def kind_of(value: Any) -> str:
    """Name what JSON calls a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    names: Mapping[type, str] = {
        str: "a text",
        list: "a list",
        dict: "an object",
        float: "a fraction",
    }
    return names.get(type(value), "a number")


def _written(kind: Type, value: Any, currency: str) -> Any:
    if kind == "money":
        return money.text(value, currency)
    if kind == "date":
        return value.isoformat()
    return str(value) if kind == "id" else value
