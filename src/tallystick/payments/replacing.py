"""Replace an issued invoice by another one, and let the same payments pay the new one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update

from tallystick.invoices import correcting, drafting, issuing, queries, states
from tallystick.invoices.content import DraftContent, Prepared
from tallystick.invoices.models import LATE_CHARGES
from tallystick.invoices.numbering import Counters, Series
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, money, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger import closing
from tallystick.parties.named import Named
from tallystick.payments import applying, locking, releasing
from tallystick.payments.locking import Holding
from tallystick.payments.planning import Excess


@dataclass(frozen=True, slots=True)
class ReplaceInvoice:
    """Void an issued invoice and issue another one in its place, in one go."""

    act: Act
    invoice_id: UUID
    content: DraftContent
    reason: str
    """Stays with the old invoice."""
    issue_date: date | None = None
    """None takes today in the organization's zone."""
    due_date: date | None = None
    """Goes before the terms, and may have passed."""
    excess: Excess = "refuse"
    """What becomes of money that the new invoice has no need of."""


def replace_invoices(
    conn: Connection, commands: Sequence[ReplaceInvoice]
) -> list[Answer[InvoiceDocument]]:
    """Replace invoices: the old one is void, and its payments pay the new one, the oldest first.

    What the new one has no need of stays as the customer's credit. In place of a late charge it is
    one itself. Locks the invoices by id, then the payments on them, then the counter of the series.

    Refuses:
        invoice.unknown
        invoice.draft, invoice.void: there is nothing to replace.
        invoice.corrected: something was credited or written off, or a payment is on its way.
        invoice.replacement_differs: the new one is for another customer or in another currency.
        invoice.below_paid: with what is paid and the new total, unless `excess` is credit.
        The codes of `issuing.issue_new`.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    locking.lock_with_payments(
        conn, [(command.act.organization_id, command.invoice_id) for command in commands]
    )
    named = Named(conn, organization_ids={command.act.organization_id for command in commands})
    Counters(conn, {_series(named, command) for command in commands})
    closing.lock(conn, [(command.act, command.issue_date) for command in commands])
    return each(conn, commands, _replace)


def _series(named: Named, command: ReplaceInvoice) -> Series:
    return issuing.series_of(named, command.act, command.content.series, command.issue_date)


def _replace(conn: Connection, command: ReplaceInvoice) -> InvoiceDocument:
    act, content = command.act, command.content
    place = act.organization_id, command.invoice_id
    old = queries.lock_invoices(conn, [place]).get(place)
    if old is None:
        raise queries.unknown(command.invoice_id)
    named = drafting.named_by(conn, [(act, content)])
    organization = named.organization(act.organization_id)
    _check_replaceable(old, content)
    columns = [LATE_CHARGES.c.organization_id, LATE_CHARGES.c.invoice_id]
    charges = rows.find(conn, columns, [place])
    if charges:
        content = replace(content, relates_to=charges[0].relates_to)
    prepared = drafting.prepare_new(named, act, content)
    _check_covers(old, prepared.invoice["total"], command.excess)
    live = locking.live_of_invoices(conn, [place])
    holdings = locking.lock_payments(
        conn, [(given.organization_id, given.payment_id) for given in live]
    )
    counters = Counters(conn, [_series(named, command)])
    frozen = issuing.freeze(
        named, counters, act, prepared, command.issue_date, due_date=command.due_date
    )
    frozen.content["replaces"] = old.id
    today = clock.day(act.at, organization.time_zone)
    writes = Writes()
    taken_on = old.day(today, today)
    paying = [(holdings[given.organization_id, given.payment_id], given.amount) for given in live]
    for holding, amount in paying:
        parts = releasing.add_release(writes, act, holding, [(old, amount)], on=taken_on)
        releasing.tell(writes, act, holding, parts)
    correcting.take_back(conn, writes, act, old, reason=command.reason, today=today)
    queries.write_standings(writes, [old], act.at)
    _pay(writes, act, frozen, paying, today=today)
    locking.write_payments(writes, holdings.values(), act.at)
    drafting.add(writes, frozen)
    issuing.book(writes, act, frozen)
    payload = {"invoice_id": str(old.id), "replaced_by": str(frozen.invoice["id"])}
    events.emit(writes, act, "invoice.replaced", old.id, payload, once=True)
    counters.write(writes)
    writes.flush(conn)
    if charges:
        _carry_over(conn, old, frozen)
    return queries.get_invoice(conn, act.organization_id, frozen.invoice["id"], today=today)


def _carry_over(conn: Connection, old: Standing, frozen: Prepared) -> None:
    """Let the new invoice be the charge on another one that the old one was."""
    charge = LATE_CHARGES.c
    conn.execute(
        update(LATE_CHARGES)
        .where(charge.organization_id == old.organization_id, charge.invoice_id == old.id)
        .values(invoice_id=frozen.invoice["id"])
    )


def _check_replaceable(old: Standing, content: DraftContent) -> None:
    if old.status == "draft":
        raise Refused("invoice.draft", "This invoice is a draft. Change the draft itself.")
    if old.status == "void":
        message = f"The invoice {shown(old.number)} is void already. Issue another one."
        raise Refused("invoice.void", message)
    if old.credited or old.written_off or old.reserved:
        message = (
            f"Something was credited or written off on the invoice {shown(old.number)}, or a "
            "payment for it is on its way, so it cannot be replaced."
        )
        raise Refused("invoice.corrected", message)
    if (content.customer_id, content.currency) != (old.customer_id, old.currency):
        message = (
            f"An invoice in place of {shown(old.number)} is for the same customer and in "
            f"{old.currency}. Void it instead, and issue another one."
        )
        raise Refused("invoice.replacement_differs", message)


def _check_covers(old: Standing, total: int, excess: Excess) -> None:
    if total >= old.paid or excess == "credit":
        return
    currency = old.currency
    facts = {"paid": money.text(old.paid, currency), "total": money.text(total, currency)}
    message = (
        f"{facts['paid']} {currency} are paid on the invoice {shown(old.number)}, more than the "
        f"new total of {facts['total']} {currency}. Say excess: credit to keep the rest for the "
        "customer."
    )
    raise Refused("invoice.below_paid", message, facts=facts)


def _pay(
    writes: Writes,
    act: Act,
    frozen: Prepared,
    paying: Sequence[tuple[Holding, int]],
    *,
    today: date,
) -> None:
    """Let released payments pay the new invoice, before its row is written."""
    invoice = frozen.invoice
    new = _standing(invoice)
    # What paid the old invoice stands with the newest first.
    for holding, amount in reversed(paying):
        part = min(amount, new.open_due)
        if part > 0:
            applying.add_allocation(writes, act, holding, [(new, part)], on=today, today=today)
    invoice["paid"] = new.paid
    invoice["booked_on"] = new.booked_on
    invoice["payment_status"] = states.payment_status(
        total=new.total, paid=new.paid, credited=0, written_off=0
    )


def _standing(invoice: dict[str, Any]) -> Standing:
    names = (
        *("organization_id", "id", "customer_id", "number", "status", "currency", "total", "paid"),
        *("credited", "written_off", "reserved", "due_date", "version", "booked_on"),
    )
    return Standing(**{name: invoice[name] for name in names})
