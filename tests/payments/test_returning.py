"""Money goes back through the provider that took it: set aside, resolved once, and never lost."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from tallystick.invoices.queries import InvoiceDocument
from tallystick.kernel import ids
from tallystick.kernel.alarms import (
    ALARMS,
    AlarmDocument,
    ClearAlarm,
    clear_alarms,
    list_alarms,
)
from tallystick.kernel.paging import Place
from tallystick.payments import queries, refunds
from tallystick.payments.provider import Absent, Failed, Found, Pending, Succeeded, Unknown
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.returning import (
    DecideRefund,
    ResolveRefund,
    StartRefund,
    decide_refunds,
    resolve_refunds,
    start_refunds,
)
from tests.factories import Books
from tests.payments.online import CALL_S, resolved, started

NO = Failed("declined", "Refunds are closed.")
LATER = timedelta(minutes=1)


def paid(books: Books, invoice: InvoiceDocument | None = None) -> PaymentDocument:
    """Take all of an invoice of 1,000 through a provider."""
    payment = started(books, 1_000, invoice or books.issued(1_000))
    return resolved(books, payment, Succeeded("ref-1"))


def start(books: Books, payment: PaymentDocument, amount: int | None = None) -> StartRefund:
    """Prepare a command that has the provider give back."""
    return StartRefund(books.act(), UUID(payment["id"]), CALL_S, amount, reason="Paid twice.")


def going(books: Books, payment: PaymentDocument, amount: int | None = None) -> RefundDocument:
    """Have the provider give back."""
    return books.done(start_refunds, start(books, payment, amount))


def told(books: Books, refund: RefundDocument, outcome: Found) -> RefundDocument:
    """Make of a refund what the provider says."""
    command = ResolveRefund(books.act(), UUID(refund["id"]), outcome)
    return books.done(resolve_refunds, command)


def parts(books: Books, payment: PaymentDocument) -> tuple[int, int, int, int]:
    """Tell where the money of a payment is."""
    now = books.read(queries.get_payment, UUID(payment["id"]))
    return now["allocated"], now["unallocated"], now["refund_reserved"], now["refunded"]


def alarms(books: Books) -> list[str]:
    """List the kinds of open alarms."""
    rows = books.snapshot()[ALARMS.name][1]
    return sorted(row["kind"] for row in rows if row["cleared_at"] is None)


def asked_about(books: Books, refund: RefundDocument) -> bool:
    """Tell whether a task still asks about a refund."""
    rows = books.snapshot()["task"][1]
    [task] = [row for row in rows if row["payload"].get("order_id") == refund["id"]]
    assert task["kind"] == "ask:fakepay"
    return task["due_at"] is not None


def test_an_amount_is_set_aside_and_goes_once(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = paid(books, invoice)
    refund = going(books, payment, 400)
    assert (refund["status"], refund["method"], refund["reason"]) == (
        *("processing", "fakepay"),
        "Paid twice.",
    )
    assert refund["online"] is not None
    assert parts(books, payment) == (600, 0, 400, 0)
    assert books.invoice(invoice)["due"] == 400
    assert asked_about(books, refund)
    assert books.balances()["Assets:Clearing:Fakepay"] == 1_000
    gone = told(books, refund, Succeeded("re-1", 400))
    assert (gone["status"], gone["version"]) == ("succeeded", 2)
    assert gone["online"] == {**refund["online"], "unknown_from": None}
    assert parts(books, payment) == (600, 0, 0, 400)
    assert not asked_about(books, refund)
    before = books.balances()
    assert before["Assets:Clearing:Fakepay"] == 600
    for outcome in (Succeeded("re-1", 400), Pending(), Unknown("timeout")):
        assert told(books, refund, outcome) == gone
    assert books.balances() == before
    assert books.read(refunds.list_refunds, refunds.RefundFilter()).items == [gone]
    assert alarms(books) == []
    told(books, refund, NO)
    assert alarms(books) == ["refund.contradicted"]


def test_what_was_asked_before_more_was_known_contradicts_nothing(books: Books) -> None:
    refund = going(books, paid(books))
    asked = books.act()
    books.act.now += timedelta(seconds=1)
    gone = told(books, refund, Succeeded("re-1", 1_000))
    for outcome in (Absent(), NO, Unknown("timeout")):
        late = ResolveRefund(
            replace(asked, key=ids.new().hex), UUID(refund["id"]), outcome, asking=True
        )
        assert books.done(resolve_refunds, late) == gone
    assert alarms(books) == []


def test_what_is_free_goes_first_and_nothing_goes_twice(books: Books) -> None:
    invoice = books.issued(1_000)
    payment = paid(books, invoice)
    books.credited(invoice, 300)
    first = going(books, payment, 500)
    assert parts(books, payment) == (500, 0, 500, 0)
    assert books.invoice(invoice)["due"] == 200
    code = books.refused(start_refunds, start(books, payment, 501)).code
    assert code == "refund.exceeds_payment"
    second = going(books, payment)
    assert parts(books, payment) == (0, 0, 1_000, 0)
    assert books.refused(start_refunds, start(books, payment)).code == "refund.exceeds_payment"
    offline = RefundPayment(books.act(), UUID(payment["id"]), 1, method="cash")
    assert books.refused(refund_payments, offline).code == "refund.exceeds_payment"
    told(books, second, Succeeded())
    told(books, first, NO)
    assert parts(books, payment) == (0, 500, 0, 500)
    assert alarms(books) == ["refund.failed"]


@pytest.mark.parametrize("outcomes", [(NO,), (Unknown("timeout"), NO), (Pending("re"), NO)])
def test_what_was_not_given_back_is_credit_again(books: Books, outcomes: Sequence[Found]) -> None:
    payment = paid(books)
    refund = going(books, payment, 400)
    for outcome in outcomes:
        last = told(books, refund, outcome)
    assert last["status"] == "failed"
    assert last["online"] is not None
    assert last["online"]["failure_reason"] == "Refunds are closed."
    assert parts(books, payment) == (600, 400, 0, 0)
    assert not asked_about(books, refund)


def test_no_answer_is_no_failure(books: Books) -> None:
    payment = paid(books)
    refund = going(books, payment, 400)
    for outcome in (Unknown("timeout"), Absent(), Succeeded("re-1", 399)):
        last = told(books, refund, outcome)
        assert last["status"] == "processing"
        assert last["online"] is not None
        assert last["online"]["unknown_from"] is not None
    assert alarms(books) == ["refund.amount_differs"]
    assert parts(books, payment) == (600, 0, 400, 0)
    assert asked_about(books, refund)
    # A provider that still knows nothing when the call is long over is believed.
    books.act.now += LATER
    assert told(books, refund, Absent())["status"] == "failed"
    assert alarms(books) == ["refund.failed"]


@pytest.mark.parametrize("free", [True, False])
def test_what_was_given_back_after_all_is_booked_once(books: Books, *, free: bool) -> None:
    payment = paid(books)
    refund = going(books, payment, 400)
    told(books, refund, NO)
    if not free:
        offline = RefundPayment(books.act(), UUID(payment["id"]), 700, method="cash")
        books.done(refund_payments, offline)
    for _ in range(2):
        late = told(books, refund, Succeeded("re-1", 400))
    assert late["online"] is not None
    assert (late["status"], late["online"]["late"]) == (
        ("succeeded", True) if free else ("failed", False)
    )
    assert parts(books, payment) == ((600, 0, 0, 400) if free else (300, 0, 0, 700))
    assert "refund.late_success" in alarms(books)


@pytest.mark.parametrize(("outcome", "status"), [(Succeeded(), "succeeded"), (NO, "failed")])
def test_staff_decide_what_nobody_knows(
    books: Books, outcome: Succeeded | Failed, status: str
) -> None:
    refund = going(books, paid(books), 400)

    def decide() -> DecideRefund:
        return DecideRefund(books.act(), UUID(refund["id"]), outcome)

    assert books.refused(decide_refunds, decide()).code == "refund.in_flight"
    told(books, refund, Unknown("timeout"))
    assert books.done(decide_refunds, decide())["status"] == status
    assert books.refused(decide_refunds, decide()).code == "refund.outcome_known"


def test_what_no_provider_can_give_back(books: Books) -> None:
    cash = books.paid(1_000, books.issued(1_000))
    assert books.refused(start_refunds, start(books, cash)).code == "payment.not_online"
    open_one = started(books, 500, books.issued(500))
    assert books.refused(start_refunds, start(books, open_one)).code == "payment.not_settled"
    online = paid(books)
    taken = RefundPayment(books.act(), UUID(online["id"]), 1)
    assert books.refused(refund_payments, taken).code == "refund.method_missing"
    given = books.done(
        refund_payments, RefundPayment(books.act(), UUID(online["id"]), 1, method="cash")
    )
    assert (given["online"], given["method"]) == (None, "cash")
    for refund_id, code in ((ids.new(), "refund.unknown"), (given["id"], "payment.not_online")):
        command = ResolveRefund(books.act(), UUID(str(refund_id)), Succeeded())
        assert books.refused(resolve_refunds, command).code == code


def test_alarms_in_pages(books: Books) -> None:
    for _ in range(5):
        told(books, going(books, paid(books), 10), NO)
    # Two that were raised in the same moment.
    with_same = replace(books.act(), at=books.act.now)
    pair = [
        ResolveRefund(replace(with_same, key=str(ids.new())), UUID(refund["id"]), NO)
        for refund in [going(books, paid(books), 10) for _ in range(2)]
    ]
    books.outcomes(resolve_refunds, *pair)
    seen: list[AlarmDocument] = []
    place: Place | None = None
    while place is not None or not seen:
        found, place = books.read(list_alarms, cleared=False, after=place, limit=2)
        seen += found
    assert len({each["id"] for each in seen}) == len(seen) == 7
    moments = [each["raised_at"] for each in seen]
    assert moments == sorted(moments, reverse=True)
    lasting = frozenset({"refund.failed"})
    command = ClearAlarm(books.act(), UUID(seen[0]["id"]), "Looked.", lasting)
    assert books.refused(clear_alarms, command).code == "alarm.lasting"
    command = ClearAlarm(books.act(), ids.new(), "Looked.")
    assert books.refused(clear_alarms, command).code == "alarm.unknown"
