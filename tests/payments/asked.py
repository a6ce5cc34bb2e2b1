"""A provider that says what it is told to say, and a worker whose time is told to pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from tallystick.kernel import ids
from tallystick.kernel.tasks import TASKS
from tallystick.payments import orders
from tallystick.payments.asking import KNOCK_S, Reconciler
from tallystick.payments.provider import (
    Abilities,
    Event,
    Found,
    NotGenuine,
    Outcome,
    PaymentOrder,
    Provider,
    RefundOrder,
    Reported,
    Unknown,
)
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.refunds import RefundDocument
from tallystick.worker import Job, Worker
from tests.factories import START, Books

ABILITIES = Abilities(
    looks_up=True, refunds=False, events=False, repeats_safely=False, reports=True
)
STEP_S = 5
"""How time passes: a worker looks more often."""


class Told:
    """A provider of a name that no other test has, so that all tests share one database."""

    def __init__(self) -> None:
        self.name = f"p{ids.new().hex[-12:]}"
        self.abilities = ABILITIES
        self.reports: Sequence[Reported] | Unknown = []
        self.reported_between: tuple[datetime, datetime] | None = None
        self.asked: list[UUID] = []
        self.says: Callable[[UUID], Found] = lambda _key: Unknown("timeout")

    def look_up(self, key: UUID, reference: str | None) -> Found:
        del reference
        self.asked.append(key)
        return self.says(key)

    def cannot_be_asked(self) -> None:
        self.abilities = replace(ABILITIES, looks_up=False)

    def start(self, order: PaymentOrder) -> Outcome:
        raise AssertionError(order)

    def refund(self, order: RefundOrder) -> Outcome:
        raise AssertionError(order)

    def look_up_refund(self, key: UUID, reference: str | None) -> Found:
        return self.look_up(key, reference)

    def report(self, since: datetime, until: datetime) -> Sequence[Reported] | Unknown:
        self.reported_between = since, until
        return self.reports

    def read_event(
        self, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Event | NotGenuine:
        raise AssertionError(headers, body, now)


class Days:
    """A worker that asks, on a clock that passes when it is told to."""

    def __init__(self, books: Books, provider: Provider) -> None:
        self.books = books
        self.reconciler = Reconciler(books.database, {provider.name: provider})
        knock = Job("knock", KNOCK_S, lambda work: self.reconciler.knock(work.now))
        self.worker = Worker(
            books.database,
            lambda: books.act.now,
            [knock],
            lanes=[self.reconciler.handlers()],
            monotonic=self._passed_s,
        )

    def _passed_s(self) -> float:
        return (self.books.act.now - START).total_seconds()

    def pass_until(self, at: datetime) -> None:
        """Let it do what is due at a moment; nobody knocks."""
        self.books.act.now = at
        while self.worker.do_tasks():
            pass

    def pass_seconds(self, count: int) -> None:
        """Let it work while time passes, knocking too."""
        for _ in range(0, count, STEP_S):
            self.worker.step()
            self.pass_until(self.books.act.now)
            self.books.act.now += timedelta(seconds=STEP_S)


def task(books: Books, payment: PaymentDocument | RefundDocument) -> Row[Any]:
    """Read the task that asks about a payment or refund."""
    task_id = orders.asking_task(UUID(payment["id"]))
    statement = select(TASKS).where(TASKS.c.id == task_id)
    return books.database.read(lambda conn: conn.execute(statement).one())


def order(books: Books, payment: PaymentDocument) -> Row[Any]:
    """Read what the provider was asked for."""
    return books.read(orders.find, UUID(payment["id"]))
