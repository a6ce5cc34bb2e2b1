"""Payers who meet at a real server process, through real sockets."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallystick.kernel.database import Database
from tests.races.books import Books
from tests.races.http_payers import pay_at_once
from tests.races.server import ServerProcess, owner_key


@pytest.fixture
def server(database: Database, database_url: str, tmp_path: Path) -> Iterator[ServerProcess]:
    assert database.url.database is not None, "migrated before it is served"
    process = ServerProcess(database_url, tmp_path)
    process.start()
    yield process
    process.stop()


def test_of_twenty_payments_at_once_one_is_taken_and_nineteen_are_told_the_due(
    books: Books, server: ServerProcess
) -> None:
    key = owner_key(books.database, books.organization_id)
    invoice_id = books.issued(1, 10_000)[0]
    answers = pay_at_once(server.url, key, invoice_id, payers=20, amount="100.00")
    assert Counter(status for status, _ in answers) == {201: 1, 409: 19}
    refusals = [body for status, body in answers if status == 409]
    assert {(body["code"], body["due"]) for body in refusals} == {("payment.exceeds_due", "0.00")}
    assert books.allocated(invoice_id) == [10_000]
    assert books.receipts() == [1]
