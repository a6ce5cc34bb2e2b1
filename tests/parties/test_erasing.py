"""Erasing a customer: nothing personal is left anywhere, but in the documents already issued."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, select

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.drafting import CreateDraft, create_drafts
from tallystick.invoices.erasing import erase_customers
from tallystick.invoices.issuing import IssueInvoice, issue_invoices
from tallystick.kernel import ids
from tallystick.kernel.idempotency import Answer
from tallystick.migrations.tables import METADATA
from tallystick.parties import customers
from tallystick.parties.customers import (
    ChangeCustomer,
    CustomerDocument,
    EraseCustomer,
    SetCustomerActive,
    change_customers,
    create_customers,
    set_customers_active,
)
from tests.factories import Books


@pytest.fixture
def planted() -> dict[str, Any]:
    """Return personal data that nobody else has, each with a word to search for."""
    word = f"Zyx{ids.new().hex[-12:]}"
    return {
        "name": f"{word} Quorvathe",
        "given_name": word,
        "family_name": f"von {word}",
        "email": f"{word}@example.com",
        "phone": f"+49 {word}",
        "address": {"street": f"{word}-Allee 1"},
        "tax_id": f"T-{word}",
        "external_reference": f"R-{word}",
    }


@pytest.fixture
def person(books: Books, planted: dict[str, Any]) -> CustomerDocument:
    """Return the customer who will be erased."""
    return books.customer(**planted)


@pytest.fixture
def traces(books: Books, planted: dict[str, Any]) -> Callable[[], set[str]]:
    """Return what searches every column of every table for the planted person."""
    word = planted["given_name"].lower()

    def found_in(conn: Connection) -> set[str]:
        return {
            f"{table.name}.{column}"
            for table in METADATA.sorted_tables
            for row in conn.execute(select(table)).mappings()
            if word in str(row).lower()
            for column, value in row.items()
            if word in str(value).lower()
        }

    return lambda: books.database.read(found_in)


def test_an_erased_customer(books: Books, person: CustomerDocument) -> None:
    erased = books.done(erase_customers, EraseCustomer(books.act(), UUID(person["id"])))
    assert erased == {
        "id": person["id"],
        "kind": "student",
        "name": "(erased)",
        "given_name": None,
        "family_name": None,
        "email": None,
        "phone": None,
        "address": {},
        "tax_id": None,
        "language": "en",
        "external_reference": None,
        "payment_tolerance": None,
        "active": False,
        "erased_at": "2026-03-02T09:00:02.000000Z",
        "version": 2,
        "created_at": person["created_at"],
        "updated_at": "2026-03-02T09:00:02.000000Z",
    }
    assert books.read(customers.get_customer, UUID(person["id"])) == erased


def test_nothing_personal_is_left(
    books: Books,
    planted: dict[str, Any],
    person: CustomerDocument,
    traces: Callable[[], set[str]],
) -> None:
    customer_id = UUID(person["id"])
    books.done(
        change_customers,
        ChangeCustomer(
            books.act(), customer_id, 1, {"name": "Bea Example", "email": f"x{person['email']}"}
        ),
    )
    for active in (False, True):
        books.done(set_customers_active, SetCustomerActive(books.act(), customer_id, active=active))
    assert traces() == {
        *(f"customer.{name}" for name in planted if name != "name"),
        "customer.email_key",
        "idempotency_key.answer",
        "event_change.before",
        "event_change.after",
    }
    books.done(erase_customers, EraseCustomer(books.act(), customer_id))
    assert traces() == set()


def test_a_replay_tells_the_erased_customer(books: Books, planted: dict[str, Any]) -> None:
    command = books.customer_command(**planted)
    person = books.done(create_customers, command)
    change = ChangeCustomer(books.act(), UUID(person["id"]), 1, {"phone": planted["phone"] + "5"})
    books.done(change_customers, change)
    erase = EraseCustomer(books.act(), UUID(person["id"]))
    erased = books.done(erase_customers, erase)
    assert books.answers(create_customers, command) == [Answer(erased, replayed=True)]
    assert books.answers(change_customers, change) == [Answer(erased, replayed=True)]
    assert books.answers(erase_customers, erase) == [Answer(erased, replayed=True)]


def test_a_refusal_that_quoted_the_person_is_erased_too(
    books: Books, person: CustomerDocument, traces: Callable[[], set[str]]
) -> None:
    customer_id = UUID(person["id"])
    mistyped = {"email": f"{person['given_name']} at example.com"}
    refusal = books.refused(change_customers, ChangeCustomer(books.act(), customer_id, 1, mistyped))
    assert refusal.code == "customer.email_malformed"
    books.done(erase_customers, EraseCustomer(books.act(), customer_id))
    assert traces() == set()


def test_an_issued_document_keeps_its_copy_and_nothing_else_does(
    books: Books,
    planted: dict[str, Any],
    person: CustomerDocument,
    traces: Callable[[], set[str]],
) -> None:
    customer_id = UUID(person["id"])
    draft = books.draft(customer_id=customer_id)
    issued = books.done(issue_invoices, IssueInvoice(books.act(), UUID(draft["id"])))
    another = books.issued(customer_id=customer_id)
    books.done(void_invoices, VoidInvoice(books.act(), UUID(another["id"]), "wrong"))
    payment = books.paid(4_000, issued)
    books.done(create_drafts, CreateDraft(books.act(), books.content(customer_id=customer_id)))
    books.done(erase_customers, EraseCustomer(books.act(), customer_id))
    now = books.invoice(issued)
    assert now["buyer"] == issued["buyer"]
    assert now["buyer"] == {
        name: planted[name] for name in ("name", "email", "tax_id", "address", "external_reference")
    }
    assert payment["allocated"] == 4_000
    assert traces() == {"invoice_content.buyer"}


def test_erasing_twice_changes_nothing(books: Books, person: CustomerDocument) -> None:
    first = books.done(erase_customers, EraseCustomer(books.act(), UUID(person["id"])))
    before = books.snapshot()
    again = books.done(erase_customers, EraseCustomer(books.act(), UUID(person["id"])))
    assert again == first
    after = books.snapshot()
    assert after.pop("idempotency_key")[0] == before.pop("idempotency_key")[0] + 1
    assert after == before


def test_an_erased_customer_stays_as_it_is(books: Books, person: CustomerDocument) -> None:
    customer_id = UUID(person["id"])
    books.done(erase_customers, EraseCustomer(books.act(), customer_id))
    change = ChangeCustomer(books.act(), customer_id, 2, {"name": "x"})
    assert books.refused(change_customers, change).code == "customer.erased"
    revive = SetCustomerActive(books.act(), customer_id, active=True)
    assert books.refused(set_customers_active, revive).code == "customer.erased"
    again = SetCustomerActive(books.act(), customer_id, active=False)
    assert books.refused(set_customers_active, again).code == "customer.inactive_already"
    draft = CreateDraft(books.act(), books.content(customer_id=customer_id))
    assert books.refused(create_drafts, draft).code == "customer.inactive"


def test_an_erased_customer_still_pays(books: Books, person: CustomerDocument) -> None:
    invoice = books.issued(customer_id=UUID(person["id"]))
    books.done(erase_customers, EraseCustomer(books.act(), UUID(person["id"])))
    assert books.paid(10_000, invoice)["allocated"] == 10_000


def test_others_are_left_as_they_are(books: Books, person: CustomerDocument) -> None:
    command = books.customer_command(name="Bea Other", external_reference="B")
    other = books.done(create_customers, command)
    books.done(erase_customers, EraseCustomer(books.act(), UUID(person["id"])))
    assert books.answers(create_customers, command) == [Answer(other, replayed=True)]
    reference = person["external_reference"]
    assert books.customer(external_reference=reference)["name"] == "Ann Example"
