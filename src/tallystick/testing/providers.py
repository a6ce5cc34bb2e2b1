"""The conformance kit: everything that `tallystick.payments.provider.Provider` promises, checked.

Derive a class from `ProviderConformance`, give it a fixture `subject`, and run pytest. How to is on
the page `docs/how-to/write-a-provider.md`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest

from tallystick.testing import money_checks, other_checks, report_checks
from tallystick.testing.deeds import REFUND, START, Deed
from tallystick.testing.proxy import LINE_FAULTS
from tallystick.testing.subject import Broken, Subject

__all__ = ["CHECKS", "Broken", "Check", "ProviderConformance", "Subject"]


@dataclass(frozen=True, slots=True)
class Check:
    """One promise."""

    name: str
    run: Callable[[Subject], None]
    needs: Callable[[Subject], bool] = lambda _: True
    """Whether it is promised by this provider at all."""


def _looks_up(subject: Subject) -> bool:
    return subject.abilities.looks_up


def _refunds(subject: Subject) -> bool:
    return subject.abilities.refunds


def _reports(subject: Subject) -> bool:
    return subject.abilities.reports


def _needs(deed: Deed) -> Callable[[Subject], bool]:
    return _refunds if deed is REFUND else lambda _: True


def _of_deed(deed: Deed) -> list[Check]:
    does = _needs(deed)
    asks = lambda subject: does(subject) and _looks_up(subject)  # noqa: E731  # said once
    # A refund has its own key at every provider, so its repeat is always safe.
    repeats = lambda subject: (  # noqa: E731  # said once
        does(subject) and (deed is REFUND or subject.abilities.repeats_safely)
    )
    return [
        Check(deed.name, partial(money_checks.does, deed=deed), does),
        Check(
            f"{deed.name}, connection refused", partial(money_checks.finds_nobody, deed=deed), does
        ),
        Check(f"{deed.name}, repeated", partial(money_checks.repeats_safely, deed=deed), repeats),
        *(
            Check(
                f"{deed.name}, {fault.name}",
                partial(money_checks.meets, deed=deed, fault=fault),
                does,
            )
            for fault in LINE_FAULTS
        ),
        *(
            Check(
                f"look-up of {deed.name}, {fault.name}",
                partial(money_checks.asks_in_vain, deed=deed, fault=fault),
                asks,
            )
            for fault in LINE_FAULTS
        ),
    ]


CHECKS: Final = (
    Check("name and abilities", other_checks.has_a_name),
    Check("not offered", other_checks.refuses_without_a_call),
    Check("declined", money_checks.declines, lambda subject: subject.declined is not None),
    Check(
        "late success",
        money_checks.turns_late,
        lambda subject: subject.late is not None and _looks_up(subject),
    ),
    Check(
        "finished by the payer",
        money_checks.finishes,
        lambda subject: subject.finish is not None and _looks_up(subject),
    ),
    Check("unknown keys", money_checks.knows_no_stranger, _looks_up),
    Check("at once", money_checks.works_at_once),
    Check(
        "cards refused",
        other_checks.refuses_cards,
        lambda subject: not subject.abilities.takes_cards,
    ),
    Check(
        "cards untold", other_checks.tells_no_card, lambda subject: subject.abilities.takes_cards
    ),
    Check("events", other_checks.reads_events, lambda subject: subject.abilities.events),
    *_of_deed(START),
    *_of_deed(REFUND),
    Check("report", report_checks.tells_all, _reports),
    *(
        Check(f"report, {fault.name}", partial(report_checks.asks_in_vain, fault=fault), _reports)
        for fault in LINE_FAULTS
    ),
)
"""Every check, in the order in which an author best mends what they find."""


class ProviderConformance:
    """Every check as a test of its own; those that the provider does not promise are skipped."""

    @pytest.fixture
    def subject(self) -> Subject:
        """Give the provider under test; to be overridden."""
        raise NotImplementedError("Override the fixture `subject`.")

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
    def test_conforms(self, subject: Subject, check: Check) -> None:
        """Check one promise."""
        if not check.needs(subject):
            # One reason for all, so that a report of pytest folds them into one line.
            pytest.skip("the provider does not say that it can do this")
        check.run(subject)
