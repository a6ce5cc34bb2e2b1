"""Voiding: the invoice keeps its number, and the books are reversed by an entry of today."""

from datetime import UTC, date, datetime
from uuid import UUID

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.totals import Line
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments.recording import record_payments
from tests.factories import Books, Opening

LINES = (Line("Tuition", 1_000_000, 10_000, 190_000), Line("Book", 1_000_000, 1_000, 70_000))


def test_voiding(books: Books) -> None:
    issued = books.issued(lines=LINES)
    act = books.act(at=datetime(2026, 4, 30, 22, 30, tzinfo=UTC))
    void = books.done(void_invoices, VoidInvoice(act, UUID(issued["id"]), "Wrong student"))
    assert void == {
        **issued,
        "status": "void",
        "due": 0,
        "overdue": False,
        "version": 3,
        "updated_at": "2026-04-30T22:30:00.000000Z",
        "voided_at": "2026-04-30T22:30:00.000000Z",
        "void_reason": "Wrong student",
    }
    assert books.invoice(issued) == void
    assert books.balances() == {}
    assert books.balances(on=date(2026, 4, 30))["Income:Sales"] == -11_000
    assert books.balances(on=date(2026, 5, 1)) == {}, "it is the first of May in Berlin"
    rows = books.snapshot()
    postings = rows["posting"][1]
    assert [row["kind"] for row in postings].count("invoice.voided") == 4
    assert sorted((row["account"], row["amount"]) for row in postings[4:]) == sorted(
        (row["account"], -row["amount"]) for row in postings[:4]
    )
    [event] = [row for row in rows["event"][1] if row["type"] == "invoice.voided"]
    assert event["payload"] == {"invoice_id": issued["id"], "number": "INV-2026-000001"}


def test_the_next_invoice_has_the_next_number(books: Books) -> None:
    issued = books.issued()
    books.done(void_invoices, VoidInvoice(books.act(), UUID(issued["id"]), "x"))
    assert books.issued()["number"] == "INV-2026-000002"


def test_what_cannot_be_voided(books: Books, open_books: Opening) -> None:
    draft, void, partial, paid = books.draft(), books.issued(), books.issued(), books.issued()
    books.done(void_invoices, VoidInvoice(books.act(), UUID(void["id"]), "x"))
    books.paid(1, partial)
    books.paid(10_000, paid)
    stranger = open_books().issued()
    cases = [
        (draft["id"], "invoice.draft"),
        (void["id"], "invoice.void"),
        (partial["id"], "invoice.paid"),
        (paid["id"], "invoice.paid"),
        (stranger["id"], "invoice.unknown"),
        (str(ids.new()), "invoice.unknown"),
    ]
    commands = [VoidInvoice(books.act(), UUID(which), "x") for which, _ in cases]
    refusals = books.refusals(void_invoices, *commands)
    assert [each.code for each in refusals] == [code for _, code in cases]


def test_an_invoice_named_twice_in_a_batch_is_voided_once(books: Books) -> None:
    issued = books.issued()
    commands = [VoidInvoice(books.act(), UUID(issued["id"]), "x") for _ in range(2)]
    first, second = books.answers(void_invoices, *commands)
    assert not isinstance(first.outcome, Refusal)
    assert isinstance(second.outcome, Refusal)
    assert second.outcome.code == "invoice.void"
    assert books.balances() == {}


def test_an_inactive_organization_voids_nothing(books: Books) -> None:
    issued = books.issued()
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    command = VoidInvoice(books.act(), UUID(issued["id"]), "x")
    assert books.refused(void_invoices, command).code == "organization.inactive"


def test_a_void_invoice_is_not_paid(books: Books) -> None:
    issued = books.issued()
    books.done(void_invoices, VoidInvoice(books.act(), UUID(issued["id"]), "x"))
    refusal = books.refused(record_payments, books.payment(10_000, issued))
    assert refusal.code == "invoice.not_payable"
