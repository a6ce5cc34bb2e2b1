"""A batch of 64 takes exactly as many statements as a batch of 1, whoever counts them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg.pq import Trace
from sqlalchemy import Connection

from tallystick.invoices.drafting import CreateDraft, create_drafts
from tallystick.invoices.issuing import IssueInvoice, IssueNew, issue_invoices, issue_new
from tallystick.invoices.totals import Line
from tallystick.kernel.coalescing import BATCH_MAX
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.migrations.tables import METADATA
from tallystick.payments.recording import record_payments
from tallystick.rules.managing import CreateRule, RuleContent, create_rules
from tests.conftest import Databases
from tests.factories import Books, Opening

Batch = tuple[Any, list[Any]]
LINES = tuple(
    Line(f"Line {number}", 1_000_000, 100, 10_000 * number, None) for number in range(1, 4)
)

BATCHES: dict[str, Callable[[Books, int], Batch]] = {
    "create_drafts": lambda books, count: (
        create_drafts,
        [CreateDraft(books.act(), books.content(lines=LINES)) for _ in range(count)],
    ),
    "issue_new": lambda books, count: (
        issue_new,
        [IssueNew(books.act(), books.content(lines=LINES)) for _ in range(count)],
    ),
    "issue_invoices": lambda books, count: (
        issue_invoices,
        [
            IssueInvoice(books.act(), UUID(draft["id"]))
            for draft in books.outcomes(
                create_drafts,
                *[CreateDraft(books.act(), books.content(lines=LINES)) for _ in range(count)],
            )
        ],
    ),
    "payments of one invoice": lambda books, count: (
        record_payments,
        [books.payment(10, invoice) for invoice in [books.issued(10_000)] * count],
    ),
    "payments of an invoice each": lambda books, count: (
        record_payments,
        [
            books.payment(10, invoice)
            for invoice in books.outcomes(
                issue_new, *[IssueNew(books.act(), books.content()) for _ in range(count)]
            )
        ],
    ),
    "payments of a customer": lambda books, count: (
        record_payments,
        [
            books.payment(10, customer_id=UUID(invoice["customer_id"]))
            for invoice in [books.issued(10_000)] * count
        ],
    ),
}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many statements a batch took: as we count them, and as the driver or server does."""

    ours: int
    theirs: int


@pytest.fixture(scope="module")
def own_database(engine: str, databases: Databases) -> Iterator[Database]:
    """Return a database of these tests: their many rows would slow down the audit of the others."""
    url = databases.create(engine)
    made = Database(url)
    made.write(METADATA.create_all)
    yield made
    made.close()
    databases.drop(url)


@pytest.fixture
def many_books(own_database: Database) -> Books:
    """Return books that have their first invoice and payment.

    The first document of a series adds its counter, the later ones change it.
    """
    books = Opening(own_database)()
    books.paid(10, books.issued(10))
    return books


@pytest.fixture
def count(own_database: Database, tmp_path: Path) -> Iterator[Callable[[Any, list[Any]], Counted]]:
    """Return what runs a batch and counts its statements, BEGIN and COMMIT left out."""
    url = own_database.url.render_as_string(hide_password=False)
    counting = Database(url, writers=1)
    sent: list[str] = []
    counting.watch_statements(sent.append)

    def on_sqlite(driver: Any, work: Callable[[], Any]) -> int:
        ran: list[str] = []
        driver.set_trace_callback(ran.append)
        work()
        driver.set_trace_callback(None)
        return len(ran)

    def on_postgresql(driver: Any, work: Callable[[], Any]) -> int:
        with (tmp_path / "messages").open("w+") as messages:
            driver.pgconn.trace(messages.fileno())
            driver.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
            work()
            driver.pgconn.untrace()
            messages.seek(0)
            kinds = [line.split("\t")[2] for line in messages if line.startswith("F\t")]
        return sum(kind in {"Execute", "Query"} for kind in kinds)

    def on_mysql(driver: Any, work: Callable[[], Any]) -> int:
        asked = []
        for do in (work, None):
            with driver.cursor() as cursor:
                cursor.execute("SHOW SESSION STATUS LIKE 'Questions'")
                asked.append(int(cursor.fetchone()[1]))
            if do is not None:
                do()
        # The second question is counted in the second answer.
        return asked[1] - asked[0] - 1

    ways = {"sqlite": on_sqlite, "postgresql": on_postgresql, "mysql": on_mysql}

    def run(use_case: Any, commands: list[Any]) -> Counted:
        def work(conn: Connection) -> Counted:
            # psycopg sends BEGIN together with the first statement.
            conn.exec_driver_sql("SELECT 1")
            begun = len(sent)
            answers: list[Any] = []
            theirs = ways[own_database.engine_name](
                conn.connection.driver_connection,
                lambda: answers.extend(use_case(conn, commands)),
            )
            assert len(answers) == len(commands)
            assert not any(isinstance(answer.outcome, Refusal) for answer in answers)
            return Counted(len(sent) - begun, theirs)

        return counting.write(work)

    yield run
    counting.close()


@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_of_64_takes_as_many_statements_as_one(
    many_books: Books, name: str, count: Callable[[Any, list[Any]], Counted]
) -> None:
    one = count(*BATCHES[name](many_books, 1))
    many = count(*BATCHES[name](many_books, BATCH_MAX))
    assert many.ours == one.ours
    # SQLite has no statements that travel: executemany is one call, and the library runs each row.
    if many_books.database.engine_name != "sqlite":
        assert many.theirs == one.theirs == one.ours


def test_a_rule_that_applies_costs_its_own_statements_and_no_more(
    many_books: Books, count: Callable[[Any, list[Any]], Counted]
) -> None:
    actions = [{"action": "allocate_to_open_invoices"}]
    rule = RuleContent("A rule", "payment_settled", actions)
    many_books.done(create_rules, CreateRule(many_books.act(), rule))
    sizes = (1, 1, 2, 9)
    # The first batch reads the rules, which are remembered.
    _, one, two, many = (
        count(*BATCHES["payments of an invoice each"](many_books, each)).ours for each in sizes
    )
    # The action looks whether anything is left over of its payment; all are read again at once.
    assert (two - one, many - one) == (1, 8)
