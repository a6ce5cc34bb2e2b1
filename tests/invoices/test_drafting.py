"""Drafts: made, changed, deleted; and nothing but a draft is ever changed."""

from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices import queries
from tallystick.invoices.content import LINES_MAX, DraftContent
from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.drafting import (
    ChangeDraft,
    CreateDraft,
    DeleteDraft,
    change_drafts,
    create_drafts,
    delete_drafts,
)
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.totals import Discount, Line
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal, Refused
from tallystick.parties.customers import SetCustomerActive, set_customers_active
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tests.factories import Books, Opening

LINES = (
    Line("Tuition", 1_500_000, 10_000, 190_000),
    Line("Book 名前", 2_000_000, 5_000, 70_000, Discount("percent", 100_000)),
    Line("Gift", 1, 1_000_000, 0, Discount("fixed", 1)),
)


@pytest.fixture
def unfit(books: Books) -> dict[str, DraftContent]:
    """Return what no invoice may say, by the code it is refused with."""
    gone = UUID(books.customer()["id"])
    books.done(set_customers_active, SetCustomerActive(books.act(), gone, active=False))
    dear = Line("Dear", 1_000_000, 10**15, 0)
    return {
        "customer.unknown": books.content(customer_id=ids.new()),
        "customer.inactive": books.content(customer_id=gone),
        "invoice.too_many_lines": books.content(lines=(LINES[0],) * (LINES_MAX + 1)),
        "invoice.terms_malformed": books.content(terms_days=3_651),
        "invoice.series_reserved": books.content(series="CN"),
        "invoice.discount_exceeds_line": books.content(
            lines=(Line("x", 1_000_000, 100, 0, Discount("fixed", 101)),)
        ),
        "invoice.discount_exceeds_total": books.content(100, discount=Discount("fixed", 101)),
        "money.too_large": books.content(lines=(dear, dear)),
    }


def test_a_new_draft(books: Books) -> None:
    content = books.content(
        lines=LINES,
        discount=Discount("fixed", 400),
        terms_days=14,
        series="SCHOOL",
        reference="PO 7",
        note="Thank you.\nSee you 🎓",
    )
    draft = books.done(create_drafts, CreateDraft(books.act(), content))
    # 15000 at 19 %, 9000 at 7 %, 1 - 1 = 0 at 0 %; the discount of 400 is shared 250 and 150.
    assert draft == {
        "id": draft["id"],
        "number": None,
        "status": "draft",
        "payment_status": "unpaid",
        "overdue": False,
        "currency": "EUR",
        "total": 14_750 + 2_803 + 8_850 + 620,
        "paid": 0,
        "credited": 0,
        "written_off": 0,
        "reserved": 0,
        "due": 27_023,
        "customer_id": str(books.payer),
        "series": "SCHOOL",
        "issue_date": None,
        "due_date": None,
        "version": 1,
        "created_at": "2026-03-02T09:00:02.000000Z",
        "updated_at": "2026-03-02T09:00:02.000000Z",
        "net": 23_600,
        "tax": 3_423,
        "discount": 400,
        "terms_days": 14,
        "reference": "PO 7",
        "note": "Thank you.\nSee you 🎓",
        "document_discount": {"kind": "fixed", "value": 400},
        "lines": [
            {
                "position": 1,
                "description": "Tuition",
                "quantity_micro": 1_500_000,
                "unit_price": 10_000,
                "tax_rate_ppm": 190_000,
                "discount": None,
                "net": 15_000,
            },
            {
                "position": 2,
                "description": "Book 名前",
                "quantity_micro": 2_000_000,
                "unit_price": 5_000,
                "tax_rate_ppm": 70_000,
                "discount": {"kind": "percent", "value": 100_000},
                "net": 9_000,
            },
            {
                "position": 3,
                "description": "Gift",
                "quantity_micro": 1,
                "unit_price": 1_000_000,
                "tax_rate_ppm": 0,
                "discount": {"kind": "fixed", "value": 1},
                "net": 0,
            },
        ],
        "tax_rates": [
            {"tax_rate_ppm": 0, "net": 0, "discount": 0, "taxable": 0, "tax": 0},
            {"tax_rate_ppm": 70_000, "net": 9_000, "discount": 150, "taxable": 8_850, "tax": 620},
            {
                "tax_rate_ppm": 190_000,
                "net": 15_000,
                "discount": 250,
                "taxable": 14_750,
                "tax": 2_803,
            },
        ],
        "seller": None,
        "buyer": None,
        "document_hash": None,
        "issued_at": None,
        "voided_at": None,
        "void_reason": None,
        "write_off_reason": None,
        "memo": None,
        "replaces": None,
        "relates_to": None,
    }
    assert books.invoice(draft) == draft
    assert books.balances() == {}, "a draft owes nothing"
    [event] = [row for row in books.snapshot()["event"][1] if row["type"] == "invoice.drafted"]
    assert event["payload"] == {"invoice_id": draft["id"], "customer_id": str(books.payer)}


def test_a_draft_may_have_no_lines_yet_or_as_many_as_there_are(books: Books) -> None:
    lines = tuple(Line(f"Line {number}", 1_000_000, number, 0) for number in range(LINES_MAX))
    assert books.draft(lines=())["total"] == 0
    full = books.draft(lines=lines)
    assert books.invoice(full) == full
    assert [line["description"] for line in full["lines"]] == [line.description for line in lines]


def test_terms_are_the_organizations_unless_said(books: Books) -> None:
    assert books.draft()["terms_days"] == 30
    assert books.draft(terms_days=0)["terms_days"] == 0
    assert books.draft(terms_days=3_650)["terms_days"] == 3_650


def test_what_no_invoice_may_say_is_refused(books: Books, unfit: dict[str, DraftContent]) -> None:
    commands = [CreateDraft(books.act(), content) for content in unfit.values()]
    assert [each.code for each in books.refusals(create_drafts, *commands)] == list(unfit)
    at_once = [IssueNew(books.act(), content) for content in unfit.values()]
    assert [each.code for each in books.refusals(issue_new, *at_once)] == list(unfit)
    draft = books.draft()
    changes = [
        ChangeDraft(books.act(), UUID(draft["id"]), 1, content) for content in unfit.values()
    ]
    assert [each.code for each in books.refusals(change_drafts, *changes)] == list(unfit)
    assert books.invoice(draft) == draft


def test_a_refused_draft_does_not_hold_up_its_neighbours(books: Books) -> None:
    contents = [books.content(1), books.content(customer_id=ids.new()), books.content(3)]
    answers = books.answers(create_drafts, *[CreateDraft(books.act(), each) for each in contents])
    assert isinstance(answers[1].outcome, Refusal)
    made = [each.outcome for each in (answers[0], answers[2])]
    assert [None if isinstance(each, Refusal) else each["total"] for each in made] == [1, 3]
    assert len(books.snapshot()["invoice"][1]) == 2


def test_customers_of_others_are_unknown(books: Books, open_books: Opening) -> None:
    stranger = UUID(open_books().customer()["id"])
    command = CreateDraft(books.act(), books.content(customer_id=stranger))
    assert books.refused(create_drafts, command).code == "customer.unknown"


def test_an_unknown_organization_has_no_drafts(books: Books) -> None:
    command = CreateDraft(books.act(organization_id=ids.new()), books.content())
    assert books.refused(create_drafts, command).code == "organization.unknown"


def test_a_change_replaces_all_that_a_draft_says(books: Books) -> None:
    draft = books.draft(lines=LINES, discount=Discount("fixed", 400), note="old", reference="old")
    other = UUID(books.customer()["id"])
    content = books.content(lines=LINES[:1], customer_id=other, terms_days=7, series="B")
    act = books.act()
    changed = books.done(change_drafts, ChangeDraft(act, UUID(draft["id"]), 1, content))
    fresh = books.draft(lines=LINES[:1], customer_id=other, terms_days=7, series="B")
    assert changed == {
        **fresh,
        "id": draft["id"],
        "version": 2,
        "created_at": draft["created_at"],
        "updated_at": "2026-03-02T09:00:04.000000Z",
    }
    assert books.invoice(draft) == changed
    content = books.content(lines=LINES * 3)
    more = books.done(change_drafts, ChangeDraft(books.act(), UUID(draft["id"]), 2, content))
    assert [line["position"] for line in more["lines"]] == list(range(1, 10))
    kinds = [row["type"] for row in books.snapshot()["event"][1]]
    assert kinds.count("invoice.changed") == 2


def test_deleting_a_draft_leaves_no_row_and_no_gap(books: Books) -> None:
    kept = books.draft()
    before = {name: rows for name, (_, rows) in books.snapshot().items()}
    draft = books.draft(lines=LINES)
    gone = books.done(delete_drafts, DeleteDraft(books.act(), UUID(draft["id"]), 1))
    assert gone == {"id": draft["id"], "deleted": True}
    after = {name: rows for name, (_, rows) in books.snapshot().items()}
    for name in ("invoice", "invoice_content", "invoice_line", "counter", "posting"):
        assert after[name] == before[name]
    told = [row for row in after["event"] if row["type"] == "invoice.deleted"]
    assert [row["payload"]["invoice_id"] for row in told] == [draft["id"]]
    assert books.issued()["number"] == "INV-2026-000001"
    assert books.invoice(kept) == kept


def test_what_is_unknown_stale_or_issued_is_left_alone(books: Books, open_books: Opening) -> None:
    stranger = open_books().draft()
    draft, issued, void = books.draft(), books.issued(), books.issued()
    books.done(void_invoices, VoidInvoice(books.act(), UUID(void["id"]), "wrong"))
    content = books.content(5)
    cases: list[tuple[Any, int, str]] = [
        (ids.new(), 1, "invoice.unknown"),
        (stranger["id"], 1, "invoice.unknown"),
        (draft["id"], 0, "precondition.stale"),
        (draft["id"], 2, "precondition.stale"),
        (issued["id"], issued["version"], "invoice.issued"),
        (void["id"], 3, "invoice.issued"),
    ]
    codes = [code for _, _, code in cases]
    changes = [
        ChangeDraft(books.act(), UUID(str(which)), seen, content) for which, seen, _ in cases
    ]
    assert [each.code for each in books.refusals(change_drafts, *changes)] == codes
    deletions = [DeleteDraft(books.act(), UUID(str(which)), seen) for which, seen, _ in cases]
    refusals = books.refusals(delete_drafts, *deletions)
    assert [each.code for each in refusals] == codes
    assert refusals[2].facts == {"version": 1}


def test_an_inactive_organization_keeps_its_drafts_as_they_are(books: Books) -> None:
    draft, content = books.draft(), books.content()
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    code = "organization.inactive"
    create = CreateDraft(books.act(), content)
    assert books.refused(create_drafts, create).code == code
    change = ChangeDraft(books.act(), UUID(draft["id"]), 1, content)
    assert books.refused(change_drafts, change).code == code
    delete = DeleteDraft(books.act(), UUID(draft["id"]), 1)
    assert books.refused(delete_drafts, delete).code == code


def test_how_the_totals_came_about_is_kept(books: Books) -> None:
    draft = books.draft(lines=LINES)
    trace = books.read(queries.get_totals_trace, UUID(draft["id"]))
    assert trace["totals"][-1] == {
        "term": "BT-112",
        "name": "total with tax",
        "how": "24000 + 3480",
        "amount": draft["total"],
    }
    with pytest.raises(Refused) as refused:
        books.read(queries.get_totals_trace, ids.new())
    assert refused.value.refusal.code == "invoice.unknown"
