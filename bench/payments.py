"""Payments over HTTP against the same statements sent singly, in one organization and in ten."""

from functools import partial
from typing import Final

from bench.books import Tenant
from bench.contests import Bursts, Contestant, compare, race
from bench.measure import Row
from bench.pgbench import Pgbench, payment_values
from bench.stage import INVOICES, ORGANIZATIONS, PROCESSES, Stage, check_equal
from bench.wrk import Wrk

CONNECTIONS: Final = 64
CLIENTS: Final = (1, 8, CONNECTIONS)
GOALS: Final = {1: 1.0, 2: 1.5}
NAMES: Final = {1: "", 2: ", two processes"}
TITLES: Final = {
    "one": f"payments over HTTP, {CONNECTIONS} connections, one organization",
    "ten": f"payments over HTTP, {CONNECTIONS} connections, ten organizations",
}

WRITTEN: Final = {
    "payments": "SELECT count(*) FROM payment",
    "allocations": "SELECT count(*) FROM allocation",
    "events": "SELECT count(*) FROM event WHERE type = 'payment.settled'",
    "receipts": "SELECT sum(last) FROM counter WHERE kind = 'receipt'",
    "keys": "SELECT count(*) FROM idempotency_key "
    "WHERE act_key LIKE 'payments-%' AND answer -> 'done' IS NOT NULL",
}


def empty_rows() -> list[Row]:
    """List the rows before anything is measured."""
    return [
        Row(
            name=TITLES[title] + NAMES[processes],
            goal=GOALS[processes],
            unit="payments/s",
            against=f"pgbench -M prepared, {CONNECTIONS} clients",
        )
        for title in TITLES
        for processes in PROCESSES
    ]


def measure(stage: Stage) -> tuple[list[Row], dict[str, Bursts]]:
    """Measure both titles, and make sure that what was answered was written."""
    before = stage.ours.counts(WRITTEN)
    tenants = {"one": [stage.one], "ten": stage.ten}
    bursts: dict[str, Bursts] = {}
    answered = unanswered_max = 0
    for title, found in tenants.items():
        requests = Wrk("payments.lua", [(t.key, str(each)) for t in found for each in t.invoices])
        reference = _reference(stage, found)
        try:
            stage.warm_up(requests, CONNECTIONS)
            contestants: dict[str, Contestant] = {
                _ours(processes): stage.load(requests, processes, CONNECTIONS)
                for processes in PROCESSES
            }
            contestants |= {
                _theirs(clients): partial(reference.run, clients) for clients in CLIENTS
            }
            bursts[TITLES[title]] = race(TITLES[title], contestants, stage.say)
        finally:
            requests.close()
        answered += requests.operations
        unanswered_max += requests.unanswered_max
    after = stage.ours.counts(WRITTEN)
    written = {name: count - before[name] for name, count in after.items()}
    check_equal(written, answered, answered + unanswered_max)
    return _rows(bursts), bursts


def _rows(bursts: dict[str, Bursts]) -> list[Row]:
    rows = iter(empty_rows())
    return [
        compare(
            next(rows),
            found,
            _ours(processes),
            [_theirs(clients) for clients in CLIENTS],
            at=_theirs(CONNECTIONS),
        )
        for found in bursts.values()
        for processes in PROCESSES
    ]


def _reference(stage: Stage, tenants: list[Tenant]) -> Pgbench:
    organizations = [str(tenant.id) for tenant in tenants]
    each = INVOICES if len(tenants) == 1 else INVOICES // ORGANIZATIONS
    values = payment_values(stage.reference, organizations, each)
    return Pgbench(stage.reference, "payment.sql", values)


def _ours(processes: int) -> str:
    return f"ours, {processes} process" + ("es" if processes > 1 else "")


def _theirs(clients: int) -> str:
    return f"pgbench, {clients} client" + ("s" if clients > 1 else "")
