"""Credit notes: what they take back of each tax rate, and what becomes of the money."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices import credit_note_queries, credit_notes
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.credit_note_queries import CreditNoteFilter
from tallystick.invoices.states import Standing
from tallystick.invoices.totals import Discount, Line
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal, Refused
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments import queries
from tallystick.payments.crediting import credit_invoices
from tallystick.payments.recording import record_payments
from tests.factories import Books, Opening

MILLION = 1_000_000
LINES = (
    Line("Tuition", MILLION, 10_000, 190_000),
    Line("Book", MILLION, 3_333, 70_000),
    Line("Stamps", MILLION, 101, 0),
)
TOTAL = 10_000 + 1_900 + 3_333 + 233 + 101


def rates(note: Any) -> list[tuple[int, int, int]]:
    return [(rate["tax_rate_ppm"], rate["taxable"], rate["tax"]) for rate in note["tax_rates"]]


def test_a_note_over_all_that_stands(books: Books) -> None:
    issued = books.issued(lines=LINES, reference="PO 7")
    note = books.credited(issued)
    assert note == {
        "id": note["id"],
        "number": "CN-2026-000001",
        "invoice_id": issued["id"],
        "invoice_number": "INV-2026-000001",
        "customer_id": str(books.payer),
        "currency": "EUR",
        "net": 13_434,
        "tax": 2_133,
        "total": TOTAL,
        "reason": "A mistake",
        "issue_date": "2026-03-02",
        "lines": [
            {
                "position": position,
                "description": "Credit for invoice INV-2026-000001",
                "quantity_micro": MILLION,
                "unit_price": net,
                "tax_rate_ppm": rate,
                "discount": None,
                "net": net,
            }
            for position, (rate, net) in enumerate(
                ((0, 101), (70_000, 3_333), (190_000, 10_000)), start=1
            )
        ],
        "tax_rates": [
            {"tax_rate_ppm": rate, "net": net, "discount": 0, "taxable": net, "tax": tax}
            for rate, net, tax in ((0, 101, 0), (70_000, 3_333, 233), (190_000, 10_000, 1_900))
        ],
        "seller": issued["seller"],
        "buyer": issued["buyer"],
        "document_hash": note["document_hash"],
        "created_at": note["created_at"],
    }
    assert len(note["document_hash"]) == 64
    now = books.invoice(issued)
    assert (now["status"], now["payment_status"]) == ("credited", "paid")
    assert (now["credited"], now["due"], now["version"]) == (TOTAL, 0, issued["version"] + 1)
    assert now["document_hash"] == issued["document_hash"]
    assert books.balances() == {}
    assert sorted(books.postings("credit_note.issued")) == sorted(
        (account, -amount) for account, amount in books.postings("invoice.issued")
    )
    rows = books.snapshot()
    booked = [row for row in rows["posting"][1] if row["kind"] == "credit_note.issued"]
    assert {row["entry_id"] for row in booked} == {UUID(note["id"])}
    [event] = [row for row in rows["event"][1] if row["type"] == "credit_note.issued"]
    assert event["payload"] == {
        "credit_note_id": note["id"],
        "invoice_id": issued["id"],
        "customer_id": str(books.payer),
        "number": "CN-2026-000001",
        "currency": "EUR",
        "total": TOTAL,
    }


def test_an_amount_is_split_over_three_rates_to_the_last_cent(books: Books) -> None:
    issued = books.issued(lines=LINES)
    first = books.credited(issued, 1_000)
    # 101, 3566 and 11900 of 15567: 6.49, 229.07 and 764.44; the cent left over goes to the first.
    assert rates(first) == [(0, 7, 0), (70_000, 214, 15), (190_000, 642, 122)]
    assert (first["net"], first["tax"], first["total"]) == (863, 137, 1_000)
    second = books.credited(issued, 14_566)
    assert rates(second) == [(0, 94, 0), (70_000, 3_119, 218), (190_000, 9_357, 1_778)]
    last = books.credited(issued)
    assert rates(last) == [(190_000, 1, 0)]
    assert last["total"] == 1
    assert [each["number"][-1] for each in (first, second, last)] == ["1", "2", "3"]
    assert books.invoice(issued)["status"] == "credited"
    assert books.balances() == {}


def test_notes_of_one_cent_take_back_everything(books: Books) -> None:
    issued = books.issued(
        lines=tuple(Line("Sweet", MILLION, 3, rate) for rate in (0, 70_000, MILLION))
    )
    assert issued["total"] == 3 + 3 + 6
    notes = [books.credited(issued, 1) for _ in range(12)]
    sums: dict[int, tuple[int, int]] = {}
    for note in notes:
        for rate, net, tax in rates(note):
            before = sums.get(rate, (0, 0))
            sums[rate] = before[0] + net, before[1] + tax
    assert sums == {0: (3, 0), 70_000: (3, 0), MILLION: (3, 3)}
    assert books.balances() == {}
    assert books.refused(credit_invoices, books.credit(issued, 1)).code == "invoice.credited"


def test_lines_are_priced_like_those_of_an_invoice(books: Books) -> None:
    issued = books.issued(lines=LINES)
    half = Line("Half a term", 500_000, 10_000, 190_000, Discount("percent", 100_000))
    note = books.credited(issued, None, half, Line("Stamp", MILLION, 1, 0))
    assert rates(note) == [(0, 1, 0), (190_000, 4_500, 855)]
    assert [(line["description"], line["net"], line["discount"]) for line in note["lines"]] == [
        ("Half a term", 4_500, {"kind": "percent", "value": 100_000}),
        ("Stamp", 1, None),
    ]
    rest = books.credited(issued, None, Line("The rest", MILLION, 5_500, 190_000))
    assert rates(rest) == [(190_000, 5_500, 1_045)]
    assert books.invoice(issued)["due"] == TOTAL - 4_501 - 855 - 6_545


def test_the_last_line_of_a_rate_takes_the_tax_that_rounding_left(books: Books) -> None:
    issued = books.issued(lines=tuple(Line("Sweet", MILLION, 3, 190_000) for _ in range(4)))
    assert (issued["net"], issued["tax"]) == (12, 2)
    notes = [books.credited(issued, None, Line("Sweet", MILLION, 3, 190_000)) for _ in range(4)]
    # 0.57 of a cent is a cent for each alone, and two cents are all there are.
    assert [rates(note) for note in notes] == [[(190_000, 3, tax)] for tax in (1, 1, 0, 0)]
    assert books.invoice(issued)["status"] == "credited"
    other = books.issued(lines=tuple(Line("Sweet", MILLION, 2, 190_000) for _ in range(4)))
    assert (other["net"], other["tax"]) == (8, 2)
    notes = [books.credited(other, None, Line("Sweet", MILLION, 2, 190_000)) for _ in range(4)]
    assert [rates(note) for note in notes] == [[(190_000, 2, tax)] for tax in (0, 0, 0, 2)]
    assert books.balances() == {}


def test_a_note_on_a_discounted_invoice_takes_back_what_was_charged(books: Books) -> None:
    issued = books.issued(lines=LINES, discount=Discount("percent", 500_000))
    note = books.credited(issued)
    assert note["total"] == issued["total"]
    assert rates(note) == rates(issued)
    assert books.balances() == {}


def test_a_note_below_the_due_leaves_payments_alone(books: Books) -> None:
    issued = books.issued(10_000)
    payment = books.paid(6_000, issued)
    books.credited(issued, 4_000)
    now = books.invoice(issued)
    assert (now["status"], now["payment_status"]) == ("open", "paid")
    assert (now["paid"], now["credited"], now["due"]) == (6_000, 4_000, 0)
    assert books.read(queries.get_payment, UUID(payment["id"])) == payment
    assert books.postings("payment.released") == []


def test_a_note_above_the_due_releases_the_newest_payments_first(books: Books) -> None:
    issued = books.issued(10_000)
    first, second, third = (books.paid(3_000, issued) for _ in range(3))
    note = books.credited(issued, 5_500, act=books.act(at=datetime(2026, 4, 1, 9, tzinfo=UTC)))
    assert note["issue_date"] == "2026-04-01"
    now = books.invoice(issued)
    assert (now["paid"], now["credited"], now["due"]) == (4_500, 5_500, 0)
    held = [books.read(queries.get_payment, UUID(each["id"])) for each in (first, second, third)]
    assert [(each["allocated"], each["unallocated"]) for each in held] == [
        (3_000, 0),
        (1_500, 1_500),
        (0, 3_000),
    ]
    assert [each["version"] for each in held] == [1, 2, 2]
    assert held[2]["allocations"] == []
    receivable = f"Assets:Receivable:{ids.code(books.payer)}"
    credit = f"Liabilities:Credit:{ids.code(books.payer)}"
    assert sorted(books.postings("payment.released")) == [
        (receivable, 1_500),
        (receivable, 3_000),
        (credit, -3_000),
        (credit, -1_500),
    ]
    assert books.balances() == {
        "Assets:Cash:Cash": 9_000,
        "Income:Sales": -4_500,
        credit: -4_500,
    }
    assert books.balances(on=date(2026, 3, 31))["Income:Sales"] == -10_000, "dated as the note"
    rows = books.snapshot()
    taken = [row for row in rows["allocation"][1] if row["amount"] < 0]
    assert [(row["payment_id"], row["amount"], row["due_after"]) for row in taken] == [
        (UUID(third["id"]), -3_000, 4_000),
        (UUID(second["id"]), -1_500, 5_500),
    ]
    assert {row["date"] for row in taken} == {date(2026, 4, 1)}
    told = [row["payload"] for row in rows["event"][1] if row["type"] == "payment.released"]
    assert told == [
        {
            "payment_id": payment["id"],
            "customer_id": str(books.payer),
            "currency": "EUR",
            "amount": amount,
            "invoice_ids": [issued["id"]],
        }
        for payment, amount in ((third, 3_000), (second, 1_500))
    ]


def test_a_receipt_says_the_same_after_its_money_was_released(books: Books) -> None:
    issued = books.issued(10_000)
    payment = UUID(books.paid(10_000, issued)["id"])
    receipt = books.read(queries.get_receipt, payment)
    books.credited(issued)
    assert books.read(queries.get_receipt, payment) == receipt
    assert books.read(queries.get_payment, payment)["unallocated"] == 10_000


def test_what_was_written_off_is_taken_back_before_payments_are_released(books: Books) -> None:
    issued = books.issued(10_000)
    books.paid(2_000, issued)
    books.written_off(issued, 5_000)
    books.credited(issued, 7_000)
    now = books.invoice(issued)
    assert (now["paid"], now["written_off"], now["credited"]) == (2_000, 1_000, 7_000)
    receivable = f"Assets:Receivable:{ids.code(books.payer)}"
    assert books.postings("invoice.write_off_reversed") == [
        (receivable, 4_000),
        ("Expenses:WriteOff", -4_000),
    ]
    assert books.postings("payment.released") == []
    books.credited(issued)
    now = books.invoice(issued)
    assert (now["status"], now["paid"], now["written_off"]) == ("credited", 0, 0)
    assert books.balances() == {
        "Assets:Cash:Cash": 2_000,
        f"Liabilities:Credit:{ids.code(books.payer)}": -2_000,
    }
    told = [row for row in books.snapshot()["event"][1] if "reversed" in row["type"]]
    assert [row["payload"]["amount"] for row in told] == [4_000, 1_000]


def test_what_cannot_be_credited(books: Books, open_books: Opening) -> None:
    draft, void, gone = books.draft(), books.voided(books.issued()), books.issued()
    books.credited(gone)
    issued = books.issued(lines=LINES)
    books.credited(issued, 567)
    stranger = open_books().issued()
    commands = [
        (books.credit(draft), "invoice.draft"),
        (books.credit(void), "invoice.void"),
        (books.credit(gone), "invoice.credited"),
        (books.credit(stranger), "invoice.unknown"),
        (books.credit(issued, 0), "credit_note.amount_not_positive"),
        (books.credit(issued, -1), "credit_note.amount_not_positive"),
        (books.credit(issued, 15_001), "credit_note.exceeds_invoice"),
        (books.credit(issued, 1, LINES[0]), "credit_note.amount_and_lines"),
        (books.credit(issued, None, LINES[0]), "credit_note.exceeds_invoice"),
        (books.credit(issued, None, Line("x", MILLION, 1, 10_000)), "credit_note.rate_unknown"),
        (
            books.credit(issued, None, Line("x", MILLION, 0, 0)),
            "credit_note.amount_not_positive",
        ),
        (books.credit(issued, None, *LINES[2:] * 501), "invoice.too_many_lines"),
    ]
    refusals = books.refusals(credit_invoices, *[command for command, _ in commands])
    assert [each.code for each in refusals] == [code for _, code in commands]
    assert dict(refusals[6].facts) == {"creditable": "150.00", "currency": "EUR"}
    assert refusals[6].pointer == "/amount"
    assert dict(refusals[8].facts) == {"creditable": "150.00", "currency": "EUR"}
    assert refusals[8].pointer == "/lines"


def test_an_inactive_organization_credits_nothing(books: Books) -> None:
    issued = books.issued()
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    assert books.refused(credit_invoices, books.credit(issued)).code == "organization.inactive"


def test_a_batch_credits_what_is_left_by_its_earlier_commands(books: Books) -> None:
    issued = books.issued(100)
    commands = [books.credit(issued, amount) for amount in (60, 60, 40, 1)]
    outcomes = [answer.outcome for answer in books.answers(credit_invoices, *commands)]
    told = [
        each.code if isinstance(each, Refusal) else (each["number"], each["total"])
        for each in outcomes
    ]
    assert told == [
        ("CN-2026-000001", 60),
        "credit_note.exceeds_invoice",
        ("CN-2026-000002", 40),
        "invoice.credited",
    ]
    again = books.answers(credit_invoices, *commands)
    assert [answer.outcome for answer in again] == outcomes
    assert all(answer.replayed for answer in again)


def test_what_is_credited_is_neither_paid_nor_voided_nor_overdue(books: Books) -> None:
    issued = books.issued()
    books.credited(issued)
    refusal = books.refused(record_payments, books.payment(1, issued))
    assert refusal.code == "invoice.not_payable"
    void = VoidInvoice(books.act(), UUID(issued["id"]), "x")
    assert books.refused(void_invoices, void).code == "invoice.credited"
    assert books.invoice(issued, date(2027, 1, 1))["overdue"] is False
    part = books.issued()
    books.credited(part, 1)
    partly = VoidInvoice(books.act(), UUID(part["id"]), "x")
    assert books.refused(void_invoices, partly).code == "invoice.paid"


def test_numbers_begin_again_with_the_year_and_dates_follow_them(books: Books) -> None:
    issued = books.issued()
    moments = [
        datetime(2026, 12, 31, 22, 59, tzinfo=UTC),
        datetime(2026, 12, 30, 9, tzinfo=UTC),
        datetime(2026, 12, 31, 23, tzinfo=UTC),
    ]
    notes = [books.credited(issued, 1, act=books.act(at=at)) for at in moments]
    assert [(each["number"], each["issue_date"]) for each in notes] == [
        ("CN-2026-000001", "2026-12-31"),
        ("CN-2026-000002", "2026-12-31"),
        ("CN-2027-000001", "2027-01-01"),
    ]


def test_reading_notes(books: Books, open_books: Opening) -> None:
    other = UUID(books.customer()["id"])
    one, two = books.issued(), books.issued(customer_id=other)
    notes = [books.credited(invoice, 1) for invoice in (one, two, one, two, one)]
    for note in notes:
        assert books.read(credit_note_queries.get_credit_note, UUID(note["id"])) == note

    def listed(wanted: CreditNoteFilter, **values: Any) -> list[str]:
        page = books.read(credit_note_queries.list_credit_notes, wanted, **values)
        return [each["number"][-1] for each in page.items]

    assert listed(CreditNoteFilter()) == ["5", "4", "3", "2", "1"]
    assert listed(CreditNoteFilter(customer_id=other)) == ["4", "2"]
    assert listed(CreditNoteFilter(invoice_id=UUID(one["id"]))) == ["5", "3", "1"]
    page = books.read(credit_note_queries.list_credit_notes, CreditNoteFilter(), limit=2)
    assert page.next_after == UUID(notes[3]["id"])
    assert listed(CreditNoteFilter(), after=page.next_after) == ["3", "2", "1"]
    stranger = open_books()
    theirs = stranger.credited(stranger.issued())
    for unknown in (UUID(theirs["id"]), ids.new()):
        with pytest.raises(Refused) as refused:
            books.read(credit_note_queries.get_credit_note, unknown)
        assert refused.value.refusal.code == "credit_note.unknown"


def test_a_reservation_stands_in_the_way_of_what_it_needs() -> None:
    reserved = Standing(
        organization_id=ids.NIL,
        id=ids.NIL,
        customer_id=ids.NIL,
        number="INV-2026-000001",
        status="open",
        currency="EUR",
        total=100,
        paid=20,
        credited=0,
        written_off=0,
        reserved=30,
        due_date=None,
        version=1,
    )
    credit_notes.check_fits(reserved, 70)
    with pytest.raises(Refused) as refused:
        credit_notes.check_fits(reserved, 71)
    assert refused.value.refusal.code == "credit_note.reserved"
    assert dict(refused.value.refusal.facts) == {"reserved": "0.30"}


def test_the_hash_is_that_of_what_a_note_says(books: Books) -> None:
    issued = books.issued(lines=LINES)
    note = books.credited(issued, 100)
    [row] = books.snapshot()["credit_note"][1]
    assert credit_notes.document_hash(row) == note["document_hash"]
    changes: dict[str, Any] = {
        "number": "CN-2026-000002",
        "total": 1,
        "currency": "USD",
        "issue_date": date(2026, 3, 2) + timedelta(days=1),
        "reason": "y",
        "seller": {},
        "buyer": {},
        "tax_rates": [],
        "lines": [],
        "net": 0,
        "tax": 0,
        "invoice_id": str(ids.NIL),
    }
    hashes = {credit_notes.document_hash({**row, name: value}) for name, value in changes.items()}
    assert len(hashes - {note["document_hash"]}) == len(changes)
