"""The only writer of postings. An entry that does not balance never reaches the database.

Nothing here or anywhere changes or removes a posting: what was wrong is reversed by another entry.
An entry of a month that may be closed already marks its sums as stale; one of today writes nothing
but its postings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

from tallystick.kernel import ids
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.ledger import closing
from tallystick.ledger.models import POSTINGS


class Leg(NamedTuple):
    """One account and what the entry adds to it, in minor units; a debit is positive."""

    account: str
    amount: int
    invoice_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A set of legs in one currency that sums to zero; legs of zero are left out."""

    kind: str
    """The event that the entry books, such as `invoice.issued`."""
    date: date
    """The business date, in the organization's time zone."""
    currency: str
    legs: Sequence[Leg]
    payment_id: UUID | None = None
    id: UUID = field(default_factory=ids.new)


def post(writes: Writes, act: Act, entry: Entry) -> None:
    """Add the postings of one entry to what the transaction writes."""
    assert sum(leg.amount for leg in entry.legs) == 0, "an entry balances"
    number = 0
    for leg in entry.legs:
        if leg.amount == 0:
            continue
        number += 1
        writes.add(
            POSTINGS,
            {
                "organization_id": act.organization_id,
                "entry_id": entry.id,
                "leg": number,
                "kind": entry.kind,
                "date": entry.date,
                "recorded_at": act.at,
                "account": leg.account,
                "currency": entry.currency,
                "amount": leg.amount,
                "invoice_id": leg.invoice_id,
                "payment_id": entry.payment_id,
            },
        )
    assert number, "an entry moves something"
    closing.note(writes, act, entry.date)
