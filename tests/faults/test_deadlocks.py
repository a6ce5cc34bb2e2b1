"""A deadlock is repeated wherever it strikes, and nobody hears of it."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tallystick.invoices.correcting import VoidInvoice
from tallystick.invoices.queries import lock_invoices
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import each
from tests.races.books import Books
from tests.races.scenes import at_once, failures_seen


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True)
def test_a_deadlock_inside_a_savepoint_is_repeated(
    own_database: Database, own_processes: Callable[[int], Sequence[Database]]
) -> None:
    books = Books.open(own_database)
    one, other = books.issued(2, 100)
    databases = own_processes(2)
    commands = [books.void(one), books.void(other)]
    meet = threading.Barrier(2)

    def lock_both(conn: Connection, command: VoidInvoice) -> dict[str, str]:
        second: UUID = other if command.invoice_id == one else one
        lock_invoices(conn, [(command.act.organization_id, command.invoice_id)])
        # The one who comes again comes alone.
        with suppress(threading.BrokenBarrierError):
            meet.wait(2)
        lock_invoices(conn, [(command.act.organization_id, second)])
        return {"locked": str(second)}

    with failures_seen() as seen:
        answers = at_once(
            2,
            lambda index: databases[index].write(
                lambda conn: each(conn, [commands[index]], lock_both)
            ),
        )
    assert seen.count("again") >= 1, "there was no deadlock"
    assert [given.outcome for (given,) in answers] == [{"locked": str(other)}, {"locked": str(one)}]
