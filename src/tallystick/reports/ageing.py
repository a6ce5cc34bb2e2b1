"""Ageing: what is owed at the end of a day, by how long it is overdue, and the credit beside it.

A request of its own, because it looks at every posting of the receivables up to that day.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, case, func, select

from tallystick.invoices.models import INVOICES
from tallystick.kernel import ids, paging
from tallystick.ledger import accounts, movements
from tallystick.parties.customers import get_customer

BOUNDS: Final = (("not_due", 0), ("days_1_30", 30), ("days_31_60", 60), ("days_61_90", 90))
"""Each part, and the days overdue up to which it goes; what is older stands in the last."""
LAST: Final = "days_over_90"
PARTS: Final = (*(name for name, _ in BOUNDS), LAST)


class AgeingBlock(TypedDict):
    """What is owed in one currency, in minor units."""

    currency: str
    parts: dict[str, int]
    """By days overdue, under the names of `PARTS`."""
    total: int
    credit: int


class CustomerAgeing(TypedDict):
    """What one customer owes."""

    customer_id: str
    blocks: list[AgeingBlock]


class OrganizationAgeing(TypedDict):
    """What all customers owe together, and a page of those who owe or have credit."""

    totals: list[AgeingBlock]
    page: paging.Page[CustomerAgeing]


def customer_ageing(
    conn: Connection, organization_id: UUID, customer_id: UUID, *, on: date
) -> CustomerAgeing:
    """Age what a customer owes at the end of a day.

    Refuses:
        customer.unknown
    """
    get_customer(conn, organization_id, customer_id)
    found = _aged(conn, organization_id, on, customer_id)
    return {"customer_id": str(customer_id), "blocks": found.get(customer_id, [])}


def organization_ageing(
    conn: Connection,
    organization_id: UUID,
    *,
    on: date,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> OrganizationAgeing:
    """Age what all customers owe at the end of a day; the newest customers stand first."""
    found = _aged(conn, organization_id, on, None)
    by_currency: dict[str, list[AgeingBlock]] = {}
    for blocks in found.values():
        for block in blocks:
            by_currency.setdefault(block["currency"], []).append(block)
    listed = sorted((each for each in found if after is None or each < after), reverse=True)
    items: list[CustomerAgeing] = [
        {"customer_id": str(each), "blocks": found[each]} for each in listed[:limit]
    ]
    following = listed[limit - 1] if len(listed) > limit else None
    return {
        "totals": [_together(each, by_currency[each]) for each in sorted(by_currency)],
        "page": paging.Page(items, following),
    }


def _aged(
    conn: Connection, organization_id: UUID, on: date, customer_id: UUID | None
) -> dict[UUID, list[AgeingBlock]]:
    """Age each customer in each currency in which there is anything."""
    blocks: dict[tuple[UUID, str], AgeingBlock] = {}
    for row in _owed(conn, organization_id, on, _named(accounts.receivable, customer_id)):
        place = ids.decoded(row.account.rpartition(":")[2]), row.currency
        blocks[place] = _block(row.currency, [int(getattr(row, name)) for name in PARTS], 0)
    account = _named(accounts.credit, customer_id)
    for name, currency, held in movements.held_on(
        conn, organization_id, accounts.CREDIT, on, account=account
    ):
        place = ids.decoded(name.rpartition(":")[2]), currency
        empty = _block(currency, [0] * len(PARTS), 0)
        blocks.setdefault(place, empty)["credit"] = -held
    found: dict[UUID, list[AgeingBlock]] = {}
    for customer, currency in sorted(blocks):
        found.setdefault(customer, []).append(blocks[customer, currency])
    return found


def _owed(conn: Connection, organization_id: UUID, on: date, account: str | None) -> Sequence[Any]:
    """Sum what is open by account, currency and part."""
    owed = movements.open_items(organization_id, accounts.RECEIVABLE, on, account=account)
    due, amount = INVOICES.c.due_date, owed.c.balance
    columns = []
    newer: date | None = None
    for name, days in BOUNDS:
        # A day on which as many days were still to come as may have passed by now.
        oldest = on - timedelta(days=days)
        condition = due >= oldest if newer is None else (due >= oldest) & (due < newer)
        columns.append(func.sum(case((condition, amount), else_=0)).label(name))
        newer = oldest
    columns.append(func.sum(case((due < newer, amount), else_=0)).label(LAST))
    statement = (
        select(owed.c.account, owed.c.currency, *columns)
        .join(INVOICES, INVOICES.c.id == owed.c.invoice_id)
        .where(INVOICES.c.organization_id == organization_id)
        .group_by(owed.c.account, owed.c.currency)
    )
    return conn.execute(statement).all()


def _named(name: Callable[[UUID], str], customer_id: UUID | None) -> str | None:
    return None if customer_id is None else name(customer_id)


def _block(currency: str, parts: Sequence[int], credit: int) -> AgeingBlock:
    return {
        "currency": currency,
        "parts": dict(zip(PARTS, parts, strict=True)),
        "total": sum(parts),
        "credit": credit,
    }


def _together(currency: str, blocks: Sequence[AgeingBlock]) -> AgeingBlock:
    parts = [sum(block["parts"][name] for block in blocks) for name in PARTS]
    return _block(currency, parts, sum(block["credit"] for block in blocks))
