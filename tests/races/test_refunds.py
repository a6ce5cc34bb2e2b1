"""Money that goes back while somebody else moves it: it goes once, and the books stay right."""

from collections import Counter
from collections.abc import Callable, Sequence
from uuid import UUID

from tallystick.kernel.database import Database
from tallystick.payments import queries
from tallystick.payments.allocating import Share
from tallystick.payments.claiming import ClaimPayment, claim_payments
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import record_payments
from tests.races import scenes
from tests.races.books import Books, code, run

Processes = Callable[[int], Sequence[Database]]


def payment_of(books: Books, payment_id: UUID) -> PaymentDocument:
    """Read a payment."""
    return books.database.read(
        lambda conn: queries.get_payment(conn, books.organization_id, payment_id)
    )


def test_twenty_refunds_of_one_payment_give_it_back_once(
    books: Books, processes: Processes
) -> None:
    invoice_id = books.issued(1, 10_000)[0]
    [payment] = run(books.database, record_payments, books.pay(10_000, invoice_id))
    payment_id = UUID(payment["id"])
    answers = scenes.refunders_of_one_payment(
        books, processes(4), payment_id, refunders=20, amount=10_000
    )
    assert Counter(code(given) for given in answers) == {"done": 1, "refund.exceeds_payment": 19}
    now = payment_of(books, payment_id)
    assert (now["allocated"], now["unallocated"], now["refunded"]) == (0, 0, 10_000)
    assert books.allocated(invoice_id) == [-10_000, 10_000]
    assert books.invoice(invoice_id)["due"] == 10_000


def test_refunds_in_parts_never_give_back_more_than_came(
    books: Books, processes: Processes
) -> None:
    invoice_id = books.issued(1, 10_000)[0]
    [payment] = run(books.database, record_payments, books.pay(10_000, invoice_id))
    payment_id = UUID(payment["id"])
    answers = scenes.refunders_of_one_payment(
        books, processes(4), payment_id, refunders=20, amount=900
    )
    assert Counter(code(given) for given in answers) == {"done": 11, "refund.exceeds_payment": 9}
    now = payment_of(books, payment_id)
    assert (now["allocated"], now["unallocated"], now["refunded"]) == (100, 0, 9_900)
    assert books.invoice(invoice_id)["due"] == 9_900


def test_a_refund_meets_credit_that_is_applied(
    books: Books, processes: Processes, record_property: Callable[[str, object], None]
) -> None:
    wanted = [books.pay(100, customer_id=books.customer_id) for _ in range(100)]
    payment_ids = [UUID(each["id"]) for each in run(books.database, record_payments, *wanted)]
    invoice_ids = books.issued(3, 100)
    duels = scenes.refunds_against_credit(books, processes(2), payment_ids)
    outcomes = Counter((code(refund), code(applied)) for refund, applied in duels)
    # What was applied first is taken back by the refund, so the money goes in any case.
    assert outcomes.total() == 100
    assert set(outcomes) <= {("done", "done"), ("done", "payment.no_credit")}, outcomes
    record_property("credit won", outcomes["done", "done"])
    for payment_id in payment_ids:
        now = payment_of(books, payment_id)
        assert (now["allocated"], now["unallocated"], now["refunded"]) == (0, 0, 100)
    assert [books.invoice(each)["due"] for each in invoice_ids] == [100, 100, 100]
    assert sum(books.allocated(*invoice_ids)) == 0


def test_a_refund_meets_a_payment_of_the_same_invoice(
    books: Books, processes: Processes, record_property: Callable[[str, object], None]
) -> None:
    invoice_ids = books.issued(50, 100) + books.issued(50, 100)
    payments = run(books.database, record_payments, *[books.pay(100, each) for each in invoice_ids])
    paid = {
        invoice_id: UUID(payment["id"])
        for invoice_id, payment in zip(invoice_ids, payments, strict=True)
    }
    duels = scenes.refunds_against_payments(books, processes(2), paid)
    outcomes = Counter((code(refund), code(payment)) for refund, payment in duels)
    assert outcomes.total() == 100
    assert set(outcomes) <= {("done", "done"), ("done", "payment.exceeds_due")}, outcomes
    record_property("refund won", outcomes["done", "done"])
    assert books.standings(*invoice_ids) == {
        invoice_id: ("open", 100 if code(payment) == "done" else 0)
        for invoice_id, (_, payment) in zip(invoice_ids, duels, strict=True)
    }


def test_a_claim_is_confirmed_once(books: Books, processes: Processes) -> None:
    invoice_ids = books.issued(50, 300)
    claims = [
        ClaimPayment(books.act(), 100, "EUR", "cash", invoices=(Share(each),))
        for each in invoice_ids
    ]
    payments = run(books.database, claim_payments, *claims)
    payment_ids = [UUID(payment["id"]) for payment in payments]
    duels = scenes.confirmers_of_claims(books, processes(2), payment_ids)
    told = Counter(tuple(sorted((code(one), code(other)))) for one, other in duels)
    assert told == {("done", "payment.not_claimed"): 50}
    assert books.allocated(*invoice_ids) == [100] * 50
    assert books.receipts() == list(range(1, 51))
