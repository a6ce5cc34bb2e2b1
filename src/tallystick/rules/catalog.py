"""What a rule may do: a closed list of actions, each with what it needs to know.

An action is done by the use case that a person would use, under the same checks; the packages above
do them. None of them writes a column.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from tallystick.kernel import decimals, money
from tallystick.kernel.errors import Refused, shown, step
from tallystick.parties import labels
from tallystick.rules.conditions import kind_of, malformed, unknown_name
from tallystick.rules.facts import Trigger

ACTIONS_MAX: Final = 5

ActionName = Literal[
    "settle_within_tolerance",
    "allocate_to_open_invoices",
    "keep_overpayment",
    "hold_for_approval",
    "hold_refund_for_approval",
    "early_payment_discount",
    "add_late_fee",
    "add_interest",
    "add_label",
]
ParameterType = Literal["money", "percent", "days", "label"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something that an action needs to know."""

    type: ParameterType
    words: str
    phrase: str = ""
    """What it adds to the sentence where the words of the action do not name it."""
    optional: bool = False
    minimum: int = 0
    """Of amounts and days; a percent is always above 0."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One action there is."""

    name: ActionName
    triggers: frozenset[Trigger]
    words: str
    """As it stands in a sentence; parameters stand in braces."""
    parameters: Mapping[str, Parameter]
    one_of: tuple[str, ...] = ()
    """Parameters of which exactly one is given."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action of a rule: amounts in minor units, percents in parts per million, days."""

    kind: Kind
    values: Mapping[str, int]
    """What is optional and was not given is not there."""
    label: str = ""
    """The label that it adds, where it adds one."""


_SETTLED: Final = frozenset[Trigger]({"payment_settled"})
_RECORDED: Final = frozenset[Trigger]({"payment_recorded"})
_OVERDUE: Final = frozenset[Trigger]({"invoice_overdue"})
_AFTER_DAYS: Final = Parameter(
    "days", "how many days the invoice is overdue by then", ", {} overdue", minimum=1
)
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
    Kind(
        "hold_refund_for_approval",
        frozenset[Trigger]({"refund_requested"}),
        "hold the refund until another person approves it",
        {},
    ),
    Kind(
        "add_label",
        frozenset[Trigger]({"payment_settled", "invoice_issued", "customer_changed"}),
        "add the label {label}",
        {"label": Parameter("label", "the label")},
    ),
    Kind(
        "add_late_fee",
        _OVERDUE,
        "issue an invoice with a late fee",
        {
            "amount": Parameter("money", "the fee", " of {}", optional=True, minimum=1),
            "percent": Parameter(
                "percent", "the fee as a part of what is due", " of {} of the due", optional=True
            ),
            "after_days": _AFTER_DAYS,
        },
        one_of=("amount", "percent"),
    ),
    Kind(
        "add_interest",
        _OVERDUE,
        "issue an invoice with interest",
        {
            "percent": Parameter("percent", "the rate for a year", " of {} a year on the due"),
            "after_days": _AFTER_DAYS,
            "every_days": Parameter(
                "days",
                "days until it is charged again for the days since; without it never",
                ", and again every {}",
                optional=True,
                minimum=1,
            ),
        },
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
    if trigger == "invoice_overdue" and len(actions) > 1:
        message = "A rule is one step for an invoice that is overdue. Make a rule for each charge."
        raise malformed("/actions", message)
    return tuple(actions)


def write(action: Action, currency: str) -> dict[str, Any]:
    """Write an action as JSON, as `read` takes it."""
    document: dict[str, Any] = {"action": action.kind.name}
    for name, parameter in action.kind.parameters.items():
        if parameter.type == "label":
            document[name] = action.label
        elif name in action.values:
            document[name] = _written(parameter.type, action.values[name], currency)
    return document


def said(action: Action, currency: str) -> str:
    """Say what an action does."""
    parameters = action.kind.parameters
    shown_values = {
        name: _said(parameters[name].type, value, currency) for name, value in action.values.items()
    }
    said_first = action.kind.words.format(**shown_values, label=f"“{action.label}”")
    return said_first + "".join(
        parameters[name].phrase.format(value) for name, value in shown_values.items()
    )


def _said(kind: ParameterType, value: int, currency: str) -> str:
    days = "day" if value == 1 else "days"
    units = {"money": currency, "percent": "%", "days": days}
    return f"{_written(kind, value, currency)} {units[kind]}"


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
        raise unknown_name(f"{place}/{step(strangers[0])}", "member", strangers[0], known)
    if kind.one_of and sum(document.get(each) is not None for each in kind.one_of) != 1:
        message = f"{kind.name} takes exactly one of {' and '.join(kind.one_of)}."
        raise malformed(place, message)
    values = {
        each: _value(parameter, document.get(each), currency, f"{place}/{each}")
        for each, parameter in kind.parameters.items()
        if parameter.type != "label" and (document.get(each) is not None or not parameter.optional)
    }
    label = ""
    if "label" in kind.parameters:
        label = _label(document.get("label"), f"{place}/label")
    return Action(kind, values, label)


def _label(text: Any, place: str) -> str:
    try:
        return labels.checked(text)
    except Refused as refused:
        raise malformed(place, refused.refusal.detail) from None


def _value(parameter: Parameter, value: Any, currency: str, place: str) -> int:
    if parameter.type == "days":
        if type(value) is not int or not parameter.minimum <= value <= DAYS_MAX:
            bounds = f"from {parameter.minimum} to {DAYS_MAX}"
            raise malformed(place, f"This is a whole number of days {bounds}: {parameter.words}.")
        return value
    if not isinstance(value, str):
        message = f'This is a decimal text such as "2.5", not {kind_of(value)}: {parameter.words}.'
        raise malformed(place, message)
    if parameter.type == "percent":
        return decimals.parse_scaled(
            value, decimals=4, minimum=1, maximum=PERCENT_MAX, code="rule.malformed", pointer=place
        )
    try:
        amount = money.parse(value, currency, pointer=place)
    except Refused:
        amount = -1
    if amount < parameter.minimum:
        message = f"{shown(value)} is no such amount in {currency}: {parameter.words}."
        raise malformed(place, message)
    return amount


def _written(kind: ParameterType, value: int, currency: str) -> Any:
    if kind == "money":
        return money.text(value, currency)
    return decimals.scaled_text(value, 4) if kind == "percent" else value
