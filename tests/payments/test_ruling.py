"""Rules act through the same use cases as people, in the transaction of the payment."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import update

from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel.actor import Actor
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS
from tallystick.payments.claiming import (
    ClaimPayment,
    ConfirmPayment,
    claim_payments,
    confirm_payments,
)
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.provider import Failed, Succeeded
from tallystick.payments.recording import record_payments
from tallystick.rules import queries
from tallystick.rules.managing import (
    ChangeRule,
    CreateRule,
    RuleContent,
    change_rules,
    create_rules,
)
from tallystick.rules.queries import FiringDocument, FiringFilter, RuleDocument
from tests.factories import Books
from tests.payments.online import resolved, started

PART = {"field": "invoice.payment_status", "operator": "eq", "value": "partial"}


def rule(
    books: Books, action: str | dict[str, Any], condition: Any = None, **values: Any
) -> RuleDocument:
    """Make a rule with one action."""
    actions = [{"action": action} if isinstance(action, str) else action]
    values.setdefault("trigger", "payment_settled")
    name = f"Rule {len(books.read(queries.standing)) + 1}"
    content = RuleContent(name, actions=actions, condition=condition, **values)
    return books.done(create_rules, CreateRule(books.act(), content))


def tolerate(books: Books, amount: int, customer_id: UUID | None = None) -> None:
    """Let a rest be written off."""
    own = ORGANIZATIONS.c.id == books.organization_id
    statement = update(ORGANIZATIONS).where(own).values(payment_tolerance=amount)
    if customer_id is not None:
        own = CUSTOMERS.c.id == customer_id
        statement = update(CUSTOMERS).where(own).values(payment_tolerance=amount)
    books.database.write(lambda conn: conn.execute(statement))


def firings(books: Books) -> list[FiringDocument]:
    """List what rules did, the oldest first."""
    return books.read(queries.list_firings, FiringFilter()).items[::-1]


def state(books: Books, invoice: InvoiceDocument) -> tuple[int, int, int]:
    """Tell what is paid, written off and due."""
    found = books.invoice(invoice)
    return found["paid"], found["written_off"], found["due"]


def test_a_rest_within_the_tolerance_is_written_off(books: Books) -> None:
    rule(books, "settle_within_tolerance", PART)
    tolerate(books, 50)
    within, beyond, whole = (books.issued(1_000) for _ in range(3))
    books.paid(950, within)
    books.paid(949, beyond)
    books.paid(1_000, whole)
    assert state(books, within) == (950, 50, 0)
    assert state(books, beyond) == (949, 0, 51)
    assert state(books, whole) == (1_000, 0, 0)
    done, refused = firings(books)
    assert (done["outcome"], done["invoice_id"]) == ("applied", within["id"])
    assert done["results"][0]["amount"] == 50
    assert (done["facts"]["invoice.due"], done["facts"]["payment.amount"]) == (50, 950)
    assert refused["outcome"] == "refused"
    assert refused["results"][0]["code"] == "rule.beyond_tolerance"
    # A later payment may come after all.
    books.paid(50, within)
    assert state(books, within) == (1_000, 0, 0)


def test_a_customer_has_a_tolerance_of_their_own(books: Books) -> None:
    rule(books, "settle_within_tolerance")
    tolerate(books, 10)
    tolerate(books, 0, books.payer)
    invoice = books.issued(1_000)
    books.paid(995, invoice)
    assert state(books, invoice) == (995, 0, 5)
    tolerate(books, 20, books.payer)
    books.paid(1, invoice)
    assert state(books, invoice) == (996, 4, 0)


def test_nothing_is_written_off_that_is_on_its_way(books: Books) -> None:
    rule(books, "settle_within_tolerance")
    tolerate(books, 1_000)
    invoice = books.issued(1_000)
    started(books, 300, invoice)
    books.paid(500, invoice)
    assert state(books, invoice) == (500, 200, 300)


def test_several_rests_together_stay_within_the_tolerance(books: Books) -> None:
    rule(books, "settle_within_tolerance")
    tolerate(books, 50)
    invoice = books.issued(1_000)
    online = started(books, 300, invoice)
    books.paid(650, invoice)
    assert state(books, invoice) == (650, 50, 300)
    resolved(books, online, Failed("declined", "No money."))
    books.paid(299, invoice)
    assert state(books, invoice) == (949, 50, 1)
    [done], [refused] = (each["results"] for each in firings(books))
    assert (done["amount"], refused["code"]) == (50, "rule.beyond_tolerance")
    assert "0.50 EUR were written off" in str(refused["detail"])


def test_what_is_left_over_pays_other_invoices(books: Books) -> None:
    rule(books, "allocate_to_open_invoices")
    rule(books, "keep_overpayment", trigger="payment_recorded")
    one, two = books.issued(1_000), books.issued(400)
    payment = books.paid(1_500, one)
    assert (payment["allocated"], payment["unallocated"]) == (1_400, 100)
    assert [part["amount"] for part in payment["allocations"]] == [1_000, 400]
    assert state(books, two) == (400, 0, 0)
    kept, given = (each["results"][0] for each in firings(books))
    assert (kept["action"], kept["outcome"], kept["amount"]) == ("keep_overpayment", "applied", 500)
    assert (given["action"], given["amount"]) == ("allocate_to_open_invoices", 400)
    books.paid(1, books.issued(2))
    assert len(firings(books)) == 2


def test_early_payment_is_rewarded_once_and_with_its_tax(books: Books) -> None:
    discount = {"action": "early_payment_discount", "percent": "2", "within_days": 10}
    rule(books, discount)
    early, short = books.issued(1_000), books.issued(1_000)
    books.paid(980, early)
    books.paid(979, short)
    assert books.invoice(early)["due"] == 0
    assert books.invoice(early)["credited"] == 20
    assert books.invoice(short)["due"] == 21


def test_a_discount_takes_back_no_money_and_counts_what_was_credited(books: Books) -> None:
    rule(books, {"action": "early_payment_discount", "percent": "2", "within_days": 10})
    waiting, credited = books.issued(1_000), books.issued(1_000)
    started(books, 10, waiting)
    paid = books.paid(980, waiting)
    assert (paid["allocated"], paid["unallocated"]) == (980, 0)
    assert state(books, waiting) == (980, 0, 20)
    command = CreditInvoice(books.act(), UUID(credited["id"]), "One lesson was missed", 6)
    books.done(credit_invoices, command)
    books.paid(979, credited)
    assert state(books, credited) == (979, 0, 15)
    books.paid(1, credited)
    assert state(books, credited) == (980, 0, 0)


def test_conditions_scopes_and_days_narrow_a_rule(books: Books) -> None:
    tolerate(books, 500)
    other = UUID(books.customer()["id"])
    rule(books, "settle_within_tolerance", customer_id=other)
    rule(books, "settle_within_tolerance", customer_kind="corporate")
    cheque = {"field": "payment.method", "operator": "eq", "value": "cheque"}
    rule(books, "settle_within_tolerance", cheque)
    rule(books, "settle_within_tolerance", enabled=False)
    mine, theirs = books.issued(1_000), books.issued(1_000, customer_id=other)
    books.paid(900, mine)
    books.paid(900, theirs)
    assert state(books, mine) == (900, 0, 100)
    assert state(books, theirs) == (900, 100, 0)


def test_a_payment_waits_for_another_person(books: Books) -> None:
    large = {"field": "payment.amount", "operator": "gte", "value": "10.00"}
    rule(books, "hold_for_approval", large, trigger="payment_recorded")
    invoice = books.issued(2_000)
    command = books.payment(1_000, invoice)
    held = books.done(record_payments, command)
    assert (held["status"], held["receipt_number"]) == ("pending_confirmation", None)
    assert state(books, invoice) == (0, 0, 2_000)
    [log] = firings(books)
    assert (log["payment_id"], log["results"][0]["amount"]) == (held["id"], 1_000)
    assert log["facts"]["payment.reference"] is None
    assert books.paid(999, invoice)["status"] == "succeeded"
    confirm = ConfirmPayment(books.act(), UUID(held["id"]))
    assert books.refused(confirm_payments, confirm).code == "payment.same_person"
    somebody = Actor("user", UUID(int=7), "owner", books.organization_id)
    confirm = ConfirmPayment(replace(books.act(), actor=somebody), UUID(held["id"]))
    assert books.done(confirm_payments, confirm)["status"] == "succeeded"


def test_a_rule_that_held_a_payment_may_be_about_something_else_when_it_is_confirmed(
    books: Books,
) -> None:
    made = rule(books, "hold_for_approval", trigger="payment_recorded")
    # It names no invoice, so a firing of either trigger is about the payment alone.
    command = books.payment(1_000, customer_id=books.payer, excess="credit")
    held = books.done(record_payments, command)
    label = {"action": "add_label", "label": "large"}
    content = RuleContent("A rule", "payment_settled", [label])
    change = ChangeRule(books.act(), UUID(made["id"]), None, content)
    books.done(change_rules, change)
    somebody = Actor("user", UUID(int=7), "owner", books.organization_id)
    confirm = ConfirmPayment(replace(books.act(), actor=somebody), UUID(held["id"]))
    assert books.done(confirm_payments, confirm)["status"] == "succeeded"
    assert [each["trigger"] for each in firings(books)] == ["payment_recorded", "payment_settled"]


def test_what_somebody_claims_and_confirms_alone_is_no_way_around_approval(books: Books) -> None:
    large = {"field": "payment.amount", "operator": "gte", "value": "10.00"}
    rule(books, "hold_for_approval", large, trigger="payment_recorded")
    plain = books.payment(10, books.issued(2_000))
    claim = ClaimPayment(plain.act, 10, "EUR", "cash", invoices=plain.invoices)
    payment_id = UUID(books.done(claim_payments, claim)["id"])
    alone = ConfirmPayment(books.act(), payment_id, amount=1_000)
    assert books.refused(confirm_payments, alone).code == "payment.same_person"
    # Nobody but the one who confirms speaks of so much.
    somebody = Actor("user", UUID(int=7), "owner", books.organization_id)
    raised = ConfirmPayment(replace(books.act(), actor=somebody), payment_id, amount=1_000)
    assert books.refused(confirm_payments, raised).code == "payment.same_person"
    # A payment that no rule holds needs nobody else.
    small = ConfirmPayment(books.act(), payment_id, amount=999)
    assert books.done(confirm_payments, small)["status"] == "succeeded"


def test_rules_see_each_payment_of_a_batch_and_what_came_by_a_provider(books: Books) -> None:
    rule(books, "settle_within_tolerance", PART)
    tolerate(books, 5)
    one, two, three = (books.issued(1_000) for _ in range(3))
    commands = [books.payment(amount, invoice) for amount, invoice in ((996, one), (4, one))]
    books.outcomes(record_payments, *commands, books.payment(997, two))
    # The second paid the rest before the rule of the first could give it up.
    assert state(books, one) == (1_000, 0, 0)
    assert state(books, two) == (997, 3, 0)
    resolved(books, started(books, 998, three), Succeeded())
    assert state(books, three) == (998, 2, 0)


def test_a_new_rule_takes_part_at_once(books: Books) -> None:
    tolerate(books, 5)
    one, two = books.issued(1_000), books.issued(1_000)
    books.paid(998, one)
    rule(books, "settle_within_tolerance")
    books.paid(998, two)
    assert [state(books, each)[2] for each in (one, two)] == [2, 0]


def test_a_repeated_command_is_answered_with_what_the_rule_made(books: Books) -> None:
    rule(books, "allocate_to_open_invoices")
    one, _ = books.issued(1_000), books.issued(400)
    command = books.payment(1_500, one, excess="credit")
    first = books.done(record_payments, command)
    [again] = books.answers(record_payments, command)
    assert again.replayed
    assert again.outcome == first
