"""kill -9 of the server under load: nothing acknowledged is lost, nothing is doubled."""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from tallystick.kernel.database import Database
from tallystick.kernel.events import EVENTS
from tests.faults.chaos import CLIENTS, Client, Journal, kill_under_load
from tests.races.books import Books
from tests.races.server import ServerProcess, owner_key

KILLS, KILLS_FULL = 2, 20
ACKNOWLEDGED_MIN = 20
"""For each kill; with less the run was idle and proves nothing."""

EVENT_OF = {"payments": "payment.settled", "invoices": "invoice.issued", "void": "invoice.voided"}


@pytest.fixture
def server(migrated_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess(migrated_url, tmp_path)
    yield process
    process.stop()
    if process.log.exists():
        # Shown when the test fails.
        sys.stdout.write(process.log.read_text(encoding="utf-8")[-5_000:])


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal")
    yield made
    made.close()


@pytest.fixture
def books(own_database: Database) -> Books:
    return Books.open(own_database)


@pytest.fixture
def facts(books: Books) -> Callable[[], Counter[tuple[str, str, UUID]]]:
    """Return a reader of what happened: the key of each event, its kind, and what was made."""
    columns = (EVENTS.c.act_key, EVENTS.c.type, EVENTS.c.subject_id)
    kinds = list(EVENT_OF.values())
    statement = select(*columns).where(
        EVENTS.c.organization_id == books.organization_id, EVENTS.c.type.in_(kinds)
    )
    return lambda: Counter(
        books.database.read(lambda conn: [tuple(row) for row in conn.execute(statement)])
    )


def test_nothing_acknowledged_is_lost_or_doubled_when_the_server_is_killed(
    books: Books,
    server: ServerProcess,
    journal: Journal,
    facts: Callable[[], Counter[tuple[str, str, UUID]]],
    figures: Callable[..., None],
    *,
    full: bool,
) -> None:
    kills = KILLS_FULL if full else KILLS
    key = owner_key(books.database, books.organization_id)
    invoice_ids = books.issued(30, 100_000_000)
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
        )
        for _ in range(CLIENTS)
    ]
    begun = time.monotonic()
    toll = kill_under_load(server, clients, served, kills=kills)
    lines = journal.read()
    acknowledged = [line for line in lines if not line["repeated"]]
    figures(
        acknowledged=len(acknowledged),
        repeated=len(lines) - len(acknowledged),
        kills=toll.kills,
        in_flight=toll.kills_in_flight,
        retries=toll.retries,
        slowest_start=round(max(toll.start_s), 2),
        seconds=round(time.monotonic() - begun),
    )

    assert toll.kills == kills
    assert toll.kills_in_flight >= kills * 2 // 3, "the server was killed while it had no work"
    assert len(acknowledged) >= ACKNOWLEDGED_MIN * kills, "the clients hardly worked"
    promised = Counter(
        (line["key"], EVENT_OF[line["path"].rpartition("/")[2]], UUID(line["id"]))
        for line in acknowledged
    )
    # Every client finished what it began, so neither side knows of anything that the other lacks.
    assert facts() - before == promised
    assert set(promised.values()) == {1}
    paid = [line for line in acknowledged if line["amount"]]
    total = sum(round(float(line["amount"]) * 100) for line in paid)
    assert sum(books.allocated(*invoice_ids)) == total
    assert books.receipts() == list(range(1, len(paid) + 1))
    audit = server.command("audit", "--json")
    assert (audit.returncode, json.loads(audit.stdout)["violations"]) == (0, 0)
