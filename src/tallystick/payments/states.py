"""The states of a payment: pure, no database.

    (recorded by staff) --> succeeded
    (claimed by the payer) --> pending_confirmation --confirm--> succeeded
                               pending_confirmation --decline--> declined
    (at a provider) --> processing --> succeeded | failed | requires_action | canceled
                        requires_action --> succeeded | failed | expired | canceled
                        failed | canceled | expired --late--> succeeded

Whoever records an offline payment has the money already, so it is settled at once. A payment at a
provider is committed as processing before the provider is called, and from outside nobody can tell
whether the call was made. While nobody knows its outcome it stays processing: that is no failure. A
refund changes the amounts of a payment and not its state; disputes have their columns and no way
into them yet.
"""

from typing import Final, Literal, get_args

from tallystick.ledger import accounts

OfflineMethod = Literal["cash", "cheque", "bank_transfer", "card_at_counter", "other"]
OFFLINE_METHODS: tuple[OfflineMethod, ...] = get_args(OfflineMethod)

PaymentStatus = Literal[
    "pending_confirmation",
    "processing",
    "requires_action",
    "succeeded",
    "declined",
    "failed",
    "canceled",
    "expired",
]
SETTLED: tuple[PaymentStatus, ...] = ("succeeded",)
"""The states in which the money is ours and accounted for to the last minor unit."""
ON_THE_WAY: tuple[PaymentStatus, ...] = ("processing", "requires_action")
"""The states in which a provider has it, and what it is to pay is reserved."""
GIVEN_UP: tuple[PaymentStatus, ...] = ("failed", "canceled", "expired")
"""The states that only a late success leaves."""
EDGES: Final[frozenset[tuple[str, str]]] = frozenset(
    [
        *[("pending_confirmation", after) for after in ("succeeded", "declined")],
        *[("processing", after) for after in ("succeeded", "failed", "canceled")],
        ("processing", "requires_action"),
        *[("requires_action", after) for after in ("succeeded", "failed", "expired", "canceled")],
        *[(before, "succeeded") for before in GIVEN_UP],
    ]
)
"""The only changes of state there are."""

RefundStatus = Literal["pending_approval", "processing", "succeeded", "declined", "failed"]
"""A refund that a rule holds waits for approval: it is declined, or given back as any other."""


def held_at(method: str) -> str:
    """Name the account in which the money of a method arrives."""
    if method in OFFLINE_METHODS:
        return accounts.cash(method)
    return accounts.clearing(method)
