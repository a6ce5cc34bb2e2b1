"""The invariants of invoices, for the audit."""

from typing import Any

from sqlalchemy import Connection, Row, Select, and_, case, func, or_, select

from tallystick.invoices import numbering, queries
from tallystick.invoices.content import document_hash
from tallystick.invoices.models import CONTENTS, INVOICES, LATE_CHARGES, LINES
from tallystick.kernel import rows
from tallystick.kernel.events import EVENTS
from tallystick.ledger import accounts, balances
from tallystick.ledger.audit import Check, Counted, rows_of

HASHED_AT_ONCE = 500

_I = INVOICES.c
_ISSUED = _I.status != "draft"
_COUNT = select(func.count()).select_from(INVOICES)
_COUNT_ISSUED = _COUNT.where(_ISSUED)
_NAMES = (_I.organization_id, _I.id)


def _overpaid() -> Select[Any]:
    used = _I.paid + _I.credited + _I.written_off + _I.reserved
    below = or_(_I.paid < 0, _I.credited < 0, _I.written_off < 0, _I.reserved < 0)
    return select(*_NAMES).where(or_(used > _I.total, below))


def _status_astray() -> Select[Any]:
    derived = case(
        (and_(queries.DUE == 0, _I.total > 0), "paid"), (_I.paid > 0, "partial"), else_="unpaid"
    )
    return select(*_NAMES).where(_I.payment_status != derived)


def _ledger_differs() -> Select[Any]:
    held = balances.by_invoice()
    due = case((_I.status == "open", queries.DUE), else_=0)
    joined = INVOICES.outerjoin(
        held, and_(held.c.organization_id == _I.organization_id, held.c.invoice_id == _I.id)
    )
    return select(*_NAMES).select_from(joined).where(func.coalesce(held.c.balance, 0) != due)


def _days_astray() -> Select[Any]:
    """An invoice knows the last day on which something was booked on it, where that is kept."""
    last = balances.last_days("invoice_id", accounts.RECEIVABLE)
    same = and_(last.c.organization_id == _I.organization_id, last.c.invoice_id == _I.id)
    joined = INVOICES.join(last, same)
    return select(*_NAMES).select_from(joined).where(_I.booked_on < last.c.day)


def _postings_astray() -> Select[Any]:
    held = balances.by_invoice()
    joined = held.outerjoin(
        INVOICES, and_(held.c.organization_id == _I.organization_id, held.c.invoice_id == _I.id)
    )
    named = select(held.c.organization_id, held.c.invoice_id)
    return named.select_from(joined).where(_I.id.is_(None))


def _figures_astray() -> Select[Any]:
    lines = (
        select(LINES.c.organization_id, LINES.c.invoice_id, func.sum(LINES.c.net).label("net"))
        .group_by(LINES.c.organization_id, LINES.c.invoice_id)
        .subquery()
    )
    content = CONTENTS.c
    joined = INVOICES.join(
        CONTENTS,
        and_(content.organization_id == _I.organization_id, content.invoice_id == _I.id),
    ).outerjoin(
        lines, and_(lines.c.organization_id == _I.organization_id, lines.c.invoice_id == _I.id)
    )
    wrong = or_(
        func.coalesce(lines.c.net, 0) - content.discount != content.net,
        content.net + content.tax != _I.total,
    )
    return select(*_NAMES).select_from(joined).where(wrong)


def _dates_astray() -> Select[Any]:
    series = (_I.organization_id, _I.series, _I.year)
    # One pass in the order of numbers: a join of the invoices with themselves took minutes.
    last = func.lag(_I.issue_date).over(partition_by=series, order_by=_I.sequence)
    dated = select(*_NAMES, _I.issue_date, last.label("last_date")).where(_ISSUED).subquery()
    named = dated.c.organization_id, dated.c.id
    return select(*named).where(dated.c.last_date > dated.c.issue_date)


def _events_astray() -> Select[Any]:
    told = (
        select(EVENTS.c.organization_id, EVENTS.c.subject_id, func.count().label("times"))
        .where(EVENTS.c.type == "invoice.issued")
        .group_by(EVENTS.c.organization_id, EVENTS.c.subject_id)
        .subquery()
    )
    joined = INVOICES.outerjoin(
        told, and_(told.c.organization_id == _I.organization_id, told.c.subject_id == _I.id)
    )
    wrong = func.coalesce(told.c.times, 0) != case((_ISSUED, 1), else_=0)
    return select(*_NAMES).select_from(joined).where(wrong)


def _charges_astray() -> Select[Any]:
    """A charge names what it is about, which is the same customer's and no charge itself."""
    content, charge, first = CONTENTS.c, LATE_CHARGES.c, INVOICES.alias("first_invoice").c
    same = and_(
        charge.organization_id == content.organization_id, charge.invoice_id == content.invoice_id
    )
    differs = or_(
        content.relates_to != charge.relates_to,
        content.relates_to.is_(None) != charge.relates_to.is_(None),
    )
    # One that was replaced has let another one be the charge.
    gone = select(_I.id).where(
        _I.organization_id == content.organization_id,
        _I.id == content.invoice_id,
        _I.status == "void",
        charge.invoice_id.is_(None),
    )
    named = (
        select(content.organization_id, content.invoice_id)
        .select_from(CONTENTS.outerjoin(LATE_CHARGES, same))
        .where(differs, ~gone.correlate(CONTENTS, LATE_CHARGES).exists())
    )
    above = LATE_CHARGES.alias("above").c
    again = select(above.invoice_id).where(
        above.organization_id == charge.organization_id, above.invoice_id == charge.relates_to
    )
    others = select(charge.organization_id, charge.invoice_id).where(
        _I.organization_id == charge.organization_id,
        _I.id == charge.invoice_id,
        first.organization_id == charge.organization_id,
        first.id == charge.relates_to,
        or_(_I.customer_id != first.customer_id, _I.currency != first.currency, again.exists()),
    )
    return named.union_all(others)  # type: ignore[return-value]  # rows all the same


def _documents_changed(conn: Connection) -> Counted:
    """Hash every issued document again, some at a time."""
    wrong: list[str] = []
    statement = select(INVOICES).where(_ISSUED).order_by(*_NAMES).limit(HASHED_AT_ONCE)
    checked = 0
    page = conn.execute(statement).all()
    while page:
        checked += len(page)
        wrong += _changed(conn, page)
        last = page[-1]
        after = or_(
            _I.organization_id > last.organization_id,
            and_(_I.organization_id == last.organization_id, _I.id > last.id),
        )
        page = conn.execute(statement.where(after)).all()
    return checked, wrong


def _changed(conn: Connection, page: Any) -> list[str]:
    keys = [(row.organization_id, row.id) for row in page]
    columns = [CONTENTS.c.organization_id, CONTENTS.c.invoice_id]
    contents: dict[Any, Row[Any]] = {
        (row.organization_id, row.invoice_id): row for row in rows.find(conn, columns, keys)
    }
    lines = queries.lines_of(conn, keys)
    wrong = []
    for row, key in zip(page, keys, strict=True):
        content = contents.get(key)
        held = None if content is None else content._asdict()
        if held is None or held["document_hash"] != document_hash(
            row._asdict(), held, lines.get(key, [])
        ):
            wrong.append(f"{row.organization_id} {row.number}")
    return wrong


CHECKS = (
    Check(
        "I4",
        "no invoice is paid, credited, written off and reserved beyond its total",
        rows_of(_COUNT, _overpaid()),
    ),
    Check(
        "I8",
        "the receivable of each invoice is its due, and every posting has its invoice",
        rows_of(_COUNT, _ledger_differs().union_all(_postings_astray())),
    ),
    Check(
        "I8-days",
        "no invoice owes less than nothing at the end of any day",
        rows_of(
            _COUNT,
            balances.below_zero("invoice_id", accounts.RECEIVABLE, side=1).union_all(
                _days_astray()
            ),
        ),
    ),
    Check(
        "I9",
        "how far an invoice is paid follows from its amounts",
        rows_of(_COUNT, _status_astray()),
    ),
    Check(
        "I10",
        "invoice numbers run from 1 without a gap to what the counter says",
        rows_of(_COUNT_ISSUED, numbering.gaps("invoice", _I.series, _I.year, _I.sequence)),
    ),
    Check(
        "I10-dates",
        "within a series no invoice is dated before the one before it",
        rows_of(_COUNT_ISSUED, _dates_astray()),
    ),
    Check(
        "I11",
        "issued documents are what they were when they were issued",
        _documents_changed,
    ),
    Check(
        "I14",
        "every issued invoice was told exactly once, and no draft",
        rows_of(_COUNT, _events_astray()),
    ),
    Check(
        "I19-charges",
        "every late charge is the same customer's as the invoice it names, which is none itself",
        rows_of(select(func.count()).select_from(LATE_CHARGES), _charges_astray()),
    ),
    Check(
        "I23",
        "the lines less the discount are the net, and net and tax are the total",
        rows_of(_COUNT, _figures_astray()),
    ),
)
