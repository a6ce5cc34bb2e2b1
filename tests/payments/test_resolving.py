"""What a provider says becomes what a payment is, in any order and as often as it likes."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, bindparam, select

from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel import clock, ids
from tallystick.kernel.alarms import ALARMS, raise_alarm
from tallystick.kernel.rows import Writes
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tallystick.payments import queries, worries
from tallystick.payments.provider import (
    Absent,
    Failed,
    Found,
    Pending,
    RequiresAction,
    Succeeded,
    Unknown,
)
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.resolving import DecidePayment, decide_payments
from tallystick.payments.starting import repeat_payments, start_payments
from tests.factories import Books
from tests.payments.online import repeat, resolved, start, started

NO = Failed("declined", "Invalid card name.")
ACTION = RequiresAction("https://pay.example/1", "ref-1")
LATER = timedelta(minutes=1)


def alarms(books: Books) -> list[str]:
    """List the kinds of open alarms."""
    rows = books.snapshot()[ALARMS.name][1]
    return sorted(row["kind"] for row in rows if row["cleared_at"] is None)


def due(books: Books, invoice: InvoiceDocument) -> tuple[int, int]:
    """Tell what is due on an invoice, and what of it is reserved."""
    found = books.invoice(invoice)
    return found["due"], found["reserved"]


def test_a_success_settles_once(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = started(books, 600, invoice)
    settled = resolved(books, payment, Succeeded("ref-1"))
    assert settled["status"] == "succeeded"
    assert settled["receipt_number"] is not None
    assert settled["online"] is not None
    assert settled["online"]["unknown_from"] is None
    assert due(books, invoice) == (400, 0)
    assert books.balances()["Assets:Clearing:Fakepay"] == 600
    before = books.balances()
    for outcome in (Succeeded("ref-1"), Unknown("timeout"), Pending(), ACTION):
        assert resolved(books, payment, outcome) == settled
    assert books.balances() == before
    assert alarms(books) == []
    resolved(books, payment, NO)
    assert alarms(books) == ["payment.contradicted"]


def test_a_failure_gives_back_what_was_reserved(books: Books) -> None:
    invoice = books.issued(1_000)
    failed = resolved(books, started(books, 600, invoice), NO)
    assert failed["status"] == "failed"
    assert failed["online"] is not None
    assert failed["online"]["failure_reason"] == "Invalid card name."
    assert due(books, invoice) == (1_000, 0)
    resolved(books, started(books, 1_000, invoice), Succeeded())


@pytest.mark.parametrize("why", ["timeout", "dropped", "server_error", "garbage", "cannot_ask"])
def test_no_answer_is_no_failure(books: Books, why: str) -> None:
    invoice = books.issued(1_000)
    payment = resolved(books, started(books, 600, invoice), Unknown(why))  # type: ignore[arg-type]
    assert payment["status"] == "processing"
    assert payment["online"] is not None
    # Right now, and no longer after the time that the call might have taken.
    assert payment["online"]["unknown_from"] == clock.text(books.act.now)
    assert due(books, invoice) == (1_000, 600)


ORDERS: Sequence[tuple[Sequence[Found], str]] = (
    ((Unknown("timeout"), Succeeded()), "succeeded"),
    ((Unknown("timeout"), NO), "failed"),
    ((Pending("ref"), Succeeded()), "succeeded"),
    ((ACTION, Unknown("timeout"), ACTION, Succeeded()), "succeeded"),
    ((ACTION, NO), "failed"),
    ((ACTION, Pending(), Succeeded()), "succeeded"),
    ((Absent(), Succeeded()), "succeeded"),
)


@pytest.mark.parametrize(("outcomes", "status"), ORDERS)
def test_what_is_said_in_the_end_counts(
    books: Books, outcomes: Sequence[Found], status: str
) -> None:
    payment = started(books, 600, books.issued(1_000))
    for outcome in outcomes:
        last = resolved(books, payment, outcome)
    assert last["status"] == status


def test_absent_is_believed_when_the_call_is_long_over(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = resolved(books, started(books, 600, invoice), Unknown("dropped"))
    assert resolved(books, payment, Absent())["status"] == "processing"
    books.act.now += LATER
    assert resolved(books, payment, Absent())["status"] == "canceled"
    assert due(books, invoice) == (1_000, 0)


def test_a_payer_who_never_comes_back(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = resolved(books, started(books, 600, invoice), ACTION)
    assert payment["status"] == "requires_action"
    assert payment["online"] is not None
    assert payment["online"]["action_url"] == "https://pay.example/1"
    books.act.now += timedelta(hours=23)
    assert resolved(books, payment, ACTION)["status"] == "requires_action"
    books.act.now += timedelta(hours=1)
    assert resolved(books, payment, ACTION)["status"] == "expired"
    assert due(books, invoice) == (1_000, 0)


@pytest.mark.parametrize("paid_meanwhile", [0, 700, 1_000])
def test_a_late_success_is_real_money(books: Books, paid_meanwhile: int) -> None:
    invoice = books.issued(1_000)
    payment = started(books, 600, invoice)
    resolved(books, payment, NO)
    if paid_meanwhile:
        books.paid(paid_meanwhile, invoice)
    late = resolved(books, payment, Succeeded())
    allocated = min(600, 1_000 - paid_meanwhile)
    assert (late["status"], late["allocated"], late["unallocated"]) == (
        "succeeded",
        allocated,
        600 - allocated,
    )
    assert late["online"] is not None
    assert late["online"]["late"]
    assert alarms(books) == ["payment.late_success"]


def test_another_amount_is_nobodys_to_book(books: Books) -> None:
    payment = started(books, 600, books.issued(1_000))
    odd = resolved(books, payment, Succeeded(amount=599))
    assert odd["status"] == "processing"
    assert alarms(books) == ["payment.amount_differs"]
    books.act.now += LATER
    decided = DecidePayment(books.act(), UUID(payment["id"]), Succeeded())
    assert books.done(decide_payments, decided)["status"] == "succeeded"
    assert alarms(books) == []


def test_a_failed_repeat_says_nothing_of_the_call_before(books: Books) -> None:
    payment = resolved(books, started(books, 600, books.issued(1_000)), Unknown("dropped"))
    books.done(repeat_payments, repeat(books, payment))
    assert resolved(books, payment, NO, of_one_call=True)["status"] == "processing"
    # A look-up speaks of both.
    assert resolved(books, payment, NO)["status"] == "failed"


@pytest.mark.parametrize("late", [NO, Unknown("timeout"), Absent(), Pending(), ACTION])
def test_what_an_earlier_call_says_late_leaves_a_later_one_in_flight(
    books: Books, late: Found
) -> None:
    first = start(books, 600, books.issued(1_000))
    payment = resolved(books, books.done(start_payments, first), Unknown("dropped"))
    books.act.now += timedelta(seconds=30)
    again = repeat(books, payment)
    before = books.done(repeat_payments, again)
    assert resolved(books, payment, late, called_at=first.act.at) == before
    assert books.refused(repeat_payments, repeat(books, payment)).code == "payment.in_flight"
    # Its money counts all the same.
    assert resolved(books, payment, NO, called_at=again.act.at)["status"] == "failed"
    late_money = resolved(books, payment, Succeeded(), called_at=first.act.at)
    assert late_money["status"] == "succeeded"


@pytest.mark.parametrize("code", ["not_sent", "not_offered"])
def test_what_was_not_sent_says_nothing_of_the_call_before(books: Books, code: str) -> None:
    payment = resolved(books, started(books, 600, books.issued(1_000)), Unknown("timeout"))
    books.done(repeat_payments, repeat(books, payment))
    refused = Failed(code, "Nothing was sent.")  # type: ignore[arg-type]
    assert resolved(books, payment, refused)["status"] == "processing"


@pytest.mark.parametrize("outcome", [Pending(), ACTION])
def test_what_waits_too_long_is_decided_by_a_person(books: Books, outcome: Found) -> None:
    payment = resolved(books, started(books, 600, books.issued(1_000)), outcome)
    books.act.now += timedelta(days=9)
    no = DecidePayment(books.act(), UUID(payment["id"]), NO)
    assert books.refused(decide_payments, no).code == "payment.outcome_known"

    def alarmed(conn: Connection) -> None:
        writes, subject = Writes(), UUID(payment["id"])
        raise_alarm(conn, writes, books.act(), worries.UNKNOWN_ALARM, subject, detail="It waits.")
        writes.flush(conn)

    books.database.write(alarmed)
    no = DecidePayment(books.act(), UUID(payment["id"]), NO)
    assert books.done(decide_payments, no)["status"] == "failed"
    assert alarms(books) == []


def test_one_key_is_one_charge(books: Books) -> None:
    invoice = books.issued(1_000)
    key = UUID(invoice["id"])
    first = started(books, 600, invoice, provider_key=key)
    resolved(books, first, NO)
    second = started(books, 600, invoice, provider_key=key)
    assert resolved(books, first, Succeeded())["status"] == "succeeded"
    assert resolved(books, second, Succeeded())["status"] == "canceled"
    assert alarms(books) == ["payment.called_again", "payment.late_success"]
    # The second had reserved 600, so 400 of the first one's money paid and 200 are credit.
    assert due(books, invoice) == (600, 0)
    third = started(books, 100, invoice, provider_key=key)
    resolved(books, third, NO)
    # What tells of the key tells of the one that is settled.
    assert resolved(books, third, Succeeded())["status"] == "failed"
    assert len(alarms(books)) == 2


def test_a_call_that_took_money_under_a_settled_key_is_never_passed_over(books: Books) -> None:
    invoice = books.issued(1_000)
    key = UUID(invoice["id"])
    command = start(books, 600, invoice, provider_key=key)
    first = books.done(start_payments, command)
    books.act.now += LATER
    declined = DecidePayment(books.act(), UUID(first["id"]), NO)
    assert books.done(decide_payments, declined)["status"] == "failed"
    second = started(books, 600, invoice, provider_key=key)
    assert resolved(books, second, Succeeded())["status"] == "succeeded"
    assert alarms(books) == []
    late = resolved(books, first, Succeeded(), called_at=command.act.at)
    assert late["status"] == "failed"
    assert alarms(books) == ["payment.called_again"]
    confirmed = DecidePayment(books.act(), UUID(first["id"]), Succeeded())
    refusal = books.refused(decide_payments, confirmed)
    assert (refusal.code, refusal.facts) == ("payment.outcome_known", {"payment_status": "failed"})
    assert "settled" in refusal.detail


_SAID = select(ALARMS.c.detail).where(ALARMS.c.organization_id == bindparam("place"))


def _place(books: Books) -> dict[str, UUID]:
    return {"place": books.organization_id}


def test_people_decide_what_nobody_can_tell(books: Books) -> None:
    invoice = books.issued(1_000)
    one, two = started(books, 600, invoice), started(books, 400, invoice)
    yes = DecidePayment(books.act(), UUID(one["id"]), Succeeded())
    assert books.refused(decide_payments, yes).code == "payment.in_flight"
    books.act.now += LATER
    yes = DecidePayment(books.act(), UUID(one["id"]), Succeeded())
    assert books.done(decide_payments, yes)["status"] == "succeeded"
    no = DecidePayment(books.act(), UUID(two["id"]), NO)
    assert books.done(decide_payments, no)["status"] == "failed"
    again = DecidePayment(books.act(), UUID(one["id"]), Succeeded())
    assert books.refused(decide_payments, again).code == "payment.outcome_known"
    # Whoever declined by mistake finds the money after all.
    mended = DecidePayment(books.act(), UUID(two["id"]), Succeeded())
    found = books.done(decide_payments, mended)
    assert (found["status"], found["online"]["failure_code"]) == ("succeeded", None)  # type: ignore[index]  # it is one through a provider
    assert alarms(books) == ["payment.late_success"]
    [(said,)] = books.database.read(lambda conn: conn.execute(_SAID, _place(books)).all())
    assert said.endswith("0.00 EUR are the customer's credit.")
    stranger = DecidePayment(books.act(), ids.NIL, Succeeded())
    assert books.refused(decide_payments, stranger).code == "payment.unknown"


def test_money_arrives_in_an_organization_that_has_closed(books: Books) -> None:
    payment: PaymentDocument = started(books, 600, books.issued(1_000))
    books.done(set_organizations_active, SetOrganizationActive(books.act(), active=False))
    assert resolved(books, payment, Succeeded())["status"] == "succeeded"
    assert books.read(queries.get_receipt, UUID(payment["id"]))["amount"] == 600
