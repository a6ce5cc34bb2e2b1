"""Charges, refunds, and questions what became of them, as processes do them; and the join.

The provider is our stand-in, whose own ledger says what it really charged.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import Connection, select, union_all

from tallystick.kernel.clock import now
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Command
from tallystick.kernel.task_loop import TaskLoop
from tallystick.payments import comparing
from tallystick.payments.asking import Reconciler
from tallystick.payments.cards import Card
from tallystick.payments.models import ORDERS, PAYMENTS, REFUNDS
from tallystick.payments.returning import StartRefund, start_refunds
from tallystick.payments.starting import StartPayment
from tallystick.payments.states import SETTLED
from tallystick.providers.fakepay import FakePay
from tallystick.web import paying, returning
from tallystick.web.provider_calls import ProviderCalls
from tests.races.books import UseCase

SECRET = "a secret of both sides"
CALL_S = 2.0
KNOWN_S = 120.0
CARD = {"number": "1234567812345678", "expiry": "01-2040", "name": "J Doe"}
LATER = timedelta(minutes=5)
"""When every call is over, every lease has ended, and an absence is believed."""

T = TypeVar("T")


def provider(url: str, timeout_s: float = CALL_S) -> FakePay:
    """Return the provider for a stand-in."""
    return FakePay(url=url, timeout_s=timeout_s, takes_cards=True, secret=SECRET)


class InFlight(Exception):
    """The provider may be at work for an earlier request, so this one has to wait."""


class Caller:
    """A request without HTTP around it, as `tallystick.web.paying` wants one."""

    def __init__(self, database: Database, edge: Any) -> None:
        self._database = database
        self.edge = edge
        self.replayed = False

    async def run(self, use_case: UseCase, command: Command) -> Any:
        """Run a command in a transaction of its own."""
        [answer] = self._database.write(lambda conn: use_case(conn, [command]))
        self.replayed = answer.replayed
        if isinstance(answer.outcome, Refusal):
            raise Refused(answer.outcome.code, answer.outcome.detail)
        return answer.outcome

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run a query."""
        return self._database.read(query)


@dataclass(frozen=True)
class Request:
    """A request that charges a card or gives back, at a moment; sent later it is the same again."""

    url: str
    command: StartPayment | StartRefund

    def at(self, moment: datetime) -> "Request":
        """Give the same request as it comes at another moment."""
        act = replace(self.command.act, at=moment)
        return replace(self, command=replace(self.command, act=act))

    def __call__(self, database: Database) -> Mapping[str, Any]:
        """Do it; give the payment or refund as the answer has it.

        Raises:
            InFlight: an earlier request may be under way.
        """
        return asyncio.run(self._do(database))

    async def _do(self, database: Database) -> Mapping[str, Any]:
        calls = ProviderCalls({"fakepay": provider(self.url)}, CALL_S)
        edge = SimpleNamespace(providers=calls, clock=lambda: self.command.act.at)
        try:
            caller = Caller(database, edge)
            if isinstance(self.command, StartRefund):
                return await returning.give_back(
                    caller, start_refunds, self.command, calls.named("fakepay")
                )
            return (await paying.pay(caller, self.command, Card(**CARD))).payment
        except Refused as refused:
            if refused.refusal.code == "payment.in_flight":
                raise InFlight from refused
            raise
        finally:
            await calls.close()


@dataclass(frozen=True)
class Ask:
    """A worker that does all that is due at a moment, and ends."""

    url: str
    now: datetime

    def __call__(self, database: Database) -> None:
        """Do every task that is due."""
        handlers = Reconciler(database, {"fakepay": provider(self.url)}).handlers()
        loop = TaskLoop(
            database,
            lambda: self.now,
            handlers,
            stopping=lambda: False,
            monotonic=lambda: 0.0,
        )
        while loop.step():
            pass


def astray(database: Database, report: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Join a provider's own ledger with our books; list what one side knows and the other does not.

    A payment that is still on its way stands in no list: its outcome is not known.
    """
    charged = Counter({row["transactionId"]: row["charges"] for row in report["payments"]})
    charged += Counter(row["refundId"] for row in report["refunds"])
    joined = select(ORDERS.c.provider_key, PAYMENTS.c.status).join_from(
        ORDERS,
        PAYMENTS,
        (ORDERS.c.organization_id == PAYMENTS.c.organization_id)
        & (ORDERS.c.payment_id == PAYMENTS.c.id),
    )
    payments = joined.where(ORDERS.c.refund_id.is_(None))
    of_refunds = select(REFUNDS.c.id, REFUNDS.c.status).where(REFUNDS.c.method == "fakepay")
    rows = database.read(lambda conn: conn.execute(union_all(payments, of_refunds)).all())
    recorded = Counter({str(key): int(status in SETTLED) for key, status in rows})
    return [
        *(f"charged, not recorded: {key} {count}" for key, count in (charged - recorded).items()),
        *(f"recorded, not charged: {key} {count}" for key, count in (recorded - charged).items()),
    ]


def compare(database: Database, url: str) -> int:
    """Compare the provider's report with the books, as the worker does daily; count what was late.

    Raises:
        AssertionError: there is more than what was declined and taken all the same.
    """
    at = now()
    found = comparing.compare(database, provider(url, KNOWN_S), at - comparing.SINCE, at)
    assert [each for each in found if each.kind != "settled"] == []
    return len(found)


def undecided(database: Database) -> int:
    """Count the payments and refunds of which nobody knows what became."""
    on_the_way = [
        select(table.c.id).where(table.c.status == "processing") for table in (PAYMENTS, REFUNDS)
    ]
    return len(database.read(lambda conn: conn.execute(union_all(*on_the_way)).all()))


def wait_until_known(database: Database, within_s: float = KNOWN_S) -> float:
    """Wait until it is known what became of everything; tell how many seconds that took.

    Raises:
        TimeoutError: that did not happen.
    """
    begun = time.monotonic()
    while undecided(database):
        if time.monotonic() - begun > within_s:
            message = f"Of {undecided(database)} nobody knows after {within_s} s what became."
            raise TimeoutError(message)
        time.sleep(0.1)
    return time.monotonic() - begun
