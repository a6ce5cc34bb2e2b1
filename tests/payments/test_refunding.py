"""Give money back: where it is taken from, what the books say, and every refusal."""

from datetime import date
from typing import Any
from uuid import UUID

from tallystick.kernel import ids
from tallystick.ledger import accounts
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments import queries, refunds
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.refunds import RefundFilter
from tests.factories import Books, Opening


def refund(books: Books, payment: PaymentDocument, amount: int | None = None, **values: Any) -> Any:
    """Prepare a command that gives money of a payment back."""
    return RefundPayment(books.act(), UUID(payment["id"]), amount, **values)


def test_a_refund_of_credit(books: Books) -> None:
    invoice = books.issued(1_000, issue_date=date(2026, 2, 1))
    payment = books.paid(1_500, invoice, excess="credit", paid_on=date(2026, 2, 1))
    given = books.done(
        refund_payments,
        refund(
            books,
            payment,
            300,
            refunded_on=date(2026, 2, 10),
            method="bank_transfer",
            reference="R 1",
            reason="paid twice",
        ),
    )
    assert given == {
        "id": given["id"],
        "payment_id": payment["id"],
        "customer_id": str(books.payer),
        "method": "bank_transfer",
        "status": "succeeded",
        "currency": "EUR",
        "amount": 300,
        "refunded_on": "2026-02-10",
        "reference": "R 1",
        "reason": "paid twice",
        "online": None,
        "hold": None,
        "version": 1,
        "created_at": "2026-03-02T09:00:04.000000Z",
        "updated_at": "2026-03-02T09:00:04.000000Z",
    }
    assert books.read(queries.get_payment, UUID(payment["id"])) == {
        **payment,
        "unallocated": 200,
        "refunded": 300,
        "version": 2,
        "updated_at": "2026-03-02T09:00:04.000000Z",
    }
    assert books.invoice(invoice)["due"] == 0
    assert books.balances(on=date(2026, 2, 9)) == {
        "Assets:Cash:Cash": 1_500,
        "Income:Sales": -1_000,
        accounts.credit(books.payer): -500,
    }
    assert books.balances(on=date(2026, 2, 10)) == {
        "Assets:Cash:Cash": 1_500,
        "Assets:Cash:BankTransfer": -300,
        "Income:Sales": -1_000,
        accounts.credit(books.payer): -200,
    }
    rows = books.snapshot()
    [event] = [row for row in rows["event"][1] if row["type"] == "refund.settled"]
    assert event["id"] == ids.derived(UUID(given["id"]), "refund.settled")
    assert event["payload"] == {
        "refund_id": given["id"],
        "payment_id": payment["id"],
        "customer_id": str(books.payer),
        "currency": "EUR",
        "amount": 300,
        "invoice_ids": [],
    }
    assert len(rows["allocation"][1]) == 1


def test_a_refund_takes_what_is_free_and_then_the_newest_allocation(books: Books) -> None:
    old, new = books.issued(1_000, terms_days=1), books.issued(1_000, terms_days=2)
    payment = books.paid(2_100, old, new, excess="credit", method="cheque")
    receipt = books.read(queries.get_receipt, UUID(payment["id"]))
    given = books.done(refund_payments, refund(books, payment, 400))
    assert (given["method"], given["refunded_on"]) == ("cheque", "2026-03-02")
    assert [books.invoice(each)["due"] for each in (old, new)] == [0, 300]
    books.done(refund_payments, refund(books, payment, 1_000))
    assert [books.invoice(each)["due"] for each in (old, new)] == [300, 1_000]
    assert [books.invoice(each)["payment_status"] for each in (old, new)] == ["partial", "unpaid"]
    now = books.read(queries.get_payment, UUID(payment["id"]))
    assert (now["allocated"], now["unallocated"], now["refunded"]) == (700, 0, 1_400)
    assert now["status"] == "succeeded"
    assert books.balances() == {
        "Assets:Cash:Cheque": 700,
        accounts.receivable(books.payer): 1_300,
        "Income:Sales": -2_000,
    }
    rows = books.snapshot()
    assert [(row["amount"], row["due_after"]) for row in rows["allocation"][1]] == [
        *((1_000, 0), (1_000, 0), (-300, 300), (-700, 1_000), (-300, 300))
    ]
    told = [row["payload"]["invoice_ids"] for row in rows["event"][1] if "refund" in row["type"]]
    assert sorted(told, key=len) == [[new["id"]], [new["id"], old["id"]]]
    assert books.read(queries.get_receipt, UUID(payment["id"])) == receipt
    # All that is left, and then nothing more.
    assert books.done(refund_payments, refund(books, payment))["amount"] == 700
    refusal = books.refused(refund_payments, refund(books, payment))
    assert refusal.code == "refund.exceeds_payment"
    assert refusal.facts == {"refundable": "0.00", "currency": "EUR"}
    assert books.balances() == {
        accounts.receivable(books.payer): 2_000,
        "Income:Sales": -2_000,
    }


def test_refunds_of_one_batch_see_each_other(books: Books) -> None:
    payment = books.paid(100, books.issued(100))
    answers = books.answers(refund_payments, *[refund(books, payment, 60) for _ in range(3)])
    assert [getattr(each.outcome, "code", "done") for each in answers] == [
        *("done", "refund.exceeds_payment", "refund.exceeds_payment")
    ]


def test_the_same_key_gives_money_back_once(books: Books) -> None:
    payment = books.paid(100, customer_id=books.payer)
    command = refund(books, payment, 40)
    [first] = books.answers(refund_payments, command)
    [second] = books.answers(refund_payments, command)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.outcome == second.outcome
    assert books.read(queries.get_payment, UUID(payment["id"]))["refunded"] == 40


def test_what_cannot_be_given_back(books: Books) -> None:
    payment = books.paid(1_000, books.issued(1_000), paid_on=date(2026, 3, 1))
    unknown = RefundPayment(books.act(), ids.new())
    for command, code, pointer in (
        (unknown, "payment.unknown", ""),
        (refund(books, payment, 0), "refund.amount_not_positive", "/amount"),
        (refund(books, payment, -1), "refund.amount_not_positive", "/amount"),
        (
            refund(books, payment, 1, refunded_on=date(2026, 3, 3)),
            "refund.date_in_future",
            "/refunded_on",
        ),
        (
            refund(books, payment, 1, refunded_on=date(2026, 2, 28)),
            "refund.before_payment",
            "/refunded_on",
        ),
    ):
        refusal = books.refused(refund_payments, command)
        assert (refusal.code, refusal.pointer) == (code, pointer)
    refusal = books.refused(refund_payments, refund(books, payment, 1_001))
    assert (refusal.code, refusal.pointer) == ("refund.exceeds_payment", "/amount")
    assert refusal.facts == {"refundable": "10.00", "currency": "EUR"}
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    assert books.refused(refund_payments, refund(books, payment)).code == "organization.inactive"


def test_a_payment_of_another_organization_is_unknown(open_books: Opening) -> None:
    mine, theirs = open_books(), open_books()
    payment = theirs.paid(100, customer_id=theirs.payer)
    assert mine.refused(refund_payments, refund(mine, payment)).code == "payment.unknown"
    given = theirs.done(refund_payments, refund(theirs, payment))
    assert mine.read(refunds.list_refunds, RefundFilter()).items == []
    assert theirs.read(refunds.list_refunds, RefundFilter()).items == [given]


def test_read_refunds(books: Books) -> None:
    one, two = (books.paid(100, customer_id=books.payer) for _ in range(2))
    other = books.paid(100, customer_id=UUID(books.customer()["id"]))
    given = [
        books.done(refund_payments, refund(books, each, 10)) for each in (one, one, two, other)
    ]
    assert books.read(refunds.get_refund, UUID(given[1]["id"])) == given[1]
    for wanted, expected in (
        (RefundFilter(), given[::-1]),
        (RefundFilter(payment_id=UUID(one["id"])), [given[1], given[0]]),
        (RefundFilter(customer_id=books.payer), [given[2], given[1], given[0]]),
        (RefundFilter(payment_id=UUID(two["id"]), customer_id=books.payer), [given[2]]),
    ):
        assert books.read(refunds.list_refunds, wanted).items == expected
    first = books.read(refunds.list_refunds, RefundFilter(), limit=3)
    rest = books.read(refunds.list_refunds, RefundFilter(), after=first.next_after, limit=3)
    assert (first.items, rest.items, rest.next_after) == (given[:0:-1], given[:1], None)
