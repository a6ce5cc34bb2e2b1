"""What statements read: what accounts held before a day, and entries in the order of the books.

Each function reads as much as it gives, however many postings there are; what the worker has not
summed yet is added up from its postings.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Subquery,
    func,
    literal,
    or_,
    select,
    union_all,
)

from tallystick.kernel import ids, rows
from tallystick.ledger import closing
from tallystick.ledger.models import MONTH_SUMS, POSTINGS

Place = tuple[date, UUID]
"""Where an entry stands in the books: its date, then its id; no entry has the id of nobody."""


def held_before(
    conn: Connection,
    organization_id: UUID,
    currency: str,
    names: Sequence[str],
    days: Sequence[date],
) -> list[int]:
    """Sum what accounts held at the beginning of each day, in one currency.

    `names` are accounts, or the controls of `closing`, each of which stands for every customer's.
    Reads the sums of fresh months, and the postings of all other days, for all days at once.
    """
    if not days:
        return []
    months = closing.fresh(conn, organization_id, max(days))
    whole = [[month for month in months if closing.first_of_next(month) <= day] for day in days]
    parts = [closing.without(each, day) for each, day in zip(whole, days, strict=True)]
    by_month = _of_months(conn, organization_id, currency, names, months)
    spans = list(dict.fromkeys(span for each in parts for span in each))
    by_span = _of_days(conn, organization_id, currency, names, spans)
    return [
        sum(by_month.get(month, 0) for month in those) + sum(by_span[span] for span in each)
        for those, each in zip(whole, parts, strict=True)
    ]


def _of_months(
    conn: Connection,
    organization_id: UUID,
    currency: str,
    names: Sequence[str],
    months: Sequence[date],
) -> dict[date, int]:
    if not months:
        return {}
    column = MONTH_SUMS.c
    statement = select(column.month, column.amount).where(
        column.organization_id == organization_id,
        column.account.in_(names),
        column.currency == currency,
        column.month >= months[0],
        column.month <= months[-1],
    )
    found: dict[date, int] = {}
    for row in conn.execute(statement):
        found[row.month] = found.get(row.month, 0) + row.amount
    return found


def _of_days(
    conn: Connection,
    organization_id: UUID,
    currency: str,
    names: Sequence[str],
    spans: Sequence[closing.Days],
) -> dict[closing.Days, int]:
    column = POSTINGS.c
    conditions = _accounts(names)
    parts = []
    for place, (start, end) in enumerate(spans):
        amount = func.coalesce(func.sum(column.amount), 0).label("amount")
        for condition in conditions:
            part = select(literal(place).label("place"), amount).where(
                column.organization_id == organization_id,
                column.currency == currency,
                condition,
                column.date < end,
            )
            parts.append(part if start is None else part.where(column.date >= start))
    found = dict.fromkeys(spans, 0)
    for row in conn.execute(union_all(*parts)) if parts else ():
        found[spans[row.place]] += int(row.amount)
    return found


def _accounts(names: Sequence[str]) -> list[ColumnElement[bool]]:
    """Say which postings belong to names, in as many parts as indexes can answer."""
    column = POSTINGS.c.account
    controls = [name for name in names if name in closing.CONTROLS]
    found: list[ColumnElement[bool]] = [
        column == name for name in names if name not in closing.CONTROLS
    ]
    if controls:
        # One scan of the days, whose every posting is looked at.
        starts = [(name + ":", len(name) + 1) for name in controls]
        found.append(or_(*[func.substr(column, 1, length) == start for start, length in starts]))
    return found


def entries(
    conn: Connection,
    organization_id: UUID,
    currency: str,
    account: str | None,
    *,
    after: Place,
    end: date,
    limit: int,
) -> list[Place]:
    """List the entries that touch an account, or any, after a place and until the end of a day.

    In the order of date and id. Two scans of an index, each with a beginning and a limit: a
    comparison of pairs would be read from the beginning of the books on MariaDB.
    """
    column = POSTINGS.c
    statement = (
        select(column.date, column.entry_id)
        .where(column.organization_id == organization_id, column.currency == currency)
        .group_by(column.date, column.entry_id)
        .order_by(column.date, column.entry_id)
    )
    if account is not None:
        statement = statement.where(column.account == account)
    day, entry_id = after
    found: list[Place] = []
    begins = column.date >= day
    if entry_id != ids.NIL:
        same_day = statement.where(column.date == day, column.entry_id > entry_id).limit(limit)
        found = [(row.date, row.entry_id) for row in conn.execute(same_day)]
        begins = column.date > day
    if len(found) < limit:
        later = statement.where(begins, column.date <= end).limit(limit - len(found))
        found += [(row.date, row.entry_id) for row in conn.execute(later)]
    return found


def of_invoice(
    conn: Connection, organization_id: UUID, account: str, currency: str, invoice_id: UUID
) -> list[UUID]:
    """List the entries that touch a receivable account for one invoice, as they were recorded.

    Reads the postings of the account, which is one customer's.
    """
    column = POSTINGS.c
    statement = (
        select(column.entry_id)
        .where(
            column.organization_id == organization_id,
            column.account == account,
            column.currency == currency,
            column.invoice_id == invoice_id,
        )
        .group_by(column.entry_id)
        .order_by(func.min(column.recorded_at), func.min(column.date), column.entry_id)
    )
    return list(conn.execute(statement).scalars())


def legs(
    conn: Connection, organization_id: UUID, entry_ids: Collection[UUID]
) -> Mapping[UUID, Sequence[Row[Any]]]:
    """Read the postings of entries, by entry."""
    keys = [(organization_id, entry_id) for entry_id in entry_ids]
    found: dict[UUID, list[Row[Any]]] = {}
    for row in rows.find(conn, [POSTINGS.c.organization_id, POSTINGS.c.entry_id], keys):
        found.setdefault(row.entry_id, []).append(row)
    return found


def open_items(
    organization_id: UUID, control: str, on: date, *, account: str | None = None
) -> Subquery:
    """Sum what is open at the end of a day by account, currency and invoice_id, as balance.

    Of one account, or of all below a control.
    """
    column = POSTINGS.c
    total = func.sum(column.amount)
    return (
        select(column.account, column.currency, column.invoice_id, total.label("balance"))
        .where(*_until(organization_id, control, on, account))
        .group_by(column.account, column.currency, column.invoice_id)
        .having(total != 0)
        .subquery()
    )


def held_on(
    conn: Connection,
    organization_id: UUID,
    control: str,
    on: date,
    *,
    account: str | None = None,
) -> list[tuple[str, str, int]]:
    """Sum one account, or each below a control, by currency at the end of a day; none is zero."""
    column = POSTINGS.c
    total = func.sum(column.amount)
    statement = (
        select(column.account, column.currency, total.label("balance"))
        .where(*_until(organization_id, control, on, account))
        .group_by(column.account, column.currency)
        .having(total != 0)
    )
    return [(row.account, row.currency, int(row.balance)) for row in conn.execute(statement)]


def _until(
    organization_id: UUID, control: str, on: date, account: str | None
) -> list[ColumnElement[bool]]:
    column = POSTINGS.c
    which = column.account == account if account is not None else or_(*_accounts([control]))
    return [column.organization_id == organization_id, which, column.date <= on]
