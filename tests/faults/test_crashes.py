"""A process that dies at any moment of a command leaves all of it or nothing of it."""

from collections.abc import Callable

from tallystick import wiring
from tallystick.invoices.correcting import void_invoices
from tallystick.invoices.issuing import issue_invoices, issue_new
from tallystick.kernel.database import Database
from tallystick.payments.recording import record_payments
from tests.faults.dying import Mortal
from tests.faults.sweep import Ask, sweep
from tests.races.books import Books, UseCase

ASKED: dict[str, tuple[UseCase, Ask]] = {
    "record payments": (
        record_payments,
        lambda books: [books.pay(150, *books.issued(2, 100)), books.pay(10, *books.issued(1, 10))],
    ),
    "issue new": (issue_new, lambda books: [books.issue_new(100), books.issue_new(200)]),
    "issue invoices": (
        issue_invoices,
        lambda books: [books.issue(draft_id) for draft_id in books.drafted(2, 100)],
    ),
    "void invoices": (void_invoices, lambda books: [books.void(*books.issued(1, 100))]),
}


def test_every_command_survives_death_at_every_moment(
    own_database: Database, mortal: Mortal, figures: Callable[..., None]
) -> None:
    books = Books.open(own_database)
    for name, (use_case, ask) in ASKED.items():
        deaths = sweep(books, mortal, use_case, ask)
        assert deaths["statement"] >= 5
        assert (deaths["commit"], deaths["committed"]) == (1, 1)
        figures(**{name: deaths.total()})
    findings = own_database.read(wiring.audit)
    assert [finding for finding in findings if finding.violations] == []
