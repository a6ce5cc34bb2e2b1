"""How many guesses are looked at: for one account from one network, and for either alone."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from pydantic import TypeAdapter
from sqlalchemy import func, select

from tallystick.auth import guessing
from tallystick.auth.guessing import Guess
from tallystick.auth.models import ATTEMPTS
from tallystick.kernel import ids
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refused

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ONE = timedelta(seconds=1)

MakeGuess = Callable[..., Guess]


@pytest.fixture
def account() -> str:
    return str(ids.new())


@pytest.fixture
def network() -> str:
    """Return a network that no other test comes from."""
    number = ids.new().int
    return f"2001:db8:{number % 2**16:x}:{(number >> 16) % 2**16:x}::1"


@pytest.fixture
def wrong(database: Database) -> Callable[[Guess], int | None]:
    """Return a way to guess wrongly: None if it was looked at, or else the seconds to wait."""

    def admit(guess: Guess) -> int | None:
        try:
            database.write(lambda conn: guessing.admit(conn, guess))
        except Refused as refused:
            return TypeAdapter(int).validate_python(refused.refusal.facts["retry_after_s"])
        database.write(lambda conn: guessing.fail(conn, guess))
        return None

    return admit


@pytest.fixture
def admitted(database: Database) -> Callable[[Guess], int | None]:
    """Return a way to guess: None if it is looked at, or else the seconds to wait."""

    def admit(guess: Guess) -> int | None:
        try:
            database.write(lambda conn: guessing.admit(conn, guess))
        except Refused as refused:
            return TypeAdapter(int).validate_python(refused.refusal.facts["retry_after_s"])
        return None

    return admit


Admitted = Callable[[Guess], int | None]


def test_ten_for_one_account_from_one_network(
    admitted: Admitted, account: str, network: str
) -> None:
    for number in range(10):
        assert admitted(Guess(START + number * ONE, network, account)) is None
    assert admitted(Guess(START + 10 * ONE, network, account)) == 15 * 60 - 1
    # Another account from there, and the same from elsewhere, are looked at.
    assert admitted(Guess(START + 10 * ONE, network, str(ids.new()))) is None
    assert admitted(Guess(START + 10 * ONE, "192.0.2.1", account)) is None
    # A quarter of an hour after the last that was looked at, all are forgotten.
    after = START + 9 * ONE + guessing.WINDOW
    assert admitted(Guess(after - ONE, network, account)) == 1
    for number in range(10):
        assert admitted(Guess(after + number * ONE, network, account)) is None
    assert admitted(Guess(after + 10 * ONE, network, account)) is not None


def test_whoever_is_refused_by_one_is_not_counted_by_the_others(
    admitted: Admitted, database: Database, account: str, network: str
) -> None:
    for _ in range(10):
        admitted(Guess(START, network, account))
    rows = select(ATTEMPTS).order_by(ATTEMPTS.c.subject)
    before = database.read(lambda conn: conn.execute(rows).all())
    for _ in range(200):
        assert admitted(Guess(START, network, account)) is not None
    assert database.read(lambda conn: conn.execute(rows).all()) == before


def test_a_hundred_from_one_network(wrong: Admitted, network: str) -> None:
    for _ in range(100):
        assert wrong(Guess(START, network, str(ids.new()))) is None
    assert wrong(Guess(START, network, str(ids.new()))) == 15 * 60
    # Whoever has one address of a network of IPv6 has them all.
    beside = network.removesuffix("::1") + ":ffff:0:0:2"
    assert wrong(Guess(START, beside, str(ids.new()))) is not None
    assert wrong(Guess(START + guessing.WINDOW, network, str(ids.new()))) is None


def test_a_hundred_for_one_account(wrong: Admitted, account: str) -> None:
    for number in range(100):
        assert wrong(Guess(START, f"2001:db8:{number:x}:9999::1", account)) is None
    assert wrong(Guess(START, "2001:db8:ffff:9999::1", account)) == 15 * 60
    assert wrong(Guess(START, "2001:db8:ffff:9999::1", str(ids.new()))) is None


def test_many_in_flight_hinder_nobody(
    admitted: Admitted, database: Database, account: str, network: str
) -> None:
    guesses = [Guess(START, network, str(ids.new())) for _ in range(130)]
    assert {admitted(guess) for guess in guesses} == {None}
    for guess in guesses:
        database.write(partial(guessing.clear, guess=guess))
    assert admitted(Guess(START, network, account)) is None


def test_what_is_no_token_is_wrong_already(admitted: Admitted, network: str) -> None:
    for _ in range(10):
        assert admitted(Guess(START, network, None)) is None
    assert admitted(Guess(START, network, None)) is not None


def test_a_right_guess_clears_what_was_wrong_before(
    admitted: Admitted, database: Database, account: str, network: str
) -> None:
    guess = Guess(START, network, account)
    for _ in range(10):
        assert admitted(guess) is None
    database.write(lambda conn: guessing.clear(conn, guess))
    for _ in range(10):
        assert admitted(guess) is None
    assert admitted(guess) is not None


def test_what_was_neither_is_taken_back(
    admitted: Admitted, database: Database, account: str, network: str
) -> None:
    guess = Guess(START, network, account)
    for _ in range(30):
        assert admitted(guess) is None
        database.write(lambda conn: guessing.take_back(conn, guess))
    for _ in range(10):
        assert admitted(guess) is None
    assert admitted(guess) is not None


def test_many_at_once_get_no_further(admitted: Admitted, account: str, network: str) -> None:
    outcomes: list[int | None] = []
    ready = threading.Barrier(20)

    def one() -> None:
        ready.wait()
        outcomes.append(admitted(Guess(START, network, account)))

    threads = [threading.Thread(target=one) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 20
    assert outcomes.count(None) == 10


def test_mails_to_one_address_are_few(database: Database) -> None:
    key = f"{ids.new().hex}@example.com"

    def may(at: datetime, purpose: str = "verify_email") -> bool:
        return database.write(lambda conn: guessing.may_mail(conn, purpose, key, at))

    assert [may(START) for _ in range(7)] == [True] * 5 + [False] * 2
    # Whoever signs up with somebody's address leaves them the mails of their own.
    assert may(START, "reset_password") is True
    assert may(START + timedelta(minutes=59)) is False
    assert may(START + timedelta(hours=1)) is True


def test_counters_are_removed_when_they_are_over(
    wrong: Admitted, database: Database, account: str, network: str
) -> None:
    def count() -> int:
        return database.read(
            lambda conn: conn.execute(select(func.count()).select_from(ATTEMPTS)).scalar_one()
        )

    database.write(lambda conn: guessing.prune(conn, datetime(2100, 1, 1, tzinfo=UTC)))
    wrong(Guess(START, network, account))
    assert count() == 3
    assert database.write(lambda conn: guessing.prune(conn, START)) == 0
    assert database.write(lambda conn: guessing.prune(conn, START + guessing.WINDOW)) == 3
    assert count() == 0
