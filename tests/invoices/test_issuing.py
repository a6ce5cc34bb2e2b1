"""Issuing: gapless numbers, dates that follow them, and documents that never change again."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from tallystick.invoices import queries
from tallystick.invoices.content import document_hash
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.drafting import CreateDraft, create_drafts
from tallystick.invoices.issuing import IssueInvoice, IssueNew, issue_invoices, issue_new
from tallystick.invoices.models import CONTENTS, INVOICES
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.totals import Line
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal
from tallystick.ledger import accounts
from tallystick.parties.customers import (
    ChangeCustomer,
    SetCustomerActive,
    change_customers,
    set_customers_active,
)
from tallystick.parties.organizations import (
    ChangeOrganization,
    SetOrganizationActive,
    change_organizations,
    set_organizations_active,
)
from tests.factories import Books, Opening

LINES = (Line("Tuition", 1_000_000, 10_000, 190_000), Line("Book", 1_000_000, 1_000, 0))


def test_issuing_a_draft(books: Books) -> None:
    draft = books.draft(lines=LINES)
    act = books.act()
    issued = books.done(issue_invoices, IssueInvoice(act, UUID(draft["id"])))
    assert issued == {
        **draft,
        "number": "INV-2026-000001",
        "status": "open",
        "issue_date": "2026-03-02",
        "due_date": "2026-04-01",
        "version": 2,
        "updated_at": "2026-03-02T09:00:03.000000Z",
        "issued_at": "2026-03-02T09:00:03.000000Z",
        "seller": {
            "name": "North School",
            "tax_id": "DE123456789",
            "country": "DE",
            "address": {"city": "Berlin"},
        },
        "buyer": {
            "name": "Ann Example",
            "email": "ann@example.com",
            "tax_id": None,
            "address": {"city": "Berlin"},
            "external_reference": None,
        },
        "document_hash": issued["document_hash"],
    }
    assert books.invoice(issued) == issued
    assert books.balances() == {
        accounts.receivable(books.payer): 12_900,
        "Income:Sales": -11_000,
        "Liabilities:Tax:19": -1_900,
    }
    rows = books.snapshot()
    [event] = [row for row in rows["event"][1] if row["type"] == "invoice.issued"]
    assert event["payload"] == {
        "invoice_id": issued["id"],
        "customer_id": str(books.payer),
        "number": "INV-2026-000001",
        "currency": "EUR",
        "total": 12_900,
        "due_date": "2026-04-01",
    }
    assert {(row["date"], row["kind"], row["recorded_at"]) for row in rows["posting"][1]} == {
        (date(2026, 3, 2), "invoice.issued", act.at)
    }


def test_drafting_and_issuing_at_once_comes_to_the_same(books: Books) -> None:
    draft = books.draft(lines=LINES)
    one = books.done(issue_invoices, IssueInvoice(books.act(), UUID(draft["id"])))
    two = books.issued(lines=LINES)
    own = ("id", "number", "version", "document_hash", "created_at", "updated_at", "issued_at")
    assert {name: value for name, value in one.items() if name not in own} == {
        name: value for name, value in two.items() if name not in own
    }
    assert (two["number"], two["version"]) == ("INV-2026-000002", 2)
    assert books.invoice(two) == two
    told = [
        row["type"] for row in books.snapshot()["event"][1] if row["subject_id"] == UUID(two["id"])
    ]
    assert told == ["invoice.issued"]


def test_numbers_run_by_organization_series_and_year(books: Books, open_books: Opening) -> None:
    last_year = date(2025, 12, 31)
    numbers = [
        books.issued()["number"],
        books.issued(series="SCHOOL")["number"],
        books.issued()["number"],
        books.issued(issue_date=last_year)["number"],
        books.issued(series="inv")["number"],
        books.issued(issue_date=last_year)["number"],
        books.issued(series="SCHOOL")["number"],
        open_books().issued()["number"],
    ]
    assert numbers == [
        "INV-2026-000001",
        "SCHOOL-2026-000001",
        "INV-2026-000002",
        "INV-2025-000001",
        "inv-2026-000001",
        "INV-2025-000002",
        "SCHOOL-2026-000002",
        "INV-2026-000001",
    ]
    counters = {
        (row["kind"], row["series"], row["year"]): (row["last"], row["version"])
        for row in books.snapshot()["counter"][1]
    }
    assert counters == {
        ("invoice", "INV", 2025): (2, 2),
        ("invoice", "INV", 2026): (2, 2),
        ("invoice", "SCHOOL", 2026): (2, 2),
        ("invoice", "inv", 2026): (1, 1),
    }


def test_a_batch_is_numbered_in_its_order_without_gaps(books: Books) -> None:
    contents = [
        *(books.content(1), books.content(0), books.content(2, series="B")),
        *(books.content(lines=()), books.content(3), books.content(customer_id=ids.new())),
        *(books.content(4, series="B"), books.content(5)),
    ]
    answers = books.answers(issue_new, *[IssueNew(books.act(), each) for each in contents])
    said = [
        each.outcome.code if isinstance(each.outcome, Refusal) else each.outcome["number"]
        for each in answers
    ]
    assert said == [
        "INV-2026-000001",
        "invoice.total_zero",
        "B-2026-000001",
        "invoice.no_lines",
        "INV-2026-000002",
        "customer.unknown",
        "B-2026-000002",
        "INV-2026-000003",
    ]
    assert len(books.snapshot()["invoice"][1]) == 5, "what is refused leaves no draft either"


@pytest.mark.parametrize(
    ("zone", "moment", "number", "day"),
    [
        ("Pacific/Auckland", "2026-12-31T10:59:59.999999", "INV-2026-000001", "2026-12-31"),
        ("Pacific/Auckland", "2026-12-31T11:00:00", "INV-2027-000001", "2027-01-01"),
        ("America/Mexico_City", "2027-01-01T05:59:59.999999", "INV-2026-000001", "2026-12-31"),
        ("America/Mexico_City", "2027-01-01T06:00:00", "INV-2027-000001", "2027-01-01"),
    ],
)
def test_the_year_changes_at_the_midnight_of_the_organization(
    open_books: Opening, zone: str, moment: str, number: str, day: str
) -> None:
    books = open_books(time_zone=zone)
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    issued = books.issued(at=at, terms_days=1)
    assert (issued["number"], issued["issue_date"]) == (number, day)
    assert (
        issued["due_date"] == date.fromordinal(date.fromisoformat(day).toordinal() + 1).isoformat()
    )
    assert {row["date"].isoformat() for row in books.snapshot()["posting"][1]} == {day}
    payment = books.paid(100, issued, act=books.act(at=at))
    assert payment["receipt_number"] == number.replace("INV", "REC")
    assert (payment["receipt_date"], payment["paid_on"]) == (day, day)


def test_both_years_are_numbered_at_new_year(open_books: Opening) -> None:
    books = open_books(time_zone="Pacific/Auckland")
    moments = [
        datetime(2026, 12, 31, 10, 59, tzinfo=UTC),
        datetime(2026, 12, 31, 11, 0, tzinfo=UTC),
        # A process whose clock is a little behind, and one that dates back on purpose.
        datetime(2026, 12, 31, 10, 59, 30, tzinfo=UTC),
        datetime(2026, 12, 31, 11, 1, tzinfo=UTC),
    ]
    numbers = [books.issued(at=at)["number"] for at in moments]
    back = books.issued(at=moments[-1], issue_date=date(2026, 12, 31))
    assert [*numbers, back["number"]] == [
        *("INV-2026-000001", "INV-2027-000001", "INV-2026-000002", "INV-2027-000002"),
        "INV-2026-000003",
    ]


def test_no_date_is_before_the_last_of_its_series(books: Books) -> None:
    books.issued(issue_date=date(2026, 2, 10))
    early = IssueNew(books.act(), books.content(), date(2026, 2, 9))
    refusal = books.refused(issue_new, early)
    assert (refusal.code, refusal.pointer) == ("invoice.date_before_last", "/issue_date")
    assert books.issued(issue_date=date(2026, 2, 10))["number"] == "INV-2026-000002"
    assert books.issued(issue_date=date(2026, 2, 9), series="B")["number"] == "B-2026-000001"
    assert books.issued()["issue_date"] == "2026-03-02"
    draft = books.draft()
    again = IssueInvoice(books.act(), UUID(draft["id"]), date(2026, 3, 1))
    assert books.refused(issue_invoices, again).code == "invoice.date_before_last"


def test_dates_follow_numbers_inside_a_batch_too(books: Books) -> None:
    days = [date(2026, 2, day) for day in (10, 9, 11)]
    answers = books.answers(
        issue_new, *[IssueNew(books.act(), books.content(), day) for day in days]
    )
    said = [
        each.outcome.code if isinstance(each.outcome, Refusal) else each.outcome["number"]
        for each in answers
    ]
    assert said == ["INV-2026-000001", "invoice.date_before_last", "INV-2026-000002"]


def test_a_clock_that_is_behind_at_midnight_follows_the_last_date(books: Books) -> None:
    ahead = books.issued(at=datetime(2026, 3, 2, 23, 0, 1, tzinfo=UTC))
    behind = books.issued(at=datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC))
    assert (ahead["issue_date"], behind["issue_date"]) == ("2026-03-03", "2026-03-03")
    assert behind["number"] == "INV-2026-000002"
    assert behind["due_date"] == "2026-04-02"


@pytest.mark.parametrize(
    ("zone", "today"), [("Pacific/Auckland", date(2026, 3, 3)), ("UTC", date(2026, 3, 2))]
)
def test_a_date_in_the_future_is_refused(open_books: Opening, zone: str, today: date) -> None:
    books = open_books(time_zone=zone)
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    tomorrow = today.replace(day=today.day + 1)
    for day in (tomorrow, date(9999, 12, 31)):
        refusal = books.refused(issue_new, IssueNew(books.act(at=at), books.content(), day))
        assert (refusal.code, refusal.pointer) == ("invoice.date_in_future", "/issue_date")
    assert books.issued(at=at, issue_date=today)["issue_date"] == today.isoformat()


def test_what_cannot_be_issued(books: Books, open_books: Opening) -> None:
    gone = UUID(books.customer()["id"])
    drafts = {
        "invoice.no_lines": books.draft(lines=()),
        "invoice.total_zero": books.draft(0),
        "customer.inactive": books.draft(customer_id=gone),
        "invoice.unknown": open_books().draft(),
    }
    void = books.issued()
    books.done(void_invoices, VoidInvoice(books.act(), UUID(void["id"]), "wrong"))
    books.done(set_customers_active, SetCustomerActive(books.act(), gone, active=False))
    commands = [IssueInvoice(books.act(), UUID(draft["id"])) for draft in drafts.values()]
    commands += [IssueInvoice(books.act(), UUID(each["id"])) for each in (books.issued(), void)]
    commands.append(IssueInvoice(books.act(), ids.new()))
    refusals = books.refusals(issue_invoices, *commands)
    assert [each.code for each in refusals] == [
        *drafts,
        "invoice.issued",
        "invoice.issued",
        "invoice.unknown",
    ]
    assert [each.detail for each in refusals[-3:-1]] == [
        "The invoice “INV-2026-000002” is issued already. Nothing is left to do.",
        "The invoice “INV-2026-000001” was issued and is void since. Issue another.",
    ]


def test_a_draft_named_twice_in_a_batch_is_issued_once(books: Books) -> None:
    draft = books.draft()
    commands = [IssueInvoice(books.act(), UUID(draft["id"])) for _ in range(2)]
    first, second = books.answers(issue_invoices, *commands)
    assert not isinstance(first.outcome, Refusal)
    assert isinstance(second.outcome, Refusal)
    assert (first.outcome["number"], second.outcome.code) == ("INV-2026-000001", "invoice.issued")


def test_an_inactive_organization_issues_nothing(books: Books) -> None:
    draft, content = books.draft(), books.content()
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    command = IssueInvoice(books.act(), UUID(draft["id"]))
    assert books.refused(issue_invoices, command).code == "organization.inactive"
    at_once = IssueNew(books.act(), content)
    assert books.refused(issue_new, at_once).code == "organization.inactive"


def test_later_changes_of_the_parties_leave_documents_as_they_are(books: Books) -> None:
    issued = books.issued(lines=LINES)
    books.done(
        change_customers,
        ChangeCustomer(books.act(), books.payer, 1, {"name": "Other", "address": {}}),
    )
    changes: dict[str, Any] = {"name": "South", "tax_id": None, "terms_days": 5, "country": "FR"}
    books.done(change_organizations, ChangeOrganization(books.act(), 1, changes))
    assert books.invoice(issued) == issued
    later = books.issued()
    assert (later["buyer"] or {})["name"] == "Other"
    assert (later["seller"] or {})["name"] == "South"
    assert later["due_date"] == "2026-03-07"


def test_a_draft_takes_the_parties_as_they_are_when_it_is_issued(books: Books) -> None:
    draft = books.draft()
    books.done(change_customers, ChangeCustomer(books.act(), books.payer, 1, {"name": "Other"}))
    changes = {"name": "South", "terms_days": 5}
    books.done(change_organizations, ChangeOrganization(books.act(), 1, changes))
    issued = books.done(issue_invoices, IssueInvoice(books.act(), UUID(draft["id"])))
    assert (issued["buyer"] or {})["name"] == "Other"
    assert (issued["seller"] or {})["name"] == "South"
    # The terms are what the draft says, since its author saw them.
    assert issued["due_date"] == "2026-04-01"


@pytest.fixture
def rehashed(books: Books) -> Any:
    """Return what hashes a document again, from the database, after some changes."""

    def hash_again(issued: InvoiceDocument, **changes: Any) -> str:
        key = books.organization_id, UUID(issued["id"])

        def read(conn: Any) -> str:
            invoice = conn.execute(select(INVOICES).where(INVOICES.c.id == key[1])).mappings().one()
            content = (
                conn.execute(select(CONTENTS).where(CONTENTS.c.invoice_id == key[1]))
                .mappings()
                .one()
            )
            lines = queries.lines_of(conn, [key])[key]
            return document_hash(
                {name: changes.get(name, value) for name, value in invoice.items()},
                {name: changes.get(name, value) for name, value in content.items()},
                changes.get("lines", lines),
            )

        return books.database.read(read)

    return hash_again


def test_the_hash_is_that_of_what_was_said(books: Books, rehashed: Any) -> None:
    issued = books.issued(lines=LINES, note="n", reference="r")
    assert len(issued["document_hash"] or "") == 64
    assert rehashed(issued) == issued["document_hash"]
    books.paid(100, issued)
    assert rehashed(issued) == issued["document_hash"], "a payment is not part of the document"
    changes: dict[str, Any] = {
        "number": "INV-2026-000002",
        "total": 1,
        "currency": "USD",
        "issue_date": date(2026, 3, 3),
        "terms_days": 1,
        "note": "m",
        "reference": None,
        "seller": {},
        "buyer": {},
        "tax_rates": [],
        "lines": [],
        "net": 0,
        "tax": 0,
    }
    assert rehashed(issued, due_date=date(2026, 3, 3)) == issued["document_hash"], (
        "the terms say when it was due; that date may be put off beside the document"
    )
    hashes = {rehashed(issued, **{name: value}) for name, value in changes.items()}
    assert len(hashes - {issued["document_hash"]}) == len(changes)


def test_two_documents_that_say_the_same_have_hashes_of_their_own(books: Books) -> None:
    assert books.issued()["document_hash"] != books.issued()["document_hash"]


def test_amounts_reach_to_the_largest(books: Books) -> None:
    largest = books.issued(10**15)
    assert books.invoice(largest)["due"] == 10**15
    assert books.balances()["Income:Sales"] == -(10**15)
    batch = [CreateDraft(books.act(), books.content(10**15)) for _ in range(2)]
    assert [each["total"] for each in books.outcomes(create_drafts, *batch)] == [10**15] * 2
