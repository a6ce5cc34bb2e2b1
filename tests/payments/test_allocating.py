"""Plans of what pays what: pure, on invoices that were locked already."""

from datetime import date, timedelta
from typing import Any

import pytest

from tallystick.invoices.states import Standing
from tallystick.kernel import ids
from tallystick.kernel.errors import Refused
from tallystick.payments import allocating


@pytest.fixture
def standing() -> Any:
    """Return a factory of open invoices, each numbered by the day it is due."""

    def make(total: int, days: int = 0, **values: Any) -> Standing:
        plain: dict[str, Any] = {
            "organization_id": ids.NIL,
            "id": ids.new(),
            "customer_id": ids.NIL,
            "number": f"INV-{days}",
            "status": "open",
            "currency": "EUR",
            "paid": 0,
            "credited": 0,
            "written_off": 0,
            "reserved": 0,
            "due_date": date(2026, 9, 30) + timedelta(days=days),
            "version": 1,
        }
        return Standing(total=total, **{**plain, **values})

    return make


def test_the_oldest_due_is_paid_first_as_far_as_the_money_reaches(standing: Any) -> None:
    late, early, settled = standing(100, 5), standing(100, -5), standing(100, -9, paid=100)
    reserved = standing(100, -7, reserved=40)
    plan = allocating.oldest_first([late, settled, early, reserved], 200, recover=True)
    assert [(each.number, amount) for each, amount in plan] == [
        ("INV--7", 60),
        ("INV--5", 100),
        ("INV-5", 40),
    ]
    assert allocating.oldest_first([late], 0, recover=True) == []
    assert allocating.oldest_first([], 5, recover=True) == []


def test_equals_are_paid_in_the_order_of_their_ids(standing: Any) -> None:
    made = [standing(10) for _ in range(5)]
    plan = allocating.oldest_first(made[::-1], 50, recover=True)
    assert [each.id for each, _ in plan] == [each.id for each in made]


def test_dates_are_compared_as_dates(standing: Any) -> None:
    made = [standing(10, days) for days in (92, 0, 1, 31)]
    plan = allocating.oldest_first(made, 40, recover=True)
    assert [each.number for each, _ in plan] == ["INV-0", "INV-1", "INV-31", "INV-92"]


def test_what_is_given_is_given_if_it_fits(standing: Any) -> None:
    one, two = standing(100), standing(100, reserved=50)
    assert allocating.given([two, one], [50, 1]) == [(two, 50), (one, 1)]
    with pytest.raises(Refused) as refused:
        allocating.given([one, two], [100, 51])
    assert refused.value.refusal.code == "payment.exceeds_due"
    assert refused.value.refusal.pointer == "/invoices/1/amount"
    assert refused.value.refusal.facts == {"due": "0.50", "currency": "EUR"}


def test_carrying_out_a_plan_moves_the_invoices(standing: Any) -> None:
    one, two = standing(100), standing(100)
    day = date(2026, 3, 2)
    plan = [(one, 30), (two, 100), (one, 70)]
    parts = allocating.allocate(plan, on=day, today=day)
    assert [(part.amount, part.due_after) for part in parts] == [(30, 70), (100, 0), (70, 0)]
    assert {part.date for part in parts} == {one.booked_on, two.booked_on} == {day}
    assert (one.paid, two.paid, one.changed, two.changed) == (100, 100, True, True)


def test_a_refusal_names_a_few_invoices(standing: Any) -> None:
    detail = allocating.exceeds_due(500, [standing(1, days) for days in range(5)]).refusal.detail
    assert "INV-0, INV-1, INV-2, …" in detail
    assert "5.00 EUR is more than the 0.05 EUR due" in detail
