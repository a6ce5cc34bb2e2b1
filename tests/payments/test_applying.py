"""Apply what is free of a payment to invoices, and take it back."""

from datetime import date
from uuid import UUID

from tallystick.kernel import ids
from tallystick.ledger import accounts
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments import queries
from tallystick.payments.allocating import Share
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.releasing import ReleaseAllocation, release_allocations
from tests.factories import Books


def apply(books: Books, payment: PaymentDocument, *shares: Share) -> ApplyCredit:
    """Prepare a command that applies what is free of a payment."""
    return ApplyCredit(books.act(), UUID(payment["id"]), shares)


def release(books: Books, payment: PaymentDocument, invoice_id: UUID | str) -> ReleaseAllocation:
    """Prepare a command that takes back what a payment gave to an invoice."""
    return ReleaseAllocation(books.act(), UUID(payment["id"]), UUID(str(invoice_id)))


def test_credit_pays_the_oldest_due_first(books: Books) -> None:
    payment = books.paid(1_500, customer_id=books.payer, paid_on=date(2026, 2, 1))
    receipt = books.read(queries.get_receipt, UUID(payment["id"]))
    late, early = books.issued(1_000, terms_days=9), books.issued(1_000, terms_days=2)
    applied = books.done(apply_credit, apply(books, payment))
    assert applied == {
        **payment,
        "allocated": 1_500,
        "unallocated": 0,
        "allocations": [
            {"invoice_id": early["id"], "invoice_number": early["number"], "amount": 1_000},
            {"invoice_id": late["id"], "invoice_number": late["number"], "amount": 500},
        ],
        "version": 2,
        "updated_at": applied["updated_at"],
    }
    now = [books.invoice(each) for each in (early, late)]
    assert [(each["due"], each["payment_status"]) for each in now] == [
        (0, "paid"),
        (500, "partial"),
    ]
    # The money came in February and pays in March.
    assert books.balances(on=date(2026, 2, 1)) == {
        "Assets:Cash:Cash": 1_500,
        accounts.credit(books.payer): -1_500,
    }
    assert books.balances() == {
        "Assets:Cash:Cash": 1_500,
        accounts.receivable(books.payer): 500,
        "Income:Sales": -2_000,
    }
    rows = books.snapshot()
    given = [(row["amount"], row["due_after"], row["date"]) for row in rows["allocation"][1]]
    assert given == [(1_000, 0, date(2026, 3, 2)), (500, 500, date(2026, 3, 2))]
    [event] = [row for row in rows["event"][1] if row["type"] == "payment.allocated"]
    assert event["payload"] == {
        "payment_id": payment["id"],
        "customer_id": str(books.payer),
        "currency": "EUR",
        "amount": 1_500,
        "invoice_ids": [early["id"], late["id"]],
    }
    assert books.read(queries.get_receipt, UUID(payment["id"])) == receipt


def test_credit_pays_the_invoices_that_are_named(books: Books) -> None:
    payment = books.paid(1_000, customer_id=books.payer)
    one, two, three = (books.issued(300) for _ in range(3))
    shares = [Share(UUID(three["id"]), 100), Share(UUID(one["id"]), 50)]
    applied = books.done(apply_credit, apply(books, payment, *shares))
    assert (applied["allocated"], applied["unallocated"]) == (150, 850)
    assert [books.invoice(each)["due"] for each in (one, two, three)] == [250, 300, 200]
    applied = books.done(apply_credit, apply(books, payment, Share(UUID(three["id"]))))
    assert (applied["allocated"], applied["unallocated"]) == (350, 650)
    assert [books.invoice(each)["due"] for each in (one, two, three)] == [250, 300, 0]


def test_one_batch_sees_what_stands_before_it(books: Books) -> None:
    payment = books.paid(500, customer_id=books.payer)
    books.issued(300)
    commands = [apply(books, payment) for _ in range(2)]
    first, second = books.answers(apply_credit, *commands)
    assert isinstance(first.outcome, dict)
    assert first.outcome["unallocated"] == 200
    assert getattr(second.outcome, "code", None) == "payment.nothing_due"


def test_credit_that_cannot_be_applied(books: Books) -> None:
    invoice = books.issued(1_000)
    settled = books.paid(400, invoice)
    free = books.paid(300, customer_id=UUID(books.customer()["id"]))
    own = books.paid(700, customer_id=books.payer)
    assert own["unallocated"] == 100
    share = Share(UUID(invoice["id"]))
    other = books.issued(500)
    dollars = books.issued(500, currency="USD")
    draft = books.draft(500)
    [twice, positive] = [(share, share), (Share(share.invoice_id, 0),)]
    for command, code, pointer, facts in (
        (ApplyCredit(books.act(), ids.new()), "payment.unknown", "", {}),
        (apply(books, settled), "payment.no_credit", "", {}),
        (apply(books, settled, share), "payment.no_credit", "", {}),
        (apply(books, free), "payment.nothing_due", "/invoices", {}),
        (apply(books, own, share), "payment.nothing_due", "/invoices", {}),
        (apply(books, free, share), "payment.customers_differ", "/invoices/0/invoice_id", {}),
        (apply(books, own, Share(ids.new())), "invoice.unknown", "/invoices/0/invoice_id", {}),
        (
            apply(books, own, Share(UUID(draft["id"]))),
            "invoice.not_payable",
            "/invoices/0/invoice_id",
            {},
        ),
        (apply(books, own, Share(UUID(dollars["id"]))), "money.currency", "/currency", {}),
        (apply(books, own, *twice), "payment.invoice_twice", "/invoices", {}),
        (apply(books, own, *positive), "payment.amount_not_positive", "/invoices", {}),
        (
            apply(books, own, Share(UUID(other["id"]), 101)),
            "payment.exceeds_credit",
            "/invoices",
            {"unallocated": "1.00", "currency": "EUR"},
        ),
        (
            apply(books, own, Share(share.invoice_id, 1)),
            "payment.exceeds_due",
            "/invoices/0/amount",
            {"due": "0.00", "currency": "EUR"},
        ),
    ):
        refusal = books.refused(apply_credit, command)
        assert (refusal.code, refusal.pointer, refusal.facts) == (code, pointer, facts)
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    assert books.refused(apply_credit, apply(books, own)).code == "organization.inactive"


def test_what_was_given_is_taken_back(books: Books) -> None:
    one, two = books.issued(1_000), books.issued(1_000)
    payment = books.paid(1_500, one, two)
    receipt = books.read(queries.get_receipt, UUID(payment["id"]))
    released = books.done(release_allocations, release(books, payment, one["id"]))
    assert (released["allocated"], released["unallocated"]) == (500, 1_000)
    assert [part["invoice_id"] for part in released["allocations"]] == [two["id"]]
    assert [books.invoice(each)["due"] for each in (one, two)] == [1_000, 500]
    assert books.balances() == {
        "Assets:Cash:Cash": 1_500,
        accounts.receivable(books.payer): 1_500,
        accounts.credit(books.payer): -1_000,
        "Income:Sales": -2_000,
    }
    rows = books.snapshot()
    assert [(row["amount"], row["due_after"]) for row in rows["allocation"][1]] == [
        *((1_000, 0), (500, 500), (-1_000, 1_000))
    ]
    [event] = [row for row in rows["event"][1] if row["type"] == "payment.released"]
    assert event["payload"]["amount"] == 1_000
    # It can be given again, and taken back again.
    books.done(apply_credit, apply(books, payment, Share(UUID(one["id"]), 600)))
    released = books.done(release_allocations, release(books, payment, one["id"]))
    assert (released["allocated"], released["unallocated"]) == (500, 1_000)
    assert books.read(queries.get_receipt, UUID(payment["id"])) == receipt


def test_what_was_not_given_cannot_be_taken_back(books: Books) -> None:
    one, two = books.issued(1_000), books.issued(1_000)
    payment = books.paid(500, one)
    unknown = ReleaseAllocation(books.act(), ids.new(), UUID(one["id"]))
    for command, code in (
        (unknown, "payment.unknown"),
        (release(books, payment, ids.new()), "invoice.unknown"),
        (release(books, payment, two["id"]), "payment.not_allocated"),
    ):
        assert books.refused(release_allocations, command).code == code
    books.done(release_allocations, release(books, payment, one["id"]))
    again = books.refused(release_allocations, release(books, payment, one["id"]))
    assert again.code == "payment.not_allocated"
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    inactive = books.refused(release_allocations, release(books, payment, one["id"]))
    assert inactive.code == "organization.inactive"
