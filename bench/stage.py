"""Everything that a contest on PostgreSQL needs, built once and removed at the end."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from bench import books, pgbench, wrk
from bench.books import Tenant
from bench.contests import WARM_UP_S
from bench.measure import Burst, Unmeasurable
from bench.postgresql import Base
from bench.serving import Served
from bench.wrk import Wrk
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.ledger import audit
from tallystick.wiring import CHECKS
from tests.engines import NotFound, Servers

INVOICES: Final = 5_000
"""Invoices to pay, of one organization and of the ten others together."""
ORGANIZATIONS: Final = 10
PROCESSES: Final = (1, 2)
LEGS: Final = (
    *(("payment.settled", leg) for leg in (1, 2)),
    *(("invoice.issued", leg) for leg in (1, 2, 3, 4)),
)
COUNTER: Final = (
    "SELECT pg_relation_size('counter') / 1024 AS kib, count(*) AS rows, "
    "sum(version) AS times_changed FROM counter"
)
"""How large the table of counters has become: its few rows are rewritten by every batch."""
ROWS: Final = {
    "payment": ("true",),
    "allocation": ("true",),
    "posting": tuple(f"kind = '{kind}' AND leg = {leg}" for kind, leg in LEGS),
    "event": ("type = 'payment.settled'", "type = 'invoice.issued'"),
    "idempotency_key": ("true",),
    "invoice": ("payment_status = 'unpaid'",),
    "invoice_content": ("true",),
    "invoice_line": ("true",),
}
FILLED: Final = (
    "SELECT string_agg(filled.name, ' ' ORDER BY filled.name) AS names FROM ("
    "SELECT * FROM {table} WHERE {condition} ORDER BY ctid DESC LIMIT 1) newest, "
    "jsonb_object_keys(jsonb_strip_nulls(to_jsonb(newest))) AS filled(name)"
)
"""Names the columns that hold a value in the newest row."""
HASHES: Final = "I11"
"""The audit's check that pgbench cannot meet: it writes every document with the same hash."""


@dataclass(frozen=True)
class Stage:
    """Two databases with the same rows: ours with its servers, and the reference's."""

    ours: Base
    reference: Base
    one: Tenant
    ten: list[Tenant]
    served: dict[int, Served]
    """Our server by its number of processes."""
    say: Callable[[str], None]

    def load(self, requests: Wrk, processes: int, connections: int) -> Callable[[float], Burst]:
        """Make a contestant of our server."""
        return self.load_on(self.served[processes], requests, connections)

    def load_on(self, served: Served, requests: Wrk, connections: int) -> Callable[[float], Burst]:
        """Make a contestant of any server on our database."""

        def run(seconds: float) -> Burst:
            with self.ours.watched() as backends:
                burst = requests.run(served, connections, seconds)
            return replace(burst, database_cpu_s=backends.cpu_s)

        return run

    def warm_up(self, requests: Wrk, connections: int) -> None:
        """Let every server answer for a while before it is measured."""
        for processes in self.served:
            self.load(requests, processes, connections)(WARM_UP_S)


@contextmanager
def built(say: Callable[[str], None]) -> Iterator[Stage]:
    """Build the stage.

    Raises:
        Unmeasurable: a program or the database server is missing.
    """
    pgbench.find()
    wrk.find()
    with ExitStack() as stack:
        servers = Servers()
        stack.callback(servers.close)
        try:
            server = servers.find("postgresql")
        except NotFound as error:
            message = (
                f"PostgreSQL is missing: {error}. Start one on 127.0.0.1:5432 that trusts the user "
                "postgres, or name one in TALLYSTICK_TEST_POSTGRESQL_URL."
            )
            raise Unmeasurable(message) from error
        name = f"tallystick_bench_{ids.new().hex}"
        ours = Base(server, name)
        stack.callback(ours.drop)
        say(f"filling PostgreSQL {server.version} ({server.origin})")
        ours.migrate()
        one, ten = _fill(ours)
        reference = ours.copy_to(f"{name}_reference")
        stack.callback(reference.drop)
        for base in (ours, reference):
            base.settle()
        served = {}
        for workers in PROCESSES:
            served[workers] = Served(ours.url, workers=workers)
            stack.callback(served[workers].stop)
        yield Stage(ours, reference, one, ten, served, say)


def _fill(base: Base) -> tuple[Tenant, list[Tenant]]:
    database = Database(base.url)
    try:
        [one] = books.fill(database, organizations=1, invoices=INVOICES)
        each = INVOICES // ORGANIZATIONS
        ten = books.fill(database, organizations=ORGANIZATIONS, invoices=each, first=1)
        for tenant in (one, *ten):
            books.add_samples(database, tenant)
    finally:
        database.close()
    return one, ten


def check_audit(database_url: str) -> dict[str, int]:
    """Let the product audit a database, and give how many things each check looked at.

    Raises:
        RuntimeError: the audit found something.
    """
    command = [sys.executable, "-m", "tallystick", "audit", "--json"]
    pairs = [f"TALLYSTICK_DATABASE_URL={database_url}", "TALLYSTICK_ENVIRONMENT=development"]
    done = subprocess.run(["env", *pairs, *command], capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"tallystick audit ended with {done.returncode}: {done.stdout}{done.stderr}"
        raise RuntimeError(message)
    return {str(found["id"]): int(found["checked"]) for found in _findings(json.loads(done.stdout))}


def check_reference(base: Base) -> None:
    """Make sure that the reference wrote what the product would have written.

    Raises:
        RuntimeError: the audit found something.
    """
    database = Database(base.url)
    try:
        checks = [check for check in CHECKS if check.id != HASHES]
        found = database.read(lambda conn: audit.run(conn, checks))
    finally:
        database.close()
    if wrong := [finding for finding in found if finding.violations]:
        message = f"The reference wrote other rows than the product: {wrong}"
        raise RuntimeError(message)


def check_alike(ours: Base, reference: Base) -> None:
    """Make sure that the reference fills the same columns, also when a migration has added some.

    Raises:
        RuntimeError: it does not; its script must be mended.
    """
    for table, conditions in ROWS.items():
        for condition in conditions:
            statement = FILLED.format(table=table, condition=condition)
            mine, theirs = (base.one(statement)["names"] for base in (ours, reference))
            if mine != theirs:
                message = f"{table}: the product fills {mine}, the reference {theirs}."
                raise RuntimeError(message)


def check_equal(counts: dict[str, int], at_least: int, at_most: int) -> None:
    """Make sure that each kind of row was written as often as there were answers.

    When a burst ends, some requests are under way: they are carried out and nobody counts them.

    Raises:
        RuntimeError: it was not so.
    """
    if len(set(counts.values())) != 1 or not at_least <= min(counts.values()) <= at_most:
        message = f"Expected {at_least} to {at_most} of each, found {counts}."
        raise RuntimeError(message)


def _findings(told: object) -> list[dict[str, Any]]:
    if isinstance(told, dict):
        [told] = [value for value in told.values() if isinstance(value, list)]
    assert isinstance(told, list)
    return told
