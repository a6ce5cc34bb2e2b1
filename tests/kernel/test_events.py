"""Events: written with what made them happen, once where a fact happens once."""

from uuid import UUID

from tallystick.kernel import events, ids
from tallystick.kernel.rows import Writes
from tests.factories import Books, Opening


def test_an_event_says_who_did_what_and_when(books: Books) -> None:
    act, subject_id = books.act(key="the key"), ids.new()
    writes = Writes()
    events.emit(writes, act, "test.happened", subject_id, {"amount": 10**15, "none": None})
    books.database.write(writes.flush)
    [row] = books.snapshot()["event"][1]
    assert UUID(str(row.pop("id"))).version == 7
    assert row == {
        "organization_id": books.organization_id,
        "type": "test.happened",
        "subject_id": subject_id,
        "payload": {"amount": 10**15, "none": None},
        "actor_kind": "operator",
        "actor_id": ids.NIL,
        "request_id": "a-test",
        "act_key": "the key",
        "address": None,
        "reason": None,
        "at": act.at,
        "position": None,
    }


def test_a_fact_that_happens_once_has_the_id_of_its_subject_and_kind(books: Books) -> None:
    subject_id = ids.new()
    writes = Writes()
    events.emit(writes, books.act(), "test.settled", subject_id, {}, once=True)
    events.emit(writes, books.act(), "test.refunded", subject_id, {}, once=True)
    books.database.write(writes.flush)
    assert {row["id"] for row in books.snapshot()["event"][1]} == {
        ids.derived(subject_id, "test.settled"),
        ids.derived(subject_id, "test.refunded"),
    }


def test_the_keys_by_which_something_happened_to_a_subject(
    books: Books, open_books: Opening
) -> None:
    subject_id, other_id = ids.new(), ids.new()
    elsewhere = open_books()
    writes = Writes()
    for key, subject in (("b", subject_id), ("a", subject_id), ("b", subject_id), ("c", other_id)):
        events.emit(writes, books.act(key=key), "test.happened", subject, {})
    events.emit(writes, elsewhere.act(key="d"), "test.happened", subject_id, {})
    books.database.write(writes.flush)

    assert [books.read(events.keys_of, [each]) for each in (subject_id, other_id, ids.new())] == [
        *(["a", "b"], ["c"], [])
    ]
