"""Take over many invoices at once, under one idempotency key, in few statements.

The rows of a file come in chunks; a chunk is written as a whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from tallystick.invoices import drafting, issuing
from tallystick.invoices.content import DraftContent
from tallystick.invoices.numbering import Counters
from tallystick.kernel import rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer, Answers
from tallystick.parties.importing import Imported, LeftOut, imported
from tallystick.parties.named import Named


@dataclass(frozen=True, slots=True)
class NewDocument:
    """An invoice to make, as a draft or issued at once."""

    content: DraftContent
    issue: bool
    issue_date: date | None = None
    """None takes today in the organization's zone."""


@dataclass(frozen=True, slots=True)
class ImportInvoices:
    """One chunk of a file."""

    act: Act
    documents: tuple[NewDocument, ...]
    left_out: Sequence[LeftOut] = ()
    """What is wrong in the chunk, to be told again when the file comes again."""


def import_invoices(conn: Connection, command: ImportInvoices) -> Answer[Imported]:
    """Make the invoices of one chunk; a chunk that was written before is answered.

    Locks the counters of the series, last. Nothing is kept of a refused chunk, so that it can be
    tried again.

    Raises:
        Refused: the codes of `issuing.issue_new`, for the first invoice that is wrong.
    """
    act = command.act
    answers: Answers[Imported] = Answers(conn, [command])
    known = answers.known(act)
    if known is not None:
        return known
    named, counters = _read(conn, act, command.documents)
    writes = rows.Writes()
    with writes.ahead(conn) as send:
        for document in command.documents:
            _make(writes, named, counters, act, document)
            send()
        counters.write(writes)
        answer = answers.give(act, imported(len(command.documents), command.left_out))
        answers.write(writes)
        writes.flush(conn)
    return answer


def check_invoices(
    conn: Connection, act: Act, documents: Sequence[NewDocument]
) -> list[Refusal | None]:
    """Judge invoices that are to be made one after another, and write nothing.

    Locks the counters of the series until the end of the transaction.
    """
    named, counters = _read(conn, act, documents)
    judged: list[Refusal | None] = []
    for document in documents:
        try:
            _make(rows.Writes(), named, counters, act, document)
        except Refused as refused:
            judged.append(refused.refusal)
        else:
            judged.append(None)
    return judged


def _read(conn: Connection, act: Act, documents: Sequence[NewDocument]) -> tuple[Named, Counters]:
    named = drafting.named_by(conn, [(act, document.content) for document in documents])
    wanted = {
        issuing.series_of(named, act, document.content.series, document.issue_date)
        for document in documents
        if document.issue
    }
    return named, Counters(conn, wanted)


def _make(
    writes: rows.Writes, named: Named, counters: Counters, act: Act, document: NewDocument
) -> None:
    prepared = drafting.prepare_new(named, act, document.content)
    if document.issue:
        prepared = issuing.freeze(named, counters, act, prepared, document.issue_date)
        issuing.book(writes, act, prepared)
    else:
        drafting.tell(writes, act, "invoice.drafted", prepared.invoice)
    drafting.add(writes, prepared)
