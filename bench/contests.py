"""Who runs against whom: shuffled rounds of short bursts, so that other load hits all alike."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bench.measure import Burst, Row, median, rate

ROUNDS: Final = 3
BURST_S: Final = 4.0
WARM_UP_S: Final = 2.0

Contestant = Callable[[float], Burst]
"""Runs for so many seconds."""
Bursts = dict[str, list[Burst]]


def race(title: str, contestants: Mapping[str, Contestant], say: Callable[[str], None]) -> Bursts:
    """Let everybody run once in each round, in an order that is drawn anew."""
    bursts: Bursts = {name: [] for name in contestants}
    for number in range(ROUNDS):
        order = random.sample(list(contestants), k=len(contestants))
        for name in order:
            burst = contestants[name](BURST_S)
            bursts[name].append(burst)
            say(f"{title}, round {number + 1} of {ROUNDS}: {name}: {burst.rate:,.0f}/s")
    return bursts


def compare(
    row: Row, bursts: Bursts, ours: str, references: Sequence[str], *, at: str | None
) -> Row:
    """Fill in a row: ours against one of the references; None is the best of them."""
    rates = {name: rate(bursts[name]) for name in references}
    best = max(rates, key=rates.__getitem__)
    mine, theirs = bursts[ours], bursts[best if at is None else at]
    values = row.__dict__ | {
        "ours": rate(mine),
        "reference": rate(theirs),
        "best": rates[best],
        "best_at": best,
        "cpu_us": median([burst.cpu_us for burst in mine]),
        "database_cpu_us": median([burst.database_cpu_us for burst in mine]),
        "reference_cpu_us": median([burst.cpu_us for burst in theirs]),
        "reference_database_cpu_us": median([burst.database_cpu_us for burst in theirs]),
        "p50_ms": median([burst.p50_ms for burst in mine]),
        "p99_ms": median([burst.p99_ms for burst in mine]),
        "ratios": tuple(one.rate / other.rate for one, other in zip(mine, theirs, strict=True)),
        "references": rates,
    }
    return Row(**values)
