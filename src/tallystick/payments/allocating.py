"""The one door through which part of a payment pays an invoice, or is taken from it again.

Works on invoices and payments that the caller has locked: invoices first, then payments.

Money pays an invoice on the day that is wanted, or on the day of the last thing that was booked on
the invoice, if that is later. So no invoice owes less than nothing at the end of any day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from tallystick.invoices import writing_off
from tallystick.invoices.states import Standing
from tallystick.kernel import ids, money
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.payments.models import ALLOCATIONS

ALLOCATED = "payment.allocated"


@dataclass(frozen=True, slots=True)
class Share:
    """An invoice that a payment names, and how much of it it gets; None takes what is due."""

    invoice_id: UUID
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one invoice got."""

    invoice: Standing
    amount: int
    due_after: int
    date: date
    """The business day."""
    recovered: int = 0
    """How much of the amount had been written off."""


def check_payable(standing: Standing, currency: str, *, pointer: str) -> None:
    """Refuse to pay what is not owed.

    Refuses:
        invoice.not_payable: the invoice is a draft or void.
        money.currency: payment and invoice differ.
    """
    if standing.status != "open":
        name = (
            "it is a draft"
            if standing.status == "draft"
            else f"{shown(standing.number)} is {standing.status}"
        )
        message = f"This invoice cannot be paid: {name}."
        raise Refused("invoice.not_payable", message, pointer=pointer)
    if standing.currency != currency:
        message = (
            f"The invoice {shown(standing.number)} is in {standing.currency} and the payment in "
            f"{shown(currency)}. Pay in {standing.currency}."
        )
        raise Refused("money.currency", message, pointer="/currency")


def given(standings: Sequence[Standing], amounts: Sequence[int]) -> list[tuple[Standing, int]]:
    """Plan the parts that the payer chose.

    Refuses:
        payment.exceeds_due: a part is larger than what its invoice is due.
    """
    for index, (standing, amount) in enumerate(zip(standings, amounts, strict=True)):
        if amount > standing.payable:
            raise exceeds_due(amount, [standing], pointer=f"/invoices/{index}/amount")
    return list(zip(standings, amounts, strict=True))


def oldest_first(
    standings: Iterable[Standing], amount: int, *, recover: bool
) -> list[tuple[Standing, int]]:
    """Plan to pay the oldest due date first, as far as the amount reaches.

    With `recover`, for invoices that the payer named, what was written off is brought back last,
    when all that is due is paid.
    """
    # An open invoice has a due date; the id settles the order among equals.
    ordered = sorted(standings, key=lambda each: (str(each.due_date), each.id))
    parts = [0] * len(ordered)
    for limits in (
        [each.open_due for each in ordered],
        [each.written_off if recover else 0 for each in ordered],
    ):
        for index, limit in enumerate(limits):
            part = min(amount, limit)
            parts[index] += part
            amount -= part
    return [(standing, part) for standing, part in zip(ordered, parts, strict=True) if part > 0]


def to_open(standings: Iterable[Standing], amount: int) -> list[tuple[Standing, int]]:
    """Plan to pay what is due of a customer who names no invoice."""
    still_open = [standing for standing in standings if standing.status == "open"]
    # Whoever means an invoice that was written off names it.
    return oldest_first(still_open, amount, recover=False)


def exceeds_due(amount: int, standings: Sequence[Standing], *, pointer: str = "/amount") -> Refused:
    """Say that a payment is larger than what it may pay, with the due."""
    currency = standings[0].currency
    due = money.text(sum(standing.open_due for standing in standings), currency)
    named = ", ".join(standing.number or "" for standing in standings[:3])
    named += ", …" if len(standings) > 3 else ""  # noqa: PLR2004  # a few names are enough
    facts = {"due": due, "currency": currency}
    written_off = sum(standing.written_off for standing in standings)
    more, most = "", "the due"
    if written_off:
        # Somebody who pays after all may pay that too, and is told so.
        facts["written_off"] = money.text(written_off, currency)
        more, most = f" and the {facts['written_off']} {currency} written off", "both together"
    message = (
        f"The payment of {money.text(amount, currency)} {currency} is more than the {due} "
        f"{currency} due{more} on {named}. Pay at most {most}, or say excess: credit."
    )
    return Refused("payment.exceeds_due", message, pointer=pointer, facts=facts)


def allocate(plan: Sequence[tuple[Standing, int]], *, on: date, today: date) -> list[Part]:
    """Carry out a plan on the locked invoices; the next command of the batch sees it.

    Each is paid on that day or as soon after it as the invoice allows. One that brings back what
    was written off is paid no earlier than today, when that is taken back.
    """
    parts = []
    for standing, amount in plan:
        day = standing.day(on, today)
        if amount > standing.open_due:
            day = max(day, today)
        recovered = standing.pay(amount, on=day)
        parts.append(Part(standing, amount, standing.due, day, recovered))
    return parts


def release(plan: Sequence[tuple[Standing, int]], *, on: date) -> list[Part]:
    """Take parts of a payment back from the locked invoices, which are due again on that day."""
    parts = []
    for standing, amount in plan:
        standing.release(amount, on=on)
        parts.append(Part(standing, -amount, standing.due, on))
    return parts


def add_rows(writes: Writes, act: Act, payment_id: UUID, parts: Iterable[Part]) -> None:
    """Add the rows of what a payment gave to invoices, or took back, and what that recovered."""
    for part in parts:
        if part.recovered:
            writing_off.reverse(writes, act, part.invoice, part.recovered, on=part.date)
        writes.add(
            ALLOCATIONS,
            {
                "organization_id": act.organization_id,
                "id": ids.new(),
                "payment_id": payment_id,
                "invoice_id": part.invoice.id,
                "amount": part.amount,
                "due_after": part.due_after,
                "date": part.date,
                "created_at": act.at,
            },
        )


def book_from_credit(
    writes: Writes, act: Act, payment_id: UUID, customer_id: UUID, parts: Sequence[Part]
) -> None:
    """Book that credit of the customer pays invoices: one entry for each day."""
    for day in sorted({part.date for part in parts}):
        on_day = [part for part in parts if part.date == day]
        paid = Leg(accounts.credit(customer_id), sum(part.amount for part in on_day))
        currency = on_day[0].invoice.currency
        entry_legs = [paid, *legs(customer_id, on_day)]
        post(writes, act, Entry(ALLOCATED, day, currency, entry_legs, payment_id=payment_id))


def legs(customer_id: UUID, parts: Iterable[Part]) -> list[Leg]:
    """List what parts change of what the customer owes; the caller adds where it comes from."""
    receivable = accounts.receivable(customer_id)
    return [Leg(receivable, -part.amount, part.invoice.id) for part in parts]
