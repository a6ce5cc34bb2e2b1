"""The reference on SQLite: the statements of one payment through Python's own driver."""

import random
import sqlite3
import time
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from bench import books, machine
from bench.measure import Burst
from tallystick.kernel import ids

PRAGMAS: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
_SAMPLES: Final = {
    "payment": "SELECT * FROM payment",
    "allocation": "SELECT * FROM allocation",
    "debit": "SELECT * FROM posting WHERE payment_id IS NOT NULL AND leg = 1",
    "credit": "SELECT * FROM posting WHERE payment_id IS NOT NULL AND leg = 2",
    "event": "SELECT * FROM event WHERE type = 'payment.settled'",
    "idempotency_key": "SELECT k.* FROM idempotency_key k JOIN event e ON e.act_key = k.act_key "
    "WHERE e.type = 'payment.settled'",
}
"""The rows of the one payment that stands there, which the others are copies of."""
_TABLES: Final = {"debit": "posting", "credit": "posting"}
_INVOICE: Final = (
    "SELECT id, customer_id, total - paid - credited - written_off FROM invoice "
    "WHERE organization_id = ? AND id = ?"
)
_KEY: Final = (
    "SELECT fingerprint, answer FROM idempotency_key WHERE organization_id = ? AND act_key = ?"
)
_RECEIPT: Final = (
    "SELECT last FROM counter "
    "WHERE organization_id = ? AND kind = 'receipt' AND series = 'REC' AND year = ?"
)
_COUNT: Final = (
    "UPDATE counter SET last = ?, last_date = ?, version = version + 1 "
    "WHERE organization_id = ? AND kind = 'receipt' AND series = 'REC' AND year = ?"
)
_PAY: Final = (
    "UPDATE invoice SET paid = paid + ?, payment_status = 'partial', version = version + 1, "
    "updated_at = ?, booked_on = ? WHERE organization_id = ? AND id = ?"
)


class Bare:
    """One connection that writes what the product writes for each payment."""

    def __init__(self, path: Path, organization_id: UUID, invoices: list[UUID]) -> None:
        self._organization = str(organization_id)
        self._invoices = [str(each) for each in invoices]
        self._conn = sqlite3.connect(path, isolation_level=None)
        for pragma in PRAGMAS:
            self._conn.execute(f"PRAGMA {pragma}")
        self._conn.row_factory = sqlite3.Row
        self._rows = {
            name: dict(self._conn.execute(statement).fetchone())
            for name, statement in _SAMPLES.items()
        }
        self._conn.row_factory = None
        self._inserts = {
            name: f"INSERT INTO {_TABLES.get(name, name)} VALUES (:{', :'.join(row)})"
            for name, row in self._rows.items()
        }

    def run(self, at_once: int, seconds: float) -> Burst:
        """Record payments, so many in a transaction."""
        begun, used = time.perf_counter(), machine.own_cpu_s()
        count = 0
        while time.perf_counter() < begun + seconds:
            self._conn.execute("BEGIN IMMEDIATE")
            for _ in range(at_once):
                self._pay()
            self._conn.execute("COMMIT")
            count += at_once
        return Burst(
            operations=count,
            seconds=time.perf_counter() - begun,
            cpu_s=machine.own_cpu_s() - used,
        )

    def close(self) -> None:
        """Close the connection."""
        self._conn.close()

    def _pay(self) -> None:
        place, new_id, payment = self._organization, str(ids.new()), self._rows["payment"]
        year, day, at = payment["receipt_year"], payment["paid_on"], payment["created_at"]
        invoice, customer, due = self._one(_INVOICE, place, random.choice(self._invoices))
        self._one(_KEY, place, new_id)
        receipt = self._one(_RECEIPT, place, year)[0] + 1
        number = f"REC-{year}-{receipt:06d}"
        self._add(
            "payment",
            id=new_id,
            customer_id=customer,
            receipt_sequence=receipt,
            receipt_number=number,
        )
        due_after = due - books.AMOUNT
        self._add(
            "allocation", id=new_id, payment_id=new_id, invoice_id=invoice, due_after=due_after
        )
        self._add("debit", entry_id=new_id, payment_id=new_id)
        receivable = f"Assets:Receivable:{customer[:26]}"
        self._add(
            "credit", entry_id=new_id, payment_id=new_id, invoice_id=invoice, account=receivable
        )
        self._add("event", id=new_id, subject_id=new_id, act_key=new_id, request_id=new_id)
        self._add("idempotency_key", act_key=new_id)
        self._conn.execute(_PAY, (books.AMOUNT, at, day, place, invoice))
        self._conn.execute(_COUNT, (receipt, day, place, year))

    def _one(self, statement: str, *values: Any) -> Any:
        return self._conn.execute(statement, values).fetchone()

    def _add(self, name: str, **values: Any) -> None:
        self._conn.execute(self._inserts[name], self._rows[name] | values)
