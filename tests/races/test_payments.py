"""Payers who meet: nothing is paid twice over, and nobody waits for ever."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tallystick.invoices.correcting import void_invoices
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.kernel.idempotency import Answer
from tallystick.payments.allocating import Share
from tallystick.payments.bounding import WAITING_MAX
from tallystick.payments.claiming import ClaimPayment, claim_payments
from tests.races import scenes
from tests.races.books import Books, answer, code

Processes = Callable[[int], Sequence[Database]]
Scene = Callable[..., list[Answer[Any]]]


@pytest.mark.parametrize("scene", [scenes.payers_on_one_invoice, scenes.payers_through_coalescers])
def test_fifty_payers_cannot_pay_one_invoice_twice_over(
    books: Books, processes: Processes, scene: Scene
) -> None:
    invoice_id = books.issued(1, 10_000)[0]
    answers = scene(books, processes(4), invoice_id, payers=50, amount=300)
    assert Counter(code(given) for given in answers) == {"done": 33, "payment.exceeds_due": 17}
    # Only the last due was too small for anybody, so it is what all losers were told.
    facts = [given.outcome.facts for given in answers if isinstance(given.outcome, Refusal)]
    assert facts == [{"due": "1.00", "currency": "EUR"}] * 17
    assert books.allocated(invoice_id) == [300] * 33
    assert books.invoice(invoice_id)["due"] == 100
    assert books.receipts() == list(range(1, 34))


def test_of_many_claims_at_once_only_as_many_wait_as_may(
    books: Books, processes: Processes
) -> None:
    invoice_id = books.issued(1, 10_000)[0]
    databases = processes(4)

    def claim(index: int) -> Answer[Any]:
        shares = (Share(invoice_id),)
        command = ClaimPayment(books.act(), 100, "EUR", "cash", invoices=shares, by_payer=True)
        return answer(databases[index % len(databases)], claim_payments, command)

    answers = scenes.at_once(12, claim)
    told = Counter(code(given) for given in answers)
    assert told == {"done": WAITING_MAX, "payment.claims_waiting": 12 - WAITING_MAX}


def test_voids_in_opposite_orders_never_deadlock(books: Books, processes: Processes) -> None:
    batches = [books.issued(16, 100) for _ in range(5)]
    with scenes.failures_seen() as seen:
        answers = scenes.batches_in_opposite_orders(
            processes(2), void_invoices, books.void, batches
        )
    assert seen == []
    assert Counter(code(given) for given in answers) == {"done": 80, "invoice.void": 80}


def test_payments_that_name_invoices_in_opposite_orders_never_deadlock(
    books: Books, processes: Processes
) -> None:
    invoice_ids = books.issued(12, 1_000)
    with scenes.failures_seen() as seen:
        # The first receipt of a year makes the row that all later ones lock.
        first = scenes.payments_in_opposite_orders(books, processes(1), invoice_ids, each=1)
        answers = scenes.payments_in_opposite_orders(books, processes(4), invoice_ids, each=25)
    assert seen == []
    assert Counter(code(given) for given in first + answers) == {"done": 101}
    assert books.receipts() == list(range(1, 102))
