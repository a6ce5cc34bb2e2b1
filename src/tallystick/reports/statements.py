"""Statements: what happened in a period to what a customer, or all of them, owe.

What is owed is the receivable less the credit. An entry that only moves between the two, such as an
allocation of credit, is no movement. Everything goes by business date, so a statement as of a past
day prints the same for ever, unless somebody books something on a day before it.

A page costs what it shows, wherever it stands: it carries its running balance on. The opening and
the closing balance come from the sums of closed months, and from the postings of the days that are
not summed yet. What is booked while somebody turns pages may stand before their place; the last
page then ends with another balance than the books, and is refused.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices.models import CREDIT_NOTES, INVOICES
from tallystick.kernel import ids, paging, rows
from tallystick.kernel.errors import Invalid, Refused
from tallystick.ledger import accounts, closing, movements
from tallystick.ledger.movements import Place
from tallystick.parties.customers import get_customer
from tallystick.payments.models import PAYMENTS


@dataclass(frozen=True, slots=True)
class Period:
    """The days from the first to the last, both included."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a page ended, and what the next one needs to know: balances in minor units."""

    currency: str
    period: Period
    place: Place
    opening: int
    balance: int


class MovementDocument(TypedDict):
    """One entry that changed what is owed; one of debit and credit is zero."""

    entry_id: str
    date: str
    kind: str
    number: str | None
    customer_id: str | None
    invoice_id: str | None
    payment_id: str | None
    debit: int
    credit: int
    balance: int


class BlockDocument(TypedDict):
    """One currency of a statement, or a page of it."""

    currency: str
    opening_balance: int
    closing_balance: int
    movements: list[MovementDocument]
    next: Bookmark | None


class StatementDocument(TypedDict):
    """A statement."""

    period: Period
    blocks: list[BlockDocument]


def chosen_period(
    today: date, *, start: date | None, end: date | None, as_of: date | None
) -> Period:
    """Choose a period: until today, or as of a day; from the first day of the year of its end.

    Raises:
        Invalid: statement.period.
    """
    if as_of is not None and end is not None:
        message = "to and as_of both say where the statement ends. Give one of them."
        raise Invalid("statement.period", message, pointer="/as_of")
    last = end or as_of or today
    period = Period(start or last.replace(month=1, day=1), last)
    if period.start > period.end:
        message = f"The statement would begin on {period.start}, after it ends on {period.end}."
        raise Invalid("statement.period", message, pointer="/from")
    return period


def statement(
    conn: Connection,
    organization_id: UUID,
    period: Period,
    *,
    customer_id: UUID | None = None,
    currency: str | None = None,
    default_currency: str,
    after: Bookmark | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> StatementDocument:
    """Read the statement of a customer, or of all together, a block for each currency.

    With a bookmark, the next page of its block, in its period. Run it in a snapshot: balances and
    movements are read one after the other.

    Refuses:
        customer.unknown
        statement.changed: this is the last page, and what was booked on the pages before it since
            they were read does not add up to nothing.
    """
    if customer_id is None:
        scope = _Scope(organization_id, closing.CONTROLS, (None,), _below_controls)
    else:
        get_customer(conn, organization_id, customer_id)
        own = accounts.receivable(customer_id), accounts.credit(customer_id)
        scope = _Scope(organization_id, own, own, own.__contains__)
    if after is not None:
        block = _block(conn, scope, after.currency, after.period, limit, after=after)
        return {"period": after.period, "blocks": [block]}
    shown = [currency] if currency is not None else _currencies(conn, scope, customer_id)
    blocks = [
        _block(conn, scope, each, period, limit, after=None) for each in shown or [default_currency]
    ]
    return {"period": period, "blocks": blocks}


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose statement it is."""

    organization_id: UUID
    names: Sequence[str]
    """The accounts, or controls, whose balances add up to what is owed."""
    scanned: Sequence[str | None]
    """The accounts whose entries are looked through; None for all entries there are."""
    counts: Callable[[str], bool]
    """Whether an account is one of those."""


def _below_controls(account: str) -> bool:
    return account.startswith(tuple(f"{name}:" for name in closing.CONTROLS))


def _currencies(conn: Connection, scope: _Scope, customer_id: UUID | None) -> list[str]:
    return closing.currencies(
        conn, scope.organization_id, None if customer_id is None else scope.names
    )


def _block(
    conn: Connection,
    scope: _Scope,
    currency: str,
    period: Period,
    limit: int,
    *,
    after: Bookmark | None,
) -> BlockDocument:
    # Before everything that the first day has, or where the page before ended.
    place = (period.start, ids.NIL) if after is None else after.place
    found = _moved(conn, scope, currency, place, end=period.end, wanted=limit + 1)
    page, more = found[:limit], len(found) > limit
    # What the sums tell: the opening of a first page, and the closing where more pages are about.
    days = [period.start] if after is None else []
    if more or after is not None:
        days.append(period.end + timedelta(days=1))
    held = movements.held_before(conn, scope.organization_id, currency, scope.names, days)
    opening, balance = (held[0], held[0]) if after is None else (after.opening, after.balance)
    documents = _documents(conn, scope.organization_id, page, balance)
    closes = balance = documents[-1]["balance"] if documents else balance
    following = None
    if more:
        following = Bookmark(currency, period, page[-1].place, opening, balance)
        closes = held[-1]
    elif after is not None and closes != held[-1]:
        message = (
            "Something was booked on the pages of this statement that were read already, so they "
            "do not add up with this one. Read the statement again from its first page."
        )
        raise Refused("statement.changed", message)
    return {
        "currency": currency,
        "opening_balance": opening,
        "closing_balance": closes,
        "movements": documents,
        "next": following,
    }


@dataclass(frozen=True, slots=True)
class _Moved:
    """An entry and what it adds to what is owed."""

    place: Place
    legs: Sequence[Row[Any]]
    amount: int


def _moved(
    conn: Connection, scope: _Scope, currency: str, after: Place, *, end: date, wanted: int
) -> list[_Moved]:
    """Find the next entries that change what is owed."""
    found: list[_Moved] = []
    while len(found) < wanted:
        places = _places(conn, scope, currency, after, end=end, limit=wanted)
        legs = movements.legs(conn, scope.organization_id, [entry_id for _, entry_id in places])
        for place in places:
            own = legs[place[1]]
            amount = sum(leg.amount for leg in own if scope.counts(leg.account))
            if amount != 0:
                found.append(_Moved(place, own, amount))
        if len(places) < wanted:
            break
        after = places[-1]
    return found[:wanted]


def _places(
    conn: Connection, scope: _Scope, currency: str, after: Place, *, end: date, limit: int
) -> list[Place]:
    """Merge what each account has next; an entry that several have is there once."""
    found: set[Place] = set()
    for account in scope.scanned:
        found.update(
            movements.entries(
                conn,
                scope.organization_id,
                currency,
                account,
                after=after,
                end=end,
                limit=limit,
            )
        )
    return sorted(found)[:limit]


def _documents(
    conn: Connection, organization_id: UUID, page: Sequence[_Moved], balance: int
) -> list[MovementDocument]:
    """Shape movements, with the numbers of the documents behind them."""
    legs = [leg for moved in page for leg in moved.legs]
    invoices = _named(conn, organization_id, INVOICES, {leg.invoice_id for leg in legs})
    payments = _named(conn, organization_id, PAYMENTS, {leg.payment_id for leg in legs})
    # The entry of a credit note bears its id.
    noted = {moved.place[1] for moved in page if moved.legs[0].kind == "credit_note.issued"}
    notes = _named(conn, organization_id, CREDIT_NOTES, noted)
    documents: list[MovementDocument] = []
    for moved in page:
        balance += moved.amount
        day, entry_id = moved.place
        paying = {leg.payment_id for leg in moved.legs} - {None}
        owing = {leg.invoice_id for leg in moved.legs} - {None}
        payment = payments[paying.pop()] if len(paying) == 1 else None
        invoice = invoices[owing.pop()] if len(owing) == 1 else None
        note = notes.get(entry_id)
        party = note or payment or invoice
        documents.append(
            {
                "entry_id": str(entry_id),
                "date": day.isoformat(),
                "kind": moved.legs[0].kind,
                "number": _number(note, payment, invoice),
                "customer_id": None if party is None else str(party.customer_id),
                "invoice_id": None if invoice is None else str(invoice.id),
                "payment_id": None if payment is None else str(payment.id),
                "debit": max(moved.amount, 0),
                "credit": max(-moved.amount, 0),
                "balance": balance,
            }
        )
    return documents


def _number(
    note: Row[Any] | None, payment: Row[Any] | None, invoice: Row[Any] | None
) -> str | None:
    """Give the number of the credit note, else of the receipt, else of the invoice."""
    if note is not None:
        found: str | None = note.number
    elif payment is not None:
        found = payment.receipt_number
    else:
        found = None if invoice is None else invoice.number
    return found


def _named(
    conn: Connection, organization_id: UUID, table: Any, wanted: Collection[UUID | None]
) -> Mapping[UUID, Row[Any]]:
    keys = [(organization_id, each) for each in wanted if each is not None]
    return {row.id: row for row in rows.find(conn, [table.c.organization_id, table.c.id], keys)}
