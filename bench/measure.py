"""One burst of work, and what several of them come to."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


class Unmeasurable(Exception):
    """Something that a row needs is missing here; the text says what, and how to get it."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What was done in a few seconds, and what it cost."""

    operations: int
    seconds: float
    cpu_s: float | None = None
    """CPU of the program that was asked: our server and all processes below it."""
    database_cpu_s: float | None = None
    """CPU of the database's processes that worked for it."""
    p50_ms: float | None = None
    p99_ms: float | None = None

    @property
    def rate(self) -> float:
        """Operations per second."""
        return self.operations / self.seconds

    @property
    def cpu_us(self) -> float | None:
        """CPU microseconds of the program for each operation."""
        return None if self.cpu_s is None else self.cpu_s / self.operations * 1e6

    @property
    def database_cpu_us(self) -> float | None:
        """CPU microseconds of the database for each operation."""
        return None if self.database_cpu_s is None else self.database_cpu_s / self.operations * 1e6


def rate(bursts: Sequence[Burst]) -> float:
    """Give the median of operations per second."""
    return statistics.median(burst.rate for burst in bursts)


def median(values: Sequence[float | None]) -> float | None:
    """Give the median of those values that could be had."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    goal: float
    """What the ratio should be at least."""
    unit: str
    against: str
    """What the reference is."""
    ours: float | None = None
    reference: float | None = None
    best: float | None = None
    """The reference where it is at its best, which is told by `best_at`."""
    best_at: str | None = None
    cpu_us: float | None = None
    database_cpu_us: float | None = None
    reference_cpu_us: float | None = None
    reference_database_cpu_us: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    ratios: tuple[float, ...] = ()
    """Ours to the reference in each round."""
    references: dict[str, float] | None = None
    """Every reference that was measured."""
    missing: str = ""
    """Why the row was not measured."""

    @property
    def ratio(self) -> float | None:
        """Ours to the reference."""
        return _ratio(self.ours, self.reference)

    @property
    def ratio_best(self) -> float | None:
        """Ours to the reference at its best."""
        return _ratio(self.ours, self.best)


def _ratio(ours: float | None, reference: float | None) -> float | None:
    return ours / reference if ours is not None and reference else None
