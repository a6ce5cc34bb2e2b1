"""Change what stands beside an issued invoice: when it is due now, and a note of the organization.

The document itself keeps saying what it said when it was issued.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import queries
from tallystick.invoices.models import CONTENTS, INVOICES
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named


@dataclass(frozen=True, slots=True)
class AnnotateInvoice:
    """Put off or bring forward the due date of an issued invoice, or keep a memo with it."""

    act: Act
    invoice_id: UUID
    fields: frozenset[str]
    """`due_date` and `memo`, or one of them; the other one stays as it is."""
    due_date: date | None = None
    """Never None when it is given: what is owed is due some day."""
    memo: str | None = None
    """None takes the memo away."""
    may_be_past: bool = False
    """Whether the due date may be before the issue date, as older contracts allow."""


def annotate_invoices(
    conn: Connection, commands: Sequence[AnnotateInvoice]
) -> list[Answer[InvoiceDocument]]:
    """Change due dates and memos of issued invoices. Locks the invoice.

    Refuses:
        invoice.unknown, organization.inactive
        invoice.draft: change the draft instead.
        invoice.void
        invoice.due_before_issue: nothing is due before it is issued.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    queries.lock_invoices(
        conn, [(command.act.organization_id, command.invoice_id) for command in commands]
    )
    return each(conn, commands, _annotate)


def _annotate(conn: Connection, command: AnnotateInvoice) -> InvoiceDocument:
    assert "due_date" not in command.fields or command.due_date is not None
    act = command.act
    place = act.organization_id, command.invoice_id
    standing = queries.lock_invoices(conn, [place]).get(place)
    if standing is None:
        raise queries.unknown(command.invoice_id)
    named = Named(conn, organization_ids=[act.organization_id])
    organization = named.organization(act.organization_id)
    if standing.status == "draft":
        raise Refused("invoice.draft", "This invoice is a draft. Change the draft itself.")
    if standing.status == "void":
        raise Refused("invoice.void", f"The invoice {shown(standing.number)} is void.")
    today = clock.day(act.at, organization.time_zone)
    now = queries.get_invoice(conn, act.organization_id, standing.id, today=today)
    due_date = standing.due_date
    if "due_date" in command.fields:
        due_date = command.due_date
        if not command.may_be_past and str(due_date) < str(now["issue_date"]):
            message = f"The due date {due_date} is before the issue date {now['issue_date']}."
            raise Invalid("invoice.due_before_issue", message, pointer="/due_date")
    writes = Writes()
    key = {"organization_id": act.organization_id}
    changes = {"due_date": due_date, "version": standing.version + 1, "updated_at": act.at}
    writes.change(INVOICES, {**key, "id": standing.id}, changes)
    if "memo" in command.fields:
        writes.change(CONTENTS, {**key, "invoice_id": standing.id}, {"memo": command.memo})
    payload = {
        "invoice_id": str(standing.id),
        "number": standing.number,
        "fields": sorted(command.fields),
        "due_date": str(due_date),
    }
    events.emit(writes, act, "invoice.annotated", standing.id, payload)
    writes.flush(conn)
    return queries.get_invoice(conn, act.organization_id, standing.id, today=today)


def lock_of_customers(
    conn: Connection, customers: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Standing]:
    """Lock all invoices of customers, in the order of their ids."""
    columns = [INVOICES.c.organization_id, INVOICES.c.customer_id]
    theirs = rows.find(conn, columns, customers)
    return queries.lock_invoices(conn, [(row.organization_id, row.id) for row in theirs])


def forget_memos(conn: Connection, act: Act, customer_id: UUID) -> None:
    """Take the memos of a customer's invoices away; no law asks the organization to keep them.

    Locks the invoices.
    """
    standings = lock_of_customers(conn, [(act.organization_id, customer_id)])
    columns = [CONTENTS.c.organization_id, CONTENTS.c.invoice_id]
    writes = Writes()
    for content in rows.find(conn, columns, standings.keys()):
        if content.memo is not None:
            key = {"organization_id": act.organization_id}
            standing = standings[act.organization_id, content.invoice_id]
            changes = {"version": standing.version + 1, "updated_at": act.at}
            writes.change(INVOICES, {**key, "id": standing.id}, changes)
            writes.change(CONTENTS, {**key, "invoice_id": standing.id}, {"memo": None})
    writes.flush(conn)
