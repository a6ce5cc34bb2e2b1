"""Apply customer credit: the unallocated part of a settled payment pays invoices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, money, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named
from tallystick.payments import allocating, locking, planning, queries
from tallystick.payments.allocating import ALLOCATED, Part, Share
from tallystick.payments.locking import Holding, Key
from tallystick.payments.models import PAYMENTS
from tallystick.payments.planning import Grounds, Incoming
from tallystick.payments.queries import PaymentDocument

OpenIds = Mapping[tuple[UUID, UUID, str], list[UUID]]


@dataclass(frozen=True, slots=True)
class ApplyCredit:
    """Pay invoices with what is free of a payment; with none named, the oldest due first."""

    act: Act
    payment_id: UUID
    invoices: tuple[Share, ...] = ()


def apply_credit(
    conn: Connection, commands: Sequence[ApplyCredit]
) -> list[Answer[PaymentDocument]]:
    """Give what is free of payments to invoices of the same customer and currency, today.

    Named invoices get what is due on them and then, last, what was written off. With none named,
    those of the customer on which something is due are paid, and what was written off stays so.
    What is left stays free. Locks the invoices (the named, or those on which something is due),
    then the payments.

    Refuses:
        payment.unknown, invoice.unknown, organization.inactive
        payment.not_settled: the payment waits to be confirmed or was declined.
        payment.no_credit: nothing of the payment is free.
        payment.exceeds_credit: the amounts for the invoices are more than what is free, with that.
        payment.nothing_due: none of the invoices has anything due.
        payment.too_many_invoices, payment.invoice_twice, payment.shares_mixed,
        payment.amount_not_positive, payment.customers_differ, payment.exceeds_due,
        invoice.not_payable, money.currency: as in recording.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    open_ids = _open_ids(conn, commands)
    _lock(conn, commands, open_ids)
    return each(conn, commands, partial(_apply, open_ids=open_ids))


def _open_ids(conn: Connection, commands: Sequence[ApplyCredit]) -> OpenIds:
    """List what is due of customers who name no invoice, once and before anything is locked."""
    keys = {(each.act.organization_id, each.payment_id) for each in commands}
    # A payment never changes its customer or its currency, so they may be read before the lock.
    whose = {
        (row.organization_id, row.id): (row.organization_id, row.customer_id, row.currency)
        for row in rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], keys)
    }
    asking = [(each.act.organization_id, each.payment_id) for each in commands if not each.invoices]
    return invoice_queries.open_of_customers(conn, {whose[key] for key in asking if key in whose})


def _lock(
    conn: Connection, commands: Sequence[ApplyCredit], open_ids: OpenIds
) -> tuple[dict[Key, Standing], dict[Key, Holding]]:
    wanted = {(place[0], invoice_id) for place, found in open_ids.items() for invoice_id in found}
    wanted |= {
        (each.act.organization_id, share.invoice_id) for each in commands for share in each.invoices
    }
    standings = invoice_queries.lock_invoices(conn, wanted)
    keys = [(each.act.organization_id, each.payment_id) for each in commands]
    return standings, locking.lock_payments(conn, keys)


def _apply(conn: Connection, command: ApplyCredit, *, open_ids: OpenIds) -> PaymentDocument:
    act = command.act
    # What the batch has locked already, as the commands before this one left it.
    standings, holdings = _lock(conn, [command], open_ids)
    customers = {(each.organization_id, each.customer_id) for each in holdings.values()}
    named = Named(conn, organization_ids=[act.organization_id], customer_ids=customers)
    organization = named.organization(act.organization_id)
    today = clock.day(act.at, organization.time_zone)
    holding = locking.settled(holdings, (act.organization_id, command.payment_id))
    _check(command, holding)
    wish = Incoming(
        act=act,
        amount=holding.unallocated,
        currency=holding.currency,
        method="other",
        customer_id=holding.customer_id,
        invoices=command.invoices,
        excess="credit",
    )
    planning.check(wish, today)
    _, plan = planning.plan(Grounds(named, standings, open_ids), wish)
    if not plan:
        message = "Nothing is due on these invoices, so the credit stays as it is."
        raise Refused("payment.nothing_due", message, pointer="/invoices")
    writes = Writes()
    add_allocation(writes, act, holding, plan, on=today, today=today)
    invoice_queries.write_standings(writes, standings.values(), act.at)
    locking.write_payments(writes, [holding], act.at)
    writes.flush(conn)
    return queries.get_payment(conn, act.organization_id, holding.id)


def add_allocation(
    writes: Writes,
    act: Act,
    holding: Holding,
    plan: Sequence[tuple[Standing, int]],
    *,
    on: date,
    today: date,
) -> None:
    """Give free parts of one locked payment to locked invoices: rows, entries, one event.

    On that day, or as soon after it as the payment and the invoice allow. The caller writes the
    invoices and the payment.
    """
    parts = allocating.allocate(plan, on=holding.day(on, today), today=today)
    holding.allocate(sum(part.amount for part in parts), on=max(part.date for part in parts))
    allocating.add_rows(writes, act, holding.id, parts)
    allocating.book_from_credit(writes, act, holding.id, holding.customer_id, parts)
    events.emit(writes, act, ALLOCATED, holding.id, _payload(holding, parts))


def _check(command: ApplyCredit, holding: Holding) -> None:
    free, currency = holding.unallocated, holding.currency
    if not free:
        message = f"Nothing of the payment {shown(holding.id)} is free; invoices have all of it."
        raise Refused("payment.no_credit", message)
    asked = sum(share.amount or 0 for share in command.invoices)
    if asked > free:
        message = (
            f"The amounts for the invoices are {money.text(asked, currency)} {currency}, and only "
            f"{money.text(free, currency)} {currency} of the payment is free."
        )
        facts = {"unallocated": money.text(free, currency), "currency": currency}
        raise Refused("payment.exceeds_credit", message, pointer="/invoices", facts=facts)


def _payload(holding: Holding, parts: Sequence[Part]) -> dict[str, object]:
    return {
        "payment_id": str(holding.id),
        "customer_id": str(holding.customer_id),
        "currency": holding.currency,
        "amount": sum(part.amount for part in parts),
        "invoice_ids": [str(part.invoice.id) for part in parts],
    }
