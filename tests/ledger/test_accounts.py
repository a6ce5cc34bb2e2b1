"""The names of the accounts."""

import re
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.ledger import accounts
from tallystick.payments.states import OFFLINE_METHODS

CUSTOMER = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
# What Beancount takes as an account.
PLAIN_TEXT = re.compile(r"(Assets|Liabilities|Income|Expenses|Equity)(:[A-Z0-9][A-Za-z0-9-]*)+")


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("cash", "Assets:Cash:Cash"),
        ("cheque", "Assets:Cash:Cheque"),
        ("bank_transfer", "Assets:Cash:BankTransfer"),
        ("card_at_counter", "Assets:Cash:CardAtCounter"),
        ("other", "Assets:Cash:Other"),
    ],
)
def test_where_money_arrives(method: str, name: str) -> None:
    assert accounts.cash(method) == name


@pytest.mark.parametrize(
    ("rate_ppm", "name"),
    [
        (190_000, "Liabilities:Tax:19"),
        (70_000, "Liabilities:Tax:7"),
        (77_000, "Liabilities:Tax:7-7"),
        (0, "Liabilities:Tax:0"),
        (1, "Liabilities:Tax:0-0001"),
        (1_000_000, "Liabilities:Tax:100"),
        (81_250, "Liabilities:Tax:8-125"),
    ],
)
def test_tax_by_its_rate(rate_ppm: int, name: str) -> None:
    assert accounts.tax(rate_ppm) == name


def test_customers_stand_under_their_code() -> None:
    assert accounts.receivable(CUSTOMER) == f"Assets:Receivable:{ids.code(CUSTOMER)}"
    assert accounts.credit(CUSTOMER) == f"Liabilities:Credit:{ids.code(CUSTOMER)}"


def test_every_name_is_one_of_plain_text_accounting() -> None:
    names = [accounts.cash(method) for method in OFFLINE_METHODS]
    names += [accounts.tax(rate) for rate in (0, 1, 70_000, 77_000, 1_000_000)]
    names += [accounts.SALES, accounts.receivable(CUSTOMER), accounts.credit(CUSTOMER)]
    assert [name for name in names if not PLAIN_TEXT.fullmatch(name)] == []
    assert max(len(name) for name in names) <= 120
