"""Pages of lists and statements at a million invoices; they must cost what small ones cost.

What counts here is processor time, ours and the database's together: pages for each second of it.
"""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from bench import million
from bench.books import Tenant
from bench.contests import WARM_UP_S, Bursts, Contestant, race
from bench.measure import Burst, Row, median
from bench.pgbench import Pgbench
from bench.postgresql import Base
from bench.serving import Served
from bench.wrk import Wrk
from tests.engines import Server

CONNECTIONS: Final = 8
LIST: Final = "list of invoices by filter, page 1 of 50, 1 million invoices"
DEEP: Final = "list of invoices by filter, page 1,000, 1 million invoices"
STATEMENT: Final = "statement of an organization, page of 50, 1 million invoices"
OF_CUSTOMER: Final = "statement of a customer, page of 50, 10,000 of 1 million invoices"
ADDRESS: Final = "/v1/invoices?status=unpaid&limit=50"
PERIOD: Final = "from=2024-03-01&to=2025-12-31&limit=50"
"""Long enough that the page is full in the smaller organization too."""
PAGE: Final = 1_000
UNIT: Final = "pages per CPU second"


def empty_rows() -> list[Row]:
    """List the rows before anything is measured."""
    few = f"the same page of an organization with {million.FEW:,} invoices"
    return [
        Row(name=LIST, goal=0.25, unit=UNIT, against="pgbench -M prepared, the query alone"),
        Row(name=DEEP, goal=0.9, unit=UNIT, against="page 1 of the same list"),
        Row(name=STATEMENT, goal=0.67, unit=UNIT, against=few),
        Row(name=OF_CUSTOMER, goal=0.67, unit=UNIT, against=few),
    ]


def measure(server: Server, say: Callable[[str], None]) -> tuple[list[Row], dict[str, Bursts]]:
    """Measure the rows."""
    say(f"loading {million.MANY:,} invoices by COPY")
    with million.loaded(server) as (base, many, few):
        served = Served(base.url, workers=1)
        try:
            return _measured(base, served, many, few, say)
        finally:
            served.stop()


def _measured(
    base: Base, served: Served, many: Tenant, few: Tenant, say: Callable[[str], None]
) -> tuple[list[Row], dict[str, Bursts]]:
    addresses = {
        "page 1": (many, ADDRESS),
        "page 1,000": (many, _deep(served, many)),
        "statement, many": (many, f"/v1/organizations/{many.id}/statement?{PERIOD}"),
        "statement, few": (few, f"/v1/organizations/{few.id}/statement?{PERIOD}"),
        "customer, many": (many, f"/v1/customers/{many.customers[0]}/statement?{PERIOD}"),
        "customer, few": (few, f"/v1/customers/{few.customers[0]}/statement?{PERIOD}"),
    }
    requests = {
        name: Wrk("reads.lua", [(tenant.key, address)])
        for name, (tenant, address) in addresses.items()
    }
    contestants: dict[str, Contestant] = {
        name: partial(_burst, base, served, wrk) for name, wrk in requests.items()
    }
    for contestant in contestants.values():
        contestant(WARM_UP_S)
    query = Pgbench(base, "list.sql", {"organization": str(many.id)})
    contestants["the query alone"] = partial(query.run, CONNECTIONS)
    try:
        bursts = race("pages", contestants, say)
    finally:
        for wrk in requests.values():
            wrk.close()
    pairs = [
        ("page 1", "the query alone"),
        ("page 1,000", "page 1"),
        ("statement, many", "statement, few"),
        ("customer, many", "customer, few"),
    ]
    rows = [
        _compared(row, bursts[ours], bursts[theirs])
        for row, (ours, theirs) in zip(empty_rows(), pairs, strict=True)
    ]
    return rows, {"pages": bursts}


def _burst(base: Base, served: Served, wrk: Wrk, seconds: float) -> Burst:
    with base.watched() as backends:
        burst = wrk.run(served, CONNECTIONS, seconds)
    return replace(burst, database_cpu_s=backends.cpu_s)


def _deep(served: Served, tenant: Tenant) -> str:
    """Walk to a page far down a list, and give its address."""
    address = ADDRESS
    for _ in range(PAGE - 1):
        asked = urllib.request.Request(
            served.url + address, headers={"Authorization": f"Bearer {tenant.key}"}
        )
        with urllib.request.urlopen(asked) as answer:
            cursor = json.load(answer)["next"]
        address = f"{ADDRESS}&cursor={cursor}"
    return address


def _compared(row: Row, mine: list[Burst], theirs: list[Burst]) -> Row:
    costs = [median([_cost_us(burst) for burst in bursts]) for bursts in (mine, theirs)]
    ours, reference = (None if cost is None else 1e6 / cost for cost in costs)
    return replace(
        row,
        ours=ours,
        reference=reference,
        cpu_us=median([burst.cpu_us for burst in mine]),
        database_cpu_us=median([burst.database_cpu_us for burst in mine]),
        reference_cpu_us=median([burst.cpu_us for burst in theirs]),
        reference_database_cpu_us=median([burst.database_cpu_us for burst in theirs]),
        p50_ms=median([burst.p50_ms for burst in mine]),
        p99_ms=median([burst.p99_ms for burst in mine]),
    )


def _cost_us(burst: Burst) -> float | None:
    """Give the CPU microseconds of an operation, the program's and the database's."""
    if burst.database_cpu_us is None:
        return None
    return burst.database_cpu_us + (burst.cpu_us or 0.0)
