"""The one door to the database: what is repeated, what is not, and when it gives up."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, exc, select, text
from sqlalchemy.engine import URL

from tallystick.invoices.models import INVOICES
from tallystick.kernel import events, idempotency, ids, rows
from tallystick.kernel.database import TWINS_MAX, Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.idempotency import Answer
from tallystick.kernel.rows import Writes
from tallystick.parties.models import CUSTOMERS
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import record_payments
from tests.factories import Books
from tests.kernel.conftest import Note, Proxy

SERVERS = pytest.mark.parametrize(
    "engine", ["postgresql", "mariadb"], indirect=True, scope="session"
)
POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True, scope="session")
SQLITE = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

HOLD_LOCK = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
conn.execute("COMMIT")
"""
CUSTOMER_KEY = (CUSTOMERS.c.organization_id, CUSTOMERS.c.id)


def test_an_error_of_ours_is_not_repeated(books: Books) -> None:
    command = books.payment(100, books.issued())
    before = books.snapshot()
    attempts: list[int] = []

    def work(conn: Connection) -> None:
        attempts.append(1)
        record_payments(conn, [command])
        raise LookupError

    with pytest.raises(LookupError):
        books.database.write(work)
    assert len(attempts) == 1
    assert books.snapshot() == before


def test_a_broken_check_is_not_repeated(books: Books) -> None:
    books.issued()
    before = books.snapshot()
    attempts: list[int] = []

    def work(conn: Connection) -> None:
        attempts.append(1)
        mine = INVOICES.c.organization_id == books.organization_id
        conn.execute(INVOICES.update().where(mine).values(paid=INVOICES.c.total + 1))

    with pytest.raises(exc.DBAPIError):
        books.database.write(work)
    assert len(attempts) == 1
    assert books.snapshot() == before


def test_a_key_taken_by_another_row_is_looked_at_again_a_few_times(books: Books) -> None:
    attempts: list[int] = []
    act, subject_id = books.act(), ids.new()

    def work(conn: Connection) -> None:
        attempts.append(1)
        writes = Writes()
        events.emit(writes, act, "test.happened", subject_id, {}, once=True)
        writes.flush(conn)

    books.database.write(work)
    attempts.clear()
    before = books.database.failures.get("twin", 0)
    with pytest.raises(exc.IntegrityError):
        books.database.write(work)
    assert len(attempts) == 1 + TWINS_MAX
    assert books.database.failures["twin"] == before + 1 + TWINS_MAX


def test_a_reader_never_sees_half_a_transaction(books: Books, threads: ThreadPoolExecutor) -> None:
    invoice = books.issued(10_000)
    command = books.payment(4_000, invoice)
    before = books.snapshot()
    written, release = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        record_payments(conn, [command])
        written.set()
        assert release.wait(10)

    running = threads.submit(books.database.write, hold)
    assert written.wait(10)
    assert books.snapshot() == before
    assert books.invoice(invoice)["due"] == 10_000
    release.set()
    running.result(10)
    assert books.invoice(invoice)["due"] == 6_000


@SERVERS
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_killed_session_is_repeated_to_one_effect(
    books: Books, moment: str, kill_session: Callable[[Connection], None]
) -> None:
    invoice = books.issued(10_000)
    command = books.payment(4_000, invoice)
    attempts: list[int] = []

    def work(conn: Connection, commands: Any) -> list[Answer[PaymentDocument]]:
        attempts.append(1)
        if len(attempts) == 1 and moment == "before":
            kill_session(conn)
        answers = record_payments(conn, commands)
        if len(attempts) == 1 and moment == "after":
            kill_session(conn)
        return answers

    assert books.done(work, command)["receipt_number"] == "REC-2026-000001"
    assert len(attempts) == 2
    assert books.invoice(invoice)["due"] == 6_000
    assert len(books.snapshot()["payment"][1]) == 1


@SERVERS
def test_a_killed_reader_reads_again(
    books: Books, kill_session: Callable[[Connection], None], connect: Callable[..., Database]
) -> None:
    invoice = books.issued()
    attempts: list[int] = []

    own = select(INVOICES.c.number).where(INVOICES.c.organization_id == books.organization_id)

    def query(conn: Connection) -> Any:
        attempts.append(1)
        if len(attempts) == 1:
            kill_session(conn)
        return conn.execute(own).scalar_one()

    assert connect().read(query) == invoice["number"]
    assert len(attempts) == 2


@SERVERS
def test_a_commit_whose_answer_is_lost_has_one_effect(
    books: Books,
    proxy: Callable[[], Proxy],
    hosts: Callable[..., URL],
    connect: Callable[..., Database],
) -> None:
    invoice = books.issued(10_000)
    command = books.payment(4_000, invoice)
    line = proxy()
    database = connect(hosts(line.port), writers=1)
    attempts: list[int] = []

    def work(conn: Connection) -> list[Answer[PaymentDocument]]:
        attempts.append(1)
        answers = record_payments(conn, [command])
        if len(attempts) == 1:
            line.lose_answer_to(b"COMMIT")
        return answers

    [answer] = database.write(work)
    assert (line.lost, len(attempts)) == (1, 2)
    # The first attempt took effect, though nobody was told so.
    assert answer.replayed
    assert books.invoice(invoice)["due"] == 6_000
    assert len(books.snapshot()["payment"][1]) == 1


@SERVERS
def test_the_second_host_is_used_when_the_first_refuses(
    books: Books, hosts: Callable[..., URL], refusing_port: int, connect: Callable[..., Database]
) -> None:
    database = connect(hosts(refusing_port))
    command = books.payment(100, books.issued())
    [answer] = database.write(lambda conn: record_payments(conn, [command]))
    assert not answer.replayed
    assert database.read(lambda conn: conn.execute(text("SELECT 1")).scalar_one()) == 1
    assert len(books.snapshot()["payment"][1]) == 1


@SERVERS
def test_readers_and_writers_move_on_when_a_host_goes_away(
    books: Books,
    proxy: Callable[[], Proxy],
    hosts: Callable[..., URL],
    connect: Callable[..., Database],
) -> None:
    line = proxy()
    elsewhere = Books(connect(hosts(line.port)), books.organization)
    invoice = books.issued(10_000)
    for _ in range(2):
        elsewhere.paid(1_000, invoice)
        elsewhere.invoice(invoice)
    line.close()
    for due in (7_000, 6_000):
        elsewhere.paid(1_000, invoice)
        assert elsewhere.invoice(invoice)["due"] == due
    assert books.invoice(invoice)["due"] == 6_000


@SERVERS
def test_gives_up_at_the_deadline(
    database: Database, refusing_port: int, connect: Callable[..., Database]
) -> None:
    nowhere = database.url.difference_update_query(["host"])
    unreachable = connect(
        nowhere.set(host="127.0.0.1", port=refusing_port), deadline_s=0.3, readers=1
    )
    attempts: list[Connection] = []
    for door in (unreachable.write, unreachable.read):
        begun = time.monotonic()
        with pytest.raises(Unavailable) as gave_up:
            door(attempts.append)
        assert 0.3 <= time.monotonic() - begun < 10
        assert gave_up.value.retry_after_s == 5
        assert isinstance(gave_up.value.__cause__, exc.OperationalError)
    assert attempts == []


@pytest.fixture
def cross(books: Books) -> Callable[[Connection, str], str]:
    """Return what locks two rows, and meets its opposite half way on the first attempt of each."""
    keys = [(books.organization_id, UUID(books.customer()["id"])) for _ in range(2)]
    met = threading.Barrier(2)
    begun: set[str] = set()

    def work(conn: Connection, way: str) -> str:
        first, last = keys if way == "up" else keys[::-1]
        rows.find(conn, CUSTOMER_KEY, [first], lock=True)
        if way not in begun:
            begun.add(way)
            met.wait(10)
        rows.find(conn, CUSTOMER_KEY, [last], lock=True)
        return way

    return work


@SERVERS
def test_a_deadlock_is_repeated_to_success(
    books: Books, threads: ThreadPoolExecutor, cross: Callable[[Connection, str], str]
) -> None:
    attempts: list[str] = []

    def work(conn: Connection, way: str) -> str:
        attempts.append(way)
        return cross(conn, way)

    up = threads.submit(books.database.write, lambda conn: work(conn, "up"))
    down = threads.submit(books.database.write, lambda conn: work(conn, "down"))
    assert (up.result(20), down.result(20)) == ("up", "down")
    assert len(attempts) == 3


@SERVERS
def test_a_deadlock_inside_a_command_is_repeated_to_success(
    books: Books, threads: ThreadPoolExecutor, cross: Callable[[Connection, str], str]
) -> None:
    attempts: list[str] = []

    def handle(conn: Connection, command: Note) -> str:
        attempts.append(command.text)
        return cross(conn, command.text)

    def work(conn: Connection, note: Note) -> list[Answer[str]]:
        return idempotency.each(conn, [note], handle)

    notes = [Note(books.act(), way) for way in ("up", "down")]
    up = threads.submit(books.database.write, lambda conn: work(conn, notes[0]))
    down = threads.submit(books.database.write, lambda conn: work(conn, notes[1]))
    assert (up.result(20), down.result(20)) == ([Answer("up")], [Answer("down")])
    assert len(attempts) == 3


@SERVERS
def test_a_session_killed_inside_a_command_is_repeated_to_one_effect(
    books: Books, kill_session: Callable[[Connection], None]
) -> None:
    subject_id = ids.new()
    attempts: list[int] = []

    def handle(conn: Connection, command: Note) -> str:
        attempts.append(1)
        if len(attempts) == 1:
            kill_session(conn)
        writes = Writes()
        events.emit(writes, command.act, "test.happened", subject_id, {})
        writes.flush(conn)
        return command.text

    note = Note(books.act(), "done")
    answers = books.database.write(lambda conn: idempotency.each(conn, [note], handle))
    assert (answers, len(attempts)) == ([Answer("done")], 2)
    told = [row["subject_id"] for row in books.snapshot()["event"][1]]
    assert told.count(subject_id) == 1


@SERVERS
def test_a_lock_that_is_not_had_in_time_is_asked_for_again(
    books: Books, threads: ThreadPoolExecutor, connect: Callable[..., Database]
) -> None:
    key = [(books.organization_id, UUID(books.customer()["id"]))]
    held, release = threading.Event(), threading.Event()
    attempts: list[int] = []

    def hold(conn: Connection) -> None:
        rows.find(conn, CUSTOMER_KEY, key, lock=True)
        held.set()
        assert release.wait(10)

    limits = {
        "postgresql": "SET lock_timeout = '50ms'",
        "mysql": "SET innodb_lock_wait_timeout = 1",
    }

    def work(conn: Connection) -> int:
        attempts.append(1)
        if len(attempts) == 2:
            release.set()
            running.result(10)
        conn.execute(text(limits[books.database.engine_name]))
        return len(rows.find(conn, CUSTOMER_KEY, key, lock=True))

    running = threads.submit(books.database.write, hold)
    assert held.wait(10)
    assert connect().write(work) == 1
    assert len(attempts) == 2


@POSTGRESQL
def test_a_serialization_failure_is_repeated_to_success(
    books: Books, connect: Callable[..., Database]
) -> None:
    customer_id = UUID(books.customer()["id"])
    mine = CUSTOMERS.c.id == customer_id
    other = connect()
    attempts: list[int] = []

    def work(conn: Connection) -> None:
        attempts.append(1)
        conn.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        version = conn.execute(select(CUSTOMERS.c.version).where(mine)).scalar_one()
        if len(attempts) == 1:
            other.write(
                lambda second: second.execute(CUSTOMERS.update().where(mine).values(version=5))
            )
        conn.execute(CUSTOMERS.update().where(mine).values(version=version + 1))

    books.database.write(work)
    assert len(attempts) == 2
    [row] = books.snapshot()["customer"][1]
    assert row["version"] == 6


@SQLITE
def test_a_writer_waits_for_the_lock_of_another_process(
    books: Books, threads: ThreadPoolExecutor
) -> None:
    command = books.payment(100, books.issued())
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_LOCK, str(books.database.url.database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        running = threads.submit(books.done, record_payments, command)
        with pytest.raises(TimeoutError):
            running.result(0.3)
        assert len(books.snapshot()["payment"][1]) == 0, "readers go on meanwhile"
        process.communicate(b"\n")
    assert running.result(10)["receipt_number"] == "REC-2026-000001"


@SQLITE
def test_what_is_acknowledged_is_on_disk(database: Database) -> None:
    def settings(conn: Connection) -> list[Any]:
        names = ("journal_mode", "synchronous", "foreign_keys")
        return [conn.execute(text(f"PRAGMA {name}")).scalar_one() for name in names]

    # FULL is 2.
    assert database.write(settings) == ["wal", 2, 1]


@SERVERS
def test_isolation_and_time_outs_are_set(database: Database) -> None:
    queries = {
        "postgresql": "SELECT current_setting('transaction_isolation'), "
        "current_setting('TimeZone'), current_setting('lock_timeout'), "
        "current_setting('statement_timeout')",
        "mysql": "SELECT @@tx_isolation, @@time_zone, @@innodb_lock_wait_timeout, "
        "@@character_set_client",
    }
    expected = {
        "postgresql": ("read committed", "UTC", "10s", "30s"),
        "mysql": ("READ-COMMITTED", "+00:00", 10, "utf8mb4"),
    }
    query = text(queries[database.engine_name])
    written = database.write(lambda conn: tuple(conn.execute(query).one()))
    assert written == expected[database.engine_name]
    read = database.read(lambda conn: tuple(conn.execute(query).one()))
    assert read[1:] == written[1:]


@SERVERS
def test_a_read_is_no_transaction_and_a_snapshot_is_one(database: Database) -> None:
    def commits_itself(conn: Connection) -> bool:
        raw: Any = conn.connection.driver_connection
        conn.execute(text("SELECT 1"))
        return bool(raw.autocommit if conn.dialect.name == "postgresql" else raw.get_autocommit())

    assert database.read(commits_itself)
    assert not database.read_snapshot(commits_itself)
    assert not database.write(commits_itself)
    assert database.read(commits_itself), "what a snapshot needed is taken back"


def test_one_writer_on_sqlite_and_some_on_servers(connect: Callable[..., Database]) -> None:
    database = connect(writers=3)
    assert database.writers == (1 if database.engine_name == "sqlite" else 3)


def test_statements_can_be_watched(connect: Callable[..., Database]) -> None:
    seen: list[str] = []
    database = connect()
    database.watch_statements(seen.append)
    database.read(lambda conn: conn.execute(text("SELECT 41 + 1")))
    database.write(lambda conn: conn.execute(text("SELECT 42 + 1")))
    assert [words for words in seen if "SELECT 4" in words] == ["SELECT 41 + 1", "SELECT 42 + 1"]
