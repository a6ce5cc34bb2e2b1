"""Payments on SQLite over HTTP, against the same statements through the bare driver."""

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bench import books, wrk
from bench.bare_sqlite import Bare
from bench.contests import WARM_UP_S, Bursts, compare, race
from bench.measure import Row
from bench.serving import Served
from bench.stage import check_audit, check_equal
from bench.wrk import Wrk
from tallystick import migrations
from tallystick.kernel.database import Database

TITLE: Final = "payments on SQLite, 32 connections"
OURS: Final = "ours, 1 process"
CONNECTIONS: Final = 32
AT_ONCE: Final = (1, 64)
"""Payments in one transaction; the second is for information."""
INVOICES: Final = 5_000
GOAL: Final = 0.5


def empty_row() -> Row:
    """Give the row before anything is measured."""
    return Row(
        name=TITLE,
        goal=GOAL,
        unit="payments/s",
        against="sqlite3 of Python, one transaction a payment",
    )


def measure(folder: Path, say: Callable[[str], None]) -> tuple[Row, Bursts]:
    """Measure the row on files in a folder, which should be on a disk and not in memory.

    Raises:
        Unmeasurable: a program is missing.
    """
    wrk.find()
    with tempfile.TemporaryDirectory(prefix="sqlite-", dir=folder) as place:
        ours, theirs = Path(place, "ours.db"), Path(place, "reference.db")
        url = f"sqlite:///{ours}"
        say(f"filling SQLite {sqlite3.sqlite_version}")
        migrations.upgrade(url)
        database = Database(url)
        [tenant] = books.fill(database, organizations=1, invoices=INVOICES)
        books.add_samples(database, tenant)
        database.close()
        shutil.copy(ours, theirs)
        requests = Wrk("payments.lua", [(tenant.key, str(each)) for each in tenant.invoices])
        served = Served(url, workers=1)
        bare = Bare(theirs, tenant.id, tenant.invoices)
        try:
            requests.run(served, CONNECTIONS, WARM_UP_S)
            bursts = race(
                TITLE,
                {
                    OURS: partial(requests.run, served, CONNECTIONS),
                    **{_theirs(count): partial(bare.run, count) for count in AT_ONCE},
                },
                say,
            )
        finally:
            bare.close()
            served.stop()
            requests.close()
        with sqlite3.connect(ours) as conn:
            written = {
                **{
                    f"{table}s": conn.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                    - books.SAMPLES
                    for table in ("payment", "allocation")
                },
                "keys": conn.execute(
                    "SELECT count(*) FROM idempotency_key WHERE act_key LIKE 'payments-%' "
                    "AND json_extract(answer, '$.done') IS NOT NULL"
                ).fetchone()[0],
            }
        conn.close()
        check_equal(written, requests.operations, requests.operations + requests.unanswered_max)
        check_audit(url)
        check_audit(f"sqlite:///{theirs}")
    references = [_theirs(count) for count in AT_ONCE]
    return compare(empty_row(), bursts, OURS, references, at=_theirs(1)), bursts


def _theirs(count: int) -> str:
    return f"sqlite3, {count} a transaction"
