"""The sums of closed months: kept by the worker, and never wrong whoever posts meanwhile.

A marker row says of a month whether its sums may be used. Three rules make that safe, on clocks
that differ by minutes:

1. `mark` makes the markers, stale, in a transaction of its own.
2. `sum_month` sums a month only when it ended at least `MONTH_REST` ago and its marker has been as
   it is for at least `MARKER_REST`. It holds the lock of the marker while it adds up.
3. `note`: an entry whose date lies in an earlier month than a day before its act also changes the
   marker of that month, so it takes that lock too.

An entry to which rule 3 does not apply was acted less than a day after its month, and its
transaction is over before rule 2 lets anybody sum. An entry to which it does apply either found the
marker: then it waits for the lock of whoever sums, and marks the sums stale after them, or was seen
by them. Or there was no marker yet and the change touched nothing: then its transaction began
before the marker was there, and `MARKER_REST` outlasts every transaction (`kernel.database` and
`kernel.engines` bound them by seconds).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, func, select

from tallystick.kernel import rows
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.ledger import accounts
from tallystick.ledger.models import CLOSED_MONTHS, MONTH_SUMS, POSTINGS

MARKER_REST = timedelta(minutes=10)
MONTH_REST = timedelta(days=2)
ZONES_APART = timedelta(days=1)
"""A day of an organization is at most this far behind the day in UTC."""

CONTROLS = (accounts.RECEIVABLE, accounts.CREDIT)
"""The accounts that are also summed for all customers together."""

_MARKER_KEY = [CLOSED_MONTHS.c.organization_id, CLOSED_MONTHS.c.month]
_SUM_KEY = [
    MONTH_SUMS.c.organization_id,
    MONTH_SUMS.c.account,
    MONTH_SUMS.c.currency,
    MONTH_SUMS.c.month,
]

Days = tuple[date | None, date]
"""Days from the first up to but without the second; None for the beginning of time."""


def first_of_month(day: date) -> date:
    """Give the first day of the month."""
    return day.replace(day=1)


def first_of_next(day: date) -> date:
    """Give the first day of the next month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def without(months: Sequence[date], before: date) -> list[Days]:
    """List the days before a day that lie in none of these months, given in order."""
    spans: list[Days] = []
    start: date | None = None
    for month in months:
        if start is None or start < month:
            spans.append((start, month))
        start = first_of_next(month)
    if start is None or start < before:
        spans.append((start, before))
    return spans


def note(writes: Writes, act: Act, day: date) -> None:
    """Mark the sums of a month as stale when an entry lands in it late.

    The moment is written too, so that the row is another one also where it was stale already: an
    engine that certifies at commit only notices what changes. It only puts off the next sum, so the
    clock that it comes from may be slow; when the marker was made stays as it is.
    """
    if _lands_late(act, day):
        key = {"organization_id": act.organization_id, "month": first_of_month(day)}
        writes.change_once(CLOSED_MONTHS, key, {"stale": True, "noted_at": act.at})


def lock(conn: Connection, landing: Iterable[tuple[Act, date | None]]) -> None:
    """Lock the markers that the entries of a batch will change, in order; None stands for today.

    For a batch that sends its rows command by command: it would else change them in the order in
    which the commands came.
    """
    late = {
        (act.organization_id, first_of_month(day))
        for act, day in landing
        if day is not None and _lands_late(act, day)
    }
    rows.find(conn, _MARKER_KEY, late, lock=True)


def _lands_late(act: Act, day: date) -> bool:
    return day < first_of_month((act.at.astimezone(UTC) - ZONES_APART).date())


def currencies(
    conn: Connection, organization_id: UUID, names: Sequence[str] | None = None
) -> list[str]:
    """List the currencies in which anything, or one of these accounts, was ever posted.

    Reads one row of an index for each currency, however many postings there are.
    """
    column = POSTINGS.c.currency
    statement = select(func.min(column)).where(POSTINGS.c.organization_id == organization_id)
    found: set[str] = set()
    for account in [None] if names is None else names:
        narrowed = statement if account is None else statement.where(POSTINGS.c.account == account)
        last = conn.execute(narrowed).scalar_one()
        while last is not None:
            found.add(last)
            last = conn.execute(narrowed.where(column > last)).scalar_one()
    return sorted(found)


def unmarked(conn: Connection, organization_id: UUID, now: datetime) -> list[date]:
    """List the months before the present one that have postings and no marker."""
    present = first_of_month(now.astimezone(UTC).date())
    marked = [month for month, _, _ in _markers(conn, organization_id)]
    found: set[date] = set()
    earliest = select(func.min(POSTINGS.c.date)).where(
        POSTINGS.c.organization_id == organization_id
    )
    for currency in currencies(conn, organization_id):
        of_currency = earliest.where(POSTINGS.c.currency == currency)
        for start, end in without([month for month in marked if month < present], present):
            narrowed = of_currency.where(POSTINGS.c.date < end)
            day = conn.execute(
                narrowed if start is None else narrowed.where(POSTINGS.c.date >= start)
            ).scalar_one()
            while day is not None:
                found.add(first_of_month(day))
                after = narrowed.where(POSTINGS.c.date >= first_of_next(day))
                day = conn.execute(after).scalar_one()
    return sorted(found)


def mark(conn: Connection, organization_id: UUID, now: datetime) -> list[date]:
    """Make the markers that are missing; whoever finds them made meanwhile looks again.

    To be committed before `sum_month` sees them.
    """
    months = unmarked(conn, organization_id, now)
    writes = Writes()
    for month in months:
        values = {"organization_id": organization_id, "month": month}
        writes.add(CLOSED_MONTHS, {**values, "stale": True, "version": 0, "created_at": now})
    writes.flush(conn)
    return months


def ripe(conn: Connection, organization_id: UUID, now: datetime) -> list[date]:
    """List the stale months that may be summed, the newest first: they save most."""
    return sorted(
        (
            month
            for month, stale, since in _markers(conn, organization_id)
            if stale and _rested(month, since, now)
        ),
        reverse=True,
    )


def sum_month(conn: Connection, organization_id: UUID, month: date, now: datetime) -> bool:
    """Sum one month, unless somebody else did or it is not time yet; give whether it was summed.

    Locks the marker. Reads every posting of the month, in the order of the index.
    """
    found = rows.find(conn, _MARKER_KEY, [(organization_id, month)], lock=True)
    if (
        not found
        or not found[0].stale
        or not _rested(month, _since(found[0].created_at, found[0].noted_at), now)
    ):
        return False
    sums = sums_of(conn, organization_id, month)
    keys = [(organization_id, account, currency, month) for account, currency in sums]
    # Postings stay for ever, so an account that has a sum keeps one: nothing is ever removed.
    kept = {(row.account, row.currency) for row in rows.find(conn, _SUM_KEY, keys)}
    writes = Writes()
    for (account, currency), amount in sums.items():
        key = {
            "organization_id": organization_id,
            "account": account,
            "currency": currency,
            "month": month,
        }
        if (account, currency) in kept:
            writes.change(MONTH_SUMS, key, {"amount": amount})
        else:
            writes.add(MONTH_SUMS, {**key, "amount": amount})
    marker = {"organization_id": organization_id, "month": month}
    writes.change(CLOSED_MONTHS, marker, {"stale": False, "version": found[0].version + 1})
    writes.flush(conn)
    return True


def sums_of(conn: Connection, organization_id: UUID, month: date) -> dict[tuple[str, str], int]:
    """Add up the postings of a month by account and currency, the controls included."""
    sums: dict[tuple[str, str], int] = {}
    statement = select(POSTINGS.c.account, func.sum(POSTINGS.c.amount).label("amount")).where(
        POSTINGS.c.organization_id == organization_id,
        POSTINGS.c.date >= month,
        POSTINGS.c.date < first_of_next(month),
    )
    for currency in currencies(conn, organization_id):
        of_currency = statement.where(POSTINGS.c.currency == currency)
        for row in conn.execute(of_currency.group_by(POSTINGS.c.account)):
            sums[row.account, currency] = int(row.amount)
            for control in CONTROLS:
                if row.account.startswith(control + ":"):
                    place = control, currency
                    sums[place] = sums.get(place, 0) + int(row.amount)
    return sums


def fresh(conn: Connection, organization_id: UUID, before: date) -> list[date]:
    """List the months whose sums may be used and that end before a day, in order."""
    return [
        month
        for month, stale, _ in _markers(conn, organization_id)
        if not stale and first_of_next(month) <= before
    ]


def _markers(conn: Connection, organization_id: UUID) -> list[tuple[date, bool, datetime]]:
    column = CLOSED_MONTHS.c
    statement = (
        select(column.month, column.stale, column.created_at, column.noted_at)
        .where(column.organization_id == organization_id)
        .order_by(column.month)
    )
    return [
        (row.month, row.stale, _since(row.created_at, row.noted_at))
        for row in conn.execute(statement)
    ]


def _since(created_at: datetime, noted_at: datetime | None) -> datetime:
    """Tell since when a marker is as it is."""
    return created_at if noted_at is None else max(created_at, noted_at)


def _rested(month: date, since: datetime, now: datetime) -> bool:
    ended = datetime.combine(first_of_next(month), datetime.min.time(), UTC)
    return now >= ended + MONTH_REST and now >= since + MARKER_REST
