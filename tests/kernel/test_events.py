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


def test_what_an_event_changed_is_kept_as_it_was_and_as_it_became(books: Books) -> None:
    subject_id, untouched_id = ids.new(), ids.new()
    writes = Writes()
    before = {"name": "Old", "active": True, "terms_days": 30, "address": {"city": "Bern"}}
    after = {"name": "New", "active": True, "terms_days": None, "address": {"city": "Bern"}}
    events.emit(writes, books.act(), "test.made", subject_id, {}, after={"name": "Old"})
    events.emit(writes, books.act(), "test.changed", subject_id, {}, before=before, after=after)
    events.emit(writes, books.act(), "test.changed", untouched_id, {}, before=after, after=after)
    books.database.write(writes.flush)
    made, changed = books.snapshot()["event_change"][1]
    assert (made["before"], made["after"]) == ({}, {"name": "Old"})
    assert (changed["before"], changed["after"]) == (
        {"name": "Old", "terms_days": 30},
        {"name": "New", "terms_days": None},
    )


def test_the_changes_of_one_subject_can_be_forgotten(books: Books, open_books: Opening) -> None:
    subject_id, other_id = ids.new(), ids.new()
    elsewhere = open_books()
    writes = Writes()
    for act, subject in (
        (books.act(), subject_id),
        (books.act(), other_id),
        (elsewhere.act(), subject_id),
    ):
        events.emit(writes, act, "test.made", subject, {}, after={"name": "Ann"})
    books.database.write(writes.flush)
    books.database.write(
        lambda conn: events.forget_changes(conn, books.organization_id, subject_id)
    )
    assert [row["after"] for row in books.snapshot()["event_change"][1]] == [{}, {"name": "Ann"}]
    assert [row["after"] for row in elsewhere.snapshot()["event_change"][1]][-1] == {"name": "Ann"}
