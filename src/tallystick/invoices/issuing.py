"""Issue invoices: number them without gaps, freeze what they say, book what is owed.

An issued invoice never changes again; it is corrected by further documents.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import drafting, queries
from tallystick.invoices.content import DraftContent, Prepared, document_hash
from tallystick.invoices.models import CONTENTS, INVOICES
from tallystick.invoices.numbering import Counters, Number, Series
from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel import clock, events, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal, Refused, shown
from tallystick.kernel.idempotency import Answer, Answers
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.parties.named import Named, buyer_copy


@dataclass(frozen=True, slots=True)
class IssueInvoice:
    """Issue a draft."""

    act: Act
    invoice_id: UUID
    issue_date: date | None = None
    """None takes today in the organization's zone."""


@dataclass(frozen=True, slots=True)
class IssueNew:
    """Draft and issue in one."""

    act: Act
    content: DraftContent
    issue_date: date | None = None
    due_date: date | None = None
    """Goes before the terms, and may have passed."""


def issue_new(conn: Connection, commands: Sequence[IssueNew]) -> list[Answer[InvoiceDocument]]:
    """Draft and issue invoices at once.

    The statements sent do not grow with the number of commands. Locks the counters of the series,
    last.

    Refuses:
        The codes of `drafting.create_drafts` and of `issue_invoices`.
    """
    answers: Answers[InvoiceDocument] = Answers(conn, commands)
    named = drafting.named_by(conn, [(command.act, command.content) for command in commands])
    wanted = {
        series_of(named, command.act, command.content.series, command.issue_date)
        for command in commands
    }
    counters = Counters(conn, wanted)
    writes = Writes()
    given = []
    for command in commands:
        answer = answers.known(command.act)
        if answer is None:
            answer = answers.give(command.act, _issue_new(writes, named, counters, command))
        given.append(answer)
    counters.write(writes)
    answers.write(writes)
    writes.flush(conn)
    return given


def _issue_new(
    writes: Writes, named: Named, counters: Counters, command: IssueNew
) -> InvoiceDocument | Refusal:
    act = command.act
    try:
        prepared = drafting.prepare_new(named, act, command.content)
        frozen = freeze(
            named, counters, act, prepared, command.issue_date, due_date=command.due_date
        )
    except Refused as refused:
        return refused.refusal
    drafting.add(writes, frozen)
    book(writes, act, frozen)
    return _document(named, act, frozen)


def issue_invoices(
    conn: Connection, commands: Sequence[IssueInvoice]
) -> list[Answer[InvoiceDocument]]:
    """Issue drafts. The statements sent do not grow with the number of commands.

    Locks the invoices by id, then the counters of their series.

    Refuses:
        invoice.unknown
        invoice.issued: it has its number already.
        invoice.no_lines, invoice.total_zero: there is nothing to owe.
        invoice.date_in_future: an invoice is dated today or before.
        invoice.date_before_last: dates follow numbers within a series.
        customer.inactive, organization.inactive
    """
    keys = [(command.act.organization_id, command.invoice_id) for command in commands]
    queries.lock_invoices(conn, keys)
    answers: Answers[InvoiceDocument] = Answers(conn, commands)
    drafts = _read_drafts(conn, keys)
    named = Named(
        conn,
        organization_ids={organization_id for organization_id, _ in keys},
        customer_ids={(key[0], draft.invoice["customer_id"]) for key, draft in drafts.items()},
    )
    wanted = {
        series_of(named, command.act, drafts[key].invoice["series"], command.issue_date)
        for key, command in zip(keys, commands, strict=True)
        if key in drafts
    }
    counters = Counters(conn, wanted)
    writes = Writes()
    given = []
    for key, command in zip(keys, commands, strict=True):
        answer = answers.known(command.act)
        if answer is None:
            outcome = _issue(writes, named, counters, command, drafts.get(key))
            answer = answers.give(command.act, outcome)
        given.append(answer)
    counters.write(writes)
    answers.write(writes)
    writes.flush(conn)
    return given


def _issue(
    writes: Writes,
    named: Named,
    counters: Counters,
    command: IssueInvoice,
    draft: Prepared | None,
) -> InvoiceDocument | Refusal:
    act = command.act
    try:
        if draft is None:
            raise queries.unknown(command.invoice_id)
        frozen = freeze(named, counters, act, draft, command.issue_date)
    except Refused as refused:
        return refused.refusal
    key = {"organization_id": act.organization_id}
    writes.change(INVOICES, {**key, "id": command.invoice_id}, _picked(frozen.invoice, _NUMBERED))
    writes.change(
        CONTENTS, {**key, "invoice_id": command.invoice_id}, _picked(frozen.content, _COPIED)
    )
    book(writes, act, frozen)
    return _document(named, act, frozen)


_NUMBERED = (
    *("status", "year", "sequence", "number", "issue_date", "due_date"),
    *("version", "updated_at", "booked_on"),
)
_COPIED = ("seller", "buyer", "document_hash", "issued_at")


def _picked(values: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: values[name] for name in names}


def _read_drafts(
    conn: Connection, keys: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], Prepared]:
    def by_key(found: Sequence[Row[Any]], name: str) -> dict[tuple[UUID, UUID], dict[str, Any]]:
        return {(row.organization_id, getattr(row, name)): row._asdict() for row in found}

    invoices = by_key(rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], keys), "id")
    contents = by_key(
        rows.find(conn, [CONTENTS.c.organization_id, CONTENTS.c.invoice_id], keys), "invoice_id"
    )
    lines = queries.lines_of(conn, keys)
    return {
        key: Prepared(invoice, contents[key], [dict(line) for line in lines.get(key, [])])
        for key, invoice in invoices.items()
    }


def series_of(named: Named, act: Act, name: str, issue_date: date | None) -> Series:
    """Name the series that an invoice of this date is numbered in; None stands for today."""
    day = issue_date or clock.day(act.at, named.zone(act.organization_id))
    return Series(act.organization_id, "invoice", name, day.year)


def freeze(
    named: Named,
    counters: Counters,
    act: Act,
    draft: Prepared,
    issue_date: date | None,
    *,
    due_date: date | None = None,
) -> Prepared:
    """Number a draft and copy the parties into it. A draft that is refused takes no number.

    The draft is left as it is; the frozen one is marked as issued, so a later command of the batch
    sees it.
    """
    invoice, content = draft.invoice, draft.content
    if invoice["status"] != "draft":
        raise _issued_already(invoice)
    organization = named.organization(act.organization_id)
    customer = named.active_customer(act.organization_id, invoice["customer_id"])
    if not draft.lines:
        raise Refused("invoice.no_lines", "An invoice needs at least one line before it is issued.")
    if invoice["total"] == 0:
        message = "The total of this invoice is 0, so there is nothing to owe. Check its lines."
        raise Refused("invoice.total_zero", message)
    number = _number(counters, act, organization.time_zone, invoice["series"], issue_date)
    invoice |= {
        "status": "open",
        "year": number.series.year,
        "sequence": number.sequence,
        "number": number.text,
        "issue_date": number.date,
        "due_date": due_date or number.date + timedelta(days=content["terms_days"]),
        "version": invoice["version"] + 1,
        "updated_at": act.at,
        "booked_on": number.date,
    }
    content |= {
        "seller": named.seller(act.organization_id),
        "buyer": buyer_copy(customer),
        "issued_at": act.at,
    }
    content["document_hash"] = document_hash(invoice, content, draft.lines)
    return draft


def _issued_already(invoice: Mapping[str, Any]) -> Refused:
    """Tell whoever repeats an order to issue that it was done, not that anything is wrong."""
    number = shown(invoice["number"])
    if invoice["status"] == "void":
        message = f"The invoice {number} was issued and is void since. Issue another."
    else:
        message = f"The invoice {number} is issued already. Nothing is left to do."
    return Refused("invoice.issued", message)


def _number(
    counters: Counters, act: Act, zone: str, series_name: str, issue_date: date | None
) -> Number:
    today = clock.day(act.at, zone)
    day = issue_date or today
    if day > today:
        message = f"The issue date {shown(day)} is after today, {today} in {zone}."
        raise Refused("invoice.date_in_future", message, pointer="/issue_date")
    series = Series(act.organization_id, "invoice", series_name, day.year)
    last = counters.last_date(series)
    if last is not None and day < last:
        if issue_date is not None:
            message = (
                f"The last invoice of series {series_name} is dated {last}, and dates follow "
                f"numbers. Issue on {last} or later, or in another series."
            )
            raise Refused("invoice.date_before_last", message, pointer="/issue_date")
        # Another process's clock is a little ahead at midnight.
        day = last
    return counters.take(series, day)


def book(writes: Writes, act: Act, frozen: Prepared) -> None:
    """Post what an issued invoice is owed, and tell of it."""
    invoice = frozen.invoice
    post(
        writes,
        act,
        Entry(
            "invoice.issued",
            invoice["issue_date"],
            invoice["currency"],
            legs(frozen),
            id=invoice["id"],
        ),
    )
    payload = {
        "invoice_id": str(invoice["id"]),
        "customer_id": str(invoice["customer_id"]),
        "number": invoice["number"],
        "currency": invoice["currency"],
        "total": invoice["total"],
        "due_date": invoice["due_date"].isoformat(),
    }
    events.emit(writes, act, "invoice.issued", invoice["id"], payload, once=True)


def legs(frozen: Prepared) -> list[Leg]:
    """List what an issued invoice adds to the accounts: receivable, sales, tax by rate."""
    invoice, content = frozen.invoice, frozen.content
    invoice_id = invoice["id"]
    return [
        Leg(accounts.receivable(invoice["customer_id"]), invoice["total"], invoice_id),
        Leg(accounts.SALES, -content["net"]),
        *(Leg(accounts.tax(rate["tax_rate_ppm"]), -rate["tax"]) for rate in content["tax_rates"]),
    ]


def _document(named: Named, act: Act, frozen: Prepared) -> InvoiceDocument:
    today = clock.day(act.at, named.zone(act.organization_id))
    return queries.document(frozen.invoice, frozen.content, frozen.lines, today=today)
