"""kill -9 of server and worker under load: nothing acknowledged is lost, nothing is doubled."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import select

from tallystick.kernel.events import EVENTS
from tallystick.kernel.tasks import LEASE
from tallystick.payments.models import PAYMENTS
from tallystick.testing.fakepay.server import Server
from tests.faults import charging
from tests.faults.chaos import (
    CLIENTS,
    ONLINE,
    Client,
    Journal,
    fail_often,
    kill_under_load,
)
from tests.races.books import Books
from tests.races.server import ServerProcess, WorkerProcess, owner_key

KILLS, KILLS_FULL = 1, 50
ACKNOWLEDGED_MIN = 20
"""For each kill; with less the run was idle and proves nothing."""

ACKNOWLEDGED_MIN_FULL = 1_000

KNOWN_WITHIN_S = charging.KNOWN_S + LEASE.total_seconds()
"""What a worker that was killed had claimed is asked about by another one when the lease ends."""

EVENT_OF = {
    "payments": "payment.settled",
    "online": "payment.started",
    "invoices": "invoice.issued",
    "void": "invoice.voided",
}


@pytest.fixture
def facts(own_books: Books) -> Callable[[], Counter[tuple[str, str, UUID]]]:
    """Return a reader of what happened: the key of each event, its kind, and what was made."""
    columns = (EVENTS.c.act_key, EVENTS.c.type, EVENTS.c.subject_id)
    kinds = list(EVENT_OF.values())
    by_card = select(PAYMENTS.c.id).where(PAYMENTS.c.method == "fakepay")
    # A charge is settled when its provider tells, under no key of a client.
    of_itself = (EVENTS.c.type == "payment.settled") & EVENTS.c.subject_id.in_(by_card)
    statement = select(*columns).where(
        EVENTS.c.organization_id == own_books.organization_id, EVENTS.c.type.in_(kinds), ~of_itself
    )
    return lambda: Counter(
        own_books.database.read(lambda conn: [tuple(row) for row in conn.execute(statement)])
    )


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True, scope="session")
def test_nothing_acknowledged_is_lost_or_doubled_when_processes_are_killed(
    own_books: Books,
    server: ServerProcess,
    worker: WorkerProcess,
    fakepay: Server,
    journal: Journal,
    facts: Callable[[], Counter[tuple[str, str, UUID]]],
    figures: Callable[..., None],
    *,
    full: bool,
) -> None:
    books, kills = own_books, KILLS_FULL if full else KILLS
    key = owner_key(books.database, books.organization_id)
    invoice_ids, online_ids = books.issued(30, 100_000_000), books.issued(10, 100_000_000)
    before = facts()
    served = threading.Event()
    clients = [
        Client(
            url=server.url,
            key=key,
            invoice_ids=invoice_ids,
            customer_id=books.customer_id,
            journal=journal,
            served=served,
            online_ids=online_ids,
        )
        for _ in range(CLIENTS)
    ]
    fail_often(fakepay.faults, 0.2)
    begun = time.monotonic()
    toll = kill_under_load(server, worker, clients, served, kills=kills)
    fakepay.faults.clear()
    took_s = charging.wait_until_known(books.database, KNOWN_WITHIN_S)
    late = charging.compare(books.database, fakepay.url)
    lines = journal.read()
    acknowledged = [line for line in lines if not line["repeated"]]
    figures(
        acknowledged=len(acknowledged),
        by_card=sum(line["path"] == ONLINE for line in acknowledged),
        repeated=len(lines) - len(acknowledged),
        kills=toll.kills,
        in_flight=toll.kills_in_flight,
        retries=toll.retries,
        slowest_start=round(max(toll.start_s), 2),
        slowest_worker=round(max(toll.worker_start_s), 2),
        unknown_for=round(took_s),
        late=late,
        seconds=round(time.monotonic() - begun),
    )

    assert toll.kills == kills
    assert toll.kills_in_flight >= max(1, kills // 3), "the server was killed while it had no work"
    least = ACKNOWLEDGED_MIN_FULL if full else ACKNOWLEDGED_MIN * kills
    assert len(acknowledged) >= least, "the clients hardly worked"
    promised = Counter(
        (line["key"], EVENT_OF[line["path"].rpartition("/")[2]], UUID(line["id"]))
        for line in acknowledged
    )
    # Every client finished what it began, so neither side knows of anything that the other lacks.
    assert facts() - before == promised
    assert set(promised.values()) == {1}
    paid = [line for line in acknowledged if line["amount"] and line["path"] != ONLINE]
    total = sum(round(float(line["amount"]) * 100) for line in paid)
    assert sum(books.allocated(*invoice_ids)) == total
    assert charging.astray(books.database, fakepay.ledger.report()) == []
    charged = [row for row in fakepay.ledger.report()["payments"] if row["charges"]]
    assert books.receipts() == list(range(1, len(paid) + len(charged) + 1))
    audit = server.command("audit", "--json")
    assert (audit.returncode, json.loads(audit.stdout)["violations"]) == (0, 0)
