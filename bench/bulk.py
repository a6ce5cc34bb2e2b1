"""A hundred thousand invoices issued in bulk, against COPY of the very rows that came of it.

Ours is what `tallystick import` does with a file of one invoice a row, once it has read and judged
the whole of it: a thousand documents a transaction, each chunk under its own key.
"""

import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from bench import books
from bench.books import Tenant
from bench.contests import ROUNDS, Bursts, compare
from bench.measure import Burst, Row
from bench.postgresql import Base
from tallystick.invoices.importing import ImportInvoices, NewDocument, import_invoices
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tests.engines import Server

TITLE: Final = "bulk, 100,000 invoices of 3 lines"
OURS: Final = "ours, 1,000 a transaction and key"
THEIRS: Final = "COPY, a table at a time"
INVOICES: Final = 100_000
CHUNK: Final = 1_000
GOAL: Final = 0.5
TABLES: Final = (
    *("invoice", "invoice_content", "invoice_line", "posting", "event", "idempotency_key"),
)
BUFFER_BYTES: Final = 1 << 20


def empty_row() -> Row:
    """Give the row before anything is measured."""
    return Row(name=TITLE, goal=GOAL, unit="invoices/s", against="COPY of the same rows")


def measure(server: Server, say: Callable[[str], None]) -> tuple[Row, Bursts]:
    """Issue them, and copy what came of it into a database that lacks just that; some rounds."""
    bursts: Bursts = {OURS: [], THEIRS: []}
    for number in range(ROUNDS):
        for contestant, burst in zip(bursts, _round(server), strict=True):
            bursts[contestant].append(burst)
            words = f"{TITLE}, round {number + 1} of {ROUNDS}: {contestant}"
            say(f"{words}: {burst.rate:,.0f}/s")
    return compare(empty_row(), bursts, OURS, [THEIRS], at=THEIRS), bursts


def _round(server: Server) -> tuple[Burst, Burst]:
    name = f"tallystick_bench_{ids.new().hex}"
    ours = Base(server, name)
    try:
        ours.migrate()
        database = Database(ours.url)
        [tenant] = books.fill(database, organizations=1, invoices=0)
        database.close()
        reference = ours.copy_to(f"{name}_reference")
        try:
            return _issue(ours, tenant), _copy(ours, reference)
        finally:
            reference.drop()
    finally:
        ours.drop()


def _issue(base: Base, tenant: Tenant) -> Burst:
    database = Database(base.url)
    try:
        # As the command does it: what is loaded stays.
        gc.collect()
        gc.freeze()
        with base.watched() as backends:
            began_s, cpu_began_s = time.perf_counter(), time.process_time()
            for start in range(0, INVOICES, CHUNK):
                documents = [
                    NewDocument(tenant.invoice_content(number), issue=True)
                    for number in range(start, start + CHUNK)
                ]
                command = ImportInvoices(books.act(tenant.id), tuple(documents))
                answer = database.write(lambda conn, todo=command: import_invoices(conn, todo))  # type: ignore[misc]  # a default binds the loop's value
                assert not isinstance(answer.outcome, Refusal), answer.outcome
                assert answer.outcome["made"] == CHUNK
            seconds, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_began_s
    finally:
        gc.unfreeze()
        database.close()
    return Burst(operations=INVOICES, seconds=seconds, cpu_s=cpu_s, database_cpu_s=backends.cpu_s)


def _copy(source: Base, target: Base) -> Burst:
    """Copy the rows of each table by way of a file; only the way in is timed."""
    seconds = cpu_s = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder,
        psycopg.connect(source.url) as from_conn,
        psycopg.connect(target.url) as to_conn,
        target.watched() as backends,
    ):
        # What stood there before the invoices comes with them once more.
        names = sql.SQL(", ").join(map(sql.Identifier, TABLES))
        to_conn.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
        to_conn.commit()
        for table in TABLES:
            path = Path(folder, table)
            _save(from_conn, table, path)
            began_s, cpu_began_s = time.perf_counter(), time.process_time()
            _load(to_conn, table, path)
            to_conn.commit()
            seconds += time.perf_counter() - began_s
            cpu_s += time.process_time() - cpu_began_s
            path.unlink()
    return Burst(operations=INVOICES, seconds=seconds, cpu_s=cpu_s, database_cpu_s=backends.cpu_s)


def _save(conn: psycopg.Connection, table: str, path: Path) -> None:
    words = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
    with path.open("wb") as file, conn.cursor().copy(words) as copy:
        for block in copy:
            file.write(block)


def _load(conn: psycopg.Connection, table: str, path: Path) -> None:
    words = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
    with path.open("rb") as file, conn.cursor().copy(words) as copy:
        while block := file.read(BUFFER_BYTES):
            copy.write(block)
