"""Measure every row, print the table, write `bench/results/latest.json`."""

import time
from dataclasses import replace
from typing import Any

from rich.console import Console

from bench import (
    bulk,
    invoices,
    machine,
    pages,
    payments,
    pgbench,
    report,
    rules,
    sqlite,
    stage,
    trying,
    wrk,
)
from bench.contests import Bursts
from bench.measure import Row, Unmeasurable
from tests.engines import NotFound, Servers

_console = Console(stderr=True)


def main() -> None:
    """Run everything that can be run here."""
    begun = time.monotonic()
    report.RESULTS.mkdir(exist_ok=True)
    facts: dict[str, Any] = {"load_at_the_start": machine.load()}
    bursts: dict[str, Bursts] = {}
    rows = [*_on_postgresql(facts, bursts), *_on_sqlite(bursts), *_large(bursts)]
    facts["seconds"] = round(time.monotonic() - begun)
    path = report.write(rows, bursts, facts)
    report.show(rows)
    _say(f"{facts['seconds']} s; written to {path}")


def _on_postgresql(facts: dict[str, Any], bursts: dict[str, Bursts]) -> list[Row]:
    try:
        with stage.built(_say) as built:
            facts["postgresql"] = built.ours.settings()
            facts["pgbench"], facts["wrk"] = pgbench.version(), wrk.version()
            facts["start_s"] = {each: served.start_s for each, served in built.served.items()}
            rows, found = payments.measure(built)
            bursts |= found
            issued, bursts[invoices.TITLE] = invoices.measure(built)
            ruled, bursts[rules.TITLE] = rules.measure(built)
            facts["memory_mb"] = {each: s.memory_mb() for each, s in built.served.items()}
            facts["counter"] = built.ours.one(stage.COUNTER)
            _say("auditing what was written")
            facts["audited"] = stage.check_audit(built.ours.url)
            stage.check_reference(built.reference)
            stage.check_alike(built.ours, built.reference)
            return [*rows, *issued, ruled]
    except Unmeasurable as error:
        missing = str(error)
        _console.print(f"[bold red]{missing}[/]")
        empty = [*payments.empty_rows(), *invoices.empty_rows(), rules.empty_row()]
        return [replace(row, missing=missing) for row in empty]


def _on_sqlite(bursts: dict[str, Bursts]) -> list[Row]:
    try:
        row, bursts[sqlite.TITLE] = sqlite.measure(report.RESULTS, _say)
    except Unmeasurable as error:
        return [replace(sqlite.empty_row(), missing=str(error))]
    return [row]


def _large(bursts: dict[str, Bursts]) -> list[Row]:
    """Measure what needs a large database of its own on PostgreSQL."""
    servers = Servers()
    try:
        server = servers.find("postgresql")
        pgbench.find()
        wrk.find()
        row, bursts[bulk.TITLE] = bulk.measure(server, _say)
        rows, found = pages.measure(server, _say)
        bursts |= found
        tried = trying.measure(server, report.RESULTS, _say)
    except (NotFound, Unmeasurable) as error:
        empty = (bulk.empty_row(), *pages.empty_rows(), *trying.empty_rows())
        return [replace(row, missing=str(error)) for row in empty]
    finally:
        servers.close()
    return [row, *rows, *tried]


def _say(words: str) -> None:
    _console.print(words, style="dim", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
