"""The product with one mistake in it: each must make a test fail, or the test is worth nothing."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import Column, Connection, Row, func, select

from tallystick.invoices import correcting, issuing, numbering
from tallystick.invoices.models import INVOICES
from tallystick.invoices.numbering import Counters, Series
from tallystick.kernel import rows
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answers
from tallystick.kernel.rows import Writes
from tallystick.payments import asking, orders, queries, resolving, settling
from tallystick.payments.cards import Card
from tallystick.payments.provider import Failed, Unknown
from tallystick.payments.resolving import ResolvePayment
from tallystick.payments.starting import StartPayment, start_payments
from tallystick.web import paying
from tallystick.web.paying import Paid

Name = Literal[
    "no lock",
    "maximum plus one",
    "key written after commit",
    "key not written",
    "no postings",
    "timeout is failure",
    "called inside the transaction",
    "settled without looking",
]

T = TypeVar("T")


def apply(name: Name, patch: pytest.MonkeyPatch | None = None) -> None:
    """Put a mistake into the product of this process, until the patch is undone."""
    patch = pytest.MonkeyPatch() if patch is None else patch
    _MISTAKES[name](patch)


def _no_lock(patch: pytest.MonkeyPatch) -> None:
    """Rows are read without being locked."""
    patch.setattr(rows, "find", _find_only)


_find = rows.find


def _find_only(
    conn: Connection,
    columns: Sequence[Column[Any]],
    keys: Collection[rows.Key],
    *,
    shown: tuple[Column[Any], ...] = (),
    lock: bool = False,
) -> Sequence[Row[Any]]:
    del lock
    return _find(conn, columns, keys, shown=shown)


def _maximum_plus_one(patch: pytest.MonkeyPatch) -> None:
    """The next number is looked up among the invoices, and no counter is locked."""

    class Largest(Counters):
        def __init__(self, conn: Connection, wanted: Collection[Series]) -> None:
            super().__init__(conn, wanted)
            for series, count in self._counts.items():
                largest = select(func.max(INVOICES.c.sequence)).where(
                    INVOICES.c.organization_id == series.organization_id,
                    INVOICES.c.series == series.name,
                    INVOICES.c.year == series.year,
                )
                count.last = conn.execute(largest).scalar() or 0

    patch.setattr(numbering, "rows", SimpleNamespace(find=_find_only))
    patch.setattr(issuing, "Counters", Largest)


def _key_written_after_commit(patch: pytest.MonkeyPatch) -> None:
    """The answer is kept in a transaction of its own, when the effect is committed."""
    later: list[Writes] = []
    keep, write = Answers.write, Database.write

    def put_off(self: Answers[Any], writes: Writes) -> None:
        del writes
        own = Writes()
        keep(self, own)
        later.append(own)

    def write_twice(self: Database, command: Callable[[Connection], T]) -> T:
        given = write(self, command)
        write(self, lambda conn: later.pop().flush(conn))
        return given

    patch.setattr(Answers, "write", put_off)
    patch.setattr(Database, "write", write_twice)


def _key_not_written(patch: pytest.MonkeyPatch) -> None:
    """No answer is kept."""
    patch.setattr(Answers, "write", lambda *_: None)


def _no_postings(patch: pytest.MonkeyPatch) -> None:
    """What happens is not booked."""
    for module in (issuing, correcting, settling):
        patch.setattr(module, "post", lambda *_: None)


def _timeout_is_failure(patch: pytest.MonkeyPatch) -> None:
    """A provider that did not answer is taken to have said no."""
    resolve = resolving.resolve_payments
    no = Failed("declined", "It did not answer.")

    def guessing(conn: Connection, commands: Sequence[ResolvePayment]) -> Any:
        guessed = [
            replace(command, outcome=no) if isinstance(command.outcome, Unknown) else command
            for command in commands
        ]
        return resolve(conn, guessed)

    for module in (paying, asking):
        patch.setattr(module, "resolve_payments", guessing)


def _called_inside_the_transaction(patch: pytest.MonkeyPatch) -> None:
    """The provider is called before the payment is committed."""

    async def pay(call: Any, command: StartPayment, card: Card) -> Paid:
        provider = call.edge.providers.named(command.provider)
        place = command.act.organization_id

        def work(conn: Connection, commands: Sequence[StartPayment]) -> Any:
            [started] = start_payments(conn, commands)
            if started.replayed:
                return [started]
            assert not isinstance(started.outcome, Refusal)
            payment_id = UUID(started.outcome["id"])
            outcome = provider.start(orders.payment_order(conn, place, payment_id, card))
            act = replace(command.act, key=str(payment_id))
            return resolving.resolve_payments(conn, [ResolvePayment(act, payment_id, outcome)])

        payment = await call.run(work, command)
        read = partial(queries.get_payment, organization_id=place, payment_id=UUID(payment["id"]))
        return Paid(await call.read(read), None)

    patch.setattr(paying, "pay", pay)


def _settled_without_looking(patch: pytest.MonkeyPatch) -> None:
    """The state of a payment is the one that it had when the provider was called."""
    case = resolving._case  # noqa: SLF001  # a mistake has no door of its own

    def stale(*args: Any, **values: Any) -> Any:
        found = case(*args, **values)
        return replace(found, holding=replace(found.holding, status="processing"))

    patch.setattr(resolving, "_case", stale)


_MISTAKES: dict[Name, Callable[[pytest.MonkeyPatch], None]] = {
    "no lock": _no_lock,
    "maximum plus one": _maximum_plus_one,
    "key written after commit": _key_written_after_commit,
    "key not written": _key_not_written,
    "no postings": _no_postings,
    "timeout is failure": _timeout_is_failure,
    "called inside the transaction": _called_inside_the_transaction,
    "settled without looking": _settled_without_looking,
}
