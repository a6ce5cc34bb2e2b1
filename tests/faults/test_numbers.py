"""Numbers stay without gaps whatever fails after they were taken."""

import time
from collections.abc import Callable, Sequence

from tallystick import wiring
from tallystick.kernel.database import Database
from tests.faults.poison import issue_with_failures
from tests.races.books import Books

ISSUES, ISSUES_FULL = 500, 10_000


def test_a_tenth_of_all_issues_fail_after_numbering_and_leave_no_gap(
    own_database: Database,
    own_processes: Callable[[int], Sequence[Database]],
    figures: Callable[..., None],
    *,
    full: bool,
) -> None:
    issues = ISSUES_FULL if full else ISSUES
    books = Books.open(own_database)
    begun = time.monotonic()
    numbers, failed = issue_with_failures(books, own_processes(2), clients=8, issues=issues)
    figures(issued=len(numbers), failed=failed, seconds=round(time.monotonic() - begun, 1))
    assert failed == issues // 10
    expected = range(1, issues - failed + 1)
    assert sorted(numbers) == [f"INV-2026-{sequence:06d}" for sequence in expected]
    assert books.sequences() == list(expected)
    findings = own_database.read(wiring.audit)
    assert [finding for finding in findings if finding.violations] == []
