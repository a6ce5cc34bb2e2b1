"""What the dry run of a rule costs: a hundred thousand past payments, on two engines.

The payments are made by the product's own use cases, without a rule. A fifth leaves a rest of a few
cents and a tenth is more than the due, so that every action of the rule has work to do.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select

from bench import books
from bench.books import Tenant
from bench.measure import Burst, Row
from bench.postgresql import Base
from tallystick import migrations
from tallystick.invoices.importing import ImportInvoices, NewDocument, import_invoices
from tallystick.invoices.models import INVOICES
from tallystick.kernel import clock, ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.parties.customers import create_customers
from tallystick.payments import trials, trying
from tallystick.payments.allocating import Share
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.payments.trials import Tally
from tallystick.rules.managing import RuleContent
from tests.engines import Server

TITLE: Final = "dry run of a rule, 100,000 payments"
PAYMENTS: Final = 100_000
CUSTOMERS: Final = 2_000
CHUNK: Final = 1_000
A_MINUTE: Final = PAYMENTS / 60
RULE: Final = RuleContent(
    "All there is",
    "payment_settled",
    [
        {"action": "early_payment_discount", "percent": "2", "within_days": 10},
        {"action": "settle_within_tolerance"},
        {"action": "allocate_to_open_invoices"},
    ],
    {
        "all": [
            {"field": "customer.kind", "operator": "eq", "value": "student"},
            {"field": "invoice.days_overdue", "operator": "lte", "value": 30},
            {
                "any": [
                    {"field": "invoice.payment_status", "operator": "eq", "value": "partial"},
                    {"field": "payment.unallocated", "operator": "gt", "value": "0"},
                ]
            },
        ]
    },
)


def empty_rows() -> list[Row]:
    """Give the rows before anything is measured."""
    return [
        Row(name=f"{TITLE}, {engine}", goal=1.0, unit="payments/s", against="a minute for all")
        for engine in ("SQLite", "PostgreSQL")
    ]


def measure(server: Server, folder: Path, say: Callable[[str], None]) -> list[Row]:
    """Measure both engines, each in a database of its own."""
    on_sqlite, on_postgresql = empty_rows()
    with tempfile.TemporaryDirectory(prefix="sqlite-", dir=folder) as place:
        url = f"sqlite:///{Path(place, 'ours.db')}"
        migrations.upgrade(url)
        on_sqlite = _measured(on_sqlite, url, say)
    base = Base(server, f"tallystick_bench_{ids.new().hex}")
    try:
        base.migrate()
        on_postgresql = _measured(on_postgresql, base.url, say, settle=base.settle)
    finally:
        base.drop()
    return [on_sqlite, on_postgresql]


def _measured(
    row: Row, url: str, say: Callable[[str], None], settle: Callable[[], object] = lambda: None
) -> Row:
    database = Database(url)
    try:
        [tenant] = books.fill(database, organizations=1, invoices=0)
        _fill(database, tenant)
        settle()
        burst = _tried(database, tenant)
    finally:
        database.close()
    say(f"{row.name}: {burst.rate:,.0f}/s, {burst.seconds:.1f} s")
    return replace(row, ours=burst.rate, reference=A_MINUTE, cpu_us=burst.cpu_us)


def _tried(database: Database, tenant: Tenant) -> Burst:
    now = clock.now()
    trial = database.read(
        lambda conn: trials.prepare(
            conn, tenant.id, RULE, since=now.date(), until=None, now=clock.now()
        )
    )
    tally = Tally()
    began_s, cpu_began_s = time.perf_counter(), time.process_time()
    for chunk in trying.chunks(database.read, trial):
        tally.add(chunk)
    seconds, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_began_s
    assert tally.looked_at == PAYMENTS, tally
    assert tally.fires > PAYMENTS // 6, tally
    return Burst(operations=PAYMENTS, seconds=seconds, cpu_s=cpu_s)


def _fill(database: Database, tenant: Tenant) -> None:
    """Issue an invoice for each payment, and pay it whole, in part or more than that."""
    for start in range(len(tenant.customers), CUSTOMERS, CHUNK):
        made = [books.customer(tenant.id, number) for number in range(start, start + CHUNK)]
        for answer in database.write(lambda conn, todo=made: create_customers(conn, todo)):  # type: ignore[misc]  # a default binds the loop's value
            assert not isinstance(answer.outcome, Refusal), answer.outcome
            tenant.customers.append(UUID(answer.outcome["id"]))
    for start in range(0, PAYMENTS, CHUNK):
        numbers = range(start, start + CHUNK)
        documents = [NewDocument(tenant.invoice_content(each), issue=True) for each in numbers]
        command = ImportInvoices(books.act(tenant.id), tuple(documents))
        database.write(lambda conn, todo=command: import_invoices(conn, todo))  # type: ignore[misc]  # a default binds the loop's value
        issued = database.read(lambda conn: _newest(conn, tenant.id))
        paying = [_payment(tenant, *each) for each in enumerate(issued)]
        for answer in database.write(lambda conn, todo=paying: record_payments(conn, todo)):  # type: ignore[misc]  # a default binds the loop's value
            assert not isinstance(answer.outcome, Refusal), answer.outcome


def _newest(conn: Connection, organization_id: UUID) -> list[tuple[UUID, int]]:
    statement = (
        select(INVOICES.c.id, INVOICES.c.total)
        .where(INVOICES.c.organization_id == organization_id)
        .order_by(INVOICES.c.id.desc())
        .limit(CHUNK)
    )
    return [(row.id, row.total) for row in conn.execute(statement)]


def _payment(tenant: Tenant, number: int, invoice: tuple[UUID, int]) -> RecordPayment:
    invoice_id, total = invoice
    amount = {0: total - 30, 1: total - 2_000, 2: total + 1_500}.get(number % 11, total)
    return RecordPayment(
        books.act(tenant.id),
        amount=amount,
        currency=books.CURRENCY,
        method="bank_transfer",
        invoices=(Share(invoice_id),),
        excess="credit" if amount > total else "refuse",
    )
