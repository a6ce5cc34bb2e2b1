"""Payments that wait to be confirmed: they move nothing until the money was seen."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel import ids
from tallystick.ledger import accounts
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments import queries
from tallystick.payments.allocating import Share
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.claiming import (
    ClaimPayment,
    ConfirmPayment,
    DeclinePayment,
    claim_payments,
    confirm_payments,
    decline_payments,
)
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.refunding import RefundPayment, refund_payments
from tests.factories import START, Books


def claim(books: Books, amount: int, *invoices: InvoiceDocument | Share, **values: Any) -> Any:
    """Prepare a command that claims a transfer."""
    plain = books.payment(amount, *invoices)
    return ClaimPayment(
        plain.act, amount, "EUR", "bank_transfer", invoices=plain.invoices, **values
    )


def claimed(
    books: Books, amount: int, *invoices: InvoiceDocument | Share, **values: Any
) -> PaymentDocument:
    """Claim a transfer."""
    return books.done(claim_payments, claim(books, amount, *invoices, **values))


def confirm(books: Books, payment: PaymentDocument, **values: Any) -> ConfirmPayment:
    """Prepare a command that confirms a claim."""
    return ConfirmPayment(books.act(), UUID(payment["id"]), **values)


def test_a_claim_moves_nothing(books: Books) -> None:
    invoice = books.issued(1_000)
    balances = books.balances()
    payment = claimed(books, 600, invoice, reference="TX 1", note="sent", paid_on=date(2026, 2, 27))
    assert payment == {
        "id": payment["id"],
        "customer_id": str(books.payer),
        "method": "bank_transfer",
        "status": "pending_confirmation",
        "currency": "EUR",
        "amount": 600,
        "allocated": 0,
        "unallocated": 0,
        "refund_reserved": 0,
        "refunded": 0,
        "paid_on": "2026-02-27",
        "reference": "TX 1",
        "note": "sent",
        "receipt_number": None,
        "receipt_date": None,
        "allocations": [],
        "online": None,
        "version": 1,
        "created_at": "2026-03-02T09:00:03.000000Z",
        "updated_at": "2026-03-02T09:00:03.000000Z",
    }
    assert books.read(queries.get_payment, UUID(payment["id"])) == payment
    assert books.invoice(invoice) == invoice
    assert books.balances() == balances
    told = [row["type"] for row in books.snapshot()["event"][1]]
    assert sorted(told) == ["customer.created", "invoice.issued", "payment.claimed"]
    # It reserves nothing either: the whole due can still be paid.
    books.paid(1_000, invoice)


def test_a_confirmed_claim_is_a_payment(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = claimed(books, 600, invoice, reference="TX 1", paid_on=date(2026, 2, 27))
    later = START + timedelta(days=3)
    command = ConfirmPayment(books.act(at=later), UUID(payment["id"]))
    confirmed = books.done(confirm_payments, command)
    assert confirmed == {
        **payment,
        "status": "succeeded",
        "allocated": 600,
        "receipt_number": "REC-2026-000001",
        "receipt_date": "2026-03-05",
        "allocations": [
            {"invoice_id": invoice["id"], "invoice_number": invoice["number"], "amount": 600}
        ],
        "version": 2,
        "updated_at": "2026-03-05T09:00:00.000000Z",
    }
    assert books.read(queries.get_payment, UUID(payment["id"])) == confirmed
    assert books.invoice(invoice)["due"] == 400
    assert books.balances(on=date(2026, 2, 27)) == {
        "Assets:Cash:BankTransfer": 600,
        accounts.credit(books.payer): -600,
    }
    assert accounts.credit(books.payer) not in books.balances(on=START.date())
    receipt = books.read(queries.get_receipt, UUID(payment["id"]))
    assert (receipt["date"], receipt["paid_on"], receipt["reference"]) == (
        *("2026-03-05", "2026-02-27"),
        "TX 1",
    )
    assert receipt["invoices"] == [
        {
            "invoice_id": invoice["id"],
            "number": "INV-2026-000001",
            "amount": 600,
            "due_after": 400,
        }
    ]
    assert receipt["received_from"] == invoice["buyer"]
    again = books.refused(confirm_payments, confirm(books, payment))
    assert (again.code, again.facts) == ("payment.not_claimed", {"payment_status": "succeeded"})
    declining = DeclinePayment(books.act(), UUID(payment["id"]), "no")
    assert books.refused(decline_payments, declining).code == "payment.not_claimed"


def test_a_claim_of_a_customer_pays_what_is_open_when_it_is_confirmed(books: Books) -> None:
    payment = claimed(books, 1_500, customer_id=books.payer)
    late, early = books.issued(1_000, terms_days=9), books.issued(1_000, terms_days=2)
    confirmed = books.done(confirm_payments, confirm(books, payment))
    assert [part["invoice_id"] for part in confirmed["allocations"]] == [early["id"], late["id"]]
    assert [books.invoice(each)["due"] for each in (early, late)] == [0, 500]


def test_a_confirmed_claim_without_invoices_names_both_parties(books: Books) -> None:
    payment = claimed(books, 70, customer_id=books.payer)
    confirmed = books.done(confirm_payments, confirm(books, payment))
    assert (confirmed["unallocated"], confirmed["allocations"]) == (70, [])
    receipt = books.read(queries.get_receipt, UUID(payment["id"]))
    # Credit that pays an invoice later leaves the receipt as it was made out.
    books.issued(50)
    books.done(apply_credit, ApplyCredit(books.act(), UUID(payment["id"])))
    assert books.read(queries.get_receipt, UUID(payment["id"])) == receipt
    assert (receipt["unallocated"], receipt["invoices"]) == (70, [])
    assert receipt["received_by"]["name"] == "North School"
    assert receipt["received_from"]["name"] == "Ann Example"


def test_what_came_may_differ_from_what_was_claimed(books: Books) -> None:
    one, two = books.issued(1_000), books.issued(1_000)
    payment = claimed(books, 1_100, *[Share(UUID(each["id"]), 550) for each in (one, two)])
    for values, code in (
        ({"amount": 1_099}, "payment.shares_exceed_amount"),
        ({"amount": 0}, "payment.amount_not_positive"),
        ({"amount": 1_200}, "payment.rest_unallocated"),
        ({"paid_on": date(2026, 3, 3)}, "payment.date_in_future"),
    ):
        assert books.refused(confirm_payments, confirm(books, payment, **values)).code == code
    seen = confirm(books, payment, amount=1_200, excess="credit", paid_on=date(2026, 3, 1))
    confirmed = books.done(confirm_payments, seen)
    assert (confirmed["amount"], confirmed["allocated"], confirmed["unallocated"]) == (
        *(1_200, 1_100),
        100,
    )
    assert confirmed["paid_on"] == "2026-03-01"


def test_what_is_paid_may_differ_from_what_was_claimed(books: Books) -> None:
    one, two = books.issued(1_000), books.issued(1_000)
    less = claimed(books, 1_100, *[Share(UUID(each["id"]), 550) for each in (one, two)])
    assert books.refused(confirm_payments, confirm(books, less, amount=600)).code == (
        "payment.shares_exceed_amount"
    )
    shares = (Share(UUID(two["id"]), 600),)
    confirmed = books.done(confirm_payments, confirm(books, less, amount=600, invoices=shares))
    assert [(each["invoice_id"], each["amount"]) for each in confirmed["allocations"]] == [
        (two["id"], 600)
    ]
    assert books.invoice(one)["due"] == 1_000
    meant = claimed(books, 300, one)
    new = books.replaced(one, 900)
    assert books.refused(confirm_payments, confirm(books, meant)).code == "invoice.not_payable"
    now = books.done(confirm_payments, confirm(books, meant, invoices=(Share(UUID(new["id"])),)))
    assert (now["allocated"], books.invoice(new)["due"]) == (300, 600)
    stranger = books.issued(customer_id=UUID(books.customer()["id"]))
    theirs = claimed(books, 700, new)
    refusal = books.refused(
        confirm_payments, confirm(books, theirs, invoices=(Share(UUID(stranger["id"])),))
    )
    assert refusal.code == "payment.customers_differ"
    # With no invoice named the oldest due is paid first, and the rest is credit.
    now = books.done(confirm_payments, confirm(books, theirs, amount=1_200, invoices=()))
    assert (now["allocated"], now["unallocated"]) == (1_000, 200)


def test_a_claim_is_judged_when_it_is_confirmed(books: Books) -> None:
    invoice, void = books.issued(1_000), books.issued(1_000)
    payment, of_void = claimed(books, 600, invoice), claimed(books, 100, void)
    books.paid(500, invoice)
    refusal = books.refused(confirm_payments, confirm(books, payment))
    assert (refusal.code, refusal.facts["due"]) == ("payment.exceeds_due", "5.00")
    books.done(void_invoices, VoidInvoice(books.act(), UUID(void["id"]), "a mistake"))
    assert books.refused(confirm_payments, confirm(books, of_void)).code == "invoice.not_payable"
    assert books.done(confirm_payments, confirm(books, payment, amount=500))["allocated"] == 500


def test_confirmations_of_one_batch_see_each_other(books: Books) -> None:
    invoice = books.issued(1_000)
    payments = [claimed(books, 600, invoice) for _ in range(2)]
    answers = books.answers(confirm_payments, *[confirm(books, each) for each in payments])
    assert [getattr(each.outcome, "code", "done") for each in answers] == [
        *("done", "payment.exceeds_due")
    ]


def test_a_declined_claim(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = claimed(books, 600, invoice)
    balances = books.balances()
    declining = DeclinePayment(books.act(), UUID(payment["id"]), "It never came.")
    declined = books.done(decline_payments, declining)
    assert declined == {
        **payment,
        "status": "declined",
        "version": 2,
        "updated_at": declined["updated_at"],
    }
    assert books.balances() == balances
    refusal = books.refused(confirm_payments, confirm(books, payment))
    assert (refusal.code, refusal.facts) == ("payment.not_claimed", {"payment_status": "declined"})
    payment_id = UUID(payment["id"])
    for refusal in (
        books.refused(refund_payments, RefundPayment(books.act(), payment_id)),
        books.refused(apply_credit, ApplyCredit(books.act(), payment_id)),
    ):
        assert (refusal.code, refusal.facts) == (
            "payment.not_settled",
            {"payment_status": "declined"},
        )


def test_what_cannot_be_claimed_or_decided(books: Books) -> None:
    invoice = books.issued(1_000)
    draft = books.draft(500)
    dollars = books.issued(500, currency="USD")
    other = books.issued(500, customer_id=UUID(books.customer()["id"]))
    settled = books.paid(100, invoice)
    for command, code in (
        (claim(books, 0, invoice), "payment.amount_not_positive"),
        (claim(books, 1), "payment.payer_missing"),
        (claim(books, 1, Share(ids.new())), "invoice.unknown"),
        (claim(books, 1, customer_id=ids.new()), "customer.unknown"),
        (claim(books, 1, draft), "invoice.not_payable"),
        (claim(books, 1, dollars), "money.currency"),
        (claim(books, 1, invoice, other), "payment.customers_differ"),
        (claim(books, 1, invoice, paid_on=date(2026, 3, 3)), "payment.date_in_future"),
    ):
        assert books.refused(claim_payments, command).code == code
    for refusal in (
        books.refused(confirm_payments, ConfirmPayment(books.act(), ids.new())),
        books.refused(decline_payments, DeclinePayment(books.act(), ids.new(), "no")),
    ):
        assert refusal.code == "payment.unknown"
    refusal = books.refused(confirm_payments, confirm(books, settled))
    assert (refusal.code, refusal.facts) == ("payment.not_claimed", {"payment_status": "succeeded"})
    payment = claimed(books, 5, invoice)
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    assert books.refused(confirm_payments, confirm(books, payment)).code == "organization.inactive"
    assert books.refused(claim_payments, claim(books, 5, invoice)).code == "organization.inactive"
    declining = DeclinePayment(books.act(), UUID(payment["id"]), "no")
    assert books.refused(decline_payments, declining).code == "organization.inactive"
