"""What stands beside an issued invoice: its due date as it is now, and a memo."""

from datetime import date
from typing import Any
from uuid import UUID

from tallystick.invoices.annotating import AnnotateInvoice, annotate_invoices
from tallystick.invoices.erasing import erase_customers
from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel import ids
from tallystick.parties.customers import EraseCustomer
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments.crediting import credit_invoices
from tests.factories import Books, Opening


def annotation(books: Books, invoice: InvoiceDocument, **values: Any) -> AnnotateInvoice:
    given: Any = frozenset(values)
    return AnnotateInvoice(books.act(), UUID(invoice["id"]), given, **values)


def test_a_due_date_is_put_off_and_the_document_stays(books: Books) -> None:
    issued = books.issued()
    command = annotation(books, issued, due_date=date(2026, 6, 30), memo="Asked for time.")
    now = books.done(annotate_invoices, command)
    assert now == {
        **issued,
        "due_date": "2026-06-30",
        "memo": "Asked for time.",
        "version": issued["version"] + 1,
        "updated_at": now["updated_at"],
    }
    assert books.invoice(issued) == now
    assert books.invoice(issued, date(2026, 6, 30))["overdue"] is False
    assert books.invoice(issued, date(2026, 7, 1))["overdue"] is True
    [event] = [row for row in books.snapshot()["event"][1] if row["type"] == "invoice.annotated"]
    assert event["payload"] == {
        "invoice_id": issued["id"],
        "number": issued["number"],
        "fields": ["due_date", "memo"],
        "due_date": "2026-06-30",
    }


def test_what_is_not_given_stays(books: Books) -> None:
    issued = books.issued()
    books.done(annotate_invoices, annotation(books, issued, memo="One"))
    now = books.done(annotate_invoices, annotation(books, issued, due_date=date(2026, 3, 2)))
    assert (now["memo"], now["due_date"]) == ("One", "2026-03-02")
    now = books.done(annotate_invoices, annotation(books, issued, memo=None))
    assert (now["memo"], now["due_date"]) == (None, "2026-03-02")


def test_a_paid_or_credited_invoice_takes_a_memo(books: Books) -> None:
    paid, credited = books.issued(), books.issued()
    books.paid(10_000, paid)
    books.credited(credited)
    for invoice in (paid, credited):
        assert books.done(annotate_invoices, annotation(books, invoice, memo="x"))["memo"] == "x"


def test_what_cannot_be_annotated(books: Books, open_books: Opening) -> None:
    issued = books.issued()
    cases = [
        (annotation(books, books.draft(), memo="x"), "invoice.draft"),
        (annotation(books, books.voided(books.issued()), memo="x"), "invoice.void"),
        (annotation(books, issued, due_date=date(2026, 3, 1)), "invoice.due_before_issue"),
        (annotation(books, open_books().issued(), memo="x"), "invoice.unknown"),
        (AnnotateInvoice(books.act(), ids.new(), frozenset({"memo"})), "invoice.unknown"),
    ]
    refusals = books.refusals(annotate_invoices, *[command for command, _ in cases])
    assert [each.code for each in refusals] == [code for _, code in cases]
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    refusal = books.refused(annotate_invoices, annotation(books, issued, memo="x"))
    assert refusal.code == "organization.inactive"


def test_erasing_a_customer_takes_memos_away_also_from_answers(books: Books) -> None:
    other = books.issued(customer_id=UUID(books.customer()["id"]))
    issued = books.issued()
    command = annotation(books, issued, memo="Ann is ill.")
    books.done(annotate_invoices, command)
    books.done(annotate_invoices, annotation(books, other, memo="Bea is ill."))
    books.done(erase_customers, EraseCustomer(books.act(), books.payer))
    now = books.invoice(issued)
    assert (now["memo"], now["version"]) == (None, issued["version"] + 2)
    assert books.invoice(other)["memo"] == "Bea is ill."
    [again] = books.answers(annotate_invoices, command)
    assert again.replayed
    assert isinstance(again.outcome, dict)
    assert (again.outcome["memo"], again.outcome["buyer"]) == (None, {"name": "(erased)"})


def test_erasing_a_customer_leaves_nothing_of_them_in_the_answer_of_a_credit_note(
    books: Books,
) -> None:
    command = books.credit(books.issued())
    note = books.done(credit_invoices, command)
    books.done(erase_customers, EraseCustomer(books.act(), books.payer))
    [again] = books.answers(credit_invoices, command)
    assert again.outcome == {**note, "buyer": {"name": "(erased)"}}
