"""The order of locks: whole batches, invoices before payments before counters, each once."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Connection, Engine, event

from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel.database import Database
from tallystick.ledger import closing
from tallystick.payments import locking
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.claiming import (
    ClaimPayment,
    ConfirmPayment,
    claim_payments,
    confirm_payments,
)
from tallystick.payments.crediting import credit_invoices
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.replacing import replace_invoices
from tests.factories import Books, Opening, UseCase

pytestmark = pytest.mark.parametrize(
    "engine", ["postgresql", "mariadb"], indirect=True, scope="session"
)
Lock = tuple[str, frozenset[str]]
LATE = datetime(2026, 5, 4, 9, tzinfo=UTC)


@contextmanager
def locks_taken(ours: Connection) -> Iterator[list[Lock]]:
    """Note the tables and the keys of what a transaction locks, statement by statement."""
    taken: list[Lock] = []

    def note(conn: Any, _cursor: Any, words: str, _given: Any, context: Any, _many: Any) -> None:
        if conn is ours and "FOR UPDATE" in words:
            [table] = re.findall(r"JOIN (\w+) t\b", words)
            keys = orjson.loads(context.compiled_parameters[0]["keys"])
            taken.append((table, frozenset("/".join(map(str, key)) for key in keys)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield taken
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def new_locks(taken: list[Lock]) -> list[str]:
    """List the tables in the order in which something of them was locked that was not before."""
    held: set[tuple[str, str]] = set()
    tables = []
    for table, keys in taken:
        new = {(table, key) for key in keys} - held
        held |= new
        if new:
            tables.append(table)
    return tables


def run(database: Database, use_case: UseCase[Any, Any], *commands: Any) -> list[str]:
    def work(conn: Connection) -> list[str]:
        with locks_taken(conn) as taken:
            answers = use_case(conn, commands)
        assert all(isinstance(each.outcome, dict) for each in answers), answers
        return new_locks(taken)

    return database.write(work)


def test_a_batch_of_several_organizations_locks_its_counters_once(
    database: Database, open_books: Opening
) -> None:
    several = [open_books(), open_books()]
    notes = [books.credit(books.issued(100), 1) for books in several]
    assert run(database, credit_invoices, *notes[::-1]) == ["invoice", "counter"]
    replacing = [books.replacement(books.issued(100), 50) for books in several]
    assert run(database, replace_invoices, *replacing[::-1]) == ["invoice", "counter"]


def test_a_batch_locks_the_months_in_which_it_lands_once(
    database: Database, open_books: Opening
) -> None:
    made = [late_commands(open_books()) for _ in range(2)]
    for use_case in (refund_payments, confirm_payments, replace_invoices):
        tables = run(database, use_case, *[each for late in made[::-1] for each in late[use_case]])
        assert tables[-1] == "closed_month"
        assert len(set(tables)) == len(tables), tables


def late_commands(books: Books) -> dict[UseCase[Any, Any], list[Any]]:
    """Prepare commands of May that land in March and in February, in this order."""
    made: dict[UseCase[Any, Any], list[Any]] = {
        refund_payments: [],
        confirm_payments: [],
        replace_invoices: [],
    }
    for month in (3, 2):
        first, later = date(2026, month, 1), date(2026, month, 2)
        payer = UUID(books.customer()["id"])
        payment = books.paid(100, customer_id=payer, paid_on=first)
        claim = ClaimPayment(books.act(), 10, "EUR", "cash", customer_id=payer, paid_on=first)
        claimed = books.done(claim_payments, claim)
        invoice = books.issued(100, issue_date=first, series=f"M{month}")
        refund = RefundPayment(books.act(at=LATE), UUID(payment["id"]), 1, later)
        confirm = ConfirmPayment(books.act(at=LATE), UUID(claimed["id"]), paid_on=later)
        replacement = books.replacement(
            invoice, 50, act=books.act(at=LATE), issue_date=later, series=f"M{month}"
        )
        for use_case, command in zip(made, (refund, confirm, replacement), strict=True):
            made[use_case].append(command)
    books.database.write(lambda conn: closing.mark(conn, books.organization_id, LATE))
    return made


@pytest.fixture
def issued_meanwhile(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], InvoiceDocument]:
    """Let somebody issue an invoice just before the payments of a batch are locked."""
    lock = locking.lock_payments
    issued: list[InvoiceDocument] = []

    def later(conn: Any, keys: Any) -> Any:
        if not issued:
            issued.append(books.issued(500, terms_days=1))
        return lock(conn, keys)

    monkeypatch.setattr(locking, "lock_payments", later)
    return lambda: issued[0]


def test_credit_locks_no_invoice_after_its_payment(
    books: Books, database: Database, issued_meanwhile: Callable[[], InvoiceDocument]
) -> None:
    payment = books.paid(1_000, customer_id=books.payer)
    known = books.issued(100)
    command = ApplyCredit(books.act(), UUID(payment["id"]))
    assert run(database, apply_credit, command) == ["invoice", "payment"]
    assert books.invoice(known)["due"] == 0
    assert books.invoice(issued_meanwhile())["due"] == 500


def test_a_confirmation_locks_no_invoice_after_its_payment(
    books: Books, database: Database, issued_meanwhile: Callable[[], InvoiceDocument]
) -> None:
    known = books.issued(100)
    claim = ClaimPayment(books.act(), 1_000, "EUR", "cash", customer_id=books.payer)
    claimed = books.done(claim_payments, claim)
    command = ConfirmPayment(books.act(), UUID(claimed["id"]))
    assert run(database, confirm_payments, command) == ["invoice", "payment", "counter"]
    assert books.invoice(known)["due"] == 0
    assert books.invoice(issued_meanwhile())["due"] == 500
