"""Invoices issued over HTTP in one organization, without gaps, against one transaction each.

One row compares with the same server when no two invoices share a transaction, so it tells what
sharing is worth; the other one with the same statements sent by pgbench, without HTTP or judging.
"""

from functools import partial
from typing import Final

from bench import books
from bench.contests import WARM_UP_S, Bursts, Contestant, compare, race
from bench.measure import Row
from bench.pgbench import Pgbench, invoice_values
from bench.serving import SINGLY, Served
from bench.stage import Stage, check_equal
from bench.wrk import Wrk

TITLE: Final = "invoices, one organization, gapless"
BESIDE_PGBENCH: Final = "invoices, one organization, gapless, beside pgbench"
OURS: Final = "ours, 1 process"
UNIT: Final = "invoices/s"
CONNECTIONS: Final = 32
CLIENTS: Final = (1, 8, CONNECTIONS)
GOAL: Final = 3.0
GOAL_BESIDE_PGBENCH: Final = 1.0

WRITTEN: Final = {
    "invoices": "SELECT count(*) FROM invoice",
    "contents": "SELECT count(*) FROM invoice_content",
    "lines_in_threes": f"SELECT count(*) / {books.LINES} FROM invoice_line",
    "events": "SELECT count(*) FROM event WHERE type = 'invoice.issued'",
    "numbers": "SELECT sum(last) FROM counter WHERE kind = 'invoice'",
    "keys": "SELECT count(*) FROM idempotency_key "
    "WHERE act_key LIKE 'invoices-%' AND answer -> 'done' IS NOT NULL",
}


def empty_rows() -> list[Row]:
    """List the rows before anything is measured."""
    numbers = ", ".join(map(str, CLIENTS))
    singly = "the same server, one transaction an invoice, at its best of "
    pgbench = "pgbench -M prepared, one transaction an invoice, at its best of "
    return [
        Row(name=TITLE, goal=GOAL, unit=UNIT, against=f"{singly}{numbers} connections"),
        Row(
            name=BESIDE_PGBENCH,
            goal=GOAL_BESIDE_PGBENCH,
            unit=UNIT,
            against=f"{pgbench}{numbers} clients",
        ),
    ]


def measure(stage: Stage) -> tuple[list[Row], Bursts]:
    """Measure the rows, and make sure that what was answered was written."""
    before = stage.ours.counts(WRITTEN)
    requests = Wrk("invoices.lua", [(stage.one.key, str(each)) for each in stage.one.customers])
    values = invoice_values(stage.reference, str(stage.one.id), books.CUSTOMERS)
    reference = Pgbench(stage.reference, "invoice.sql", values)
    singly = Served(stage.ours.url, workers=1, program=SINGLY)
    try:
        stage.warm_up(requests, CONNECTIONS)
        stage.load_on(singly, requests, CONNECTIONS)(WARM_UP_S)
        contestants: dict[str, Contestant] = {OURS: stage.load(requests, 1, CONNECTIONS)}
        contestants |= {
            _singly(clients): stage.load_on(singly, requests, clients) for clients in CLIENTS
        }
        contestants |= {_theirs(clients): partial(reference.run, clients) for clients in CLIENTS}
        bursts = race(TITLE, contestants, stage.say)
    finally:
        singly.stop()
        requests.close()
    after = stage.ours.counts(WRITTEN)
    written = {name: count - before[name] for name, count in after.items()}
    check_equal(written, requests.operations, requests.operations + requests.unanswered_max)
    rows = [
        compare(row, bursts, OURS, [named(clients) for clients in CLIENTS], at=None)
        for row, named in zip(empty_rows(), (_singly, _theirs), strict=True)
    ]
    return rows, bursts


def _singly(connections: int) -> str:
    return f"ours, one a transaction, {connections} connection" + ("s" if connections > 1 else "")


def _theirs(clients: int) -> str:
    return f"pgbench, {clients} client" + ("s" if clients > 1 else "")
