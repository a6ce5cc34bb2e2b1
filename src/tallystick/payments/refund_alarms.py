"""What is told of a refund at a provider when a person has to look."""

from typing import Any, Final

from sqlalchemy import Row

from tallystick.kernel import money
from tallystick.kernel.errors import shown

UNKNOWN: Final = "refund.outcome_unknown"
FAILED: Final = "refund.failed"
AMOUNT: Final = "refund.amount_differs"
LATE: Final = "refund.late_success"
CONTRADICTED: Final = "refund.contradicted"

SAYS_NO: Final = (
    "The provider now says that this refund was not made, after it had said that it was. Nothing "
    "was changed. Compare with the provider's own pages, and take it up with them."
)


def failed(refund: Row[Any], reason: str) -> str:
    """Tell that nothing was given back."""
    return (
        f"The provider {shown(refund.method)} did not give {_amount(refund)} back. {reason} This "
        "money is the customer's credit, and the invoices it was taken from are due. Give it back "
        "in another way, or pay the invoices with it."
    )


def amounts_differ(refund: Row[Any], said: int) -> str:
    """Tell that the provider gave back another amount than was ordered."""
    currency = refund.currency
    return (
        f"The provider says that it gave {money.text(said, currency)} {currency} back, and it was "
        f"asked for {_amount(refund)}. Nothing was booked. Look at the provider's own pages, then "
        "confirm or decline the refund."
    )


def late(refund: Row[Any]) -> str:
    """Tell that money was given back after all."""
    return (
        f"The provider gave {_amount(refund)} back after the refund had been given up. That was "
        "taken from the customer's credit, and where it was not enough from what invoices had."
    )


def gone_already(refund: Row[Any]) -> str:
    """Tell that money was given back after all, and is not there."""
    return (
        f"The provider says that it gave {_amount(refund)} back after the refund had been given "
        "up, and less than that is left of the payment. Nothing was booked. The payer may have had "
        "the money twice: look at the provider's own pages."
    )


def _amount(refund: Row[Any]) -> str:
    return f"{money.text(refund.amount, refund.currency)} {refund.currency}"
