"""A provider that fails in every way: what it charged and what we recorded are the same."""

import json
import threading
import time
from collections.abc import Callable

import pytest

from tallystick.testing.fakepay.server import Server
from tests.faults import charging
from tests.faults.chaos import GIVE_UP_S, Client, Journal, fail_often
from tests.races.books import Books
from tests.races.server import ServerProcess, WorkerProcess, owner_key

CLIENTS, CHARGES, CHARGES_FULL = 8, 80, 5_000
SHARE = 0.2
KNOWN_WITHIN_S = 60


LONG_ON = [pytest.param(name, marks=pytest.mark.long) for name in ("postgresql", "mariadb")]


@pytest.fixture(params=["sqlite", *LONG_ON])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_charges_are_recorded_as_they_were_made(
    own_books: Books,
    server: ServerProcess,
    worker: WorkerProcess,
    fakepay: Server,
    journal: Journal,
    figures: Callable[..., None],
    *,
    full: bool,
) -> None:
    charges = CHARGES_FULL if full else CHARGES
    online_ids = own_books.issued(40, 100_000_000)
    key = owner_key(own_books.database, own_books.organization_id)
    served = threading.Event()
    clients = [
        Client(
            url=server.url,
            key=key,
            invoice_ids=(),
            customer_id=own_books.customer_id,
            journal=journal,
            served=served,
            online_ids=online_ids,
            charges=charges // CLIENTS,
        )
        for _ in range(CLIENTS)
    ]
    server.start()
    worker.start()
    fail_often(fakepay.faults, SHARE)
    served.set()
    begun = time.monotonic()
    for client in clients:
        client.start()
    for client in clients:
        client.join(GIVE_UP_S + charges)
        assert client.error is None, client.error
    unknown = charging.undecided(own_books.database)
    load_s = time.monotonic() - begun
    fakepay.faults.clear()
    known_s = charging.wait_until_known(own_books.database)
    late = charging.compare(own_books.database, fakepay.url)
    report = fakepay.ledger.report()
    figures(
        charges=len({line["key"] for line in journal.read()}),
        charged=sum(row["charges"] for row in report["payments"]),
        retries=sum(client.retries for client in clients),
        unknown=unknown,
        known_after_s=round(known_s, 1),
        late=late,
        load_s=round(load_s),
    )
    assert len({line["key"] for line in journal.read()}) == charges
    assert charging.astray(own_books.database, report) == []
    if full:
        assert known_s <= KNOWN_WITHIN_S
    audit = server.command("audit", "--json")
    assert (audit.returncode, json.loads(audit.stdout)["violations"]) == (0, 0)
