"""Tests of the conformance kit: providers that are broken in one way each, and what finds them."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.payments.provider import (
    Absent,
    Event,
    Failed,
    Found,
    Outcome,
    PaymentOrder,
    Reported,
    Succeeded,
    Unknown,
)
from tallystick.providers.fakepay import FakePay
from tallystick.testing.providers import CHECKS, PROMISES, Broken, Subject
from tests.providers import hosted
from tests.providers.conftest import SECRET


class TimeoutIsFailure(FakePay):
    """The dearest mistake: the payer is charged and we say failed."""

    def start(self, order: PaymentOrder) -> Outcome:
        outcome = super().start(order)
        return Failed("declined", "No answer.") if outcome == Unknown("timeout") else outcome


class RepeatsItself(FakePay):
    """The second dearest: whoever does not answer is asked once more, and charges twice."""

    def start(self, order: PaymentOrder) -> Outcome:
        outcome = super().start(order)
        return super().start(order) if isinstance(outcome, Unknown) else outcome


class BelievesAnything(FakePay):
    def start(self, order: PaymentOrder) -> Outcome:
        outcome = super().start(order)
        return Succeeded() if outcome == Unknown("garbage") else outcome


class SilenceIsAbsence(FakePay):
    def look_up(self, key: UUID, reference: str | None) -> Found:
        found = super().look_up(key, reference)
        return Absent() if isinstance(found, Unknown) else found


class BelievesAnyEvent(FakePay):
    def read_event(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Event:
        key = ids.new() if body else None
        return Event(headers.get("webhook-id", ""), "payment", key, now)


class ReportsHalf(FakePay):
    def report(self, since: datetime, until: datetime) -> Sequence[Reported]:
        found = super().report(since, until)
        return [] if isinstance(found, Unknown) else found[1:]


class Raises(FakePay):
    def start(self, order: PaymentOrder) -> Outcome:
        outcome = super().start(order)
        if outcome == Unknown("dropped"):
            raise ConnectionResetError
        return outcome


class PromisesTooMuch(FakePay):
    """FakePay charges the same key twice, whatever is said of it."""

    def __init__(self, *, url: str, timeout_s: float, takes_cards: bool, secret: str) -> None:
        super().__init__(url=url, timeout_s=timeout_s, takes_cards=takes_cards, secret=secret)
        self.abilities = replace(self.abilities, repeats_safely=True)


class TakesCards(hosted.Hosted):
    """Card data go to a company that never asked for them."""

    def start(self, order: PaymentOrder) -> Outcome:
        return super().start(replace(order, card=None))


class OwnKey(hosted.Hosted):
    """Nobody finds again what was started under a key that only the plug-in knew."""

    def start(self, order: PaymentOrder) -> Outcome:
        return super().start(replace(order, key=ids.new()))


class Waits(FakePay):
    def __init__(self, *, url: str, timeout_s: float, takes_cards: bool, secret: str) -> None:
        super().__init__(url=url, timeout_s=timeout_s + 60, takes_cards=takes_cards, secret=secret)


def _mutant(kind: type[FakePay], ours: Subject) -> Subject:
    def make(url: str, timeout_s: float) -> FakePay:
        return kind(url=url, timeout_s=timeout_s, takes_cards=True, secret=SECRET)

    return replace(ours, make=make)


def _failed(subject: Subject, wanted: Callable[[str], bool]) -> set[str]:
    failed = set()
    for check in CHECKS:
        if not wanted(check.name) or not all(PROMISES[each](subject) for each in check.needs):
            continue
        try:
            check.run(subject)
        except Broken:
            failed.add(check.name)
    return failed


def _about_start(name: str) -> bool:
    return name.startswith("start, ")


def test_a_timeout_taken_for_a_failure_is_found(ours: Subject) -> None:
    assert _failed(_mutant(TimeoutIsFailure, ours), _about_start) == {
        "start, hang_before",
        "start, hang_after",
        "start, drip_after",
    }


def test_a_repeat_is_found_wherever_no_answer_comes(ours: Subject) -> None:
    failed = _failed(_mutant(RepeatsItself, ours), _about_start)
    everything = {check.name for check in CHECKS if _about_start(check.name)}
    # Where nobody listens nothing is unknown, so nothing is repeated either.
    assert failed == everything - {"start, connection refused", "start, repeated"}


@pytest.mark.parametrize(
    ("kind", "checks"),
    [
        (BelievesAnything, {"start, page_after", "start, object_after"}),
        (SilenceIsAbsence, {"look-up of start, error_after", "look-up of start, not_found"}),
        (BelievesAnyEvent, {"events"}),
        (Raises, {"start, drop_before", "start, drop_after"}),
        (ReportsHalf, {"report", "report, drop_after"}),
        (Waits, {"start, hang_before"}),
        (PromisesTooMuch, {"start, repeated"}),
    ],
)
def test_other_mistakes_are_found(kind: type[FakePay], checks: set[str], ours: Subject) -> None:
    assert _failed(_mutant(kind, ours), checks.__contains__) == checks


@pytest.mark.parametrize(
    ("kind", "checks"),
    [
        (TakesCards, {"cards"}),
        (OwnKey, {"start", "start, repeated"}),
    ],
)
def test_mistakes_of_another_kind_are_found(kind: type[hosted.Hosted], checks: set[str]) -> None:
    with hosted.company() as company:
        assert _failed(hosted.subject(company, kind), checks.__contains__) == checks


AUTHORS_TEST = """
import pytest
from tallystick.kernel import ids
from tallystick.payments.cards import Card
from tallystick.payments.provider import Failed, PaymentOrder, Unknown
from tallystick.providers.fakepay import FakePay
from tallystick.testing.providers import PROMISES, ProviderConformance, Subject

class Broken(FakePay):
    def start(self, order):
        outcome = super().start(order)
        return Failed("declined", "no") if isinstance(outcome, Unknown) else outcome

def order():
    card = Card(number="1234567812345678", expiry="01-2040", name="J Doe")
    return PaymentOrder(key=ids.new(), amount=100, currency="EUR", card=card)

class TestMine(ProviderConformance):
    without = frozenset(PROMISES)

    @pytest.fixture
    def subject(self):
        make = lambda url, timeout_s: Broken(url=url, timeout_s=timeout_s, takes_cards=True)
        return Subject(make=make, url="URL", order=order, charged=lambda key: 1)
"""


def test_an_authors_own_run_of_pytest_fails(foreign_url: str, tmp_path: Path) -> None:
    """What an author writes, run as they run it: outside of our suite."""
    (tmp_path / "test_mine.py").write_text(AUTHORS_TEST.replace("URL", foreign_url))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", "drop_after or error_after or name"],
        cwd=tmp_path,
        # Our own plug-ins are none of theirs, and take longer than the run.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},  # noqa: TID251  # a child needs what its parent has
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED, ended.stdout
    assert "start, drop_after: Failed(code='declined'" in ended.stdout
    assert "2 failed, 1 passed" in ended.stdout.splitlines()[-1]
