"""What accounts hold at the end of any business day; the trial balance."""

from datetime import date
from typing import Any, Literal, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, Subquery, func, or_, select

from tallystick.ledger.models import POSTINGS

Owner = Literal["invoice_id", "payment_id"]


class Balance(TypedDict):
    """What one account holds in one currency: minor units, debits positive."""

    account: str
    currency: str
    balance: int


class Column(TypedDict):
    """One account in a trial balance, on the side on which it stands; the other side is zero."""

    account: str
    debit: int
    credit: int


class TrialBalance(TypedDict):
    """The accounts of one currency; debits and credits are equal, or the books are wrong."""

    currency: str
    debit: int
    credit: int
    accounts: list[Column]


def balances(
    conn: Connection, organization_id: UUID, *, on: date | None = None, account: str | None = None
) -> list[Balance]:
    """Sum the accounts of an organization, up to and including a business day, or all there is.

    `account` keeps that account and those below it: `Assets:Receivable` stands for every
    customer's. Accounts that sum to zero are left out.
    """
    total = func.sum(POSTINGS.c.amount)
    statement = (
        select(POSTINGS.c.account, POSTINGS.c.currency, total.label("balance"))
        .where(POSTINGS.c.organization_id == organization_id)
        .group_by(POSTINGS.c.account, POSTINGS.c.currency)
        .having(total != 0)
        .order_by(POSTINGS.c.account, POSTINGS.c.currency)
    )
    if on is not None:
        statement = statement.where(POSTINGS.c.date <= on)
    if account is not None:
        statement = statement.where((POSTINGS.c.account == account) | _below(account))
    return [
        {"account": row.account, "currency": row.currency, "balance": int(row.balance)}
        for row in conn.execute(statement)
    ]


def trial_balance(
    conn: Connection, organization_id: UUID, *, on: date | None = None
) -> list[TrialBalance]:
    """Show every account on its side, for each currency."""
    sheets: dict[str, TrialBalance] = {}
    for held in balances(conn, organization_id, on=on):
        empty: TrialBalance = {
            "currency": held["currency"],
            "debit": 0,
            "credit": 0,
            "accounts": [],
        }
        sheet = sheets.setdefault(held["currency"], empty)
        debit, credit = max(held["balance"], 0), max(-held["balance"], 0)
        sheet["accounts"].append({"account": held["account"], "debit": debit, "credit": credit})
        sheet["debit"] += debit
        sheet["credit"] += credit
    return [sheets[currency] for currency in sorted(sheets)]


def by_invoice() -> Subquery:
    """Sum the postings by organization_id and invoice_id as balance, for the audit."""
    return _summed(POSTINGS.c.invoice_id, POSTINGS.c.invoice_id.is_not(None)).subquery()


def of_invoices_by_entry() -> Subquery:
    """Sum the postings by organization_id, entry_id and invoice_id as balance, for the audit."""
    balance = func.sum(POSTINGS.c.amount).label("balance")
    keys = (POSTINGS.c.organization_id, POSTINGS.c.entry_id, POSTINGS.c.invoice_id)
    named = POSTINGS.c.invoice_id.is_not(None)
    return select(*keys, balance).where(named).group_by(*keys).subquery()


def below_zero(owner: Owner, account: str, *, side: int) -> Select[Any]:
    """Select by organization_id and owner what is below zero at the end of some day, for the audit.

    Looks at the postings below an account; `side` is 1 where debits and -1 where credits count.
    """
    own = (POSTINGS.c.organization_id, POSTINGS.c[owner])
    per_day = (
        select(*own, POSTINGS.c.date, func.sum(POSTINGS.c.amount * side).label("amount"))
        .where(POSTINGS.c[owner].is_not(None), _below(account))
        .group_by(*own, POSTINGS.c.date)
        .subquery()
    )
    keys = (per_day.c.organization_id, per_day.c[owner])
    running = func.sum(per_day.c.amount).over(partition_by=keys, order_by=per_day.c.date)
    held = select(*keys, running.label("held")).subquery()
    named = held.c.organization_id, held.c[owner]
    return select(*named).where(held.c.held < 0).distinct()


def last_days(owner: Owner, account: str) -> Subquery:
    """Find the last day of the postings below an account by organization_id and owner, as day."""
    own = (POSTINGS.c.organization_id, POSTINGS.c[owner])
    return (
        select(*own, func.max(POSTINGS.c.date).label("day"))
        .where(POSTINGS.c[owner].is_not(None), _below(account))
        .group_by(*own)
        .subquery()
    )


def by_payment(*accounts: str) -> Subquery:
    """Sum the postings below accounts by organization_id and payment_id, for the audit."""
    told = POSTINGS.c.payment_id.is_not(None) & or_(*map(_below, accounts))
    return _summed(POSTINGS.c.payment_id, told).subquery()


def by_entry(*accounts: str) -> Subquery:
    """Sum the postings below accounts by organization_id and entry_id, for the audit."""
    return _summed(POSTINGS.c.entry_id, or_(*map(_below, accounts))).subquery()


def _below(account: str) -> ColumnElement[bool]:
    # LIKE takes small letters for capitals on SQLite.
    start = account + ":"
    return func.substr(POSTINGS.c.account, 1, len(start)) == start


def _summed(key: Any, condition: Any) -> Select[Any]:
    balance = func.sum(POSTINGS.c.amount).label("balance")
    return (
        select(POSTINGS.c.organization_id, key, balance)
        .where(condition)
        .group_by(POSTINGS.c.organization_id, key)
    )
