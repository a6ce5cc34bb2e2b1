"""What statements read: what accounts held before a day, and entries in the order of the books.

Each function reads as much as it gives, however many postings there are; what the worker has not
summed yet is added up from its postings.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Subquery, func, or_, select, union_all

from tallystick.kernel import rows
from tallystick.ledger import closing
from tallystick.ledger.models import MONTH_SUMS, POSTINGS

Place = tuple[date, UUID]
"""Where an entry stands in the books: its date, then its id."""


def held_before(
    conn: Connection,
    organization_id: UUID,
    currency: str,
    names: Sequence[str],
    day: date,
) -> int:
    """Sum what accounts held at the beginning of a day, in one currency.

    `names` are accounts, or the controls of `closing`, each of which stands for every customer's.
    Reads the sums of fresh months, and the postings of all other days.
    """
    months = closing.fresh(conn, organization_id, day)
    spans = closing.without(months, day)
    return _of_months(conn, organization_id, currency, names, months) + _of_days(
        conn, organization_id, currency, names, spans
    )


def _of_months(
    conn: Connection,
    organization_id: UUID,
    currency: str,
    names: Sequence[str],
    months: Sequence[date],
) -> int:
    if not months:
        return 0
    column = MONTH_SUMS.c
    usable = set(months)
    statement = select(column.month, column.amount).where(
        column.organization_id == organization_id,
        column.account.in_(names),
        column.currency == currency,
        column.month >= months[0],
        column.month <= months[-1],
    )
    return sum(row.amount for row in conn.execute(statement) if row.month in usable)


def _of_days(
    conn: Connection,
    organization_id: UUID,
    currency: str,
    names: Sequence[str],
    spans: Sequence[closing.Days],
) -> int:
    column = POSTINGS.c
    parts = []
    for start, end in spans:
        for condition in _accounts(names):
            part = select(func.coalesce(func.sum(column.amount), 0).label("amount")).where(
                column.organization_id == organization_id,
                column.currency == currency,
                condition,
                column.date < end,
            )
            parts.append(part if start is None else part.where(column.date >= start))
    if not parts:
        return 0
    return sum(int(row.amount) for row in conn.execute(union_all(*parts)))


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
    same_day = statement.where(column.date == day, column.entry_id > entry_id).limit(limit)
    found: list[Place] = [(row.date, row.entry_id) for row in conn.execute(same_day)]
    if len(found) < limit:
        later = statement.where(column.date > day, column.date <= end).limit(limit - len(found))
        found += [(row.date, row.entry_id) for row in conn.execute(later)]
    return found


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
