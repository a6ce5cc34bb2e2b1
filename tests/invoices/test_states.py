"""The states of an invoice, and what its amounts make of it."""

from datetime import date
from typing import Any

import pytest

from tallystick.invoices import states
from tallystick.invoices.numbering import Number, Series
from tallystick.invoices.states import Standing
from tallystick.kernel import ids
from tallystick.kernel.errors import Refused

DAY = date(2026, 3, 2)
OPEN: dict[str, Any] = {
    "organization_id": ids.NIL,
    "id": ids.NIL,
    "customer_id": ids.NIL,
    "number": "INV-2026-000001",
    "status": "open",
    "currency": "EUR",
    "total": 100,
    "paid": 0,
    "credited": 0,
    "written_off": 0,
    "reserved": 0,
    "due_date": DAY,
    "version": 1,
}


@pytest.mark.parametrize(
    ("total", "paid", "credited", "written_off", "status"),
    [
        (100, 0, 0, 0, "unpaid"),
        (100, 1, 0, 0, "partial"),
        (100, 99, 0, 0, "partial"),
        (100, 100, 0, 0, "paid"),
        (100, 0, 100, 0, "paid"),
        (100, 0, 0, 100, "paid"),
        (100, 30, 30, 40, "paid"),
        (100, 0, 99, 0, "unpaid"),
        (100, 1, 98, 0, "partial"),
        (0, 0, 0, 0, "unpaid"),
    ],
)
def test_how_far_an_invoice_is_paid(
    total: int, paid: int, credited: int, written_off: int, status: str
) -> None:
    assert status == states.payment_status(
        total=total, paid=paid, credited=credited, written_off=written_off
    )


@pytest.mark.parametrize(
    ("status", "due", "due_date", "late"),
    [
        ("open", 1, date(2026, 3, 1), True),
        ("open", 1, DAY, False),
        ("open", 0, date(2026, 3, 1), False),
        ("draft", 1, None, False),
        ("open", 1, None, False),
        ("void", 1, date(2026, 3, 1), False),
    ],
)
def test_overdue(status: str, due: int, due_date: date | None, late: bool) -> None:  # noqa: FBT001
    assert states.overdue(status=status, due=due, due_date=due_date, today=DAY) is late


def test_what_is_reserved_is_due_and_not_payable() -> None:
    standing = Standing(**{**OPEN, "paid": 10, "credited": 5, "written_off": 5, "reserved": 30})
    assert (standing.due, standing.open_due, standing.changed) == (80, 50, False)
    assert standing.pay(50, on=DAY) == 0
    assert (standing.paid, standing.due, standing.open_due, standing.changed) == (60, 30, 0, True)


def test_a_payment_may_bring_back_what_was_written_off() -> None:
    standing = Standing(**{**OPEN, "paid": 10, "written_off": 90})
    assert (standing.due, standing.payable) == (0, 90)
    assert standing.pay(30, on=DAY) == 30
    assert (standing.paid, standing.written_off, standing.due) == (40, 60, 0)


@pytest.mark.parametrize("amount", [0, -1, 101])
def test_paying_beyond_the_due_is_a_mistake_of_ours(amount: int) -> None:
    standing = Standing(**OPEN)
    with pytest.raises(AssertionError, match="no more than what is payable"):
        standing.pay(amount, on=DAY)
    assert (standing.paid, standing.changed) == (0, False)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "draft"}, "invoice.draft"),
        ({"status": "void"}, "invoice.void"),
        ({"paid": 1}, "invoice.paid"),
        ({"reserved": 1}, "invoice.paid"),
        ({"credited": 1}, "invoice.paid"),
        ({"written_off": 1}, "invoice.paid"),
    ],
)
def test_what_is_not_voidable(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        states.check_voidable(Standing(**{**OPEN, **changes}))
    assert refused.value.refusal.code == code


def test_the_due_is_lowered_forwards_only() -> None:
    early, late = date(2026, 3, 1), date(2026, 3, 9)
    standing = Standing(**OPEN, booked_on=DAY)
    assert [standing.day(wanted, late) for wanted in (early, DAY, late)] == [DAY, DAY, late]
    with pytest.raises(AssertionError, match="forwards only"):
        standing.pay(1, on=early)
    standing.pay(10, on=late)
    standing.release(10, on=DAY)
    assert standing.booked_on == late, "what is due again on an earlier day changes no later one"
    unknown = Standing(**OPEN)
    assert unknown.day(early, DAY) == DAY


def test_an_untouched_invoice_is_voidable() -> None:
    states.check_voidable(Standing(**OPEN))


@pytest.mark.parametrize(
    ("sequence", "text"),
    [
        (1, "INV-2026-000001"),
        (241, "INV-2026-000241"),
        (999_999, "INV-2026-999999"),
        (1_000_000, "INV-2026-1000000"),
    ],
)
def test_a_number_as_people_write_it(sequence: int, text: str) -> None:
    assert Number(Series(ids.NIL, "invoice", "INV", 2026), sequence, DAY).text == text
