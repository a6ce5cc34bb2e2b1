"""The states of an invoice and what payments make of them: pure, no database.

    draft --issue--> open --void--> void
                     open --credit note--> open | credited (when nothing of it stands any more)
    draft --delete--> (gone; no number was used)

How far an open invoice is paid is never set by hand: it is a function of its amounts.
"""

from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Final, Literal
from uuid import UUID

from tallystick.kernel.errors import Refused, shown

InvoiceStatus = Literal["draft", "open", "void", "credited"]
PaymentStatus = Literal["unpaid", "partial", "paid"]


def payment_status(*, total: int, paid: int, credited: int, written_off: int) -> PaymentStatus:
    """Say how far an invoice is paid; with nothing due it is paid, however it came to that."""
    if total - paid - credited - written_off == 0 and total > 0:
        return "paid"
    return "partial" if paid > 0 else "unpaid"


def overdue(*, status: str, due: int, due_date: date | None, today: date) -> bool:
    """Tell whether something is due after the due date; `today` is in the organization's zone."""
    return status == "open" and due > 0 and due_date is not None and due_date < today


@dataclass(slots=True)
class Standing:
    """One locked invoice while a batch is judged: a later command sees what an earlier one did."""

    organization_id: UUID
    id: UUID
    customer_id: UUID
    number: str | None
    status: str
    currency: str
    total: int
    paid: int
    credited: int
    written_off: int
    reserved: int
    due_date: date | None
    version: int
    booked_on: date | None = None
    """The last day on which something is booked on it; None when nobody kept it."""
    changed: bool = field(default=False, kw_only=True)

    def day(self, wanted: date, today: date) -> date:
        """Choose the day of what lowers the due: the wanted one, or the last booked one."""
        return max(wanted, self.booked_on or today)

    @property
    def due(self) -> int:
        """What is left to pay, in minor units."""
        return self.total - self.paid - self.credited - self.written_off

    @property
    def creditable(self) -> int:
        """What credit notes may still take back of the invoice, paid or not."""
        return self.total - self.credited

    @property
    def open_due(self) -> int:
        """What nobody pays yet: the due less what payments on their way have reserved."""
        return self.due - self.reserved

    @property
    def payable(self) -> int:
        """What a new payment may pay: it may also bring back what was written off."""
        return self.open_due + self.written_off

    def pay(self, amount: int, *, on: date) -> int:
        """Add to what is paid, and give how much of that had been written off.

        The judge has made sure that it fits.
        """
        assert 0 < amount <= self.payable, "no more than what is payable"
        self._lower(on)
        recovered = max(0, amount - self.open_due)
        self.written_off -= recovered
        self.paid += amount
        return recovered

    def reserve(self, amount: int) -> None:
        """Keep part of the due free for a payment on its way; nothing is booked by it."""
        assert 0 < amount <= self.open_due, "no more than what nobody pays yet"
        self.reserved += amount
        self.changed = True

    def unreserve(self, amount: int) -> None:
        """Give back what a payment on its way had reserved, because it is decided."""
        assert 0 < amount <= self.reserved, "no more than what was reserved"
        self.reserved -= amount
        self.changed = True

    def release(self, amount: int, *, on: date) -> None:
        """Take away from what is paid: that much is due again."""
        assert 0 < amount <= self.paid, "no more than was paid"
        self._raise(on)
        self.paid -= amount

    def write_off(self, amount: int, *, on: date) -> None:
        """Give up part of the due."""
        assert 0 < amount <= self.open_due, "no more than what is due"
        self._lower(on)
        self.written_off += amount

    def restore(self, amount: int, *, on: date) -> None:
        """Take back part of a write-off: that much is due again."""
        assert 0 < amount <= self.written_off, "no more than was written off"
        self._raise(on)
        self.written_off -= amount

    def credit(self, amount: int, *, on: date) -> None:
        """Take back part of the invoice itself; with nothing left of it, it is credited."""
        assert 0 < amount <= self.open_due, "what was paid on it is released first"
        self._lower(on)
        self.credited += amount
        if self.credited == self.total:
            self.status = "credited"

    def void(self, *, on: date) -> None:
        """Take back the whole invoice, of which nothing was paid, credited or given up."""
        assert self.paid == self.credited == self.written_off == self.reserved == 0
        self._lower(on)
        self.status = "void"

    def _lower(self, on: date) -> None:
        # Else it would owe less than nothing on the days before what came last.
        assert self.booked_on is None or on >= self.booked_on, "the due is lowered forwards only"
        self._raise(on)

    def _raise(self, on: date) -> None:
        self.booked_on = on if self.booked_on is None else max(on, self.booked_on)
        self.changed = True


OF_ROW: Final = tuple(each.name for each in fields(Standing) if each.name != "changed")
"""What a row of an invoice says, in the order of the fields."""


def standing_of(row: Any) -> Standing:
    """Give what the row of an invoice says, to look at it only: it is not locked."""
    return Standing(**{name: getattr(row, name) for name in OF_ROW})


def check_voidable(standing: Standing) -> None:
    """Refuse to void what is no longer free to be voided.

    Refuses:
        invoice.draft: delete it instead.
        invoice.void, invoice.credited: nothing of it stands already.
        invoice.paid: money was received or is on its way.
    """
    if standing.status == "draft":
        raise Refused("invoice.draft", "This invoice is a draft. Delete it instead of voiding it.")
    if standing.status == "void":
        raise Refused("invoice.void", f"The invoice {shown(standing.number)} is void already.")
    if standing.status == "credited":
        message = f"The invoice {shown(standing.number)} is credited to the last of it already."
        raise Refused("invoice.credited", message)
    if standing.paid or standing.reserved or standing.credited or standing.written_off:
        message = (
            f"Something was paid, credited or written off on the invoice {shown(standing.number)}, "
            "so it cannot be voided."
        )
        raise Refused("invoice.paid", message)
