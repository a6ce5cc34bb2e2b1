"""Record payments: every refusal, how money is shared among invoices, and what the books say."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.issuing import IssueInvoice, issue_invoices
from tallystick.kernel import ids
from tallystick.kernel.errors import Refusal
from tallystick.ledger import accounts
from tallystick.parties.customers import SetCustomerActive, set_customers_active
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments.allocating import Share
from tallystick.payments.planning import INVOICES_MAX
from tallystick.payments.recording import RecordPayment, record_payments
from tallystick.payments.states import OFFLINE_METHODS
from tests.factories import Books, Opening


def test_a_partial_payment(books: Books) -> None:
    invoice = books.issued(10_000)
    act = books.act()
    payment = books.paid(
        4_000, invoice, act=act, method="bank_transfer", reference="TX 1", note="thanks 🎓"
    )
    assert payment == {
        "id": payment["id"],
        "customer_id": str(books.payer),
        "method": "bank_transfer",
        "status": "succeeded",
        "currency": "EUR",
        "amount": 4_000,
        "allocated": 4_000,
        "unallocated": 0,
        "refund_reserved": 0,
        "refunded": 0,
        "paid_on": "2026-03-02",
        "reference": "TX 1",
        "note": "thanks 🎓",
        "receipt_number": "REC-2026-000001",
        "receipt_date": "2026-03-02",
        "allocations": [
            {"invoice_id": invoice["id"], "invoice_number": "INV-2026-000001", "amount": 4_000}
        ],
        "online": None,
        "version": 1,
        "created_at": "2026-03-02T09:00:03.000000Z",
        "updated_at": "2026-03-02T09:00:03.000000Z",
    }
    assert books.invoice(invoice) == {
        **invoice,
        "paid": 4_000,
        "due": 6_000,
        "payment_status": "partial",
        "version": 3,
        "updated_at": "2026-03-02T09:00:03.000000Z",
    }
    assert books.balances() == {
        accounts.receivable(books.payer): 6_000,
        "Assets:Cash:BankTransfer": 4_000,
        "Income:Sales": -10_000,
    }
    rows = books.snapshot()
    [event] = [row for row in rows["event"][1] if row["type"] == "payment.settled"]
    assert event["id"] == ids.derived(UUID(payment["id"]), "payment.settled")
    assert event["payload"] == {
        "payment_id": payment["id"],
        "customer_id": str(books.payer),
        "currency": "EUR",
        "amount": 4_000,
        "receipt_number": "REC-2026-000001",
        "invoice_ids": [invoice["id"]],
    }
    [allocation] = rows["allocation"][1]
    assert (allocation["amount"], allocation["due_after"]) == (4_000, 6_000)


def test_the_last_part_pays_the_invoice(books: Books) -> None:
    invoice = books.issued(10_000)
    books.paid(4_000, invoice)
    books.paid(6_000, invoice)
    now = books.invoice(invoice)
    assert (now["paid"], now["due"], now["payment_status"]) == (10_000, 0, "paid")
    assert books.balances() == {"Assets:Cash:Cash": 10_000, "Income:Sales": -10_000}


def test_every_method_has_its_account(books: Books) -> None:
    invoice = books.issued(500)
    for method in OFFLINE_METHODS:
        assert books.paid(100, invoice, method=method)["method"] == method
    assert books.balances(account="Assets:Cash") == {
        accounts.cash(method): 100 for method in OFFLINE_METHODS
    }
    assert len(OFFLINE_METHODS) == 5


def test_several_invoices_get_what_is_given_to_them(books: Books) -> None:
    one, two, three = (books.issued(1_000) for _ in range(3))
    shares = [
        Share(UUID(each["id"]), amount) for each, amount in ((three, 1), (one, 1_000), (two, 99))
    ]
    payment = books.paid(1_100, *shares)
    assert [each["amount"] for each in payment["allocations"]] == [1, 1_000, 99]
    assert [each["invoice_id"] for each in payment["allocations"]] == [
        *(three["id"], one["id"], two["id"])
    ]
    assert [books.invoice(each)["due"] for each in (one, two, three)] == [0, 901, 999]


def test_several_invoices_are_paid_oldest_due_first(books: Books) -> None:
    last = books.issued(1_000, terms_days=30)
    first = books.issued(1_000, terms_days=1)
    same = books.issued(1_000, terms_days=1)
    payment = books.paid(2_500, last, same, first)
    assert [each["invoice_id"] for each in payment["allocations"]] == [
        *(first["id"], same["id"], last["id"])
    ]
    assert [each["amount"] for each in payment["allocations"]] == [1_000, 1_000, 500]
    assert [books.invoice(each)["due"] for each in (first, same, last)] == [0, 0, 500]
    smaller = books.paid(1, last, first)
    assert [each["invoice_id"] for each in smaller["allocations"]] == [last["id"]]


def test_as_many_invoices_as_a_payment_may_name(books: Books) -> None:
    unknown = [Share(ids.new()) for _ in range(INVOICES_MAX)]
    refusal = books.refused(record_payments, books.payment(1, *unknown))
    assert refusal.code == "invoice.unknown", "they are not too many"


def test_a_payment_beyond_the_due_is_refused_with_the_due(books: Books) -> None:
    one, two = books.issued(1_000), books.issued(500)
    books.paid(400, one)
    refusal = books.refused(record_payments, books.payment(601, one))
    assert (refusal.code, refusal.pointer) == ("payment.exceeds_due", "/amount")
    assert refusal.facts == {"due": "6.00", "currency": "EUR"}
    assert "INV-2026-000001" in refusal.detail
    refusal = books.refused(record_payments, books.payment(1_101, one, two))
    assert refusal.facts == {"due": "11.00", "currency": "EUR"}
    share = [Share(UUID(one["id"]), 601), Share(UUID(two["id"]), 1)]
    refusal = books.refused(record_payments, books.payment(602, *share, excess="credit"))
    assert (refusal.code, refusal.pointer) == ("payment.exceeds_due", "/invoices/0/amount")
    assert refusal.facts == {"due": "6.00", "currency": "EUR"}
    books.paid(600, one)
    refusal = books.refused(record_payments, books.payment(1, one))
    assert refusal.facts == {"due": "0.00", "currency": "EUR"}


def test_the_excess_becomes_credit_when_the_command_says_so(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = books.paid(1_500, invoice, excess="credit")
    assert (payment["allocated"], payment["unallocated"]) == (1_000, 500)
    again = books.paid(200, invoice, excess="credit")
    assert (again["allocated"], again["unallocated"], again["allocations"]) == (0, 200, [])
    share = Share(UUID(books.issued(1_000)["id"]), 300)
    part = books.paid(400, share, excess="credit")
    assert (part["allocated"], part["unallocated"]) == (300, 100)
    assert books.balances() == {
        accounts.receivable(books.payer): 700,
        accounts.credit(books.payer): -800,
        "Assets:Cash:Cash": 2_100,
        "Income:Sales": -2_000,
    }


def test_a_rest_without_a_place_is_refused(books: Books) -> None:
    share = Share(UUID(books.issued(1_000)["id"]), 300)
    refusal = books.refused(record_payments, books.payment(400, share))
    assert (refusal.code, refusal.pointer) == ("payment.rest_unallocated", "/invoices")


def test_a_payment_of_a_customer_pays_the_oldest_due_first(books: Books) -> None:
    other = UUID(books.customer()["id"])
    last = books.issued(1_000, terms_days=30)
    first = books.issued(1_000, terms_days=1)
    theirs = books.issued(1_000, customer_id=other, terms_days=0)
    yen = books.issued(1_000, currency="JPY", terms_days=0)
    books.draft(1_000)
    void = books.issued(1_000, terms_days=0)
    books.done(void_invoices, VoidInvoice(books.act(), UUID(void["id"]), "x"))
    payment = books.paid(1_300, customer_id=books.payer)
    assert [(each["invoice_id"], each["amount"]) for each in payment["allocations"]] == [
        (first["id"], 1_000),
        (last["id"], 300),
    ]
    rest = books.paid(1_000, customer_id=books.payer)
    assert (rest["allocated"], rest["unallocated"]) == (700, 300)
    credit = books.paid(50, customer_id=books.payer)
    assert (credit["allocated"], credit["unallocated"], credit["allocations"]) == (0, 50, [])
    assert [books.invoice(each)["due"] for each in (theirs, yen)] == [1_000, 1_000]
    in_yen = books.paid(400, customer_id=books.payer, currency="JPY")
    assert [each["invoice_id"] for each in in_yen["allocations"]] == [yen["id"]]


def test_a_command_that_contradicts_itself_is_refused(books: Books) -> None:
    invoice = books.issued(1_000)
    one, two = Share(UUID(invoice["id"]), 10), Share(UUID(books.issued()["id"]), 10)
    many = [Share(ids.new()) for _ in range(INVOICES_MAX + 1)]
    none, unsure = Share(one.invoice_id, 0), Share(two.invoice_id)
    cases: list[tuple[RecordPayment, str, str]] = [
        (books.payment(0, invoice), "payment.amount_not_positive", "/amount"),
        (books.payment(-1, invoice), "payment.amount_not_positive", "/amount"),
        (books.payment(10, none), "payment.amount_not_positive", "/invoices"),
        (
            books.payment(10, Share(one.invoice_id, -1), two),
            "payment.amount_not_positive",
            "/invoices",
        ),
        (books.payment(10), "payment.payer_missing", "/invoices"),
        (books.payment(10, *many), "payment.too_many_invoices", "/invoices"),
        (books.payment(20, one, one), "payment.invoice_twice", "/invoices"),
        (books.payment(20, one, unsure), "payment.shares_mixed", "/invoices"),
        (books.payment(19, one, two), "payment.shares_exceed_amount", "/invoices"),
        (
            books.payment(10, invoice, paid_on=date(2026, 3, 3)),
            "payment.date_in_future",
            "/paid_on",
        ),
    ]
    refusals = books.refusals(record_payments, *[command for command, _, _ in cases])
    assert [(each.code, each.pointer) for each in refusals] == [case[1:] for case in cases]


def test_what_is_not_owed_is_not_paid(books: Books, open_books: Opening) -> None:
    other = UUID(books.customer()["id"])
    invoice, theirs = books.issued(1_000), books.issued(1_000, customer_id=other)
    draft, void = books.draft(1_000), books.issued(1_000)
    books.done(void_invoices, VoidInvoice(books.act(), UUID(void["id"]), "x"))
    stranger = open_books()
    strange, strange_customer = stranger.issued(1_000), stranger.payer
    nowhere = {"act": books.act(organization_id=ids.new())}
    cases: list[tuple[RecordPayment, str, str]] = [
        (books.payment(1, Share(ids.new())), "invoice.unknown", "/invoices/0/invoice_id"),
        (books.payment(2, invoice, strange), "invoice.unknown", "/invoices/1/invoice_id"),
        (books.payment(1, customer_id=ids.new()), "customer.unknown", ""),
        (books.payment(1, customer_id=strange_customer), "customer.unknown", ""),
        (books.payment(1, invoice, customer_id=ids.new()), "customer.unknown", ""),
        (books.payment(1, draft), "invoice.not_payable", "/invoices/0/invoice_id"),
        (books.payment(2, invoice, void), "invoice.not_payable", "/invoices/1/invoice_id"),
        (books.payment(2, invoice, theirs), "payment.customers_differ", "/invoices/1/invoice_id"),
        (
            books.payment(2, invoice, customer_id=other),
            "payment.customers_differ",
            "/invoices/0/invoice_id",
        ),
        (books.payment(1, invoice, currency="USD"), "money.currency", "/currency"),
        (books.payment(1, invoice, **nowhere), "organization.unknown", ""),
    ]
    refusals = books.refusals(record_payments, *[command for command, _, _ in cases])
    assert [(each.code, each.pointer) for each in refusals] == [case[1:] for case in cases]
    assert stranger.invoice(strange) == strange


def test_an_inactive_organization_takes_no_payment(books: Books) -> None:
    invoice = books.issued()
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    refusal = books.refused(record_payments, books.payment(1, invoice))
    assert refusal.code == "organization.inactive"


def test_an_inactive_customer_still_pays(books: Books) -> None:
    invoice = books.issued(1_000)
    off = SetCustomerActive(books.act(), books.payer, active=False)
    books.done(set_customers_active, off)
    assert books.paid(400, invoice)["allocated"] == 400
    assert books.paid(600, customer_id=books.payer)["allocated"] == 600


def test_a_later_command_of_a_batch_sees_the_earlier_one(books: Books) -> None:
    one, two = books.issued(1_000, terms_days=1), books.issued(1_000, terms_days=2)
    commands = [
        books.payment(600, one),
        books.payment(600, one),
        books.payment(500, customer_id=books.payer),
        books.payment(100, one),
        books.payment(900, two),
        books.payment(901, two),
        books.payment(900, two, excess="credit"),
    ]
    answers = books.answers(record_payments, *commands)
    said: list[Any] = [
        (each.outcome.code, each.outcome.facts["due"])
        if isinstance(each.outcome, Refusal)
        else (each.outcome["receipt_number"], each.outcome["allocated"])
        for each in answers
    ]
    assert said == [
        ("REC-2026-000001", 600),
        ("payment.exceeds_due", "4.00"),
        ("REC-2026-000002", 500),
        ("payment.exceeds_due", "0.00"),
        ("REC-2026-000003", 900),
        ("payment.exceeds_due", "0.00"),
        ("REC-2026-000004", 0),
    ]
    rows = books.snapshot()
    assert {row["number"]: (row["paid"], row["version"]) for row in rows["invoice"][1]} == {
        "INV-2026-000001": (1_000, 3),
        "INV-2026-000002": (1_000, 3),
    }
    assert {row["receipt_number"]: row["unallocated"] for row in rows["payment"][1]} == {
        "REC-2026-000001": 0,
        "REC-2026-000002": 0,
        "REC-2026-000003": 0,
        "REC-2026-000004": 900,
    }


def test_batches_of_several_organizations_are_kept_apart(books: Books, open_books: Opening) -> None:
    other = open_books(currency="JPY")
    mine, theirs = books.issued(1_000), other.issued(1_000)
    commands = [books.payment(1_000, mine), other.payment(1_000, theirs), books.payment(1, mine)]
    answers = books.answers(record_payments, *commands)
    assert isinstance(answers[2].outcome, Refusal)
    for answer in answers[:2]:
        assert not isinstance(answer.outcome, Refusal)
        assert answer.outcome["receipt_number"] == "REC-2026-000001"
    assert other.balances() == {"Assets:Cash:Cash": 1_000, "Income:Sales": -1_000}
    assert books.invoice(mine)["due"] == 0


def test_money_is_booked_on_the_day_it_came(books: Books) -> None:
    invoice = books.issued(1_000, issue_date=date(2026, 2, 1))
    payment = books.paid(400, invoice, paid_on=date(2026, 2, 10))
    assert (payment["paid_on"], payment["receipt_date"]) == ("2026-02-10", "2026-03-02")
    assert books.balances(on=date(2026, 2, 9), account="Assets:Cash") == {}
    assert books.balances(on=date(2026, 2, 10), account="Assets:Cash") == {"Assets:Cash:Cash": 400}
    assert books.paid(1, invoice, paid_on=date(2026, 3, 2))["paid_on"] == "2026-03-02"


def test_today_is_that_of_the_organization(open_books: Opening) -> None:
    books = open_books(time_zone="Pacific/Auckland")
    invoice = books.issued(1_000, at=datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
    at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    assert books.paid(1, invoice, act=books.act(at=at))["paid_on"] == "2026-03-03"
    today = books.paid(1, invoice, act=books.act(at=at), paid_on=date(2026, 3, 3))
    assert today["paid_on"] == "2026-03-03"
    tomorrow = books.payment(1, invoice, act=books.act(at=at), paid_on=date(2026, 3, 4))
    assert books.refused(record_payments, tomorrow).code == "payment.date_in_future"


def test_receipts_are_numbered_by_the_year_they_are_made_out_in(books: Books) -> None:
    invoice = books.issued(1_000)
    numbers = [books.paid(1, invoice)["receipt_number"]]
    at = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
    numbers.append(books.paid(1, invoice, act=books.act(at=at))["receipt_number"])
    early = books.paid(1, invoice, act=books.act(at=at), paid_on=date(2026, 12, 31))
    numbers.append(early["receipt_number"])
    at = datetime(2026, 12, 31, 22, 59, tzinfo=UTC)
    numbers.append(books.paid(1, invoice, act=books.act(at=at))["receipt_number"])
    assert numbers == [
        *("REC-2026-000001", "REC-2027-000001", "REC-2027-000002", "REC-2026-000002")
    ]


def test_a_clock_that_is_behind_dates_its_receipt_as_the_last_one(books: Books) -> None:
    invoice = books.issued(1_000)
    ahead = books.act(at=datetime(2026, 3, 2, 23, 0, 1, tzinfo=UTC))
    behind = books.act(at=datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC))
    assert books.paid(1, invoice, act=ahead)["receipt_date"] == "2026-03-03"
    late = books.paid(1, invoice, act=behind)
    assert (late["receipt_date"], late["paid_on"]) == ("2026-03-03", "2026-03-02")


def test_a_refused_payment_takes_no_receipt_number(books: Books) -> None:
    invoice = books.issued(1_000)
    books.refused(record_payments, books.payment(1_001, invoice))
    assert books.paid(1, invoice)["receipt_number"] == "REC-2026-000001"
    books.refused(record_payments, books.payment(1_000, invoice))
    assert books.paid(1, invoice)["receipt_number"] == "REC-2026-000002"


def test_a_draft_that_was_issued_meanwhile_is_paid(books: Books) -> None:
    draft = books.draft(1_000)
    books.refused(record_payments, books.payment(1_000, draft))
    books.done(issue_invoices, IssueInvoice(books.act(), UUID(draft["id"])))
    assert books.paid(1_000, draft)["allocated"] == 1_000


def test_the_largest_amounts_are_exact(books: Books) -> None:
    invoice = books.issued(10**15)
    assert books.paid(10**15 - 1, invoice)["allocated"] == 10**15 - 1
    assert books.invoice(invoice)["due"] == 1
    refusal = books.refused(record_payments, books.payment(2, invoice))
    assert refusal.facts["due"] == "0.01"


@pytest.mark.parametrize(
    ("currency", "due"), [("JPY", "1234"), ("KWD", "1.234"), ("CLF", "0.1234")]
)
def test_the_due_is_said_with_the_decimals_of_its_currency(
    open_books: Opening, currency: str, due: str
) -> None:
    books = open_books(currency=currency)
    refusal = books.refused(record_payments, books.payment(1_235, books.issued(1_234)))
    assert refusal.facts == {"due": due, "currency": currency}
