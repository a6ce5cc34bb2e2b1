"""The invariants of credit notes, for the audit."""

from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, or_, select

from tallystick.invoices import numbering
from tallystick.invoices.credit_notes import document_hash
from tallystick.invoices.models import CREDIT_NOTES, INVOICES
from tallystick.kernel.events import EVENTS
from tallystick.ledger import balances
from tallystick.ledger.audit import Check, Counted, rows_of

HASHED_AT_ONCE = 500

_N, _I = CREDIT_NOTES.c, INVOICES.c
_COUNT = select(func.count()).select_from(CREDIT_NOTES)
_NAMES = (_N.organization_id, _N.id)


def _credited_differs() -> Select[Any]:
    """What is credited is the sum of the notes; an invoice without a rest is called credited."""
    noted = (
        select(_N.organization_id, _N.invoice_id, func.sum(_N.total).label("amount"))
        .group_by(_N.organization_id, _N.invoice_id)
        .subquery()
    )
    joined = INVOICES.outerjoin(
        noted, and_(noted.c.organization_id == _I.organization_id, noted.c.invoice_id == _I.id)
    )
    nothing_left = and_(_I.credited == _I.total, _I.total > 0)
    named_so = case((_I.status == "credited", 1), else_=0)
    wrong = or_(
        func.coalesce(noted.c.amount, 0) != _I.credited,
        named_so != case((nothing_left, 1), else_=0),
    )
    return select(_I.organization_id, _I.id).select_from(joined).where(wrong)


def _untold() -> Select[Any]:
    """The entry of a note takes its total off the invoice, and its event tells it once."""
    told = (
        select(EVENTS.c.organization_id, EVENTS.c.subject_id, func.count().label("times"))
        .where(EVENTS.c.type == "credit_note.issued")
        .group_by(EVENTS.c.organization_id, EVENTS.c.subject_id)
        .subquery()
    )
    booked = balances.of_invoices_by_entry()
    joined = CREDIT_NOTES.outerjoin(
        told, and_(told.c.organization_id == _N.organization_id, told.c.subject_id == _N.id)
    ).outerjoin(
        booked,
        and_(
            booked.c.organization_id == _N.organization_id,
            booked.c.entry_id == _N.id,
            booked.c.invoice_id == _N.invoice_id,
        ),
    )
    wrong = or_(
        func.coalesce(told.c.times, 0) != 1, func.coalesce(booked.c.balance, 0) != -_N.total
    )
    return select(*_NAMES).select_from(joined).where(wrong)


def _documents_changed(conn: Connection) -> Counted:
    """Hash every credit note again, some at a time."""
    wrong: list[str] = []
    statement = select(CREDIT_NOTES).order_by(*_NAMES).limit(HASHED_AT_ONCE)
    checked = 0
    page = conn.execute(statement).all()
    while page:
        checked += len(page)
        wrong += [
            f"{row.organization_id} {row.number}"
            for row in page
            if row.document_hash != document_hash(row._asdict())
        ]
        last = page[-1]
        after = or_(
            _N.organization_id > last.organization_id,
            and_(_N.organization_id == last.organization_id, _N.id > last.id),
        )
        page = conn.execute(statement.where(after)).all()
    return checked, wrong


CHECKS = (
    Check(
        "I4-credited",
        "what is credited on each invoice is the sum of its credit notes",
        rows_of(select(func.count()).select_from(INVOICES), _credited_differs()),
    ),
    Check(
        "I10-notes",
        "credit note numbers run from 1 without a gap to what the counter says",
        rows_of(_COUNT, numbering.gaps("credit_note", _N.series, _N.year, _N.sequence)),
    ),
    Check(
        "I11-notes",
        "credit notes are what they were when they were issued",
        _documents_changed,
    ),
    Check(
        "I14-notes",
        "every credit note has its entry and was told exactly once",
        rows_of(_COUNT, _untold()),
    ),
)
