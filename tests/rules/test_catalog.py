"""Actions: what they need to know is checked whole, and said in words."""

from typing import Any

import pytest

from tallystick.kernel.errors import Invalid
from tallystick.rules import catalog

FEE = {"action": "add_late_fee", "amount": "5.00", "after_days": 30}
INTEREST = {"action": "add_interest", "percent": "8", "after_days": 30}
INTERESTED = "issue an invoice with interest of 8 % a year on the due"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (FEE, "issue an invoice with a late fee of 5.00 EUR, 30 days overdue"),
        (
            {"action": "add_late_fee", "percent": "2.5", "after_days": 1},
            "issue an invoice with a late fee of 2.5 % of the due, 1 day overdue",
        ),
        (
            {**INTEREST, "every_days": 9},
            f"{INTERESTED}, 30 days overdue, and again every 9 days",
        ),
    ],
)
def test_a_charge_is_read_written_and_said(document: dict[str, Any], said: str) -> None:
    [action] = catalog.read([document], "invoice_overdue", "EUR")
    assert catalog.write(action, "EUR") == document
    assert catalog.said(action, "EUR") == said


@pytest.mark.parametrize(
    ("actions", "place", "words"),
    [
        ([{**FEE, "percent": "2"}], "/actions/0", "exactly one of amount and percent"),
        ([{**FEE, "amount": None}], "/actions/0", "exactly one of amount and percent"),
        ([{**FEE, "amount": "0.00"}], "/actions/0/amount", "no such amount"),
        ([{**FEE, "amount": "-5.00"}], "/actions/0/amount", "no such amount"),
        ([{**FEE, "after_days": 0}], "/actions/0/after_days", "from 1 to 3650"),
        ([{**INTEREST, "every_days": 0}], "/actions/0/every_days", "from 1 to 3650"),
        ([{**INTEREST, "amount": "1.00"}], "/actions/0/amount", "no member"),
        ([FEE, INTEREST], "/actions", "a rule for each charge"),
    ],
)
def test_what_is_no_charge_is_refused(actions: Any, place: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        catalog.read(actions, "invoice_overdue", "EUR")
    assert (refused.value.refusal.code, refused.value.refusal.pointer) == ("rule.malformed", place)
    assert words in refused.value.refusal.detail
