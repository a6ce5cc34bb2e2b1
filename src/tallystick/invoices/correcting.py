"""Correct issued invoices by further documents and entries: void.

An issued document itself never changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import queries, states
from tallystick.invoices.content import Prepared
from tallystick.invoices.issuing import legs
from tallystick.invoices.models import CONTENTS, INVOICES
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.parties.named import Named


@dataclass(frozen=True, slots=True)
class VoidInvoice:
    """Void an issued invoice that nothing was paid on."""

    act: Act
    invoice_id: UUID
    reason: str


def void_invoices(
    conn: Connection, commands: Sequence[VoidInvoice]
) -> list[Answer[InvoiceDocument]]:
    """Void issued invoices: each keeps its number, and a new entry of today reverses the books.

    Locks the invoice.

    Refuses:
        invoice.unknown, organization.inactive
        invoice.draft, invoice.void, invoice.credited, invoice.paid: see `states.check_voidable`.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    queries.lock_invoices(
        conn, [(command.act.organization_id, command.invoice_id) for command in commands]
    )
    return each(conn, commands, _void)


def _void(conn: Connection, command: VoidInvoice) -> InvoiceDocument:
    act = command.act
    place = act.organization_id, command.invoice_id
    standing = queries.lock_invoices(conn, [place]).get(place)
    if standing is None:
        raise queries.unknown(command.invoice_id)
    named = Named(conn, organization_ids=[act.organization_id])
    organization = named.organization(act.organization_id)
    states.check_voidable(standing)
    today = clock.day(act.at, organization.time_zone)
    writes = Writes()
    take_back(conn, writes, act, standing, reason=command.reason, today=today)
    queries.write_standings(writes, [standing], act.at)
    writes.flush(conn)
    return queries.get_invoice(conn, act.organization_id, standing.id, today=today)


def take_back(
    conn: Connection, writes: Writes, act: Act, standing: Standing, *, reason: str, today: date
) -> None:
    """Void a locked invoice and reverse its entry; the caller writes the standing."""
    place = act.organization_id, standing.id
    invoice = rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], [place])[0]._asdict()
    key = [CONTENTS.c.organization_id, CONTENTS.c.invoice_id]
    content = rows.find(conn, key, [place])[0]._asdict()
    reversed_legs = [
        Leg(leg.account, -leg.amount, leg.invoice_id)
        for leg in legs(Prepared(invoice, content, []))
    ]
    on = standing.day(today, today)
    standing.void(on=on)
    writes.change(
        CONTENTS,
        {"organization_id": act.organization_id, "invoice_id": standing.id},
        {"voided_at": act.at, "void_reason": reason},
    )
    post(writes, act, Entry("invoice.voided", on, standing.currency, reversed_legs))
    payload = {"invoice_id": str(standing.id), "number": standing.number}
    events.emit(writes, act, "invoice.voided", standing.id, payload, once=True)
