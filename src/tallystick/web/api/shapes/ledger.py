"""The books, as the API shows them."""

from typing import Annotated, Any

from pydantic import Field

from tallystick.kernel import money
from tallystick.ledger.balances import Balance, TrialBalance
from tallystick.web.fields import Amount, CurrencyCode, Day, Line, Query, View

OnDay = Annotated[
    Day | None,
    Field(
        description="At the end of this day; left out: now, with all there is.",
        examples=["2026-11-20"],
    ),
]
AccountName = Annotated[
    str, Field(description="Name of the account.", examples=["Assets:Cash:BankTransfer"])
]
Debit = Annotated[Amount, Field(description="On the debit side.", examples=["500.00"])]
Credit = Annotated[Amount, Field(description="On the credit side.", examples=["0.00"])]


class TrialBalanceQuery(Query):
    """The day of a trial balance."""

    on: OnDay = None


class BalanceQuery(TrialBalanceQuery):
    """Which balances to read."""

    account: Annotated[
        Line | None,
        Field(
            max_length=120,
            description="This account and those below it.",
            examples=["Assets:Receivable"],
        ),
    ] = None


class AccountBalance(View):
    """What an account holds in one currency."""

    account: AccountName
    currency: CurrencyCode
    balance: Annotated[
        str, Field(description="Debits positive, credits negative.", examples=["-500.00"])
    ]


class BalanceList(View):
    """The accounts that hold something, by name."""

    data: list[AccountBalance]
    next: Annotated[None, Field(description="There is one page only.", examples=[None])]


class TrialBalanceRow(View):
    """One account, on its side."""

    account: AccountName
    debit: Debit
    credit: Credit


class TrialBalanceSheet(View):
    """The accounts of one currency. Debits and credits are equal, or the books are wrong."""

    currency: CurrencyCode
    debit: Annotated[Amount, Field(description="Sum of the debits.", examples=["500.00"])]
    credit: Annotated[Amount, Field(description="Sum of the credits.", examples=["500.00"])]
    accounts: Annotated[list[TrialBalanceRow], Field(description="By name.")]


class TrialBalanceList(View):
    """A trial balance, one sheet for each currency."""

    data: list[TrialBalanceSheet]
    next: Annotated[None, Field(description="There is one page only.", examples=[None])]


def shown_balance(held: Balance) -> dict[str, Any]:
    """Show the balance of an account."""
    return {**held, "balance": money.text(held["balance"], held["currency"])}


def shown_sheet(sheet: TrialBalance) -> dict[str, Any]:
    """Show the trial balance of a currency."""
    currency = sheet["currency"]
    return {
        "currency": currency,
        "debit": money.text(sheet["debit"], currency),
        "credit": money.text(sheet["credit"], currency),
        "accounts": [
            {
                "account": row["account"],
                "debit": money.text(row["debit"], currency),
                "credit": money.text(row["credit"], currency),
            }
            for row in sheet["accounts"]
        ],
    }
