"""Who pays what: the judge of a payment, before anything is written.

Recording and confirming ask the same questions, on invoices that are locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.numbering import RECEIPT_SERIES, Counters, Number, Series
from tallystick.invoices.states import Standing
from tallystick.kernel import clock
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.parties.named import Named, buyer_copy, seller_copy
from tallystick.payments import allocating
from tallystick.payments.allocating import Share

INVOICES_MAX = 100
"""Invoices that one payment may name."""

Excess = Literal["refuse", "credit"]
Key = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Incoming:
    """Money that came in, or is said to have, and what it pays.

    It names invoices of one customer, or only the customer: then the oldest due is paid first, and
    the rest stays as the customer's credit. Amounts are minor units of `currency`.
    """

    act: Act
    amount: int
    currency: str
    method: str
    """An offline method, or the name of a provider."""
    customer_id: UUID | None = None
    invoices: tuple[Share, ...] = ()
    excess: Excess = "refuse"
    """What becomes of more than the named invoices are due."""
    paid_on: date | None = None
    """The day the money came; None takes today in the organization's zone."""
    reference: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a batch of payments is judged on."""

    named: Named
    standings: dict[Key, Standing]
    """The locked invoices."""
    open_ids: Mapping[tuple[UUID, UUID, str], list[UUID]]
    """On what something was due of customers who name no invoice, in a currency."""


def open_invoices(
    conn: Connection, commands: Sequence[Incoming]
) -> dict[tuple[UUID, UUID, str], list[UUID]]:
    """List on what something is due of customers who name no invoice, before it is locked."""
    places = {
        (command.act.organization_id, command.customer_id, command.currency)
        for command in commands
        if command.customer_id is not None and not command.invoices
    }
    return invoice_queries.open_of_customers(conn, places)


def named_keys(commands: Sequence[Incoming]) -> set[Key]:
    """List the invoices that the commands name."""
    return {
        (command.act.organization_id, share.invoice_id)
        for command in commands
        for share in command.invoices
    }


def payers(commands: Sequence[Incoming], standings: Mapping[Key, Standing]) -> set[Key]:
    """List the customers that the judge may have to look at: the named, and who may get credit."""
    found = set()
    for command in commands:
        organization_id = command.act.organization_id
        if command.customer_id is not None:
            found.add((organization_id, command.customer_id))
        elif command.excess == "credit":
            places = [(organization_id, share.invoice_id) for share in command.invoices]
            theirs = [standings[place] for place in places if place in standings]
            found |= {(organization_id, standing.customer_id) for standing in theirs}
    return found


def receipts(named: Named, act: Act) -> Series:
    """Name the series that the receipt of a payment of today takes its number from."""
    return _receipts(act, clock.day(act.at, named.zone(act.organization_id)))


def _receipts(act: Act, today: date) -> Series:
    return Series(act.organization_id, "receipt", RECEIPT_SERIES, today.year)


def receipt(counters: Counters, act: Act, today: date) -> Number:
    """Take the next number of a receipt, which is dated today."""
    series = _receipts(act, today)
    # Another process's clock may be a little ahead at midnight.
    return counters.take(series, max(today, counters.last_date(series) or today))


def copied(grounds: Grounds, organization: Row[Any], customer_id: UUID) -> dict[str, Any]:
    """Copy both parties for a receipt that names no invoice."""
    customer = grounds.named.customer(organization.id, customer_id)
    return {"seller": seller_copy(organization), "buyer": buyer_copy(customer)}


def check(command: Incoming, today: date) -> None:
    """Refuse a command that contradicts itself, whatever the state of the books.

    Refuses:
        payment.amount_not_positive, payment.payer_missing, payment.too_many_invoices,
        payment.invoice_twice, payment.shares_mixed, payment.shares_exceed_amount,
        payment.date_in_future
    """
    if command.amount <= 0:
        message = "A payment must be above 0. Give the amount that was received."
        raise Invalid("payment.amount_not_positive", message, pointer="/amount")
    if command.paid_on is not None and command.paid_on > today:
        message = f"The payment date {shown(command.paid_on)} is after today, {today}."
        raise Invalid("payment.date_in_future", message, pointer="/paid_on")
    if not command.invoices and command.customer_id is None:
        message = "Name the invoices that are paid, or the customer who pays."
        raise Invalid("payment.payer_missing", message, pointer="/invoices")
    if len(command.invoices) > INVOICES_MAX:
        message = f"A payment names at most {INVOICES_MAX} invoices. Name the customer instead."
        raise Invalid("payment.too_many_invoices", message, pointer="/invoices")
    if len({share.invoice_id for share in command.invoices}) < len(command.invoices):
        message = "The payment names an invoice twice. Name each invoice once."
        raise Invalid("payment.invoice_twice", message, pointer="/invoices")
    amounts = [share.amount for share in command.invoices if share.amount is not None]
    if amounts and len(amounts) < len(command.invoices):
        message = (
            "Give an amount for each of the invoices, or for none: then the oldest is paid first."
        )
        raise Invalid("payment.shares_mixed", message, pointer="/invoices")
    if any(amount <= 0 for amount in amounts):
        message = "The amount for each invoice must be above 0."
        raise Invalid("payment.amount_not_positive", message, pointer="/invoices")
    if sum(amounts) > command.amount:
        message = "The amounts for the invoices are more than the payment itself."
        raise Invalid("payment.shares_exceed_amount", message, pointer="/invoices")


def plan(grounds: Grounds, command: Incoming) -> tuple[UUID, list[tuple[Standing, int]]]:
    """Decide who pays and what is paid, on the locked invoices.

    Refuses:
        payment.exceeds_due, payment.rest_unallocated, and the codes of `payer`.
    """
    organization_id = command.act.organization_id
    customer_id, standings = payer(grounds, command)
    if command.invoices:
        return customer_id, _plan_named(command, standings)
    place = organization_id, customer_id, command.currency
    found = [grounds.standings[organization_id, each] for each in grounds.open_ids.get(place, [])]
    return customer_id, allocating.to_open(found, command.amount)


def payer(grounds: Grounds, command: Incoming) -> tuple[UUID, list[Standing]]:
    """Tell who pays, and which of the locked invoices are named.

    Refuses:
        customer.unknown, invoice.unknown, invoice.not_payable, money.currency,
        payment.customers_differ
    """
    organization_id, customer_id = command.act.organization_id, command.customer_id
    if customer_id is not None:
        grounds.named.customer(organization_id, customer_id)
    standings = []
    for index, share in enumerate(command.invoices):
        pointer = f"/invoices/{index}/invoice_id"
        standing = grounds.standings.get((organization_id, share.invoice_id))
        if standing is None:
            raise invoice_queries.unknown(share.invoice_id, pointer=pointer)
        allocating.check_payable(standing, command.currency, pointer=pointer)
        customer_id = customer_id or standing.customer_id
        if standing.customer_id != customer_id:
            message = "A payment comes from one customer, and the invoices named here have several."
            raise Refused("payment.customers_differ", message, pointer=pointer)
        standings.append(standing)
    assert customer_id is not None, "the check made sure that somebody is named"
    return customer_id, standings


def _plan_named(command: Incoming, standings: Sequence[Standing]) -> list[tuple[Standing, int]]:
    amounts = [share.amount for share in command.invoices if share.amount is not None]
    if amounts:
        plan = allocating.given(standings, amounts)
        if sum(amounts) < command.amount and command.excess == "refuse":
            message = (
                "The amounts for the invoices are less than the payment, so the rest has no "
                "place. Give it to an invoice, or say excess: credit."
            )
            raise Refused("payment.rest_unallocated", message, pointer="/invoices")
        return plan
    payable = sum(standing.payable for standing in standings)
    if command.amount > payable and command.excess == "refuse":
        raise allocating.exceeds_due(command.amount, standings)
    return allocating.oldest_first(standings, command.amount, recover=True)
