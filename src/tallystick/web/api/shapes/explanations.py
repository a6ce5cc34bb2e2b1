"""Why an invoice stands as it does, as the API shows it."""

from typing import Annotated, Any

from pydantic import Field

from tallystick.kernel import money
from tallystick.reports.explaining import ExplanationDocument
from tallystick.web.fields import CurrencyCode, Id, Moment, View

_EXAMPLE_ID = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e30"


class ExplainedLeg(View):
    """One leg of an entry."""

    account: Annotated[str, Field(description="The account.", examples=["Expenses:WriteOff"])]
    amount: Annotated[str, Field(description="Debits are positive.", examples=["0.50"])]


class ExplainedStep(View):
    """One thing that happened to an invoice."""

    at: Moment
    kind: Annotated[str, Field(description="What it is.", examples=["invoice.written_off"])]
    text: Annotated[str, Field(description="In words.", examples=["0.50 EUR were written off."])]
    amount: Annotated[
        str | None, Field(description="What is owed more by it, or less.", examples=["-0.50"])
    ]
    payment_id: Annotated[Id | None, Field(description="The payment.", examples=[_EXAMPLE_ID])]
    rule_id: Annotated[Id | None, Field(description="The rule.", examples=[_EXAMPLE_ID])]
    entry_id: Annotated[
        Id | None, Field(description="The entry of the books.", examples=[_EXAMPLE_ID])
    ]
    legs: Annotated[list[ExplainedLeg], Field(description="The legs of that entry.")]


class Explanation(View):
    """Why an invoice stands as it does."""

    invoice_id: Annotated[Id, Field(description="The invoice.", examples=[_EXAMPLE_ID])]
    number: Annotated[str | None, Field(description="Its number.", examples=["INV-2026-000241"])]
    currency: CurrencyCode
    status: Annotated[str, Field(description="Its status.", examples=["open"])]
    payment_status: Annotated[str, Field(description="How far it is paid.", examples=["paid"])]
    due: Annotated[str, Field(description="What is left to pay.", examples=["0.00"])]
    steps: Annotated[
        list[ExplainedStep], Field(description="All that moved it, in the order of time.")
    ]


def shown_explanation(found: ExplanationDocument) -> dict[str, Any]:
    """Show why an invoice stands as it does."""
    currency = found["currency"]
    return {
        **found,
        "due": money.text(found["due"], currency),
        "steps": [
            {
                **step,
                "amount": None if step["amount"] is None else money.text(step["amount"], currency),
                "legs": [
                    {**leg, "amount": money.text(leg["amount"], currency)} for leg in step["legs"]
                ],
            }
            for step in found["steps"]
        ],
    }
