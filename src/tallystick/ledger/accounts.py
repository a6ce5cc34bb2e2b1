"""The names of the accounts, as plain-text accounting writes them: codes, never people's names.

Assets, expenses and refunds are debits (positive), liabilities and income credits (negative).
"""

from functools import lru_cache
from uuid import UUID

from tallystick.kernel import decimals, ids

SALES = "Income:Sales"
RECEIVABLE = "Assets:Receivable"
CASH = "Assets:Cash"
CLEARING = "Assets:Clearing"
CREDIT = "Liabilities:Credit"
WRITE_OFF = "Expenses:WriteOff"


@lru_cache(maxsize=10_000)  # the same customers come again and again
def receivable(customer_id: UUID) -> str:
    """Name what a customer owes."""
    return f"{RECEIVABLE}:{ids.code(customer_id)}"


def credit(customer_id: UUID) -> str:
    """Name what is owed to a customer: the parts of their payments that pay no invoice."""
    return f"{CREDIT}:{ids.code(customer_id)}"


@lru_cache(maxsize=100)
def cash(method: str) -> str:
    """Name where money of an offline method arrives, such as `Assets:Cash:BankTransfer`."""
    return f"{CASH}:" + "".join(word.capitalize() for word in method.split("_"))


def clearing(provider: str) -> str:
    """Name what a provider has taken for us, such as `Assets:Clearing:Fakepay`."""
    return f"{CLEARING}:" + "".join(word.capitalize() for word in provider.split("_"))


@lru_cache(maxsize=1_000)
def tax(rate_ppm: int) -> str:
    """Name the tax owed at a rate: `Liabilities:Tax:19`, and `Liabilities:Tax:7-7` for 7.7 %."""
    return "Liabilities:Tax:" + decimals.scaled_text(rate_ppm, 4).replace(".", "-")
