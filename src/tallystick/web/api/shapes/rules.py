"""Rules, as the API takes and shows them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from tallystick.kernel import money
from tallystick.parties.customers import CustomerKind
from tallystick.rules import catalog, conditions
from tallystick.rules.facts import FIELDS, SUBJECTS, TRIGGERS, Trigger
from tallystick.rules.managing import PRIORITY_MAX, RuleContent
from tallystick.rules.queries import FiringDocument
from tallystick.web.fields import (
    Body,
    CurrencyCode,
    Day,
    Id,
    Line,
    Moment,
    NextCursor,
    PageQuery,
    Version,
    View,
)

_EXAMPLE_ID = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e30"
_CONDITION = {"field": "invoice.payment_status", "operator": "eq", "value": "partial"}
_ACTIONS = [{"action": "settle_within_tolerance"}]
RuleName = Annotated[Line, Field(min_length=1, max_length=255, examples=["Small rests"])]
TriggerName = Annotated[
    Trigger, Field(description="What has to happen.", examples=["payment_settled"])
]
Condition = Annotated[
    dict[str, Any] | None,
    Field(
        description='{"all": [...]}, {"any": [...]}, or {"field", "operator", "value"}; null '
        "applies always. GET /v1/rules/catalog lists fields and operators.",
        examples=[_CONDITION],
    ),
]
Actions = Annotated[
    list[dict[str, Any]],
    Field(
        min_length=1,
        max_length=catalog.ACTIONS_MAX,
        description="What is done, in this order. GET /v1/rules/catalog lists the actions.",
        examples=[_ACTIONS],
    ),
]
OneCustomer = Annotated[
    Id | None, Field(description="The one customer it is about.", examples=[None])
]
OneKind = Annotated[
    CustomerKind | None,
    Field(description="The kind of customers it is about.", examples=["student"]),
]
Priority = Annotated[
    int, Field(ge=0, le=PRIORITY_MAX, description="Lower ones come first.", examples=[100])
]
Enabled = Annotated[bool, Field(description="Whether it is switched on.", examples=[True])]
From = Annotated[Day | None, Field(description="The first day.", examples=["2026-11-20"])]
Until = Annotated[Day | None, Field(description="The last day.", examples=["2027-06-30"])]


class RuleBody(Body):
    """A rule."""

    name: RuleName
    trigger: TriggerName
    condition: Condition = None
    actions: Actions
    customer_id: OneCustomer = None
    customer_kind: OneKind = None
    priority: Priority = 100
    enabled: Enabled = True
    valid_from: From = None
    valid_until: Until = None


class Rule(View):
    """What an organization wants to happen by itself."""

    id: Id
    name: RuleName
    sentence: Annotated[
        str,
        Field(
            description="The rule in words.",
            examples=["When a payment is settled: write off the rest of the invoice."],
        ),
    ]
    trigger: TriggerName
    currency: CurrencyCode
    customer_id: OneCustomer
    customer_kind: OneKind
    condition: Condition
    actions: Actions
    priority: Priority
    enabled: Enabled
    valid_from: From
    valid_until: Until
    version: Version
    created_at: Moment
    updated_at: Moment


class PastRule(Rule):
    """A rule as it was from one change to the next."""

    at: Annotated[Moment, Field(description="When it became so.")]


class RuleList(View):
    """All rules, in the order in which they come."""

    data: list[Rule]


class RuleHistory(View):
    """What a rule was, the newest first."""

    data: list[PastRule]


class FiringQuery(PageQuery):
    """What a log is narrowed to; all that is given must hold."""

    rule_id: Annotated[Id | None, Field(description="Of this rule.", examples=[_EXAMPLE_ID])] = None
    payment_id: Annotated[
        Id | None, Field(description="About this payment.", examples=[_EXAMPLE_ID])
    ] = None
    invoice_id: Annotated[
        Id | None, Field(description="About this invoice.", examples=[_EXAMPLE_ID])
    ] = None


class ActionResult(View):
    """What came of one action."""

    action: Annotated[str, Field(description="The action.", examples=["settle_within_tolerance"])]
    outcome: Annotated[
        Literal["applied", "refused", "idle"],
        Field(description="idle: there was nothing to do.", examples=["applied"]),
    ]
    code: Annotated[
        str | None, Field(description="Why it was refused.", examples=["rule.beyond_tolerance"])
    ]
    detail: Annotated[str | None, Field(description="The same in words.", examples=[None])]
    amount: Annotated[str | None, Field(description="What was moved by it.", examples=["0.50"])]


class Firing(View):
    """That a rule applied once: what it saw, and what it did."""

    id: Id
    rule_id: Annotated[Id, Field(description="The rule.", examples=[_EXAMPLE_ID])]
    rule_version: Annotated[int, Field(description="As it was then.", examples=[1])]
    trigger: TriggerName
    customer_id: OneCustomer
    payment_id: Annotated[Id | None, Field(description="The payment.", examples=[_EXAMPLE_ID])]
    invoice_id: Annotated[Id | None, Field(description="The invoice.", examples=[_EXAMPLE_ID])]
    facts: Annotated[
        dict[str, Any],
        Field(description="What was the case.", examples=[{"payment.amount": "9.50"}]),
    ]
    outcome: Annotated[
        Literal["applied", "refused"],
        Field(description="refused: an action could not be done.", examples=["applied"]),
    ]
    results: Annotated[list[ActionResult], Field(description="What came of each action.")]
    at: Moment


class FiringList(View):
    """A page of what rules did, the newest first."""

    data: list[Firing]
    next: NextCursor


class Catalog(View):
    """What a rule may be made of."""

    triggers: Annotated[
        dict[str, list[str]],
        Field(
            description="What can happen, and the fields that are known then.",
            examples=[{"customer_changed": ["customer.kind"]}],
        ),
    ]
    fields: Annotated[
        dict[str, dict[str, Any]],
        Field(
            description="What can be asked about: its type, its words and operators.",
            examples=[{"payment.amount": {"type": "money"}}],
        ),
    ]
    actions: Annotated[
        dict[str, dict[str, Any]],
        Field(
            description="What can be done: when, in words, and what it needs to know.",
            examples=[{"settle_within_tolerance": {"triggers": ["payment_settled"]}}],
        ),
    ]


def rule_content(body: RuleBody) -> RuleContent:
    """Give what a body says of a rule as the core takes it."""
    return RuleContent(
        name=body.name,
        trigger=body.trigger,
        actions=body.actions,
        condition=body.condition,
        customer_id=body.customer_id,
        customer_kind=body.customer_kind,
        priority=body.priority,
        enabled=body.enabled,
        valid_from=body.valid_from,
        valid_until=body.valid_until,
    )


def shown_catalog() -> dict[str, Any]:
    """Show what a rule may be made of."""
    return {
        "triggers": {
            trigger: [name for name, field in FIELDS.items() if field.subject in SUBJECTS[trigger]]
            for trigger in TRIGGERS
        },
        "fields": {
            field.name: {
                "type": field.type,
                "words": field.words,
                "operators": list(conditions.OPERATORS_OF[field.type]),
                "choices": list(field.choices),
            }
            for field in FIELDS.values()
        },
        "actions": {
            kind.name: {
                "triggers": sorted(kind.triggers),
                "words": kind.words,
                "parameters": {
                    name: {
                        "type": parameter.type,
                        "words": parameter.words,
                        "optional": parameter.optional,
                    }
                    for name, parameter in kind.parameters.items()
                },
            }
            for kind in catalog.KINDS.values()
        },
    }


def shown_firing(firing: FiringDocument, currency: str) -> dict[str, Any]:
    """Show what a rule did; amounts in the currency of the facts."""
    facts: Mapping[str, Any] = firing["facts"]
    currency = facts.get("payment.currency") or facts.get("invoice.currency") or currency
    return {
        **firing,
        "facts": {name: _fact(name, value, currency) for name, value in facts.items()},
        "results": [
            {**result, "amount": _amount(result["amount"], currency)}
            for result in firing["results"]
        ],
    }


def _fact(name: str, value: Any, currency: str) -> Any:
    field = FIELDS.get(name)
    if field is not None and field.type == "money":
        return _amount(value, currency)
    return value


def _amount(value: int | None, currency: str) -> str | None:
    return None if value is None else money.text(value, currency)
