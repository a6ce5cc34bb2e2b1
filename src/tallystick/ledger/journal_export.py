"""The books of one organization as a Beancount file or an hledger journal, line by line.

Reads postings in chunks, each found by the last key of the one before, so memory does not grow with
the books. Give it a snapshot: what is booked between two chunks would contradict the balances.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from heapq import merge
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, func, or_, select

from tallystick.kernel import money
from tallystick.ledger.balances import balances
from tallystick.ledger.models import POSTINGS

Format = Literal["beancount", "hledger"]

CHUNK_ROWS: Final = 2_000
_ACCOUNT = re.compile(
    r"(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z0-9][A-Za-z0-9-]*)+", re.ASCII
)

Sums = dict[str, int]
"""Minor units by currency."""


@dataclass(frozen=True, slots=True)
class _Account:
    """One account: when it was first used, and what it holds in each of its currencies."""

    name: str
    since: date
    sums: Sums


@dataclass(frozen=True, slots=True)
class _Syntax:
    """How one of the two programs writes things down."""

    head: Callable[[Sequence[str]], Iterator[str]]
    opened: Callable[[_Account], Iterator[str]]
    entry: Callable[[Sequence[Row[Any]]], Iterator[str]]
    closing: Callable[[date, str, Sums], Iterator[str]]
    inclusive: bool
    """Whether a balance counts the accounts below as well."""


def journal(conn: Connection, organization_id: UUID, *, name: str, form: Format) -> Iterator[str]:
    """Write down everything that was ever booked, and what each account holds after it.

    Yields lines without their ends. Entries stand in the order of their dates, and of their ids on
    a day; amounts have the currency's decimals. The last lines make the reading program compare
    every account with its sum here, on the day after the last entry. `name` goes into a comment.
    """
    syntax = _SYNTAXES[form]
    column = POSTINGS.c.currency
    used = select(column).where(POSTINGS.c.organization_id == organization_id).distinct()
    currencies = sorted(conn.scalars(used))
    yield f"; {_one_line(name)}"
    yield "; The books as Tallystick keeps them; customers are codes."
    yield from syntax.head(currencies)
    yield ""
    parents: set[str] = set()
    for account in _accounts(conn, organization_id):
        assert _ACCOUNT.fullmatch(account.name), f"{account.name} cannot be exported"
        parts = account.name.split(":")
        parents.update(":".join(parts[:end]) for end in range(1, len(parts)))
        yield from syntax.opened(account)
    last: date | None = None
    for legs in _entries(conn, organization_id, currencies):
        last = legs[0].date
        yield ""
        yield from syntax.entry(legs)
    if last is None:
        return
    yield ""
    day = last + timedelta(days=1)
    for account in _accounts(conn, organization_id):
        sums = account.sums
        if syntax.inclusive and account.name in parents:
            sums = _with_those_below(conn, organization_id, account)
        yield from syntax.closing(day, account.name, sums)


def _with_those_below(conn: Connection, organization_id: UUID, account: _Account) -> Sums:
    sums = dict.fromkeys(account.sums, 0)
    for held in balances(conn, organization_id, account=account.name):
        sums[held["currency"]] = sums.get(held["currency"], 0) + held["balance"]
    # One that only the accounts below it use cannot be asked of this one.
    return {currency: sums[currency] for currency in account.sums}


def _entries(
    conn: Connection, organization_id: UUID, currencies: Sequence[str]
) -> Iterator[list[Row[Any]]]:
    """Give the legs of each entry. An entry has one currency, and each has an index of its own."""
    place = attrgetter("date", "entry_id")
    streams = [_postings(conn, organization_id, currency) for currency in currencies]
    for _, legs in groupby(merge(*streams, key=place), key=place):
        yield list(legs)


def _postings(conn: Connection, organization_id: UUID, currency: str) -> Iterator[Row[Any]]:
    column = POSTINGS.c
    place: tuple[date, UUID, int] | None = None
    days: list[ColumnElement[bool]] = []
    while True:
        statement = (
            select(POSTINGS)
            .where(column.organization_id == organization_id, column.currency == currency, *days)
            .order_by(column.date, column.entry_id, column.leg)
            .limit(CHUNK_ROWS)
        )
        found = conn.execute(statement).all()
        yield from found
        if len(found) == CHUNK_ROWS:
            day, entry_id, leg = place = found[-1].date, found[-1].entry_id, found[-1].leg
            # The rest of the day first: a condition over both columns would not use the index.
            days = [
                column.date == day,
                column.entry_id >= entry_id,
                or_(column.entry_id > entry_id, column.leg > leg),
            ]
        elif place is not None:
            days, place = [column.date > place[0]], None
        else:
            return


def _accounts(conn: Connection, organization_id: UUID) -> Iterator[_Account]:
    for name, found in groupby(_sums(conn, organization_id), key=attrgetter("account")):
        rows = list(found)
        sums = {row.currency: int(row.balance) for row in rows}
        yield _Account(name, min(row.since for row in rows), sums)


def _sums(conn: Connection, organization_id: UUID) -> Iterator[Row[Any]]:
    column = POSTINGS.c
    after: list[ColumnElement[bool]] = []
    while True:
        statement: Select[Any] = (
            select(
                column.account,
                column.currency,
                func.min(column.date).label("since"),
                func.sum(column.amount).label("balance"),
            )
            .where(column.organization_id == organization_id, *after)
            .group_by(column.account, column.currency)
            .order_by(column.account, column.currency)
            .limit(CHUNK_ROWS)
        )
        found = conn.execute(statement).all()
        yield from found
        if len(found) < CHUNK_ROWS:
            return
        account, currency = found[-1].account, found[-1].currency
        after = [
            column.account >= account,
            or_(column.account > account, column.currency > currency),
        ]


def _one_line(text: str) -> str:
    """Keep what a comment can hold: no ends of lines, no marks that turn the direction."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _beancount_head(currencies: Sequence[str]) -> Iterator[str]:
    for currency in currencies:
        yield f'option "operating_currency" "{currency}"'


def _beancount_opened(account: _Account) -> Iterator[str]:
    yield f"{account.since} open {account.name} {','.join(account.sums)}"


def _beancount_entry(legs: Sequence[Row[Any]]) -> Iterator[str]:
    first = legs[0]
    yield f'{first.date} * "{first.kind}"'
    yield f'  entry: "{first.entry_id}"'
    if first.payment_id is not None:
        yield f'  payment: "{first.payment_id}"'
    for leg in legs:
        yield f"  {leg.account}  {_amount(leg.amount, leg.currency)}"
        if leg.invoice_id is not None:
            yield f'    invoice: "{leg.invoice_id}"'


def _beancount_closing(day: date, account: str, sums: Sums) -> Iterator[str]:
    for currency, balance in sums.items():
        # Without a tolerance of its own it would let one minor unit pass.
        yield f"{day} balance {account}  {money.text(balance, currency)} ~ 0 {currency}"


def _hledger_head(currencies: Sequence[str]) -> Iterator[str]:
    yield "decimal-mark ."
    for currency in currencies:
        # The point says that it is no mark of thousands, also where no decimals follow it.
        point = "" if money.exponent(currency) else "."
        thousand = money.text(1000 * 10 ** money.exponent(currency), currency)
        yield f"commodity {thousand}{point} {currency}"


def _hledger_opened(account: _Account) -> Iterator[str]:
    yield f"account {account.name}  ; since:{account.since}"


def _hledger_entry(legs: Sequence[Row[Any]]) -> Iterator[str]:
    first = legs[0]
    payment = "" if first.payment_id is None else f", payment:{first.payment_id}"
    yield f"{first.date} * {first.kind}  ; entry:{first.entry_id}{payment}"
    for leg in legs:
        invoice = "" if leg.invoice_id is None else f"  ; invoice:{leg.invoice_id}"
        yield f"    {leg.account}  {_amount(leg.amount, leg.currency)}{invoice}"


def _hledger_closing(day: date, account: str, sums: Sums) -> Iterator[str]:
    yield ""
    yield f"{day} * balance"
    for currency, balance in sums.items():
        yield f"    {account}  {_amount(0, currency)} = {_amount(balance, currency)}"


def _amount(minor: int, currency: str) -> str:
    return f"{money.text(minor, currency)} {currency}"


_SYNTAXES: dict[Format, _Syntax] = {
    "beancount": _Syntax(
        _beancount_head, _beancount_opened, _beancount_entry, _beancount_closing, inclusive=True
    ),
    "hledger": _Syntax(
        _hledger_head, _hledger_opened, _hledger_entry, _hledger_closing, inclusive=False
    ),
}
