"""The one door through which part of a payment pays an invoice, or is taken from it again.

Works on invoices and payments that the caller has locked: invoices first, then payments.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from tallystick.invoices.states import Standing
from tallystick.kernel import ids, money
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Leg
from tallystick.payments.models import ALLOCATIONS


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


def oldest_first(standings: Iterable[Standing], amount: int) -> list[tuple[Standing, int]]:
    """Plan to pay the oldest due date first, as far as the amount reaches.

    What was written off is brought back last, when all that is due is paid.
    """
    # An open invoice has a due date; the id settles the order among equals.
    ordered = sorted(standings, key=lambda each: (str(each.due_date), each.id))
    parts = [0] * len(ordered)
    for limits in (
        [each.open_due for each in ordered],
        [each.written_off for each in ordered],
    ):
        for index, limit in enumerate(limits):
            part = min(amount, limit)
            parts[index] += part
            amount -= part
    return [(standing, part) for standing, part in zip(ordered, parts, strict=True) if part > 0]


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


def allocate(plan: Sequence[tuple[Standing, int]]) -> list[Part]:
    """Carry out a plan on the locked invoices; the next command of the batch sees it."""
    parts = []
    for standing, amount in plan:
        recovered = standing.pay(amount)
        parts.append(Part(standing, amount, standing.due, recovered))
    return parts


def release(plan: Sequence[tuple[Standing, int]]) -> list[Part]:
    """Take parts of a payment back from the locked invoices, which are due again."""
    parts = []
    for standing, amount in plan:
        standing.release(amount)
        parts.append(Part(standing, -amount, standing.due))
    return parts


def add_rows(
    writes: Writes, act: Act, payment_id: UUID, parts: Iterable[Part], *, on: date
) -> None:
    """Add the rows of what a payment gave to invoices, or took back, on a business day."""
    for part in parts:
        writes.add(
            ALLOCATIONS,
            {
                "organization_id": act.organization_id,
                "id": ids.new(),
                "payment_id": payment_id,
                "invoice_id": part.invoice.id,
                "amount": part.amount,
                "due_after": part.due_after,
                "date": on,
                "created_at": act.at,
            },
        )


def legs(customer_id: UUID, parts: Iterable[Part]) -> list[Leg]:
    """List what parts change of what the customer owes; the caller adds where it comes from."""
    receivable = accounts.receivable(customer_id)
    found = []
    for part in parts:
        found.append(Leg(receivable, -part.amount, part.invoice.id))
        if part.recovered:
            found.append(Leg(receivable, part.recovered, part.invoice.id))
            found.append(Leg(accounts.WRITE_OFF, -part.recovered))
    return found
