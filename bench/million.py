"""A million invoices of one organization beside a thousand of another, loaded by COPY."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import psycopg

from bench import books
from bench.books import Tenant
from bench.postgresql import Base
from tallystick.kernel import clock, ids
from tallystick.kernel.database import Database
from tallystick.ledger import accounts, closing
from tests.engines import Server

MANY: Final = 1_000_000
FEW: Final = 1_000
FIRST: Final = date(2022, 1, 1)
DAYS: Final = 1_461
"""Four years, over which the invoices are spread."""
OF_EACH: Final = 10_000
"""Invoices of each customer of the larger organization; the smaller one has one customer."""
TOTAL: Final = 11_900
RESTED: Final = timedelta(minutes=11)
"""Later than a month's marker must rest before the month is summed."""
_MOMENT: Final = "2022-01-01 09:00:00+00"


@contextmanager
def loaded(server: Server) -> Iterator[tuple[Base, Tenant, Tenant]]:
    """Give a database with both organizations, the larger first; its months are closed."""
    base = Base(server, f"tallystick_bench_{ids.new().hex}")
    try:
        base.migrate()
        database = Database(base.url)
        try:
            many, few = books.fill(database, organizations=2, invoices=0)
            _load(base, many, MANY)
            _load(base, few, FEW)
            base.settle()
            for tenant in (many, few):
                _close(database, tenant.id)
        finally:
            database.close()
        base.settle()
        yield base, many, few
    finally:
        base.drop()


def _load(base: Base, tenant: Tenant, count: int) -> None:
    with psycopg.connect(base.url) as conn:
        with conn.cursor().copy("COPY invoice FROM STDIN") as copy:
            for number in range(count):
                copy.write(_invoice(tenant, number, count))
        with conn.cursor().copy("COPY posting FROM STDIN") as copy:
            for number in range(count):
                copy.write(_postings(tenant, number, count))


def _invoice(tenant: Tenant, number: int, count: int) -> str:
    """Write the row of an issued invoice, one in two unpaid, in the order of the columns."""
    paid = number % 2 * TOTAL
    state = "paid" if paid else "unpaid"
    day = _day(number, count)
    return (
        "\t".join(
            (
                *(str(tenant.id), str(_id(number)), str(_customer(tenant, number, count))),
                *("open", state, books.CURRENCY, str(TOTAL), str(paid), "0", "0", "0"),
                *("INV", str(day.year), str(number + 1), f"INV-{number + 1:09}"),
                *(
                    day.isoformat(),
                    (day + timedelta(days=14)).isoformat(),
                    "1",
                    _MOMENT,
                    _MOMENT,
                    day.isoformat(),
                ),
            )
        )
        + "\n"
    )


def _postings(tenant: Tenant, number: int, count: int) -> str:
    """Write the entry of an issued invoice: what is owed, and sales."""
    account = accounts.receivable(_customer(tenant, number, count))
    head = (str(tenant.id), str(_id(number)))
    middle = ("invoice.issued", _day(number, count).isoformat(), _MOMENT)
    legs = (
        (*head, "1", *middle, account, books.CURRENCY, str(TOTAL), str(_id(number)), "\\N"),
        (*head, "2", *middle, accounts.SALES, books.CURRENCY, str(-TOTAL), "\\N", "\\N"),
    )
    return "".join("\t".join(leg) + "\n" for leg in legs)


def _day(number: int, count: int) -> date:
    return FIRST + timedelta(days=number * DAYS // count)


def _id(number: int) -> UUID:
    return UUID(int=(0x017E_0000_0000 << 80) | (7 << 76) | (2 << 62) | number)


def _customer(tenant: Tenant, number: int, count: int) -> UUID:
    return tenant.customers[number % max(1, count // OF_EACH)]


def _close(database: Database, organization_id: UUID) -> None:
    """Sum the months as the worker does, at moments that lie far enough apart."""
    now = clock.now()
    database.write(lambda conn: closing.mark(conn, organization_id, now))
    later = now + RESTED
    for month in database.read(lambda conn: closing.ripe(conn, organization_id, later)):
        database.write(lambda conn, of=month: closing.sum_month(conn, organization_id, of, later))  # type: ignore[misc]  # a default binds the loop's value
