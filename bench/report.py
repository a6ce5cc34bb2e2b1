"""The results: a table for people, and two files for programs."""

import json
import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import machine
from bench.contests import BURST_S, ROUNDS, Bursts
from bench.measure import Row
from tallystick.kernel import clock

RESULTS: Final = Path(__file__).parent / "results"
PACKAGES: Final = (
    *("tallystick", "sqlalchemy", "psycopg", "fastapi", "uvicorn", "uvloop", "orjson"),
)


def show(rows: Sequence[Row]) -> None:
    """Print the table, and loudly what was not measured."""
    table = Table(title="Tallystick, measured side by side in one run")
    table.add_column("work")
    for name in ("ours", "reference", "ratio", "reference at its best", "ratio", "goal"):
        table.add_column(name, justify="right")
    for name in ("CPU us", "database CPU us", "p50 / p99 ms"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    wide = Console(width=max(160, Console().width))
    wide.print(table)
    for row in rows:
        if row.missing:
            wide.print(f"[bold red]NOT MEASURED: {row.name}. {row.missing}[/]", soft_wrap=True)


def write(rows: Sequence[Row], bursts: Mapping[str, Bursts], facts: Mapping[str, Any]) -> Path:
    """Write `latest.json` and, beside it, how it came about."""
    RESULTS.mkdir(exist_ok=True)
    latest = RESULTS / "latest.json"
    latest.write_text(json.dumps([_plain(row) for row in rows], indent=2) + "\n")
    meta = {
        "at": clock.text(clock.now()),
        "burst_s": BURST_S,
        "rounds": ROUNDS,
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "memory_mb": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
            "system": platform.platform(),
            "load_at_the_end": machine.load(),
        },
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: version(name) for name in PACKAGES},
        },
        **facts,
        "bursts": {
            title: {name: [_burst(burst) for burst in each] for name, each in found.items()}
            for title, found in bursts.items()
        },
    }
    latest.with_suffix(".meta.json").write_text(json.dumps(meta, indent=2) + "\n")
    return latest


def _cells(row: Row) -> list[str]:
    best = "" if row.best_at is None else f" ({row.best_at})"
    ratio = _times(row.ratio)
    colour = "" if row.ratio is None else ("[green]" if row.ratio >= row.goal else "[red]")
    return [
        row.name,
        _count(row.ours),
        _count(row.reference),
        f"{colour}{ratio}",
        _count(row.best) + best,
        _times(row.ratio_best),
        _times(row.goal),
        _count(row.cpu_us),
        _count(row.database_cpu_us),
        f"{_count(row.p50_ms)} / {_count(row.p99_ms)}",
    ]


def _plain(row: Row) -> dict[str, Any]:
    """Lay out a row for programs; the first seven names are relied on by others."""
    figures: dict[str, Any] = {
        "name": row.name,
        "ours": row.ours,
        "reference": row.reference,
        "ratio": row.ratio,
        "goal": row.goal,
        "unit": row.unit,
        "cpu_us": row.cpu_us,
        "database_cpu_us": row.database_cpu_us,
        "against": row.against,
        "reference_best": row.best,
        "reference_best_at": row.best_at,
        "ratio_best": row.ratio_best,
        "reference_cpu_us": row.reference_cpu_us,
        "reference_database_cpu_us": row.reference_database_cpu_us,
        "references": row.references,
        "ratios": list(row.ratios),
        "p50_ms": row.p50_ms,
        "p99_ms": row.p99_ms,
    }
    if row.missing:
        figures["missing"] = row.missing
    return {name: _rounded(value) for name, value in figures.items()}


def _burst(burst: Any) -> dict[str, Any]:
    return {
        "operations": burst.operations,
        "rate": _rounded(burst.rate),
        "cpu_us": _rounded(burst.cpu_us),
        "database_cpu_us": _rounded(burst.database_cpu_us),
        "p50_ms": _rounded(burst.p50_ms),
        "p99_ms": _rounded(burst.p99_ms),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return value


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _times(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _processor() -> str:
    try:
        lines = (machine.PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
