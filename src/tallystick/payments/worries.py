"""What alarms about payments at providers say: what happened, and what to do."""

from typing import Any, Final

from sqlalchemy import Row

from tallystick.kernel import money
from tallystick.kernel.errors import shown
from tallystick.payments.locking import Holding

CONTRADICTED: Final = (
    "The provider now says that this payment did not succeed, after it was settled. Nothing was "
    "changed. Compare with the provider's own pages, and refund or take it up with them."
)

CALLED_AGAIN: Final = (
    "The provider was called for this payment under a key under which another payment is settled "
    "already. It counts one charge for each key, so this payment was canceled and nothing booked. "
    "Look at its own pages whether the payer was charged twice."
)


def amounts_differ(currency: str, order: Row[Any], said: int) -> str:
    """Say that another amount was taken than was ordered, in minor units."""
    return (
        f"The provider says that it took {money.text(said, currency)} {currency}, and it was asked "
        f"for {money.text(order.amount, currency)} {currency} ({shown(order.provider)}). Nothing "
        "was booked. Look at the provider's own pages, then confirm or decline the payment."
    )


def late(holding: Holding, allocated: int) -> str:
    """Say what became of money that came after it was given up."""
    currency = holding.currency
    free = holding.amount - allocated
    return (
        f"The provider took {money.text(holding.amount, currency)} {currency} after the payment "
        f"had been given up. {money.text(allocated, currency)} {currency} of it pay what was still "
        f"due, {money.text(free, currency)} {currency} are the customer's credit. Refund what they "
        "have paid twice."
    )
