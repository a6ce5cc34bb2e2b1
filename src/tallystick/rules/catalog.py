"""What a rule may do: a closed list of actions, each with what it needs to know.

An action is done by the use case that a person would use, under the same checks; the packages above
do them. None of them writes a column.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tallystick.kernel import decimals, money
from tallystick.kernel.errors import Refused, shown
from tallystick.rules.conditions import kind_of, malformed, unknown_name
from tallystick.rules.facts import Trigger

ACTIONS_MAX: Final = 5

ActionName = Literal[
    "settle_within_tolerance",
    "allocate_to_open_invoices",
    "keep_overpayment",
    "hold_for_approval",
    "early_payment_discount",
]
ParameterType = Literal["money", "percent", "days"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that an action needs to know."""

    type: ParameterType
    words: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One action there is."""

    name: ActionName
    triggers: frozenset[Trigger]
    words: str
    """As it stands in a sentence; parameters stand in braces."""
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a rule: amounts in minor units, percents in parts per million, days."""

    kind: Kind
    values: Mapping[str, int]


_SETTLED: Final = frozenset[Trigger]({"payment_settled"})
_RECORDED: Final = frozenset[Trigger]({"payment_recorded"})
_KINDS = (
    Kind(
        "settle_within_tolerance",
        _SETTLED,
        "write off the rest of the invoice if it is within the tolerance",
        {},
    ),
    Kind(
        "allocate_to_open_invoices",
        _SETTLED,
        "pay other open invoices of the customer with what is left over, the oldest first",
        {},
    ),
    Kind(
        "early_payment_discount",
        _SETTLED,
        "credit up to {percent} of the invoice when it was paid within {within_days}",
        {
            "percent": Parameter("percent", "how much of the total may be missing"),
            "within_days": Parameter("days", "days from the day of the invoice"),
        },
    ),
    Kind(
        "keep_overpayment",
        _RECORDED,
        "keep what is more than the due as the customer's credit",
        {},
    ),
    Kind(
        "hold_for_approval",
        _RECORDED,
        "hold the payment until another person approves it",
        {},
    ),
)
KINDS: Final[Mapping[str, Kind]] = {kind.name: kind for kind in _KINDS}

PERCENT_MAX: Final = 100 * 10**4
"""In parts per million."""
DAYS_MAX: Final = 3_650


def read(document: Any, trigger: Trigger, currency: str) -> tuple[Action, ...]:
    """Read the actions of a rule from JSON that a person has written, and check all of it.

    Refuses:
        rule.malformed: with the place, what is allowed there and what may have been meant.
    """
    if not isinstance(document, list) or not 0 < len(document) <= ACTIONS_MAX:
        raise malformed("/actions", f"A rule has a list of 1 to {ACTIONS_MAX} actions.")
    actions = [
        _action(each, trigger, currency, f"/actions/{index}") for index, each in enumerate(document)
    ]
    if len({action.kind.name for action in actions}) < len(actions):
        raise malformed("/actions", "Each action stands in a rule once.")
    return tuple(actions)


def write(action: Action, currency: str) -> dict[str, Any]:
    """Write an action as JSON, as `read` takes it."""
    document: dict[str, Any] = {"action": action.kind.name}
    for name, parameter in action.kind.parameters.items():
        document[name] = _written(parameter.type, action.values[name], currency)
    return document


def said(action: Action, currency: str) -> str:
    """Say what an action does."""
    units = {"money": f" {currency}", "percent": " %", "days": " days"}
    shown_values = {
        name: f"{_written(parameter.type, action.values[name], currency)}{units[parameter.type]}"
        for name, parameter in action.kind.parameters.items()
    }
    return action.kind.words.format(**shown_values)


def _action(document: Any, trigger: Trigger, currency: str, place: str) -> Action:
    if not isinstance(document, dict):
        raise malformed(place, f"An action is an object, not {kind_of(document)}.")
    name = document.get("action")
    allowed = [kind.name for kind in _KINDS if trigger in kind.triggers]
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None or kind.name not in allowed:
        raise unknown_name(f"{place}/action", f"action for {trigger}", name, allowed)
    strangers = sorted(set(document) - {"action", *kind.parameters})
    if strangers:
        known = ["action", *kind.parameters]
        raise unknown_name(f"{place}/{strangers[0][:40]}", "member", strangers[0], known)
    values = {
        each: _value(parameter, document.get(each), currency, f"{place}/{each}")
        for each, parameter in kind.parameters.items()
    }
    return Action(kind, values)


def _value(parameter: Parameter, value: Any, currency: str, place: str) -> int:
    if parameter.type == "days":
        if type(value) is not int or not 0 <= value <= DAYS_MAX:
            message = f"This is a whole number of days from 0 to {DAYS_MAX}: {parameter.words}."
            raise malformed(place, message)
        return value
    if not isinstance(value, str):
        message = f'This is a decimal text such as "2.5", not {kind_of(value)}: {parameter.words}.'
        raise malformed(place, message)
    if parameter.type == "percent":
        return decimals.parse_scaled(
            value, decimals=4, minimum=1, maximum=PERCENT_MAX, code="rule.malformed", pointer=place
        )
    try:
        return money.parse(value, currency, pointer=place)
    except Refused:
        message = f"{shown(value)} is no amount in {currency}: {parameter.words}."
        raise malformed(place, message) from None


def _written(kind: ParameterType, value: int, currency: str) -> Any:
    if kind == "money":
        return money.text(value, currency)
    return decimals.scaled_text(value, 4) if kind == "percent" else value
