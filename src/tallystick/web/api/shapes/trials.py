"""Dry runs of rules, as the API takes and shows them."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from tallystick.kernel import clock, money
from tallystick.payments.trials import CAVEATS, Case, Sum, Tally, Trial
from tallystick.rules import conditions, wording
from tallystick.rules.facts import FIELDS
from tallystick.web.api.shapes.rules import ActionResult, RuleBody, RuleName
from tallystick.web.fields import CurrencyCode, Day, Id, Moment, View

_EXAMPLE_ID = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e30"
_CASES = Annotated[
    int,
    Field(description="Cases in which something would be done or refused.", examples=[1]),
]


class DryRunBody(RuleBody):
    """A rule as it would be saved, and the days over which it is tried."""

    name: RuleName = "This rule"
    since: Annotated[
        Day,
        Field(description="The first day, in the organization's zone.", examples=["2020-01-01"]),
    ]
    until: Annotated[
        Day | None, Field(description="The last day; null takes today.", examples=[None])
    ] = None


class ActionSum(View):
    """What one action comes to."""

    action: Annotated[str, Field(description="The action.", examples=["settle_within_tolerance"])]
    applied: Annotated[int, Field(description="How often it would be done.", examples=[1])]
    refused: Annotated[int, Field(description="How often it would be refused.", examples=[0])]
    idle: Annotated[int, Field(description="How often there would be nothing to do.", examples=[0])]
    amount: Annotated[
        str, Field(description="What would be moved by it in sum.", examples=["0.50"])
    ]
    note: Annotated[str | None, Field(description="What the estimate leaves out.", examples=[None])]


class DryRunCase(View):
    """A payment, and one invoice of it, of which a rule would make something."""

    at: Annotated[Moment, Field(description="When it was settled, or came in.")]
    payment_id: Annotated[Id, Field(description="The payment.", examples=[_EXAMPLE_ID])]
    receipt_number: Annotated[
        str | None, Field(description="Its receipt.", examples=["RCT-2026-000001"])
    ]
    invoice_id: Annotated[Id | None, Field(description="The invoice.", examples=[_EXAMPLE_ID])]
    invoice_number: Annotated[str | None, Field(description="Its number.", examples=["INV-2026-1"])]
    facts: Annotated[
        dict[str, Any],
        Field(
            description="What was the case then of what the condition asks about.",
            examples=[{"invoice.payment_status": "partial"}],
        ),
    ]
    outcome: Annotated[
        Literal["applied", "refused"],
        Field(description="refused: an action could not be done.", examples=["applied"]),
    ]
    results: Annotated[list[ActionResult], Field(description="What would come of each action.")]


class DryRun(View):
    """What a rule would have made of past payments."""

    name: RuleName
    sentence: Annotated[
        str,
        Field(
            description="The rule in words.",
            examples=["When a payment is settled: write off the rest of the invoice."],
        ),
    ]
    currency: CurrencyCode
    since: Annotated[Day, Field(description="The first day.", examples=["2026-11-01"])]
    until: Annotated[Day, Field(description="The last day.", examples=["2026-11-21"])]
    looked_at: Annotated[int, Field(description="Payments that were asked about.", examples=[12])]
    matched: Annotated[
        int, Field(description="Payments to which the rule would apply.", examples=[1])
    ]
    fires: _CASES
    actions: Annotated[list[ActionSum], Field(description="What each action comes to.")]
    cases: Annotated[list[DryRunCase], Field(description="The first cases, in the order of time.")]
    more: Annotated[bool, Field(description="Whether there are more cases.", examples=[False])]


def shown_trial(trial: Trial, tally: Tally, cases: Sequence[Case]) -> dict[str, Any]:
    """Show what a trial comes to, with some of its cases."""
    rule = trial.rule
    return {
        "name": rule.name,
        "sentence": wording.sentence(rule),
        "currency": rule.currency,
        "since": trial.since.isoformat(),
        "until": trial.until.isoformat(),
        "looked_at": tally.looked_at,
        "matched": tally.matched,
        "fires": tally.fires,
        "actions": [
            _sum(action.kind.name, tally.sums.get(action.kind.name, Sum()), rule.currency)
            for action in rule.actions
        ],
        "cases": [_case(trial, case) for case in cases],
        "more": len(cases) < tally.fires,
    }


def _sum(name: str, found: Sum, currency: str) -> dict[str, Any]:
    return {
        "action": name,
        "applied": found.applied,
        "refused": found.refused,
        "idle": found.idle,
        "amount": money.text(found.amount, currency),
        "note": CAVEATS.get(name),
    }


def _case(trial: Trial, case: Case) -> dict[str, Any]:
    currency = trial.rule.currency
    return {
        "at": clock.text(case.at),
        "payment_id": str(case.payment["id"]),
        "receipt_number": case.payment["receipt_number"],
        "invoice_id": None if case.invoice_id is None else str(case.invoice_id),
        "invoice_number": case.invoice_number,
        "facts": {name: _fact(name, case.facts.get(name), currency) for name in _asked(trial)},
        "outcome": case.outcome,
        "results": [
            {
                "action": each.action,
                "outcome": each.outcome,
                "code": each.code,
                "detail": each.detail,
                "amount": None if each.amount is None else money.text(each.amount, currency),
            }
            for each in case.results
        ],
    }


def _asked(trial: Trial) -> list[str]:
    """Name what the condition asks about, each once."""
    condition = trial.rule.condition
    tests = () if condition is None else conditions.tests(condition)
    return list(dict.fromkeys(test.field.name for test in tests))


def _fact(name: str, value: Any, currency: str) -> Any:
    if isinstance(value, int) and FIELDS[name].type == "money":
        return money.text(value, currency)
    return str(value) if isinstance(value, UUID | date) else value
