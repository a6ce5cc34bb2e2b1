"""What alarms about payments at providers say: what happened, and what to do."""

from typing import Any, Final

from sqlalchemy import Row

from tallystick.kernel import money
from tallystick.kernel.errors import Refused, shown
from tallystick.payments.locking import Holding

UNKNOWN_ALARM: Final = "payment.outcome_unknown"
AMOUNT_ALARM: Final = "payment.amount_differs"
LATE_ALARM: Final = "payment.late_success"
AGAIN_ALARM: Final = "payment.called_again"
CONTRADICTED_ALARM: Final = "payment.contradicted"

CONTRADICTED: Final = (
    "The provider now says that this payment did not succeed, after it was settled. Nothing was "
    "changed. Compare with the provider's own pages, and refund or take it up with them."
)

CALLED_AGAIN: Final = (
    "The provider was called for this payment under a key under which another payment is settled "
    "already. It counts one charge for each key, so this payment was given up and nothing booked. "
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
    said = (
        f"The provider took {money.text(holding.amount, currency)} {currency} after the payment "
        f"had been given up. {money.text(allocated, currency)} {currency} of it pay what was still "
        f"due, {money.text(free, currency)} {currency} are the customer's credit."
    )
    return f"{said} Refund what they have paid twice." if free else said


def counted_already(holding: Holding) -> Refused:
    """Refuse to confirm money that another payment under the same key has settled."""
    message = (
        f"Another payment has settled what the provider took under the key of {shown(holding.id)}; "
        "one key is one charge. Nothing was changed. If the provider's own pages show a second "
        "charge, let it be given back there."
    )
    facts = {"payment_status": holding.status}
    return Refused("payment.outcome_known", message, facts=facts, kept=False)
