"""What a provider reports and what our books say are joined by key, and both sides must have it."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select

from tallystick.kernel import ids
from tallystick.kernel.alarms import ALARMS
from tallystick.kernel.errors import Unavailable
from tallystick.payments import queries
from tallystick.payments.comparing import FARTHEST, SINCE, SLACK, Difference, compare, compare_all
from tallystick.payments.provider import Absent, Failed, Reported, Succeeded, Unknown
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.returning import (
    ResolveRefund,
    StartRefund,
    resolve_refunds,
    start_refunds,
)
from tallystick.payments.starting import repeat_payments
from tests.factories import Books
from tests.payments.asked import Told
from tests.payments.online import CALL_S, repeat, resolved, started

LATER = timedelta(hours=2)
OVER = timedelta(minutes=1)
"""Then no call is on its way any more."""
NO = Failed("declined", "No money.")


@pytest.fixture
def told() -> Told:
    return Told()


def reported(books: Books, key: str, amount: int | None = None, what: str = "payment") -> Reported:
    return Reported(what, UUID(key), None, amount, books.act.now)  # type: ignore[arg-type]


def compared(books: Books, told: Told, *reports: Reported) -> list[Difference]:
    told.reports = reports
    return compare(books.database, told, books.act.now - SINCE, books.act.now)


def kinds(found: list[Difference]) -> list[tuple[str, str | None]]:
    return [(one.kind, str(one.id) if one.id else None) for one in found]


def alarms(books: Books, subject_id: UUID) -> list[str]:
    statement = select(ALARMS.c.kind).where(ALARMS.c.subject_id == subject_id)
    return list(books.database.read(lambda conn: conn.scalars(statement).all()))


def status(books: Books, payment: PaymentDocument) -> str:
    return books.read(queries.get_payment, UUID(payment["id"]))["status"]


def test_books_that_agree_say_nothing(books: Books, told: Told) -> None:
    invoice = books.issued(1_000)
    paid = started(books, 300, invoice, provider=told.name)
    resolved(books, paid, Succeeded())
    declined = started(books, 300, invoice, provider=told.name)
    resolved(books, declined, NO)
    going = started(books, 300, invoice, provider=told.name)
    books.act.now += LATER
    assert compared(books, told, reported(books, paid["id"], 300)) == []
    now = books.act.now
    assert told.reported_between == (now - SINCE - SLACK, now)
    assert status(books, going) == "processing"


def test_what_was_charged_is_settled(books: Books, told: Told) -> None:
    invoice = books.issued(1_000)
    unknown, declined, away, calling = (
        started(books, 250, invoice, provider=told.name) for _ in range(4)
    )
    resolved(books, unknown, Unknown("timeout"))
    resolved(books, declined, NO)
    # Long ago, and given up then.
    books.act.now += timedelta(days=9)
    resolved(books, away, Absent())
    books.done(repeat_payments, repeat(books, calling))
    entries = [reported(books, each["id"], 250) for each in (unknown, declined, away, calling)]
    found = compared(books, told, *entries)
    assert kinds(found) == [("settled", each["id"]) for each in (unknown, declined, away)]
    paid = [status(books, each) for each in (unknown, declined, away)]
    assert paid == ["succeeded"] * 3
    # Its call is on its way, and will tell.
    assert status(books, calling) == "processing"
    assert alarms(books, UUID(unknown["id"])) == []
    assert alarms(books, UUID(declined["id"])) == ["payment.late_success"]
    assert compared(books, told, *entries) == []


def test_what_nobody_knows_raises_one_alarm(books: Books, told: Told) -> None:
    key = ids.new()
    nameless = Reported("payment", None, "ref-1", 5, books.act.now)
    entry = reported(books, str(key), 70)
    for _ in range(2):
        found = compared(books, told, entry, nameless)
        assert kinds(found) == [("charged_unrecorded", None)] * 2
    assert alarms(books, key) == ["provider.charged_unrecorded"]
    # A refund's key is no payment's.
    payment = started(books, 100, books.issued(100), provider=told.name)
    [one] = compared(books, told, reported(books, payment["id"], 100, "refund"))
    assert (one.kind, one.what, one.id) == ("charged_unrecorded", "refund", None)
    assert status(books, payment) == "processing"


def test_what_was_never_charged_is_told(books: Books, told: Told) -> None:
    invoice = books.issued(1_000)
    _, paid, late = (started(books, 100, invoice, provider=told.name) for _ in range(3))
    resolved(books, paid, Succeeded())
    books.act.now += LATER
    resolved(books, late, Succeeded())
    # The report may not have it yet.
    assert kinds(compared(books, told)) == [("recorded_uncharged", paid["id"])]
    assert alarms(books, UUID(paid["id"])) == ["provider.recorded_uncharged"]
    books.act.now += SINCE
    assert kinds(compared(books, told)) == [("recorded_uncharged", late["id"])]
    books.act.now += LATER
    # Their money may have come before the days that are compared.
    assert compared(books, told) == []
    assert status(books, paid) == "succeeded"


def test_what_was_decided_late_is_compared_however_old_it_is(books: Books, told: Told) -> None:
    old, older = (started(books, 100, books.issued(100), provider=told.name) for _ in range(2))
    books.act.now += FARTHEST - timedelta(days=1)
    resolved(books, old, Succeeded())
    books.act.now += LATER
    assert kinds(compared(books, told)) == [("recorded_uncharged", old["id"])]
    assert told.reported_between is not None
    assert told.reported_between[0] == datetime.fromisoformat(old["created_at"]) - SLACK
    books.act.now += timedelta(days=5)
    resolved(books, older, Succeeded())
    books.act.now += LATER
    # No report is asked for that goes so far back.
    assert compared(books, told) == []


def test_refunds_are_compared_too(books: Books, told: Told) -> None:
    payment = started(books, 1_000, books.issued(1_000), provider=told.name)
    resolved(books, payment, Succeeded())
    one, other = (
        books.done(start_refunds, StartRefund(books.act(), UUID(payment["id"]), CALL_S, 100))
        for _ in range(2)
    )
    declined = ResolveRefund(books.act(), UUID(other["id"]), NO)
    books.done(resolve_refunds, declined)
    books.act.now += OVER
    paid = reported(books, payment["id"], 1_000)
    entries = [paid, *(reported(books, each["id"], 100, "refund") for each in (one, other))]
    found = compared(books, told, *entries)
    assert kinds(found) == [("settled", each["id"]) for each in (one, other)]
    assert books.read(queries.get_payment, UUID(payment["id"]))["refunded"] == 200
    books.act.now += LATER
    assert compared(books, told, *entries) == []
    found = compared(books, told, *entries[:2])
    assert kinds(found) == [("recorded_uncharged", other["id"])]


def test_amounts_are_compared_where_they_are_told(books: Books, told: Told) -> None:
    invoice = books.issued(1_000)
    paid, going = (started(books, 100, invoice, provider=told.name) for _ in range(2))
    resolved(books, paid, Succeeded())
    books.act.now += OVER
    found = compared(
        books, told, reported(books, paid["id"], 99), reported(books, going["id"], 101)
    )
    assert kinds(found) == [("amount_differs", paid["id"]), ("amount_differs", going["id"])]
    assert alarms(books, UUID(paid["id"])) == ["provider.amount_differs"]
    assert status(books, going) == "processing"


def test_a_key_of_several_payments_counts_once(books: Books, told: Told) -> None:
    invoice = books.issued(1_000)
    key = UUID(invoice["id"])
    first, second = (
        started(books, 500, invoice, provider=told.name, provider_key=key) for _ in range(2)
    )
    resolved(books, first, NO)
    books.act.now += OVER
    entry = reported(books, invoice["id"])
    assert kinds(compared(books, told, entry, entry)) == [("settled", second["id"])]
    assert (status(books, first), status(books, second)) == ("failed", "succeeded")
    books.act.now += LATER
    assert compared(books, told, entry) == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_one_that_does_not_tell_stops_no_other(books: Books, told: Told) -> None:
    silent, payment = Told(), started(books, 100, books.issued(100), provider=told.name)
    silent.reports = Unknown("timeout")
    books.act.now += LATER
    told.reports = [reported(books, payment["id"], 100)]
    with pytest.raises(Unavailable):
        compare_all(books.database, [silent, told], books.act.now)
    assert status(books, payment) == "succeeded"
