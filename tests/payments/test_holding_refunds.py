"""Refunds that a rule holds: nothing moves before another person has approved them."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from tallystick.kernel import ids
from tallystick.kernel.actor import Actor
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.payments import queries, refunds
from tallystick.payments.approving_refunds import (
    ApproveRefund,
    DeclineRefund,
    approve_refunds,
    decline_held_refunds,
)
from tallystick.payments.provider import Succeeded
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.returning import (
    ResolveRefund,
    StartRefund,
    resolve_refunds,
    start_refunds,
)
from tallystick.reports.explaining import explain_invoice
from tallystick.rules.managing import CreateRule, RuleContent, create_rules
from tallystick.rules.queries import FiringFilter, list_firings
from tests.factories import Books
from tests.payments.online import CALL_S, resolved, started

ANOTHER = Actor("user", ids.new(), "accountant", None)


def hold(books: Books, **values: Any) -> None:
    """Let refunds wait by which 5.00 or more of a payment go back."""
    above = {"field": "refund.total", "operator": "gte", "value": "5.00"}
    actions = [{"action": "hold_refund_for_approval"}]
    content = RuleContent("Large refunds", "refund_requested", actions, above, **values)
    books.done(create_rules, CreateRule(books.act(), content))


def wanted(books: Books, payment: PaymentDocument, amount: int | None = None) -> RefundPayment:
    """Prepare a command that gives back."""
    return RefundPayment(books.act(), UUID(payment["id"]), amount, reason="Paid twice.")


def approval(books: Books, refund: RefundDocument, actor: Actor = ANOTHER) -> ApproveRefund:
    """Prepare a command of another person."""
    later = books.act(at=books.act.now + timedelta(days=2))
    return ApproveRefund(replace(later, actor=actor), UUID(refund["id"]), CALL_S)


def parts(books: Books, payment: PaymentDocument) -> tuple[int, int, int, int]:
    """Tell where the money of a payment is."""
    now = books.read(queries.get_payment, UUID(payment["id"]))
    return now["allocated"], now["unallocated"], now["refund_reserved"], now["refunded"]


def test_a_refund_waits_and_another_person_lets_it_go(books: Books) -> None:
    hold(books)
    invoice = books.issued(1_000)
    payment = books.paid(1_000, invoice)
    small = books.done(refund_payments, wanted(books, payment, 499))
    assert (small["status"], small["hold"]) == ("succeeded", None)
    before = books.balances()
    held = books.done(refund_payments, wanted(books, payment))
    assert (held["status"], held["amount"]) == ("pending_approval", 501)
    assert books.balances() == before
    assert parts(books, payment) == (501, 0, 0, 499)
    # What waits is not given back twice.
    assert books.refused(refund_payments, wanted(books, payment, 1)).facts["refundable"] == "0.00"
    maker = books.act().actor
    same = books.refused(approve_refunds, approval(books, held, maker))
    assert same.code == "refund.same_person"
    gone = books.done(approve_refunds, approval(books, held))
    assert (gone["status"], gone["refunded_on"]) == ("succeeded", "2026-03-04")
    assert parts(books, payment) == (0, 0, 0, 1_000)
    assert books.invoice(invoice)["due"] == 1_000
    assert books.refused(approve_refunds, approval(books, held)).code == "refund.not_held"
    [fired] = books.read(list_firings, FiringFilter(payment_id=UUID(payment["id"]))).items
    assert (fired["facts"]["refund.amount"], fired["facts"]["refund.total"]) == (501, 1_000)
    assert fired["results"][0]["amount"] == 501
    assert fired["facts"]["refund.reason"] == "Paid twice."
    told = [each["text"] for each in books.read(explain_invoice, UUID(invoice["id"]))["steps"]]
    rule = "The rule “Large refunds”, version 1: "
    assert f"{rule}a refund of 5.01 EUR waits until another person approves it" in told


def test_what_is_declined_may_go_back_otherwise(books: Books) -> None:
    hold(books, customer_id=books.payer)
    payment = books.paid(1_000, books.issued(1_000))
    held = books.done(refund_payments, wanted(books, payment, 600))
    # The one who wanted it may take it back.
    command = DeclineRefund(books.act(), UUID(held["id"]), "Not needed.")
    declined = books.done(decline_held_refunds, command)
    assert declined["status"] == "declined"
    assert declined["hold"] is not None
    assert declined["hold"]["decline_reason"] == "Not needed."
    assert parts(books, payment) == (1_000, 0, 0, 0)
    again = books.refused(decline_held_refunds, replace(command, act=books.act()))
    assert (again.code, again.facts) == ("refund.not_held", {"refund_status": "declined"})
    other = books.issued(1_000, customer_id=UUID(books.customer()["id"]))
    free = books.done(refund_payments, wanted(books, books.paid(1_000, other)))
    assert free["status"] == "succeeded"
    assert books.done(refund_payments, wanted(books, payment, 600))["status"] == "pending_approval"


def test_a_provider_hears_of_it_after_the_approval(books: Books) -> None:
    hold(books)
    payment = resolved(books, started(books, 1_000, books.issued(1_000)), Succeeded("ref-1"))
    start = StartRefund(books.act(), UUID(payment["id"]), CALL_S, reason="Paid twice.")
    held = books.done(start_refunds, start)
    assert (held["status"], held["online"], held["method"]) == ("pending_approval", None, "fakepay")
    assert parts(books, payment) == (1_000, 0, 0, 0)
    tasks = len(books.snapshot()["task"][1])
    going = books.done(approve_refunds, approval(books, held))
    assert (going["status"], going["id"]) == ("processing", held["id"])
    assert parts(books, payment) == (0, 0, 1_000, 0)
    assert len(books.snapshot()["task"][1]) == tasks + 1
    told = ResolveRefund(books.act(), UUID(held["id"]), Succeeded())
    assert books.done(resolve_refunds, told)["status"] == "succeeded"
    assert parts(books, payment) == (0, 0, 0, 1_000)


def test_of_two_who_approve_one_does(books: Books) -> None:
    hold(books)
    payment = books.paid(1_000, books.issued(1_000))
    held = books.done(refund_payments, wanted(books, payment))
    url = books.database.url.render_as_string(hide_password=False)
    others = [Database(url) for _ in range(2)]
    commands = [approval(books, held) for _ in range(2)]
    start, codes = threading.Barrier(2), []

    def approve(database: Database, command: ApproveRefund) -> None:
        start.wait(20)
        [answer] = database.write(lambda conn: approve_refunds(conn, [command]))
        codes.append(answer.outcome.code if isinstance(answer.outcome, Refusal) else "done")

    threads = [
        threading.Thread(target=approve, args=each) for each in zip(others, commands, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for each in others:
        each.close()
    assert sorted(codes) == ["done", "refund.not_held"]
    assert parts(books, payment) == (0, 0, 0, 1_000)
    assert books.read(refunds.get_refund, UUID(held["id"]))["status"] == "succeeded"
