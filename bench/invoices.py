"""Invoices issued over HTTP in one organization, without gaps, against one transaction each."""

from functools import partial
from typing import Final

from bench import books
from bench.contests import Bursts, Contestant, compare, race
from bench.measure import Row
from bench.pgbench import Pgbench, invoice_values
from bench.stage import Stage, check_equal
from bench.wrk import Wrk

TITLE: Final = "invoices, one organization, gapless"
OURS: Final = "ours, 1 process"
CONNECTIONS: Final = 32
CLIENTS: Final = (1, 8, CONNECTIONS)
GOAL: Final = 3.0

WRITTEN: Final = {
    "invoices": "SELECT count(*) FROM invoice",
    "contents": "SELECT count(*) FROM invoice_content",
    "lines_in_threes": f"SELECT count(*) / {books.LINES} FROM invoice_line",
    "events": "SELECT count(*) FROM event WHERE type = 'invoice.issued'",
    "numbers": "SELECT sum(last) FROM counter WHERE kind = 'invoice'",
    "keys": "SELECT count(*) FROM idempotency_key "
    "WHERE act_key LIKE 'invoices-%' AND answer -> 'done' IS NOT NULL",
}


def empty_row() -> Row:
    """Give the row before anything is measured."""
    return Row(
        name=TITLE,
        goal=GOAL,
        unit="invoices/s",
        against="pgbench -M prepared, one transaction an invoice, at its best of "
        + ", ".join(map(str, CLIENTS)),
    )


def measure(stage: Stage) -> tuple[Row, Bursts]:
    """Measure the row, and make sure that what was answered was written."""
    before = stage.ours.counts(WRITTEN)
    requests = Wrk("invoices.lua", [(stage.one.key, str(each)) for each in stage.one.customers])
    values = invoice_values(stage.reference, str(stage.one.id), books.CUSTOMERS)
    reference = Pgbench(stage.reference, "invoice.sql", values)
    try:
        stage.warm_up(requests, CONNECTIONS)
        contestants: dict[str, Contestant] = {OURS: stage.load(requests, 1, CONNECTIONS)}
        contestants |= {_theirs(clients): partial(reference.run, clients) for clients in CLIENTS}
        bursts = race(TITLE, contestants, stage.say)
    finally:
        requests.close()
    after = stage.ours.counts(WRITTEN)
    written = {name: count - before[name] for name, count in after.items()}
    check_equal(written, requests.operations, requests.operations + requests.unanswered_max)
    references = [_theirs(clients) for clients in CLIENTS]
    return compare(empty_row(), bursts, OURS, references, at=None), bursts


def _theirs(clients: int) -> str:
    return f"pgbench, {clients} client" + ("s" if clients > 1 else "")
