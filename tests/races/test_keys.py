"""The same key at the same moment: one effect, and the same answer for everybody."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tallystick.invoices.correcting import void_invoices
from tallystick.invoices.issuing import issue_invoices, issue_new
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Command
from tallystick.parties.customers import create_customers
from tallystick.payments.recording import record_payments
from tests.races import scenes
from tests.races.books import Books, UseCase, answer, code

Processes = Callable[[int], Sequence[Database]]
Asked = tuple[UseCase, Callable[[Books], Command]]

ASKED: dict[str, Asked] = {
    "payment": (record_payments, lambda books: books.pay(100, *books.issued(1, 1_000))),
    # Without a row that all of them lock: only the key itself stands between them.
    "credit": (record_payments, lambda books: books.pay(100, customer_id=books.customer_id)),
    "refusal": (record_payments, lambda books: books.pay(5_000, *books.issued(1, 1_000))),
    "new invoice": (issue_new, lambda books: books.issue_new(1_000)),
    "draft": (issue_invoices, lambda books: books.issue(*books.drafted(1, 1_000))),
    "void": (void_invoices, lambda books: books.void(*books.issued(1, 1_000))),
    "customer": (create_customers, lambda books: books.customer("Bob")),
}


@pytest.mark.parametrize("asked", ASKED)
def test_one_key_twenty_times_at_once_has_one_effect(
    books: Books, processes: Processes, asked: str
) -> None:
    use_case, ask = ASKED[asked]
    command = ask(books)
    keys = books.keys()
    answers = scenes.same_key_at_once(processes(4), use_case, command, times=20)
    assert [given.outcome for given in answers] == [answers[0].outcome] * 20
    assert Counter(given.replayed for given in answers) == {False: 1, True: 19}
    assert books.keys() == keys + 1
    paid = asked in {"payment", "credit"}
    assert books.receipts() == ([1] if paid else [])
    issued = asked in {"payment", "refusal", "new invoice", "draft", "void"}
    assert books.sequences() == ([1] if issued else [])


def test_two_processes_with_the_same_keys_in_other_orders_agree(
    books: Books, processes: Processes
) -> None:
    invoice_ids = books.issued(20, 1_000)
    commands = [books.pay(1, invoice_ids[index % 20]) for index in range(400)]
    one, other = scenes.same_keys_in_other_orders(processes(2), record_payments, commands)
    assert {key: given.outcome for key, given in one.items()} == {
        key: given.outcome for key, given in other.items()
    }
    answers = [*one.values(), *other.values()]
    assert Counter(code(given) for given in answers) == {"done": 800}
    assert Counter(given.replayed for given in answers) == {False: 400, True: 400}
    assert books.allocated(*invoice_ids) == [1] * 400
    assert books.receipts() == list(range(1, 401))


def test_one_external_reference_is_given_to_one_customer(
    books: Books, processes: Processes
) -> None:
    databases = processes(4)
    commands = [replace(books.customer("Bob"), external_reference="S-1") for _ in range(8)]
    answers = scenes.at_once(
        8, lambda index: answer(databases[index % 4], create_customers, commands[index])
    )
    assert Counter(code(given) for given in answers) == {"done": 1, "customer.reference_taken": 7}
