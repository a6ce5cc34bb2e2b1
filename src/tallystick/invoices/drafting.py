"""Drafts: make, change, delete.

A draft has no number and no postings, and nothing but a draft is ever changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Table

from tallystick.invoices import queries
from tallystick.invoices.content import DraftContent, Prepared, prepare
from tallystick.invoices.models import CONTENTS, INVOICES, LINES
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.states import Standing
from tallystick.kernel import clock, events, ids, versions
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal, Refused, shown
from tallystick.kernel.idempotency import Answer, Answers, each
from tallystick.kernel.rows import Writes
from tallystick.parties.named import Named


class Deleted(TypedDict):
    """What is left to say of a draft that is gone."""

    id: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class CreateDraft:
    """A new draft."""

    act: Act
    content: DraftContent


@dataclass(frozen=True, slots=True)
class ChangeDraft:
    """Replace what a draft says, if it still has this version."""

    act: Act
    invoice_id: UUID
    version: int
    content: DraftContent


@dataclass(frozen=True, slots=True)
class DeleteDraft:
    """Delete a draft, if it still has this version."""

    act: Act
    invoice_id: UUID
    version: int


def create_drafts(
    conn: Connection, commands: Sequence[CreateDraft]
) -> list[Answer[InvoiceDocument]]:
    """Make drafts. The statements sent do not grow with the number of commands.

    Refuses:
        customer.unknown, customer.inactive, organization.inactive
        The codes of `content.prepare`.
    """
    answers: Answers[InvoiceDocument] = Answers(conn, commands)
    named = named_by(conn, [(command.act, command.content) for command in commands])
    writes = Writes()
    given = []
    for command in commands:
        answer = answers.known(command.act)
        if answer is None:
            answer = answers.give(command.act, _create(writes, named, command))
        given.append(answer)
    answers.write(writes)
    writes.flush(conn)
    return given


def _create(writes: Writes, named: Named, command: CreateDraft) -> InvoiceDocument | Refusal:
    act = command.act
    try:
        prepared = prepare_new(named, act, command.content)
    except Refused as refused:
        return refused.refusal
    add(writes, prepared)
    tell(writes, act, "invoice.drafted", prepared.invoice)
    today = clock.day(act.at, named.zone(act.organization_id))
    return queries.document(prepared.invoice, prepared.content, prepared.lines, today=today)


def named_by(conn: Connection, drafts: Sequence[tuple[Act, DraftContent]]) -> Named:
    """Read the organizations and customers of a batch of drafts."""
    return Named(
        conn,
        organization_ids={act.organization_id for act, _ in drafts},
        customer_ids={(act.organization_id, content.customer_id) for act, content in drafts},
    )


def prepare_new(named: Named, act: Act, content: DraftContent) -> Prepared:
    """Lay out the rows of a new draft for customers who may get one."""
    organization = named.organization(act.organization_id)
    named.active_customer(act.organization_id, content.customer_id)
    return prepare(act, ids.new(), content, terms_days=organization.terms_days)


def add(writes: Writes, prepared: Prepared) -> None:
    """Add the rows of a new invoice to what the transaction writes."""
    writes.add(INVOICES, prepared.invoice)
    writes.add(CONTENTS, prepared.content)
    for line in prepared.lines:
        writes.add(LINES, line)


def change_drafts(
    conn: Connection, commands: Sequence[ChangeDraft]
) -> list[Answer[InvoiceDocument]]:
    """Replace what drafts say. Locks the invoice.

    Refuses:
        invoice.unknown
        invoice.issued: an issued invoice never changes.
        precondition.stale: somebody changed the draft meanwhile.
        The codes of `create_drafts`.
    """
    _lock_all(conn, commands)
    return each(conn, commands, _change)


def _change(conn: Connection, command: ChangeDraft) -> InvoiceDocument:
    act, content = command.act, command.content
    standing = _locked_draft(conn, act, command.invoice_id, command.version)
    named = named_by(conn, [(act, content)])
    organization = named.organization(act.organization_id)
    named.active_customer(act.organization_id, content.customer_id)
    prepared = prepare(
        act,
        standing.id,
        content,
        terms_days=organization.terms_days,
        version=standing.version + 1,
    )
    del prepared.invoice["created_at"]
    _delete(conn, act, standing.id, LINES)
    _update(conn, INVOICES, ("organization_id", "id"), prepared.invoice)
    _update(conn, CONTENTS, ("organization_id", "invoice_id"), prepared.content)
    writes = Writes()
    for line in prepared.lines:
        writes.add(LINES, line)
    tell(writes, act, "invoice.changed", prepared.invoice)
    writes.flush(conn)
    today = clock.day(act.at, organization.time_zone)
    return queries.get_invoice(conn, act.organization_id, standing.id, today=today)


def delete_drafts(conn: Connection, commands: Sequence[DeleteDraft]) -> list[Answer[Deleted]]:
    """Delete drafts; no number was used, so none is missing. Locks the invoice.

    Refuses:
        invoice.unknown
        invoice.issued: void it instead.
        precondition.stale: somebody changed the draft meanwhile.
    """
    _lock_all(conn, commands)
    return each(conn, commands, _remove)


def _remove(conn: Connection, command: DeleteDraft) -> Deleted:
    act = command.act
    standing = _locked_draft(conn, act, command.invoice_id, command.version)
    Named(conn, organization_ids=[act.organization_id]).organization(act.organization_id)
    _delete(conn, act, standing.id, LINES)
    _delete(conn, act, standing.id, CONTENTS)
    conn.execute(
        INVOICES.delete().where(
            INVOICES.c.organization_id == act.organization_id, INVOICES.c.id == standing.id
        )
    )
    writes = Writes()
    deleted = {"id": standing.id, "customer_id": standing.customer_id}
    tell(writes, act, "invoice.deleted", deleted)
    writes.flush(conn)
    return {"id": str(standing.id), "deleted": True}


def _lock_all(conn: Connection, commands: Sequence[ChangeDraft] | Sequence[DeleteDraft]) -> None:
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    keys = [(command.act.organization_id, command.invoice_id) for command in commands]
    queries.lock_invoices(conn, keys)


def _locked_draft(conn: Connection, act: Act, invoice_id: UUID, version: int) -> Standing:
    place = act.organization_id, invoice_id
    standing = queries.lock_invoices(conn, [place]).get(place)
    if standing is None:
        raise queries.unknown(invoice_id)
    if standing.status != "draft":
        raise issued(standing.number)
    versions.check(standing.version, version)
    return standing


def issued(number: str | None) -> Refused:
    """Say that an invoice is no draft any more."""
    message = (
        f"The invoice {shown(number)} was issued, and an issued invoice never changes. "
        "Annotate it to put off its due date or keep a memo with it, take a part of it back with a "
        "credit note, or void it and issue another."
    )
    return Refused("invoice.issued", message)


def _delete(conn: Connection, act: Act, invoice_id: UUID, table: Table) -> None:
    conn.execute(
        table.delete().where(
            table.c.organization_id == act.organization_id, table.c.invoice_id == invoice_id
        )
    )


def _update(conn: Connection, table: Table, key: tuple[str, str], values: dict[str, Any]) -> None:
    matches = [table.c[name] == values[name] for name in key]
    changes = {name: value for name, value in values.items() if name not in key}
    conn.execute(table.update().where(*matches), changes)


def tell(writes: Writes, act: Act, kind: str, invoice: dict[str, Any]) -> None:
    """Add the event of what happened to a draft."""
    payload = {"invoice_id": str(invoice["id"]), "customer_id": str(invoice["customer_id"])}
    events.emit(writes, act, kind, invoice["id"], payload)
