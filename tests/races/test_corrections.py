"""Somebody corrects an invoice while somebody pays it: never both on the same money."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from tallystick.invoices.correcting import void_invoices
from tallystick.invoices.writing_off import write_off_invoices
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.idempotency import Answer
from tallystick.payments.crediting import credit_invoices
from tallystick.payments.replacing import replace_invoices
from tests.races import scenes
from tests.races.books import Books, code, result

Processes = Callable[[int], Sequence[Database]]
Noting = Callable[[str, object], None]
Duels = list[tuple[Answer[Any], Answer[Any]]]


def invoices(books: Books, count: int) -> list[UUID]:
    """Issue invoices of 100."""
    made = [each for _ in range(count // 50) for each in books.issued(50, 100)]
    assert len(made) == count
    return made


def outcomes(duels: Duels, note: Noting) -> Counter[tuple[str, str]]:
    """Count who was told what."""
    counted = Counter((code(correction), code(payment)) for correction, payment in duels)
    for told, times in counted.items():
        note(" and ".join(told), times)
    return counted


def test_a_void_and_a_payment_never_both_happen(
    books: Books, processes: Processes, rounds: int, record_property: Noting
) -> None:
    invoice_ids = invoices(books, rounds)
    duels = scenes.corrections_against_payments(
        books, processes(2), void_invoices, books.void, invoice_ids
    )
    counted = outcomes(duels, record_property)
    voids, payments = ("done", "invoice.not_payable"), ("invoice.paid", "done")
    assert counted.total() == rounds
    assert set(counted) == {voids, payments}, counted
    assert books.standings(*invoice_ids) == {
        invoice_id: ("void", 0) if code(void) == "done" else ("open", 100)
        for invoice_id, (void, _) in zip(invoice_ids, duels, strict=True)
    }
    assert books.allocated(*invoice_ids) == [100] * counted[payments]


def test_what_is_credited_is_never_paid_too(
    books: Books, processes: Processes, rounds: int, record_property: Noting
) -> None:
    invoice_ids = invoices(books, rounds)
    duels = scenes.corrections_against_payments(
        books, processes(2), credit_invoices, books.credit, invoice_ids
    )
    counted = outcomes(duels, record_property)
    # Where the payment came first, the note has set it free again.
    first, last = ("done", "invoice.not_payable"), ("done", "done")
    assert counted.total() == rounds
    assert set(counted) == {first, last}, counted
    assert books.standings(*invoice_ids) == dict.fromkeys(invoice_ids, ("credited", 0))
    assert books.allocated(*invoice_ids) == [-100] * counted[last] + [100] * counted[last]
    assert books.credited() == list(range(1, rounds + 1))
    assert books.balances() == {
        "Assets:Cash:Cash": 100 * counted[last],
        f"Liabilities:Credit:{ids.code(books.customer_id)}": -100 * counted[last],
    }


def test_what_is_written_off_is_never_paid_too(
    books: Books, processes: Processes, rounds: int, record_property: Noting
) -> None:
    invoice_ids = invoices(books, rounds)
    duels = scenes.corrections_against_payments(
        books, processes(2), write_off_invoices, books.write_off, invoice_ids
    )
    counted = outcomes(duels, record_property)
    # Where the write-off came first, the payment has taken it back.
    assert counted.total() == rounds
    assert set(counted) == {("done", "done"), ("write_off.nothing_due", "done")}, counted
    assert books.standings(*invoice_ids) == dict.fromkeys(invoice_ids, ("open", 100))
    assert books.allocated(*invoice_ids) == [100] * rounds
    assert books.balances() == {"Assets:Cash:Cash": 100 * rounds, "Income:Sales": -100 * rounds}


def test_what_is_replaced_is_never_paid_too(
    books: Books, processes: Processes, rounds: int, record_property: Noting
) -> None:
    invoice_ids = invoices(books, rounds)
    duels = scenes.corrections_against_payments(
        books, processes(2), replace_invoices, books.replace, invoice_ids
    )
    counted = outcomes(duels, record_property)
    # Where the payment came first, it pays the new invoice now.
    first, last = ("done", "invoice.not_payable"), ("done", "done")
    assert counted.total() == rounds
    assert set(counted) == {first, last}, counted
    assert books.standings(*invoice_ids) == dict.fromkeys(invoice_ids, ("void", 0))
    assert books.allocated(*invoice_ids) == [-100] * counted[last] + [100] * counted[last]
    new = [UUID(result(replacement)["id"]) for replacement, _ in duels]
    assert books.standings(*new) == {
        invoice_id: ("open", 100 if code(payment) == "done" else 0)
        for invoice_id, (_, payment) in zip(new, duels, strict=True)
    }
    assert books.sequences() == list(range(1, 2 * rounds + 1))
