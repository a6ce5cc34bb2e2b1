"""The one door through which part of a payment pays an invoice.

Works on invoices that the caller has locked; the parts that it gives become rows in `settling`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tallystick.invoices import states
from tallystick.invoices.models import INVOICES
from tallystick.invoices.states import Standing
from tallystick.kernel import money
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.rows import Writes


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


def check_payable(standing: Standing, currency: str, *, pointer: str) -> None:
    """Refuse to pay what is not owed.

    Refuses:
        invoice.not_payable: the invoice is a draft or void.
        money.currency: payment and invoice differ.
    """
    if standing.status != "open":
        name = (
            "it is a draft" if standing.status == "draft" else f"{shown(standing.number)} is void"
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
    """Plan to pay the oldest due date first, as far as the amount reaches."""
    plan = []
    # An open invoice has a due date; the id settles the order among equals.
    for standing in sorted(standings, key=lambda each: (str(each.due_date), each.id)):
        part = min(amount, standing.payable)
        if part > 0:
            plan.append((standing, part))
            amount -= part
    return plan


def exceeds_due(amount: int, standings: Sequence[Standing], *, pointer: str = "/amount") -> Refused:
    """Say that a payment is larger than what it may pay, with the due."""
    currency = standings[0].currency
    due = money.text(sum(standing.payable for standing in standings), currency)
    named = ", ".join(standing.number or "" for standing in standings[:3])
    named += ", …" if len(standings) > 3 else ""  # noqa: PLR2004  # a few names are enough
    message = (
        f"The payment of {money.text(amount, currency)} {currency} is more than the {due} "
        f"{currency} due on {named}. Pay at most the due, or say excess: credit."
    )
    facts = {"due": due, "currency": currency}
    return Refused("payment.exceeds_due", message, pointer=pointer, facts=facts)


def allocate(plan: Sequence[tuple[Standing, int]]) -> list[Part]:
    """Carry out a plan on the locked invoices; the next command of the batch sees it."""
    parts = []
    for standing, amount in plan:
        standing.pay(amount)
        parts.append(Part(standing, amount, standing.due))
    return parts


def write_invoices(writes: Writes, standings: Iterable[Standing], at: datetime) -> None:
    """Add the new amounts of the invoices that a batch has touched, each once."""
    for standing in standings:
        if not standing.changed:
            continue
        status = states.payment_status(
            total=standing.total,
            paid=standing.paid,
            credited=standing.credited,
            written_off=standing.written_off,
        )
        writes.change(
            INVOICES,
            {"organization_id": standing.organization_id, "id": standing.id},
            {
                "paid": standing.paid,
                "payment_status": status,
                "version": standing.version + 1,
                "updated_at": at,
            },
        )
