"""The moments at which writers meet: each scene lets them, and gives back what each was told.

A scene judges nothing, so that the tests of the tests can play it on a product with a mistake in
it.
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

from tallystick.invoices.drafting import ChangeDraft, change_drafts
from tallystick.invoices.issuing import issue_invoices, issue_new
from tallystick.kernel import failures
from tallystick.kernel.coalescing import Coalescer
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Answer, Command
from tallystick.payments.applying import ApplyCredit, apply_credit
from tallystick.payments.claiming import ConfirmPayment, confirm_payments
from tallystick.payments.recording import record_payments
from tallystick.payments.refunding import RefundPayment, refund_payments
from tests.races.books import Books, UseCase, answer, answer_all

PATIENCE_S = 60.0
"""After this long a scene has failed, whatever it waits for."""

T = TypeVar("T")


def at_once(count: int, work: Callable[[int], T]) -> list[T]:
    """Do a piece of work on threads of its own that all begin at the same moment.

    Raises:
        BaseException: what the first of them raised.
    """
    start = threading.Barrier(count)
    errors: list[BaseException] = []

    def begin(index: int) -> T:
        start.wait(PATIENCE_S)
        try:
            return work(index)
        except BaseException as error:
            errors.append(error)
            raise

    with ThreadPoolExecutor(count) as threads:
        futures = [threads.submit(begin, index) for index in range(count)]
        done, _ = wait(futures, PATIENCE_S)
        for error in errors:
            raise error
        assert len(done) == count, "somebody waits for ever"
        return [future.result() for future in futures]


def through_coalescers(
    databases: Sequence[Database],
    work: Callable[[Sequence[Coalescer]], Awaitable[T]],
    *,
    patience_s: float = PATIENCE_S,
) -> T:
    """Do a piece of work with a coalescer on each database, as several processes would have."""

    async def play() -> T:
        coalescers = [Coalescer(database) for database in databases]
        try:
            async with asyncio.timeout(patience_s):
                return await work(coalescers)
        finally:
            for coalescer in coalescers:
                await coalescer.close()

    return asyncio.run(play())


@contextmanager
def failures_seen() -> Iterator[list[str]]:
    """Note what each error of the database meant, on all connections of this process."""
    seen: list[str] = []

    def note(context: ExceptionContext) -> None:
        if context.sqlalchemy_exception is not None:
            seen.append(failures.classify(context.sqlalchemy_exception))

    event.listen(Engine, "handle_error", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "handle_error", note)


def payers_on_one_invoice(
    books: Books, databases: Sequence[Database], invoice_id: UUID, *, payers: int, amount: int
) -> list[Answer[Any]]:
    """Let everybody pay the same invoice at once, each on a thread."""
    return at_once(
        payers,
        lambda index: answer(
            databases[index % len(databases)], record_payments, books.pay(amount, invoice_id)
        ),
    )


def payers_through_coalescers(
    books: Books, databases: Sequence[Database], invoice_id: UUID, *, payers: int, amount: int
) -> list[Answer[Any]]:
    """Let everybody pay the same invoice at once, through the coalescers of several processes."""

    async def pay(coalescers: Sequence[Coalescer]) -> list[Answer[Any]]:
        waiting = [
            coalescers[index % len(coalescers)].run(record_payments, books.pay(amount, invoice_id))
            for index in range(payers)
        ]
        return await asyncio.gather(*waiting)

    return through_coalescers(databases, pay)


def issuers_on_one_series(
    books: Books, databases: Sequence[Database], *, each: int
) -> list[Answer[Any]]:
    """Let an issuer on each database issue invoices, one after another."""

    def issue(index: int) -> list[Answer[Any]]:
        return [answer(databases[index], issue_new, books.issue_new(1_000)) for _ in range(each)]

    return [given for issuer in at_once(len(databases), issue) for given in issuer]


def same_key_at_once(
    databases: Sequence[Database], use_case: UseCase, command: Command, *, times: int
) -> list[Answer[Any]]:
    """Send one command under its one key many times at once."""
    return at_once(
        times, lambda index: answer(databases[index % len(databases)], use_case, command)
    )


def corrections_against_payments(
    books: Books,
    databases: Sequence[Database],
    use_case: UseCase,
    ask: Callable[[UUID], Command],
    invoice_ids: Sequence[UUID],
) -> list[tuple[Answer[Any], Answer[Any]]]:
    """For each invoice in turn let one correct it while another pays it; now one starts first, now
    the other.
    """

    def correct(invoice_id: UUID) -> Answer[Any]:
        return answer(databases[0], use_case, ask(invoice_id))

    def pay(invoice_id: UUID) -> Answer[Any]:
        return answer(databases[1], record_payments, books.pay(100, invoice_id))

    return _duels(invoice_ids, correct, pay)


def refunders_of_one_payment(
    books: Books, databases: Sequence[Database], payment_id: UUID, *, refunders: int, amount: int
) -> list[Answer[Any]]:
    """Let everybody give the same payment back at once, each on a thread."""

    def refund(index: int) -> Answer[Any]:
        command = RefundPayment(books.act(), payment_id, amount)
        return answer(databases[index % len(databases)], refund_payments, command)

    return at_once(refunders, refund)


def refunds_against_credit(
    books: Books, databases: Sequence[Database], payment_ids: Sequence[UUID]
) -> list[tuple[Answer[Any], Answer[Any]]]:
    """For each payment in turn let one give it back while another pays invoices with it."""

    def refund(payment_id: UUID) -> Answer[Any]:
        return answer(databases[0], refund_payments, RefundPayment(books.act(), payment_id))

    def apply(payment_id: UUID) -> Answer[Any]:
        return answer(databases[1], apply_credit, ApplyCredit(books.act(), payment_id))

    return _duels(payment_ids, refund, apply)


def refunds_against_payments(
    books: Books, databases: Sequence[Database], paid: dict[UUID, UUID]
) -> list[tuple[Answer[Any], Answer[Any]]]:
    """For each paid invoice in turn let one give its payment back while another pays it."""

    def refund(invoice_id: UUID) -> Answer[Any]:
        command = RefundPayment(books.act(), paid[invoice_id])
        return answer(databases[0], refund_payments, command)

    def pay(invoice_id: UUID) -> Answer[Any]:
        return answer(databases[1], record_payments, books.pay(100, invoice_id))

    return _duels(list(paid), refund, pay)


def confirmers_of_claims(
    books: Books, databases: Sequence[Database], payment_ids: Sequence[UUID]
) -> list[tuple[Answer[Any], Answer[Any]]]:
    """For each claimed payment in turn let two confirm it."""

    def confirm(database: Database) -> Callable[[UUID], Answer[Any]]:
        return lambda payment_id: answer(
            database, confirm_payments, ConfirmPayment(books.act(), payment_id)
        )

    return _duels(payment_ids, confirm(databases[0]), confirm(databases[1]))


def issues_against_changes(
    books: Books, databases: Sequence[Database], draft_ids: Sequence[UUID], *, total: int
) -> list[tuple[Answer[Any], Answer[Any]]]:
    """For each draft in turn let one issue it while another changes it to another total."""

    def issue(draft_id: UUID) -> Answer[Any]:
        return answer(databases[0], issue_invoices, books.issue(draft_id))

    def change(draft_id: UUID) -> Answer[Any]:
        command = ChangeDraft(books.act(), draft_id, 1, books.content(total))
        return answer(databases[1], change_drafts, command)

    return _duels(draft_ids, issue, change)


def _duels(
    places: Sequence[UUID], one: Callable[[UUID], T], other: Callable[[UUID], T]
) -> list[tuple[T, T]]:
    meet = threading.Barrier(2)
    random_starts = random.Random(7)
    # Up to a head start of two milliseconds for either, so that both win sometimes.
    starts = [random_starts.uniform(-0.002, 0.002) for _ in places]

    def fight(index: int) -> list[T]:
        told = []
        try:
            for place, start in zip(places, starts, strict=True):
                meet.wait(PATIENCE_S)
                time.sleep(max(0, start if index == 0 else -start))
                told.append((one, other)[index](place))
        finally:
            if len(told) < len(places):
                meet.abort()
        return told

    ones, others = at_once(2, fight)
    return list(zip(ones, others, strict=True))


def same_keys_in_other_orders(
    databases: Sequence[Database], use_case: UseCase, commands: Sequence[Command]
) -> list[dict[str, Answer[Any]]]:
    """Send the same commands through each coalescer, in an order of its own."""

    async def send(coalescer: Coalescer, seed: int) -> dict[str, Answer[Any]]:
        shuffled = random.Random(seed).sample(commands, len(commands))
        answers = await asyncio.gather(*[coalescer.run(use_case, each) for each in shuffled])
        return {command.act.key: given for command, given in zip(shuffled, answers, strict=True)}

    async def play(coalescers: Sequence[Coalescer]) -> list[dict[str, Answer[Any]]]:
        sending = [send(coalescer, seed) for seed, coalescer in enumerate(coalescers)]
        return await asyncio.gather(*sending)

    return through_coalescers(databases, play)


def payments_in_opposite_orders(
    books: Books, databases: Sequence[Database], invoice_ids: Sequence[UUID], *, each: int
) -> list[Answer[Any]]:
    """Let a payer on each database pay 1 each on several invoices, named forwards and backwards."""

    def pay(index: int) -> list[Answer[Any]]:
        chosen = random.Random(index)
        answers = []
        for _ in range(each):
            named = chosen.sample(invoice_ids, 5)
            named = sorted(named, reverse=index % 2 == 0)
            answers.append(answer(databases[index], record_payments, books.pay(5, *named)))
        return answers

    return [given for payer in at_once(len(databases), pay) for given in payer]


def batches_in_opposite_orders(
    databases: Sequence[Database],
    use_case: UseCase,
    ask: Callable[[UUID], Command],
    batches: Sequence[Sequence[UUID]],
) -> list[Answer[Any]]:
    """Run batches on the same invoices at once, one forwards and one backwards, batch by batch."""
    meet = threading.Barrier(2)

    def run_batches(index: int) -> list[Answer[Any]]:
        answers = []
        try:
            for batch in batches:
                ordered = sorted(batch, reverse=index == 1)
                commands = [ask(invoice_id) for invoice_id in ordered]
                meet.wait(PATIENCE_S)
                answers += answer_all(databases[index], use_case, *commands)
        finally:
            if len(answers) < sum(len(batch) for batch in batches):
                meet.abort()
        return answers

    return [given for answers in at_once(2, run_batches) for given in answers]
