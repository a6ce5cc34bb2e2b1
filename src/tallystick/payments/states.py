"""The states of a payment: pure, no database.

    (recorded by staff) --> succeeded
    (claimed by the payer) --> pending_confirmation --confirm--> succeeded
                               pending_confirmation --decline--> declined

Whoever records an offline payment has the money already, so it is settled at once. Payments on
their way to a provider and disputes have their columns and their place in the CHECKs, and no way
into them yet. A refund changes the amounts of a payment and not its state.
"""

from typing import Literal, get_args

OfflineMethod = Literal["cash", "cheque", "bank_transfer", "card_at_counter", "other"]
OFFLINE_METHODS: tuple[OfflineMethod, ...] = get_args(OfflineMethod)

PaymentStatus = Literal["pending_confirmation", "succeeded", "declined"]
SETTLED: tuple[PaymentStatus, ...] = ("succeeded",)
"""The states in which the money is ours and accounted for to the last minor unit."""
