"""Nobody's outcome stays unknown: providers are asked on a schedule, and people where that ends."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from tallystick.kernel import ids, tasks
from tallystick.kernel.alarms import ALARMS
from tallystick.kernel.tasks import LEASE
from tallystick.payments import orders, queries, refunds
from tallystick.payments.asking import ASKED_AFTER
from tallystick.payments.provider import Absent, Failed, Found, Pending, Succeeded, Unknown
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.resolving import ABSENT_FOR, DecidePayment, decide_payments
from tallystick.payments.returning import (
    DecideRefund,
    ResolveRefund,
    StartRefund,
    decide_refunds,
    resolve_refunds,
    start_refunds,
)
from tallystick.payments.starting import repeat_payments
from tallystick.providers.fakepay import FakePay
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger
from tallystick.testing.fakepay.server import Server
from tests.factories import Books
from tests.payments.asked import Days, Told, order, task
from tests.payments.online import repeat, resolved, started
from tests.providers.conftest import SECRET
from tests.providers.conftest import order as card_order

NO = Failed("declined", "No money.")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def days(books: Books, told: Told) -> Days:
    return Days(books, told)


def unknown(books: Books, told: Told, count: int = 1) -> list[PaymentDocument]:
    """Start payments whose calls were not answered."""
    invoice = books.issued(100 * count)
    made = [started(books, 100, invoice, provider=told.name) for _ in range(count)]
    return [resolved(books, payment, Unknown("timeout")) for payment in made]


def read(books: Books, payment: PaymentDocument) -> PaymentDocument:
    return books.read(queries.get_payment, UUID(payment["id"]))


def alarms(books: Books) -> list[tuple[str, datetime]]:
    rows = books.snapshot()[ALARMS.name][1]
    return [(row["kind"], row["raised_at"]) for row in rows if row["cleared_at"] is None]


def test_it_is_asked_on_the_schedule_and_then_a_person_is(
    books: Books, told: Told, days: Days
) -> None:
    [payment] = unknown(books, told)
    called_at, moments = order(books, payment).called_at, []
    with capture_logs() as lines:
        while (due_at := task(books, payment).due_at) is not None:
            moments.append(due_at - called_at)
            days.pass_until(due_at)
    assert moments == [timedelta(seconds=11), *ASKED_AFTER[1:]]
    assert told.asked == [UUID(payment["id"])] * len(moments)
    # None of that has failed, so none of it was counted against it.
    assert task(books, payment).attempts == 1
    assert task(books, payment).dead_at == books.act.now
    assert alarms(books) == [("payment.outcome_unknown", books.act.now)]
    assert read(books, payment)["status"] == "processing"
    assert [line["event"] for line in lines] == [*["task rests"] * 12, "task given up"]
    # Even now an answer of the provider is one.
    told.says = lambda _key: Succeeded()
    books.act.now += timedelta(days=30)
    days.pass_seconds(60)
    assert read(books, payment)["status"] == "succeeded"
    assert alarms(books) == []
    assert task(books, payment).dead_at is None


@pytest.mark.parametrize(("says", "status"), [(Succeeded("ref"), "succeeded"), (NO, "failed")])
def test_what_it_says_settles_it(
    books: Books, told: Told, days: Days, says: Found, status: str
) -> None:
    [payment] = unknown(books, told)
    told.says = lambda _key: says
    days.pass_until(task(books, payment).due_at)
    assert read(books, payment)["status"] == status
    assert task(books, payment).done_at == books.act.now


def test_absent_is_asked_again_when_it_can_be_believed(
    books: Books, told: Told, days: Days
) -> None:
    [payment] = unknown(books, told)
    told.says = lambda _key: Absent()
    days.pass_until(task(books, payment).due_at)
    assert read(books, payment)["status"] == "processing"
    assert task(books, payment).due_at == orders.over_since(order(books, payment)) + ABSENT_FOR
    days.pass_until(task(books, payment).due_at)
    assert read(books, payment)["status"] == "canceled"


def test_absent_just_before_it_can_be_believed_waits_no_longer_than_that(
    books: Books, told: Told, days: Days
) -> None:
    [payment] = unknown(books, told)
    told.says = lambda _key: Absent()
    believed_at = orders.over_since(order(books, payment)) + ABSENT_FOR
    key = books.organization_id, orders.asking_task(UUID(payment["id"]))
    early = believed_at - timedelta(seconds=3)
    books.database.write(lambda conn: tasks.hasten(conn, [key], early))
    days.pass_until(early)
    assert read(books, payment)["status"] == "processing"
    assert task(books, payment).due_at == believed_at


def test_while_it_is_being_called_it_is_not_asked(books: Books, told: Told, days: Days) -> None:
    [payment] = unknown(books, told)
    books.act.now += timedelta(hours=1)
    books.done(repeat_payments, repeat(books, payment))
    key = books.organization_id, orders.asking_task(UUID(payment["id"]))
    books.database.write(lambda conn: tasks.hasten(conn, [key], books.act.now))
    days.pass_until(books.act.now)
    assert told.asked == []
    assert task(books, payment).due_at == order(books, payment).unknown_from
    days.pass_until(task(books, payment).due_at)
    assert told.asked == [UUID(payment["id"])]


@pytest.mark.parametrize("says", [Absent(), NO, Unknown("timeout"), Pending()])
def test_what_was_asked_before_a_call_says_nothing_of_it(
    books: Books, told: Told, days: Days, says: Found
) -> None:
    [payment] = unknown(books, told)

    def called_meanwhile(_key: UUID) -> Found:
        if told.asked[1:]:
            return Succeeded()
        books.done(repeat_payments, repeat(books, payment))
        return says

    told.says = called_meanwhile
    books.act.now += timedelta(hours=1)
    days.pass_until(books.act.now)
    assert read(books, payment)["status"] == "processing"
    assert order(books, payment).unknown_from > books.act.now
    # Whoever repeats it decides when it is asked about, and not whoever asked meanwhile.
    days.pass_until(order(books, payment).unknown_from)
    assert read(books, payment)["status"] == "succeeded"


def test_who_cannot_be_asked_leaves_it_to_people(books: Books, told: Told, days: Days) -> None:
    told.cannot_be_asked()
    [payment] = unknown(books, told)
    days.pass_until(task(books, payment).due_at)
    assert told.asked == []
    assert alarms(books) == [("payment.outcome_unknown", books.act.now)]
    assert task(books, payment).dead_at == books.act.now
    decided = DecidePayment(books.act(), UUID(payment["id"]), Succeeded())
    assert books.done(decide_payments, decided)["status"] == "succeeded"
    assert alarms(books) == []
    assert task(books, payment).dead_at is None


@pytest.mark.parametrize("asks", [True, False])
def test_of_a_task_that_killed_each_worker_a_person_is_told(
    books: Books, told: Told, days: Days, *, asks: bool
) -> None:
    if not asks:
        told.cannot_be_asked()
    # Nobody noted an answer: whoever called died in the midst of it.
    payment = started(books, 100, books.issued(100), provider=told.name)
    books.act.now = task(books, payment).due_at
    kinds = [orders.asking_kind(told.name)]
    for _ in range(tasks.ATTEMPTS_MAX):
        seen = books.database.read(lambda conn: tasks.due(conn, kinds, books.act.now, 1))
        books.database.write(
            lambda conn, seen=seen: tasks.claim(conn, seen, ids.new(), books.act.now)  # type: ignore[misc]  # a default binds the loop's value
        )
        books.act.now += LEASE
    while days.worker.do_tasks():
        pass
    assert (task(books, payment).dead_at, alarms(books)) == (books.act.now, [])
    days.pass_seconds(30)
    assert [kind for kind, _ in alarms(books)] == ["payment.outcome_unknown"]
    [row] = [row for row in books.snapshot()[ALARMS.name][1] if row["cleared_at"] is None]
    assert ("could not be asked" if asks else "cannot be asked") in row["detail"]
    days.pass_seconds(60)
    no = DecidePayment(books.act(), UUID(payment["id"]), NO)
    assert books.done(decide_payments, no)["status"] == "failed"
    assert (task(books, payment).dead_at, alarms(books)) == (None, [])


@pytest.mark.parametrize(
    ("found", "status"), [(Succeeded("re-1", 60), "succeeded"), (NO, "failed"), (None, "succeeded")]
)
def test_refunds_are_asked_about_too(
    books: Books, told: Told, days: Days, found: Found | None, status: str
) -> None:
    [payment] = unknown(books, told)
    resolved(books, payment, Succeeded())
    refund = books.done(start_refunds, StartRefund(books.act(), UUID(payment["id"]), 10.0, 60))
    refund_id = UUID(refund["id"])
    books.done(resolve_refunds, ResolveRefund(books.act(), refund_id, Unknown("timeout")))
    if found is None:
        told.cannot_be_asked()
    else:
        told.says = lambda _key: found
    days.pass_until(task(books, refund).due_at)
    assert told.asked == ([] if found is None else [refund_id])
    if found is None:
        assert alarms(books) == [("refund.outcome_unknown", books.act.now)]
        books.done(decide_refunds, DecideRefund(books.act(), refund_id, Succeeded()))
        assert alarms(books) == []
    assert books.read(refunds.get_refund, refund_id)["status"] == status
    assert task(books, refund).due_at is None


def test_one_that_waits_for_its_payer_is_no_alarm(books: Books, told: Told, days: Days) -> None:
    told.cannot_be_asked()
    [payment] = unknown(books, told)
    resolved(books, payment, Pending())
    days.pass_until(task(books, payment).due_at)
    assert (alarms(books), task(books, payment).dead_at) == ([], None)


def test_a_provider_that_raises_makes_nothing_of_it(books: Books, told: Told, days: Days) -> None:
    [payment] = unknown(books, told)

    def broken(_key: UUID) -> Found:
        raise ZeroDivisionError

    told.says = broken
    with capture_logs():
        days.pass_until(task(books, payment).due_at)
    assert read(books, payment)["status"] == "processing"
    assert order(books, payment).unknown_why == "cannot_ask"
    assert task(books, payment).due_at > books.act.now


def test_the_first_answer_makes_all_that_rest_due(books: Books, told: Told, days: Days) -> None:
    payments = unknown(books, told, 4)
    for _ in range(5):
        days.pass_until(max(task(books, each).due_at for each in payments))
    first, leased, *others = payments
    keys = [(books.organization_id, task(books, each).id) for each in (leased, first)]
    books.act.now += timedelta(seconds=30)
    at, lease_id = books.act.now, ids.new()
    books.database.write(lambda conn: tasks.hasten(conn, keys[:1], at))
    kind = orders.asking_kind(told.name)
    seen = books.database.read(lambda conn: tasks.due(conn, [kind], at, 9))
    books.database.write(lambda conn: tasks.claim(conn, seen, lease_id, at))
    told.asked.clear()
    told.says = lambda _key: Pending()
    books.database.write(lambda conn: tasks.hasten(conn, keys[1:], at))
    days.pass_until(at)
    assert told.asked[0] == UUID(first["id"])
    assert sorted(told.asked[1:]) == sorted(UUID(each["id"]) for each in others)
    # Somebody is just asking about that one.
    assert (task(books, leased).due_at, task(books, leased).lease_id) == (at + LEASE, lease_id)
    assert all(task(books, each).due_at > at for each in others)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_return_is_noticed_within_a_minute(books: Books, told: Told, days: Days) -> None:
    payments = unknown(books, told, 6)
    for _ in range(6):
        days.pass_until(max(task(books, each).due_at for each in payments))
    told.asked.clear()
    days.pass_seconds(60)
    # While it is away it is asked seldom, and never twice about the same before all had their turn.
    assert 3 <= len(told.asked) == len(set(told.asked)) <= 5
    told.says = lambda _key: Succeeded()
    days.pass_seconds(60)
    assert {read(books, each)["status"] for each in payments} == {"succeeded"}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_stand_in_that_goes_and_comes_back(books: Books, told: Told) -> None:
    books.act.now += timedelta(days=1)
    ledger, faults = Ledger(":memory:", lambda: books.act.now), Faults()
    invoice = books.issued(300)
    payments = []
    with Server(0, ledger, faults).beside() as server:
        port = server.server_port
        provider = FakePay(url=server.url, timeout_s=5.0, takes_cards=True, secret=SECRET)
        # So that it is asked about nothing of other tests.
        provider.name = told.name
        for kind in (Kind.DROP_BEFORE, Kind.DROP_AFTER, Kind.ERROR_AFTER):
            faults.add(Fault(kind, times=1))
            payment = started(books, 100, invoice, provider=told.name)
            sent = books.read(orders.payment_order, UUID(payment["id"]), card_order().card)
            payments.append(resolved(books, payment, provider.start(sent)))
    days = Days(books, provider)
    days.pass_seconds(120)
    assert {read(books, each)["status"] for each in payments} == {"processing"}
    with Server(port, ledger, faults).beside():
        days.pass_seconds(60)
    assert [read(books, each)["status"] for each in payments] == [
        *("canceled", "succeeded", "succeeded")
    ]
    assert books.invoice(invoice)["due"] == 100
    ledger.close()
