"""The figures of a server, in the form that Prometheus reads.

A request costs an addition and a look into a short list. What the kernel counts for itself and what
stands in the database is read when somebody asks.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from tallystick.kernel.coalescing import SIZES, Coalescer
from tallystick.kernel.database import Database
from tallystick.reports.condition import Condition

MEDIA_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""The bounds by which durations are counted; the longest is the deadline of a write."""
METHODS: Final = frozenset({"DELETE", "GET", "PATCH", "POST", "PUT"})
"""The methods of operations; HEAD is served and counted as GET."""
OTHER: Final = "other"
"""The route of pages, files and unknown addresses, and methods that nothing has: whoever asks may
invent these, and each would be kept for ever.
"""

# When a figure began to count would be as many lines again, and the process tells it by its name.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types for it

_Labels = tuple[str, str, int]


class Metrics:
    """The figures of one process; use it on one event loop.

    They are labelled with the process, so that those of several behind one port are not taken for
    one that begins anew all the time.
    """

    def __init__(self) -> None:
        self._process = str(os.getpid())
        labels = ("process", "method", "route")
        self._requests = Counter(
            "tallystick_http_requests",
            "Requests that were answered; the status is 0 where the client was gone before.",
            (*labels, "status"),
            registry=None,
        )
        self._seconds = Histogram(
            "tallystick_http_request_seconds",
            "Time from the head of a request to the end of its answer.",
            labels,
            buckets=SECONDS,
            registry=None,
        )
        self._known: dict[_Labels, tuple[Counter, Histogram]] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        labels = method, route, status
        found = self._known.get(labels)
        if found is None:
            found = self._known[labels] = self._begin(*labels)
        found[0].inc()
        found[1].observe(seconds)

    def _begin(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        shown = method if method in METHODS else OTHER
        return (
            self._requests.labels(self._process, shown, route, str(status)),
            self._seconds.labels(self._process, shown, route),
        )

    def text(self, coalescer: Coalescer, database: Database, stands: Condition | None) -> bytes:
        """Write all figures; without the condition only those of the process."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self._requests)
        registry.register(self._seconds)
        registry.register(_Read([*self._of_kernel(coalescer, database), *_of_database(stands)]))
        return generate_latest(registry)

    def _of_kernel(self, coalescer: Coalescer, database: Database) -> Iterator[Metric]:
        told = coalescer.told()
        sizes = HistogramMetricFamily(
            "tallystick_batch_commands",
            "Commands that were written in one transaction.",
            labels=["process"],
        )
        reached, total = [], 0
        for bound, count in zip([*map(str, SIZES), "+Inf"], [*told.sizes, 0], strict=True):
            total += count
            reached.append((bound, total))
        sizes.add_metric([self._process], reached, told.commands)
        yield sizes
        yield self._gauge("commands_waiting", "Commands that wait to be written.", told.waiting)
        yield self._counter(
            "commands_turned_away", "Commands for which there was no room.", told.turned_away
        )
        failures = CounterMetricFamily(
            "tallystick_database_failures",
            "Transactions that failed: `again` and `node` were repeated, `twin` looked again.",
            labels=["process", "kind"],
        )
        for kind, count in sorted(database.failures.items()):
            failures.add_metric([self._process, kind], count)
        yield failures

    def _gauge(self, name: str, words: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"tallystick_{name}", words, labels=["process"])
        family.add_metric([self._process], value)
        return family

    def _counter(self, name: str, words: str, value: float) -> Metric:
        family = CounterMetricFamily(f"tallystick_{name}", words, labels=["process"])
        family.add_metric([self._process], value)
        return family


class _Read(Collector):
    """Figures that were read just now."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Give them."""
        return self._families


def _of_database(stands: Condition | None) -> Iterator[Metric]:
    yield _one("database_up", "Whether the database answered.", int(stands is not None))
    if stands is None:
        return
    yield _one("workers", "Workers that were heard of within a minute.", stands.working)
    if stands.beat_age is not None:
        words = "Since when no worker was heard of."
        yield _one("worker_beat_age_seconds", words, stands.beat_age.total_seconds())
    done = CounterMetricFamily(
        "tallystick_worker_done", "What a worker has done, and how.", labels=["worker", "what"]
    )
    for worker in stands.workers:
        for what, count in sorted(worker.counts.items()):
            done.add_metric([str(worker.id), what], count)
    yield done
    yield _one("tasks_due", "Tasks that may be done now.", stands.tasks_due)
    yield _one("tasks_dead", "Tasks that were given up.", stands.tasks_dead)
    for name, words, age in (
        ("oldest_task", "the task that has been due longest", stands.task_age),
        ("oldest_event", "the event that has waited longest", stands.event_age),
        ("oldest_unknown_payment", "what is unknown at a provider", stands.unknown_payment_age),
    ):
        yield _one(f"{name}_age_seconds", f"Age of {words}; 0 for none.", _seconds(age))
    yield _one("alarms_open", "Alarms that nobody has cleared.", stands.alarms_open)


def _one(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"tallystick_{name}", words, value)


def _seconds(age: timedelta | None) -> float:
    return 0.0 if age is None else age.total_seconds()
