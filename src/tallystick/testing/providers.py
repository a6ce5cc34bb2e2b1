"""The conformance kit: everything that `tallystick.payments.provider.Provider` promises, checked.

Derive a class from `ProviderConformance`, give it a fixture `subject`, and run pytest. How to is on
the page `docs/how-to/write-a-provider.md`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Final

import pytest

from tallystick.testing import money_checks, other_checks, report_checks
from tallystick.testing.deeds import REFUND, START, Deed
from tallystick.testing.proxy import LINE_FAULTS
from tallystick.testing.subject import Broken, Subject, require

__all__ = ["CHECKS", "PROMISES", "Broken", "Check", "ProviderConformance", "Subject"]


PROMISES: Final[Mapping[str, Callable[[Subject], bool]]] = {
    "look-ups": lambda subject: subject.abilities.looks_up,
    "safe repeats": lambda subject: subject.abilities.repeats_safely,
    "refunds": lambda subject: subject.abilities.refunds,
    "reports": lambda subject: subject.abilities.reports,
    "events": lambda subject: subject.abilities.events,
    "declines": lambda subject: subject.declined is not None,
    "late success": lambda subject: subject.late is not None,
    "pages": lambda subject: subject.finish is not None,
}
"""What one provider does and another does not: its abilities, and what its subject can show."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise kept."""

    name: str
    run: Callable[[Subject], None]
    needs: frozenset[str] = frozenset()
    """Which of `PROMISES` it is about; without one of them it says nothing."""


def _check(name: str, run: Callable[[Subject], None], *needs: str) -> Check:
    return Check(name, run, frozenset(needs))


def _of_deed(deed: Deed) -> list[Check]:
    does = ("refunds",) if deed is REFUND else ()
    # A refund has its own key at every provider, so its repeat is always safe.
    repeats = does if deed is REFUND else ("safe repeats",)
    meets, in_vain = money_checks.meets, money_checks.asks_in_vain
    return [
        _check(deed.name, partial(money_checks.does, deed=deed), *does),
        _check(
            f"{deed.name}, connection refused", partial(money_checks.finds_nobody, deed=deed), *does
        ),
        _check(f"{deed.name}, repeated", partial(money_checks.repeats_safely, deed=deed), *repeats),
        *(
            _check(f"{deed.name}, {fault.name}", partial(meets, deed=deed, fault=fault), *does)
            for fault in LINE_FAULTS
        ),
        *(
            _check(
                f"look-up of {deed.name}, {fault.name}",
                partial(in_vain, deed=deed, fault=fault),
                *("look-ups", *does),
            )
            for fault in LINE_FAULTS
        ),
    ]


CHECKS: Final = (
    _check("name and abilities", other_checks.has_a_name),
    _check("not offered", other_checks.refuses_without_a_call),
    _check("declined", money_checks.declines, "declines"),
    _check("late success", money_checks.turns_late, "late success", "look-ups"),
    _check("finished by the payer", money_checks.finishes, "pages", "look-ups"),
    _check("unknown keys", money_checks.knows_no_stranger, "look-ups"),
    _check("at once", money_checks.works_at_once),
    _check("cards", other_checks.keeps_cards_to_itself),
    _check("events", other_checks.reads_events, "events"),
    *_of_deed(START),
    *_of_deed(REFUND),
    _check("report", report_checks.tells_all, "reports"),
    *(
        _check(f"report, {fault.name}", partial(report_checks.asks_in_vain, fault=fault), "reports")
        for fault in LINE_FAULTS
    ),
)
"""Every check, in the order in which an author best mends what they find."""


class ProviderConformance:
    """Every check of what a provider promises, as a test of its own."""

    without: ClassVar[frozenset[str]] = frozenset()
    """Which of `PROMISES` the provider does not make; checks of those are not there."""

    @pytest.fixture
    def subject(self) -> Subject:
        """Give the provider under test; to be overridden."""
        raise NotImplementedError("Override the fixture `subject`.")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Make a test of each check that is about this provider."""
        if "check" in metafunc.fixturenames:
            checks = [check for check in CHECKS if not check.needs & self.without]
            metafunc.parametrize("check", checks, ids=lambda check: check.name)

    def test_without(self, subject: Subject) -> None:
        """Check that `without` names all that is not promised, and nothing that is."""
        missing = {name for name, makes in PROMISES.items() if not makes(subject)}
        require(
            missing == self.without,
            f"`without` is {sorted(self.without)}; this provider is without {sorted(missing)}.",
        )

    def test_conforms(self, subject: Subject, check: Check) -> None:
        """Check one promise."""
        check.run(subject)
