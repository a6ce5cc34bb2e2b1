"""A random history of books: real use cases, in batches, chosen by a seeded random.

Grows with the product: whatever books an entry is among the steps, and a history that is long
enough has had all of them. Steps look at what the books hold and then act; what the rules refuse,
such as paying an invoice that an earlier command of the batch has paid, is no part of the history.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.models import INVOICES
from tallystick.invoices.queries import DUE
from tallystick.invoices.totals import Discount, Line
from tallystick.invoices.writing_off import WriteOff, write_off_invoices
from tallystick.kernel.errors import Refusal
from tallystick.parties.customers import create_customers
from tallystick.payments.allocating import Share
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.claiming import (
    ClaimPayment,
    ConfirmPayment,
    DeclinePayment,
    claim_payments,
    confirm_payments,
    decline_payments,
)
from tallystick.payments.crediting import CreditInvoice, credit_invoices
from tallystick.payments.models import ALLOCATIONS, PAYMENTS
from tallystick.payments.recording import record_payments
from tallystick.payments.refunding import RefundPayment, refund_payments
from tallystick.payments.releasing import ReleaseAllocation, release_allocations
from tallystick.payments.replacing import ReplaceInvoice, replace_invoices
from tallystick.payments.states import OFFLINE_METHODS
from tests.factories import Books, UseCase

BATCH_MAX = 64
FEW = 6
"""Commands of a batch of what happens seldom."""
ROUNDS_MIN = 2
"""What a first round leaves, such as a claim, a second one meets."""
CUSTOMERS = 25
CURRENCIES = ("EUR", "EUR", "EUR", "JPY", "KWD", "CLF")
"""Decimals 2, 0, 3 and 4; most in the organization's own."""
RATES_PPM = (0, 70_000, 77_000, 190_000, 200_000)
KINDS = frozenset(
    {
        *("issued", "voided", "paid in part", "paid in whole", "paid more", "credited"),
        *("written off", "replaced", "refunded", "credit applied", "released"),
        *("claimed", "confirmed", "declined", "recovered"),
    }
)


class History:
    """Lets things happen in one set of books, and counts what was done by kind."""

    def __init__(self, books: Books, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._books = books
        self._random = random.Random(seed)
        made = [books.customer_command(name=f"Customer {number}") for number in range(CUSTOMERS)]
        self._customers = [UUID(each["id"]) for each in books.outcomes(create_customers, *made)]

    def run(self, operations: int) -> None:
        """Let at least so many operations happen, in rounds that have each step in some order."""
        steps: Sequence[tuple[int, Callable[[], None]]] = (
            (6, self._issue),
            (6, self._pay),
            (2, self._void),
            (2, self._credit),
            (2, self._write_off),
            (2, self._recover),
            (2, self._replace),
            (2, self._refund),
            (2, self._apply),
            (2, self._release),
            (2, self._claim),
            (3, self._decide),
        )
        deck = [step for count, step in steps for _ in range(count)]
        rounds = 0
        while rounds < ROUNDS_MIN or self.done.total() < operations:
            self._random.shuffle(deck)
            for step in deck:
                self._books.act.now += timedelta(hours=self._random.randrange(1, 20))
                step()
            rounds += 1

    def _do(self, use_case: UseCase[Any, Any], commands: dict[str, list[Any]]) -> None:
        """Run one batch, and count what was done under the kinds of its commands."""
        kinds = [kind for kind, each in commands.items() for _ in each]
        batch = [command for each in commands.values() for command in each]
        answers = self._books.answers(use_case, *batch)
        for kind, answer in zip(kinds, answers, strict=True):
            self.done[kind] += not isinstance(answer.outcome, Refusal)

    def _issue(self) -> None:
        commands = [
            IssueNew(self._books.act(), self._content(self._random.choice(CURRENCIES)))
            for _ in range(self._random.randint(1, BATCH_MAX))
        ]
        self._do(issue_new, {"issued": commands})

    def _content(self, currency: str, customer_id: UUID | None = None) -> Any:
        return self._books.content(
            customer_id=customer_id or self._random.choice(self._customers),
            currency=currency,
            lines=tuple(self._line() for _ in range(self._random.randint(1, 4))),
            discount=self._random.choice((None, None, Discount("percent", 25_000))),
        )

    def _line(self) -> Line:
        return Line(
            "Something",
            self._random.choice((1_000_000, 1_500_000, 333_333)),
            self._random.randint(100, 100_000),
            self._random.choice(RATES_PPM),
        )

    def _pay(self) -> None:
        """Pay each of some invoices: a part, the whole, or more for credit."""
        commands: dict[str, list[Any]] = {
            "paid in part": [],
            "paid in whole": [],
            "paid more": [],
        }
        for invoice in self._due(BATCH_MAX):
            kind = self._random.choice(sorted(commands))
            amounts = {
                "paid in part": max(1, invoice.due // self._random.randint(2, 9)),
                "paid in whole": invoice.due,
                "paid more": invoice.due + 500,
            }
            excess = "credit" if kind == "paid more" else "refuse"
            named = self._incoming(invoice, amounts[kind])
            commands[kind].append(self._books.payment(named.pop("amount"), excess=excess, **named))
        self._do(record_payments, commands)

    def _incoming(self, invoice: Row[Any], amount: int) -> dict[str, Any]:
        return {
            "amount": amount,
            "currency": invoice.currency,
            "method": self._random.choice(OFFLINE_METHODS),
            "paid_on": self._past_day(),
            "invoices": (Share(invoice.id),),
        }

    def _void(self) -> None:
        untouched = [each for each in self._due(FEW) if each.due == each.total]
        commands = [VoidInvoice(self._books.act(), each.id, "Twice.") for each in untouched]
        self._do(void_invoices, {"voided": commands})

    def _credit(self) -> None:
        """Credit parts of invoices, paid ones too: what was paid becomes the customer's credit."""
        chosen = self._open(FEW)
        commands = [
            CreditInvoice(self._books.act(), each.id, "Less.", max(1, each.total // 3))
            for each in chosen
        ]
        self._do(credit_invoices, {"credited": commands})

    def _write_off(self) -> None:
        commands = [
            WriteOff(self._books.act(), each.id, "Gone.", self._random.choice((None, 1)))
            for each in self._due(FEW)
        ]
        self._do(write_off_invoices, {"written off": commands})

    def _recover(self) -> None:
        """Get what was given up after all, in part or whole."""
        given_up = select(INVOICES).where(INVOICES.c.status == "open", INVOICES.c.written_off > 0)
        commands = []
        for each in self._some(given_up, INVOICES, FEW):
            named = self._incoming(each, max(1, each.written_off // self._random.randint(1, 2)))
            commands.append(self._books.payment(named.pop("amount"), **named))
        self._do(record_payments, {"recovered": commands})

    def _replace(self) -> None:
        commands = [
            ReplaceInvoice(
                self._books.act(),
                each.id,
                self._content(each.currency, each.customer_id),
                "Wrong lines.",
                excess="credit",
            )
            for each in self._open(FEW)
        ]
        self._do(replace_invoices, {"replaced": commands})

    def _refund(self) -> None:
        commands = [
            RefundPayment(
                self._books.act(), each.id, self._random.choice((None, 1)), self._past_day()
            )
            for each in self._payments(PAYMENTS.c.status == "succeeded")
        ]
        self._do(refund_payments, {"refunded": commands})

    def _apply(self) -> None:
        commands = [
            ApplyCredit(self._books.act(), each.id)
            for each in self._payments(PAYMENTS.c.unallocated > 0)
        ]
        self._do(apply_credit, {"credit applied": commands})

    def _release(self) -> None:
        commands = [
            ReleaseAllocation(self._books.act(), each.payment_id, each.invoice_id)
            for each in self._some(select(ALLOCATIONS), ALLOCATIONS, FEW)
        ]
        self._do(release_allocations, {"released": commands})

    def _claim(self) -> None:
        commands = [
            ClaimPayment(act=self._books.act(), **self._incoming(each, each.due))
            for each in self._due(FEW)
        ]
        self._do(claim_payments, {"claimed": commands})

    def _decide(self) -> None:
        waiting = self._payments(PAYMENTS.c.status == "pending_confirmation")
        half = len(waiting) // 2
        confirmed = [
            ConfirmPayment(self._books.act(), each.id, excess="credit") for each in waiting[half:]
        ]
        declined = [DeclinePayment(self._books.act(), each.id, "No.") for each in waiting[:half]]
        self._do(confirm_payments, {"confirmed": confirmed})
        self._do(decline_payments, {"declined": declined})

    def _past_day(self) -> date | None:
        """Choose today mostly, or a day of the weeks before, on which all may have been otherwise.

        What is refused for its day, such as a refund of money that was elsewhere then, is no part
        of the history.
        """
        days = self._random.choice((0, 0, 0, 1, 9, 40))
        return (self._books.act.now - timedelta(days=days)).date() if days else None

    def _due(self, count_max: int) -> list[Row[Any]]:
        due = select(INVOICES, DUE.label("due")).where(INVOICES.c.status == "open", DUE > 0)
        return self._some(due, INVOICES, count_max)

    def _open(self, count_max: int) -> list[Row[Any]]:
        return self._some(select(INVOICES).where(INVOICES.c.status == "open"), INVOICES, count_max)

    def _payments(self, condition: Any) -> list[Row[Any]]:
        return self._some(select(PAYMENTS).where(condition), PAYMENTS, FEW)

    def _some(self, statement: Any, table: Any, count_max: int) -> list[Row[Any]]:
        own = statement.where(table.c.organization_id == self._books.organization_id)
        found = self._books.database.read(lambda conn: list(conn.execute(own.order_by(table.c.id))))
        count = self._random.randint(1, count_max)
        return self._random.sample(found, min(count, len(found)))
