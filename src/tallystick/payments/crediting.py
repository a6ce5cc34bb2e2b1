"""Take an issued invoice back in part or whole by a numbered credit note.

Stands above the invoices because what was paid on the part that is taken back becomes free again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import credit_note_queries, credit_notes, queries, writing_off
from tallystick.invoices.credit_note_queries import CreditNoteDocument
from tallystick.invoices.credit_notes import Said
from tallystick.invoices.models import CONTENTS, CREDIT_NOTES
from tallystick.invoices.numbering import CREDIT_NOTE_SERIES, Counters, Series
from tallystick.invoices.states import Standing
from tallystick.invoices.totals import Line
from tallystick.kernel import clock, events, ids, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.posting import Entry, Leg, post
from tallystick.parties.named import Named
from tallystick.payments import locking, releasing


@dataclass(frozen=True, slots=True)
class CreditInvoice:
    """Take back an amount with tax, or some lines, or all that still stands of an invoice."""

    act: Act
    invoice_id: UUID
    reason: str
    amount: int | None = None
    """With tax, in minor units; it is split over the tax rates in proportion to what remains."""
    lines: tuple[Line, ...] = ()


def credit_invoices(
    conn: Connection, commands: Sequence[CreditInvoice]
) -> list[Answer[CreditNoteDocument]]:
    """Credit invoices: each note has its own number, is dated today and lowers what is owed.

    A note larger than the due first takes back what was written off, and then releases payments,
    the newest first: that money is the customer's credit. Locks the invoices by id, then the
    payments on them, then the counter of credit notes.

    Refuses:
        invoice.unknown, organization.inactive
        invoice.draft, invoice.void, invoice.credited: nothing of it stands.
        credit_note.amount_and_lines: only one of the two says how much.
        credit_note.amount_not_positive
        credit_note.exceeds_invoice: with what can be credited.
        credit_note.rate_unknown: the invoice has no line at that tax rate.
        credit_note.reserved: payments on their way need it.
        The codes of `totals.compute`.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    locking.lock_with_payments(
        conn, [(command.act.organization_id, command.invoice_id) for command in commands]
    )
    named = Named(conn, organization_ids={command.act.organization_id for command in commands})
    Counters(conn, {_series(named, command.act) for command in commands})
    return each(conn, commands, _credit)


def _series(named: Named, act: Act) -> Series:
    """Name the series that a credit note of today takes its number from."""
    today = clock.day(act.at, named.zone(act.organization_id))
    return Series(act.organization_id, "credit_note", CREDIT_NOTE_SERIES, today.year)


def _credit(conn: Connection, command: CreditInvoice) -> CreditNoteDocument:
    act = command.act
    place = act.organization_id, command.invoice_id
    standing = queries.lock_invoices(conn, [place]).get(place)
    if standing is None:
        raise queries.unknown(command.invoice_id)
    named = Named(conn, organization_ids=[act.organization_id])
    organization = named.organization(act.organization_id)
    credit_notes.check_creditable(standing)
    columns = [CONTENTS.c.organization_id, CONTENTS.c.invoice_id]
    content = rows.find(conn, columns, [place])[0]
    noted = credit_note_queries.tax_rates_of(conn, *place)
    said = _said(command, standing, credit_notes.remaining(content.tax_rates, noted))
    today = clock.day(act.at, organization.time_zone)
    series = _series(named, act)
    writes = Writes()
    counters = Counters(conn, [series])
    # Another process's clock may be a little ahead at midnight.
    number = counters.take(series, max(today, counters.last_date(series) or today))
    on = standing.day(number.date, today)
    note = credit_notes.row(
        act,
        ids.new(),
        standing,
        said,
        number=number,
        parties=(content.seller, content.buyer),
    )
    _make_room(conn, writes, act, standing, note["total"], on=on)
    standing.credit(note["total"], on=on)
    writes.add(CREDIT_NOTES, note)
    _book(writes, act, standing, said, note_id=note["id"], number=number.text, on=on)
    queries.write_standings(writes, [standing], act.at)
    counters.write(writes)
    writes.flush(conn)
    return credit_note_queries.document(note, str(standing.number))


def _said(command: CreditInvoice, standing: Standing, left: Sequence[credit_notes.Piece]) -> Said:
    if command.amount is not None and command.lines:
        message = "Say how much is credited by an amount or by lines, and not by both."
        raise Invalid("credit_note.amount_and_lines", message, pointer="/amount")
    if command.lines:
        pieces, lines = credit_notes.of_lines(left, command.lines, standing)
        credit_notes.check_fits(standing, sum(piece.gross for piece in pieces))
        return Said(command.reason, pieces, lines)
    amount = standing.creditable if command.amount is None else command.amount
    credit_notes.check_fits(standing, amount)
    pieces = credit_notes.of_amount(left, amount)
    return Said(command.reason, pieces, credit_notes.lines_of(pieces, standing.number))


def _make_room(
    conn: Connection, writes: Writes, act: Act, standing: Standing, amount: int, *, on: date
) -> None:
    """Make so much due that the note fits: first what was written off, then what was paid."""
    restored = min(standing.written_off, amount - standing.open_due)
    if restored > 0:
        standing.restore(restored, on=on)
        writing_off.reverse(writes, act, standing, restored, on=on)
    if amount <= standing.open_due:
        return
    live = locking.live_of_invoices(conn, [(act.organization_id, standing.id)])
    keys = [(each.organization_id, each.payment_id) for each in live]
    holdings = locking.lock_payments(conn, keys)
    for given in live:
        released = min(given.amount, amount - standing.open_due)
        if released > 0:
            holding = holdings[given.organization_id, given.payment_id]
            parts = releasing.add_release(writes, act, holding, [(standing, released)], on=on)
            releasing.tell(writes, act, holding, parts)
    locking.write_payments(writes, holdings.values(), act.at)


def _book(
    writes: Writes,
    act: Act,
    standing: Standing,
    said: Said,
    *,
    note_id: UUID,
    number: str,
    on: date,
) -> None:
    total = sum(piece.gross for piece in said.pieces)
    kind = "credit_note.issued"
    legs = [
        Leg(accounts.SALES, sum(piece.net for piece in said.pieces)),
        *(Leg(accounts.tax(piece.tax_rate_ppm), piece.tax) for piece in said.pieces),
        Leg(accounts.receivable(standing.customer_id), -total, standing.id),
    ]
    post(writes, act, Entry(kind, on, standing.currency, legs, id=note_id))
    payload = {
        "credit_note_id": str(note_id),
        "invoice_id": str(standing.id),
        "customer_id": str(standing.customer_id),
        "number": number,
        "currency": standing.currency,
        "total": total,
    }
    events.emit(writes, act, kind, note_id, payload, once=True)
