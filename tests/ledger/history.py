"""A random history of books: real use cases, in batches, chosen by a seeded random.

Grows with the product: whatever books an entry is among the steps, and a history that is long
enough has had all of them.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from tallystick.invoices.correcting import VoidInvoice, void_invoices
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.totals import Discount, Line
from tallystick.parties.customers import create_customers
from tallystick.payments.allocating import Share
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.recording import record_payments
from tallystick.payments.states import OFFLINE_METHODS
from tests.factories import Books

BATCH_MAX = 64
CUSTOMERS = 25
CURRENCIES = ("EUR", "EUR", "EUR", "JPY", "KWD", "CLF")
"""Decimals 2, 0, 3 and 4; most in the organization's own."""
RATES_PPM = (0, 70_000, 77_000, 190_000, 200_000)


class History:
    """Lets things happen in one set of books, and counts them by kind."""

    def __init__(self, books: Books, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self._books = books
        self._random = random.Random(seed)
        made = [books.customer_command(name=f"Customer {number}") for number in range(CUSTOMERS)]
        self._customers = [UUID(each["id"]) for each in books.outcomes(create_customers, *made)]
        self._open: dict[UUID, InvoiceDocument] = {}
        self._due: dict[UUID, int] = {}

    def run(self, operations: int) -> None:
        """Let at least so many operations happen."""
        steps: Sequence[tuple[int, Callable[[int], int]]] = (
            (6, self._issue),
            (8, self._pay),
            (1, self._void),
        )
        weights, chosen = zip(*steps, strict=True)
        while self.done.total() < operations:
            self._books.act.now += timedelta(hours=self._random.randrange(1, 20))
            [step] = self._random.choices(chosen, weights)
            step(self._random.randint(1, BATCH_MAX))

    def _issue(self, count: int) -> int:
        commands = []
        for _ in range(count):
            lines = tuple(self._line() for _ in range(self._random.randint(1, 4)))
            content = self._books.content(
                customer_id=self._random.choice(self._customers),
                currency=self._random.choice(CURRENCIES),
                lines=lines,
                discount=self._random.choice((None, None, Discount("percent", 25_000))),
            )
            commands.append(IssueNew(self._books.act(), content))
        for invoice in self._books.outcomes(issue_new, *commands):
            self._open[UUID(invoice["id"])] = invoice
            self._due[UUID(invoice["id"])] = invoice["due"]
            self.done["issued"] += 1
        return count

    def _line(self) -> Line:
        return Line(
            "Something",
            self._random.choice((1_000_000, 1_500_000, 333_333)),
            self._random.randint(100, 100_000),
            self._random.choice(RATES_PPM),
        )

    def _pay(self, count: int) -> int:
        """Pay each of some open invoices: a part, the whole, or more for credit."""
        kinds, commands = [], []
        for invoice_id in self._picked(count):
            due = self._due[invoice_id]
            kind = self._random.choice(("part", "whole", "more"))
            amount = {"part": self._random.randint(1, due), "whole": due, "more": due + 500}[kind]
            kinds.append("part" if amount < due else "whole" if amount == due else "more")
            commands.append(
                self._books.payment(
                    amount,
                    Share(invoice_id),
                    currency=self._open[invoice_id]["currency"],
                    method=self._random.choice(OFFLINE_METHODS),
                    excess="credit" if kind == "more" else "refuse",
                )
            )
        self.done.update(f"paid {kind}" for kind in kinds)
        for payment in self._books.outcomes(record_payments, *commands):
            self._take_off(payment)
        return len(commands)

    def _take_off(self, payment: PaymentDocument) -> None:
        for part in payment["allocations"]:
            invoice_id = UUID(part["invoice_id"])
            self._due[invoice_id] -= part["amount"]
            if not self._due[invoice_id]:
                del self._due[invoice_id], self._open[invoice_id]

    def _void(self, count: int) -> int:
        untouched = [
            invoice_id
            for invoice_id in self._picked(count)
            if self._due[invoice_id] == self._open[invoice_id]["total"]
        ]
        commands: list[Any] = [
            VoidInvoice(self._books.act(), invoice_id, "Issued twice.") for invoice_id in untouched
        ]
        for invoice in self._books.outcomes(void_invoices, *commands):
            del self._due[UUID(invoice["id"])], self._open[UUID(invoice["id"])]
            self.done["voided"] += 1
        return len(commands)

    def _picked(self, count: int) -> list[UUID]:
        return self._random.sample(sorted(self._open), min(count, len(self._open)))
