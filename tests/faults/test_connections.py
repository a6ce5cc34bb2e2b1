"""Connections that are cut in the middle of anything: nobody notices, and nothing happens twice."""

import gc
import threading
from collections.abc import Callable

import pytest

from tallystick import wiring
from tallystick.kernel import engines
from tallystick.kernel.database import Database
from tallystick.payments.recording import record_payments
from tests.engines import Servers
from tests.faults.cutting import Cutter
from tests.races.books import Books, answer, result
from tests.races.scenes import at_once, failures_seen

PAYERS, EACH = 8, 25
PAUSE_S = 0.050
"""What each payer waits before the next payment, so that there is time for enough cuts."""


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True)
def test_two_hundred_payments_happen_once_each_while_connections_are_cut(
    migrated_url: str, servers: Servers, engine: str, figures: Callable[..., None]
) -> None:
    database = Database(migrated_url, writers=PAYERS)
    books = Books.open(database)
    invoice_ids = books.issued(10, 1_000_000)
    commands = [books.pay(7, invoice_ids[index % 10]) for index in range(PAYERS * EACH)]
    pause = threading.Event()
    server_url = engines.normal_url(servers.find(engine).url)
    name = engines.normal_url(migrated_url).database
    assert name is not None
    with failures_seen() as seen, Cutter(server_url, name) as cutter:
        answers = at_once(
            PAYERS,
            lambda payer: [
                (pause.wait(PAUSE_S), answer(database, record_payments, command))[1]
                for command in commands[payer::PAYERS]
            ],
        )
    figures(cuts=cutter.cuts, cuts_felt=seen.count("node"), sessions=cutter.sessions_max)
    assert seen.count("node") >= 10, "nobody felt the cuts"
    assert cutter.sessions_max <= database.writers + database.readers, "the pools have no bound"
    assert [result(given)["amount"] for payer in answers for given in payer] == [7] * 200
    assert books.allocated(*invoice_ids) == [7] * 200
    assert books.receipts() == list(range(1, 201))
    findings = database.read(wiring.audit)
    assert [finding for finding in findings if finding.violations] == []
    database.close()
    # A connection that was left open somewhere is told of here, and not in another test.
    gc.collect()
