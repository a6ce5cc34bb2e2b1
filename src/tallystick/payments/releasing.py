"""Take back what a payment gave to an invoice: it is the customer's credit again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.parties.named import Named
from tallystick.payments import allocating, locking, queries
from tallystick.payments.allocating import Part
from tallystick.payments.locking import Holding
from tallystick.payments.queries import PaymentDocument

RELEASED = "payment.released"


@dataclass(frozen=True, slots=True)
class ReleaseAllocation:
    """Take back all that a payment gives to one invoice."""

    act: Act
    payment_id: UUID
    invoice_id: UUID


def release_allocations(
    conn: Connection, commands: Sequence[ReleaseAllocation]
) -> list[Answer[PaymentDocument]]:
    """Take back what payments gave to invoices, which are due again; the money stays here.

    Locks the invoices, then the payments.

    Refuses:
        payment.unknown, invoice.unknown, organization.inactive
        payment.not_settled: the payment waits to be confirmed or was declined.
        payment.not_allocated: the payment gives nothing to this invoice.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    invoice_queries.lock_invoices(
        conn, [(each.act.organization_id, each.invoice_id) for each in commands]
    )
    locking.lock_payments(conn, [(each.act.organization_id, each.payment_id) for each in commands])
    return each(conn, commands, _release)


def add_release(
    writes: Writes,
    act: Act,
    holding: Holding,
    plan: Sequence[tuple[Standing, int]],
    *,
    on: date,
) -> list[Part]:
    """Take parts of one locked payment back from locked invoices: rows, and one entry of that day.

    The caller writes the invoices and the payment.
    """
    parts = allocating.release(plan, on=on)
    amount = -sum(part.amount for part in parts)
    holding.release(amount, on=on)
    allocating.add_rows(writes, act, holding.id, parts)
    legs = allocating.legs(holding.customer_id, parts)
    legs.append(Leg(accounts.credit(holding.customer_id), -amount))
    post(writes, act, Entry(RELEASED, on, holding.currency, legs, payment_id=holding.id))
    return parts


def tell(writes: Writes, act: Act, holding: Holding, parts: Sequence[Part]) -> None:
    """Tell what a payment took back from invoices."""
    payload = {
        "payment_id": str(holding.id),
        "customer_id": str(holding.customer_id),
        "currency": holding.currency,
        "amount": -sum(part.amount for part in parts),
        "invoice_ids": [str(part.invoice.id) for part in parts],
    }
    events.emit(writes, act, RELEASED, holding.id, payload)


def _release(conn: Connection, command: ReleaseAllocation) -> PaymentDocument:
    act = command.act
    invoice_key = act.organization_id, command.invoice_id
    payment_key = act.organization_id, command.payment_id
    standing = invoice_queries.lock_invoices(conn, [invoice_key]).get(invoice_key)
    holdings = locking.lock_payments(conn, [payment_key])
    organization = Named(conn, organization_ids=[act.organization_id]).organization(
        act.organization_id
    )
    holding = locking.settled(holdings, payment_key)
    if standing is None:
        raise invoice_queries.unknown(command.invoice_id, pointer="/invoice_id")
    live = locking.live_of_payments(conn, [payment_key])
    amount = sum(each.amount for each in live if each.invoice_id == standing.id)
    if not amount:
        message = f"The payment gives nothing to the invoice {shown(standing.number)}."
        raise Refused("payment.not_allocated", message, pointer="/invoice_id")
    writes = Writes()
    today = clock.day(act.at, organization.time_zone)
    # Nothing is taken back on a day before it was given.
    on = standing.day(holding.day(today, today), today)
    parts = add_release(writes, act, holding, [(standing, amount)], on=on)
    invoice_queries.write_standings(writes, [standing], act.at)
    locking.write_payments(writes, [holding], act.at)
    tell(writes, act, holding, parts)
    writes.flush(conn)
    return queries.get_payment(conn, act.organization_id, holding.id)
