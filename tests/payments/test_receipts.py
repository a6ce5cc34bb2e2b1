"""Receipts: what the payer gets, and that it says the same whatever happens later."""

from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices.erasing import erase_customers
from tallystick.invoices.queries import InvoiceDocument
from tallystick.parties.customers import (
    ChangeCustomer,
    EraseCustomer,
    change_customers,
)
from tallystick.parties.organizations import (
    ChangeOrganization,
    SetOrganizationActive,
    change_organizations,
    set_organizations_active,
)
from tallystick.payments import queries
from tallystick.payments.queries import PaymentDocument, ReceiptDocument
from tallystick.payments.recording import record_payments
from tests.factories import Books


@pytest.fixture
def receipt(books: Books) -> Any:
    """Return what makes out the receipt of a payment."""

    def make_out(payment: PaymentDocument) -> ReceiptDocument:
        return books.read(queries.get_receipt, UUID(payment["id"]))

    return make_out


@pytest.fixture
def two(books: Books) -> list[InvoiceDocument]:
    """Return two invoices of 1,000 each, the first one due earlier."""
    return [books.issued(1_000, terms_days=1), books.issued(1_000, terms_days=2)]


def test_a_receipt(books: Books, two: list[InvoiceDocument], receipt: Any) -> None:
    payment = books.paid(1_500, *two, method="cheque", reference="C 7")
    assert receipt(payment) == {
        "number": "REC-2026-000001",
        "date": "2026-03-02",
        "payment_id": payment["id"],
        "received_by": two[0]["seller"],
        "received_from": two[0]["buyer"],
        "currency": "EUR",
        "amount": 1_500,
        "unallocated": 0,
        "method": "cheque",
        "paid_on": "2026-03-02",
        "reference": "C 7",
        "invoices": [
            {
                "invoice_id": two[0]["id"],
                "number": "INV-2026-000001",
                "amount": 1_000,
                "due_after": 0,
            },
            {
                "invoice_id": two[1]["id"],
                "number": "INV-2026-000002",
                "amount": 500,
                "due_after": 500,
            },
        ],
    }


def test_a_receipt_without_invoices(books: Books, receipt: Any) -> None:
    made_out = receipt(books.paid(70, customer_id=books.payer))
    assert (made_out["amount"], made_out["unallocated"], made_out["invoices"]) == (70, 70, [])
    assert made_out["received_by"]["name"] == "North School"
    assert made_out["received_from"]["name"] == "Ann Example"


def test_a_receipt_is_the_same_after_later_payments(
    books: Books, two: list[InvoiceDocument], receipt: Any
) -> None:
    payments = [books.paid(300, two[0]), books.paid(900, *two)]
    before = [receipt(each) for each in payments]
    assert before[0]["invoices"][0]["due_after"] == 700
    assert [line["due_after"] for line in before[1]["invoices"]] == [0, 800]
    books.paid(700, two[1])
    books.paid(500, two[1], excess="credit")
    assert [receipt(each) for each in payments] == before


def test_receipts_of_one_batch_tell_what_was_left_after_each(
    books: Books, two: list[InvoiceDocument], receipt: Any
) -> None:
    commands = [books.payment(100, two[0]) for _ in range(3)]
    payments = books.outcomes(record_payments, *commands)
    left = [receipt(each)["invoices"][0]["due_after"] for each in payments]
    assert left == [900, 800, 700]


def test_a_receipt_is_the_same_after_later_changes_of_the_parties(
    books: Books, two: list[InvoiceDocument], receipt: Any
) -> None:
    payment = books.paid(300, two[0])
    before = receipt(payment)
    books.done(change_customers, ChangeCustomer(books.act(), books.payer, 1, {"name": "Other"}))
    books.done(change_organizations, ChangeOrganization(books.act(), 1, {"name": "South"}))
    assert receipt(payment) == before
    books.done(erase_customers, EraseCustomer(books.act(), books.payer))
    off = SetOrganizationActive(books.act(), active=False)
    books.done(set_organizations_active, off)
    assert receipt(payment) == before


def test_a_receipt_without_invoices_is_the_same_after_later_changes_of_the_parties(
    books: Books, receipt: Any
) -> None:
    payment = books.paid(300, customer_id=books.payer)
    before = receipt(payment)
    books.done(change_customers, ChangeCustomer(books.act(), books.payer, 1, {"name": "Other"}))
    books.done(change_organizations, ChangeOrganization(books.act(), 1, {"name": "South"}))
    assert receipt(payment) == before
