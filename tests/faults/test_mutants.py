"""The tests of the tests: a product with a mistake in it does not get through them."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import exc

from tallystick.kernel.database import Database
from tests.faults import mutants
from tests.faults.dying import Mortal
from tests.faults.sweep import sweep
from tests.faults.test_crashes import ASKED
from tests.properties.machine import Machine
from tests.races import scenes, test_corrections, test_keys, test_numbers, test_payments
from tests.races.books import Books

Processes = Callable[[int], Sequence[Database]]

servers_only = pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True)
"""SQLite has one writer, so there is nothing to be missed by not locking."""
one_engine = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@servers_only
def test_payers_find_a_missing_lock(
    own_database: Database, own_processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books.open(own_database)
    mutants.apply("no lock", monkeypatch)
    with pytest.raises((AssertionError, exc.DBAPIError)):
        test_payments.test_fifty_payers_cannot_pay_one_invoice_twice_over(
            books, own_processes, scenes.payers_on_one_invoice
        )


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_void_against_a_payment_finds_a_missing_lock(
    own_database: Database, own_processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books.open(own_database)
    mutants.apply("no lock", monkeypatch)
    with pytest.raises((AssertionError, exc.DBAPIError)):
        test_corrections.test_a_void_and_a_payment_never_both_happen(
            books, own_processes, 200, lambda *_: None
        )


@servers_only
def test_issuers_find_a_number_that_is_looked_up(
    own_database: Database, own_processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = Books.open(own_database)
    mutants.apply("maximum plus one", monkeypatch)
    with pytest.raises((AssertionError, exc.DBAPIError)):
        test_numbers.test_eight_issuers_share_one_series_without_gaps(books, own_processes)


@one_engine
def test_death_finds_an_answer_kept_too_late(own_database: Database, mortal: Mortal) -> None:
    books = Books.open(own_database)
    use_case, ask = ASKED["record payments"]
    with pytest.raises(AssertionError, match="left by death at"):
        sweep(books, mortal, use_case, ask, mutant="key written after commit")


@one_engine
@pytest.mark.parametrize("asked", ["credit", "new invoice"])
def test_one_key_at_once_finds_an_answer_that_is_not_kept(
    own_database: Database, own_processes: Processes, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    books = Books.open(own_database)
    mutants.apply("key not written", monkeypatch)
    with pytest.raises(AssertionError):
        test_keys.test_one_key_twenty_times_at_once_has_one_effect(books, own_processes, asked)


@one_engine
@pytest.mark.parametrize("mutant", ["no postings", "key not written"])
def test_the_model_finds_a_mistake(
    own_database: Database, monkeypatch: pytest.MonkeyPatch, mutant: mutants.Name
) -> None:
    mutants.apply(mutant, monkeypatch)
    said: Counter[str] = Counter()
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            partial(Machine, own_database, said),  # type: ignore[arg-type]  # it takes any factory
            settings=settings(
                max_examples=5,
                phases=[Phase.generate],
                database=None,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
