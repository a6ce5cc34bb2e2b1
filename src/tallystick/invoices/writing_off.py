"""Give up what is due on an invoice and will not be paid.

A write-off is an amount and no state: a payment that comes after all brings it back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import queries
from tallystick.invoices.models import CONTENTS
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, money
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.parties.named import Named

REVERSED = "invoice.write_off_reversed"


@dataclass(frozen=True, slots=True)
class WriteOff:
    """Give up an amount of what is due, in minor units; None gives up all of it."""

    act: Act
    invoice_id: UUID
    reason: str
    amount: int | None = None


def write_off_invoices(
    conn: Connection, commands: Sequence[WriteOff]
) -> list[Answer[InvoiceDocument]]:
    """Write off what is due on invoices: it is an expense of today, and no longer owed.

    Locks the invoice.

    Refuses:
        invoice.unknown, organization.inactive
        invoice.draft, invoice.void: nobody owes it.
        write_off.amount_not_positive
        write_off.nothing_due
        write_off.exceeds_due: with the due.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    queries.lock_invoices(
        conn, [(command.act.organization_id, command.invoice_id) for command in commands]
    )
    return each(conn, commands, _write_off)


def _write_off(conn: Connection, command: WriteOff) -> InvoiceDocument:
    act = command.act
    place = act.organization_id, command.invoice_id
    standing = queries.lock_invoices(conn, [place]).get(place)
    if standing is None:
        raise queries.unknown(command.invoice_id)
    named = Named(conn, organization_ids=[act.organization_id])
    organization = named.organization(act.organization_id)
    amount = _amount(standing, command.amount)
    today = clock.day(act.at, organization.time_zone)
    on = standing.day(today, today)
    standing.write_off(amount, on=on)
    writes = Writes()
    queries.write_standings(writes, [standing], act.at)
    writes.change(
        CONTENTS,
        {"organization_id": act.organization_id, "invoice_id": standing.id},
        {"write_off_reason": command.reason},
    )
    legs = [
        Leg(accounts.WRITE_OFF, amount),
        Leg(accounts.receivable(standing.customer_id), -amount, standing.id),
    ]
    post(writes, act, Entry("invoice.written_off", on, standing.currency, legs))
    payload = {
        "invoice_id": str(standing.id),
        "customer_id": str(standing.customer_id),
        "number": standing.number,
        "currency": standing.currency,
        "amount": amount,
    }
    events.emit(writes, act, "invoice.written_off", standing.id, payload)
    writes.flush(conn)
    return queries.get_invoice(conn, act.organization_id, standing.id, today=today)


def reverse(writes: Writes, act: Act, standing: Standing, amount: int, *, on: date) -> None:
    """Book that part of a write-off is due again, or paid after all, and tell of it.

    The caller changes the standing, and writes it.
    """
    legs = [
        Leg(accounts.receivable(standing.customer_id), amount, standing.id),
        Leg(accounts.WRITE_OFF, -amount),
    ]
    post(writes, act, Entry(REVERSED, on, standing.currency, legs))
    payload = {"invoice_id": str(standing.id), "currency": standing.currency, "amount": amount}
    events.emit(writes, act, REVERSED, standing.id, payload)


def _amount(standing: Standing, wanted: int | None) -> int:
    """Decide how much is given up; payments on their way keep what they need."""
    if standing.status == "draft":
        message = "This invoice is a draft and nobody owes it yet, so nothing can be written off."
        raise Refused("invoice.draft", message)
    if standing.status == "void":
        message = f"The invoice {shown(standing.number)} is void, so nothing is due on it."
        raise Refused("invoice.void", message)
    if wanted is not None and wanted <= 0:
        message = "A write-off must give up something. Give an amount above 0."
        raise Invalid("write_off.amount_not_positive", message, pointer="/amount")
    due = standing.open_due
    if due == 0:
        message = f"Nothing is due on the invoice {shown(standing.number)}."
        raise Refused("write_off.nothing_due", message)
    if wanted is not None and wanted > due:
        currency = standing.currency
        facts = {"due": money.text(due, currency), "currency": currency}
        message = (
            f"The write-off of {money.text(wanted, currency)} {currency} is more than the "
            f"{facts['due']} {currency} due on {shown(standing.number)}."
        )
        raise Refused("write_off.exceeds_due", message, pointer="/amount", facts=facts)
    return due if wanted is None else wanted
