"""A provider that hangs on two hundred charges keeps nobody waiting who has nothing to do with it.

A measurement, and so in the long form alone: what it sees depends on what else the machine does.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median, quantiles
from uuid import UUID

import httpx2
import pytest

from tallystick.testing.fakepay.faults import Fault
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.server import Server
from tests.faults.chaos import CARD, ONLINE
from tests.races.books import Books
from tests.races.server import ServerProcess, owner_key

OPEN, RUNS, REQUESTS = 200, 5, 200
TIMES_MAX = 2.0
PATIENT_S = 120.0

Kinds = dict[str, Callable[[httpx2.Client, UUID], httpx2.Response]]


def _read(http: httpx2.Client, invoice_id: UUID) -> httpx2.Response:
    return http.get(f"/v1/invoices/{invoice_id}")


def _pay(http: httpx2.Client, invoice_id: UUID) -> httpx2.Response:
    body = {
        "amount": "0.01",
        "currency": "EUR",
        "method": "cash",
        "invoices": [{"invoice_id": str(invoice_id)}],
    }
    return http.post("/v1/payments", json=body)


ASKED: Kinds = {"read": _read, "cash": _pay}


@pytest.fixture
def online(fakepay: Server, online: dict[str, str]) -> dict[str, str]:
    """Return settings of a server that waits for its provider as long as it takes."""
    assert fakepay.url == online["FAKEPAY_URL"]
    return online | {"PROVIDER_TIMEOUT_S": "60"}


@pytest.fixture
def http(server: ServerProcess, own_books: Books) -> Iterator[httpx2.Client]:
    """Return a client of the server, which is started."""
    key = owner_key(own_books.database, own_books.organization_id)
    server.start()
    with httpx2.Client(
        base_url=server.url,
        headers={"Authorization": f"Bearer {key}"},
        timeout=PATIENT_S,
        limits=httpx2.Limits(max_connections=None),
        trust_env=False,
    ) as client:
        yield client


def _measured(http: httpx2.Client, invoice_id: UUID) -> dict[str, float]:
    """Ask for each thing often; give the 50th and 99th percentile of each in milliseconds."""
    found: dict[str, float] = {}
    for name, ask in ASKED.items():
        took = []
        for _ in range(REQUESTS):
            begun = time.perf_counter()
            assert ask(http, invoice_id).is_success
            took.append((time.perf_counter() - begun) * 1_000)
        percentiles = quantiles(took, n=100)
        found |= {f"{name} p50": percentiles[49], f"{name} p99": percentiles[98]}
    return found


@contextmanager
def _hanging(http: httpx2.Client, fakepay: Server, invoice_ids: Sequence[UUID]) -> Iterator[None]:
    """Have a charge of each of these invoices under way meanwhile."""
    fakepay.faults.add(Fault(Kind.HANG_BEFORE, times=len(invoice_ids)))

    def charge(invoice_id: UUID) -> None:
        share = [{"invoice_id": str(invoice_id)}]
        body = {"amount": "0.01", "currency": "EUR", "invoices": share, "card": CARD}
        assert http.post(ONLINE, json=body).status_code == 202

    threads = [threading.Thread(target=charge, args=(each,)) for each in invoice_ids]
    for thread in threads:
        thread.start()
    while fakepay.faults.shown():
        time.sleep(0.05)
    try:
        yield
    finally:
        fakepay.faults.clear()
        for thread in threads:
            thread.join()


@pytest.mark.long
def test_others_are_served_as_before(
    own_books: Books, http: httpx2.Client, fakepay: Server, figures: Callable[..., None]
) -> None:
    [paid] = own_books.issued(1, 100_000_000)
    _measured(http, paid)
    without, within = [], []
    for _ in range(RUNS):
        without.append(_measured(http, paid))
        with _hanging(http, fakepay, own_books.issued(OPEN, 1_000)):
            within.append(_measured(http, paid))
    times = {}
    for name in without[0]:
        before, now = (median(run[name] for run in runs) for runs in (without, within))
        times[name] = now / before
        figures(**{name: f"{before:.1f} -> {now:.1f} ms"})
    assert {name: round(each, 2) for name, each in times.items() if each > TIMES_MAX} == {}
