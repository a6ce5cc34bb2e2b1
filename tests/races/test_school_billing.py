"""Somebody deletes a school or a student while somebody else adds to them: never both."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from tallystick.invoices.issuing import IssueNew
from tallystick.kernel.database import Database
from tallystick.parties.customers import EraseCustomer, create_customers
from tallystick.parties.organizations import SetOrganizationActive
from tallystick.web.dialects.school_billing import binding
from tests.factories import Books, Opening
from tests.races.books import answer, code
from tests.races.scenes import at_once

Processes = Callable[[int], Sequence[Database]]
ROUNDS = 30


def duel(databases: Sequence[Database], one: tuple[Any, Any], other: tuple[Any, Any]) -> Any:
    """Let two commands meet, and tell what became of each."""
    met = at_once(2, lambda index: answer(databases[index], *(one, other)[index]))
    return tuple(code(each) for each in met)


def test_a_student_is_removed_or_gets_an_invoice(database: Database, processes: Processes) -> None:
    books = Opening(database)()
    databases = processes(2)
    outcomes: Counter[Any] = Counter()
    for _ in range(ROUNDS):
        student_id = UUID(books.done(create_customers, books.customer_command())["id"])
        content = books.content(100, customer_id=student_id)
        outcomes[
            duel(
                databases,
                (binding.remove_students, EraseCustomer(books.act(), student_id)),
                (binding.create_invoices, IssueNew(books.act(), content)),
            )
        ] += 1
    assert set(outcomes) <= {("done", "customer.inactive"), (binding.BUSY, "done")}, outcomes


def test_a_school_is_closed_or_gets_a_student(database: Database, processes: Processes) -> None:
    databases = processes(2)
    outcomes: Counter[Any] = Counter()
    for _ in range(ROUNDS):
        books: Books = Opening(database)()
        close = SetOrganizationActive(books.act(), active=False)
        add = books.customer_command(email=f"{books.organization_id.hex}@example.com")
        outcomes[
            duel(databases, (binding.close_schools, close), (binding.create_students, add))
        ] += 1
    assert set(outcomes) <= {("done", "organization.inactive"), (binding.BUSY, "done")}, outcomes
