"""Issuers who meet: one number each, in one row."""

from collections import Counter
from collections.abc import Callable, Sequence

from tallystick.kernel.database import Database
from tests.races import scenes
from tests.races.books import Books, code, result

Processes = Callable[[int], Sequence[Database]]


def test_eight_issuers_share_one_series_without_gaps(books: Books, processes: Processes) -> None:
    answers = scenes.issuers_on_one_series(books, processes(8), each=15)
    assert sorted(result(given)["number"] for given in answers) == [
        f"INV-2026-{sequence:06d}" for sequence in range(1, 121)
    ]
    assert books.sequences() == list(range(1, 121))


def test_a_draft_is_issued_as_it_was_or_as_it_was_changed(
    books: Books, processes: Processes, record_property: Callable[[str, object], None]
) -> None:
    draft_ids = books.drafted(60, 100)
    duels = scenes.issues_against_changes(books, processes(2), draft_ids, total=700)
    outcomes = Counter((code(issue), code(change)) for issue, change in duels)
    issued_first, changed_first = ("done", "invoice.issued"), ("done", "done")
    assert set(outcomes) == {issued_first, changed_first}, outcomes
    record_property("issue was first", outcomes[issued_first])
    record_property("change was first", outcomes[changed_first])
    for draft_id, (issue, change) in zip(draft_ids, duels, strict=True):
        total = 700 if code(change) == "done" else 100
        invoice = books.invoice(draft_id)
        assert (invoice["status"], invoice["total"]) == ("open", total)
        assert invoice == result(issue)
    assert books.sequences() == list(range(1, 61))
