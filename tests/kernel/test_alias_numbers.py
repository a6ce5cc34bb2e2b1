"""Numbers of older contracts: given once, found both ways, moved, never given twice."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Connection

from tallystick.kernel import alias_numbers, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.alias_numbers import Alias, Block, GiveNumbers, Wanted, give_numbers
from tallystick.kernel.database import Database

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PLACE = ids.new()


@pytest.fixture
def dialect() -> str:
    return f"of-a-test-{ids.new().hex[-20:]}"


def _give(database: Database, dialect: str, *wanted: Wanted) -> dict[UUID, int]:
    act = Act(OPERATOR, PLACE, AT, str(ids.new()), "made by a test")
    command = GiveNumbers(act, dialect, "student", wanted)
    [answer] = database.write(lambda conn: give_numbers(conn, [command]))
    assert isinstance(answer.outcome, dict)
    return {object_id: alias.number for object_id, alias in answer.outcome.items()}


def test_numbers_begin_at_one_and_are_kept(database: Database, dialect: str) -> None:
    first, second, third = ids.new(), ids.new(), ids.new()
    assert _give(database, dialect, Wanted(PLACE, first), Wanted(PLACE, second)) == {
        first: 1,
        second: 2,
    }
    assert _give(database, dialect, Wanted(PLACE, third), Wanted(PLACE, second)) == {
        second: 2,
        third: 3,
    }


def test_an_object_is_found_by_its_number_and_its_number_by_the_object(
    database: Database, dialect: str
) -> None:
    object_id = ids.new()
    _give(database, dialect, Wanted(PLACE, object_id, "a@b.example", {"seen": True}))
    expected = Alias(1, PLACE, object_id, "a@b.example", {"seen": True})
    found = database.read(lambda conn: alias_numbers.by_number(conn, dialect, "student", [1, 2, 0]))
    assert found == {1: expected}
    seen = database.read(
        lambda conn: alias_numbers.by_object(conn, dialect, "student", [object_id, ids.new()])
    )
    assert seen == {object_id: expected}
    assert database.read(lambda conn: alias_numbers.by_number(conn, dialect, "school", [1])) == {}
    too_large = 2**63
    found = database.read(
        lambda conn: alias_numbers.by_number(conn, dialect, "student", [too_large])
    )
    assert found == {}


def test_two_who_number_the_same_objects_at_once_get_the_same_numbers(
    database: Database, dialect: str
) -> None:
    objects = [Wanted(PLACE, ids.new()) for _ in range(20)]
    with ThreadPoolExecutor(8) as threads:
        given = list(threads.map(lambda _: _give(database, dialect, *objects), range(8)))
    assert all(each == given[0] for each in given)
    assert sorted(given[0].values()) == list(range(1, 21))


def test_a_natural_key_has_one_holder(database: Database, dialect: str) -> None:
    first, second = ids.new(), ids.new()
    _give(database, dialect, Wanted(PLACE, first, "a@b.example"))
    _give(database, dialect, Wanted(PLACE, second, "a@b.example"))

    def rename(conn: object) -> UUID | None:
        block = Block(conn, dialect, "student")  # type: ignore[arg-type]  # a connection
        assert block.holder("a@b.example") == first
        block.rename(second, "c@d.example")
        return block.holder("c@d.example")

    assert database.write(rename) == second


def test_erasing_frees_the_key(database: Database, dialect: str) -> None:
    first = ids.new()
    _give(database, dialect, Wanted(PLACE, first, "a@b.example"))
    database.write(lambda conn: alias_numbers.forget_key(conn, PLACE, first))
    seen = database.read(lambda conn: alias_numbers.by_object(conn, dialect, "student", [first]))
    assert seen[first].natural_key is None


def test_a_number_moves_to_what_took_the_place_of_its_object(
    database: Database, dialect: str
) -> None:
    old, new, other = ids.new(), ids.new(), ids.new()
    _give(database, dialect, Wanted(PLACE, old))
    database.write(
        lambda conn: Block(conn, dialect, "student").point(old, new, {"issued_at": "then"})
    )
    found = database.read(lambda conn: alias_numbers.by_number(conn, dialect, "student", [1]))
    assert found == {1: Alias(1, PLACE, new, None, {"issued_at": "then"})}
    assert _give(database, dialect, Wanted(PLACE, old), Wanted(PLACE, other)) == {old: 2, other: 3}


def test_what_was_replaced_is_never_numbered_again(database: Database, dialect: str) -> None:
    old, new = Wanted(PLACE, ids.new()), ids.new()
    assert _give(database, dialect, old) == {old.object_id: 1}

    def replace(conn: Connection) -> None:
        Block(conn, dialect, "student").point(old.object_id, new, {})
        gone = Wanted(PLACE, old.object_id, facts={"number": 1})
        Block(conn, dialect, "replaced").give([gone], AT)

    database.write(replace)
    # Somebody saw the old one just before.
    assert _give(database, dialect, old) == {old.object_id: 1}
    other = Wanted(PLACE, ids.new())
    assert _give(database, dialect, other, Wanted(PLACE, new)) == {other.object_id: 2, new: 1}


def test_a_number_that_was_asked_for_is_given_while_it_is_free(
    database: Database, dialect: str
) -> None:
    first, second, third = ids.new(), ids.new(), ids.new()
    assert _give(database, dialect, Wanted(PLACE, first, number=101)) == {first: 101}
    assert _give(database, dialect, Wanted(PLACE, second, number=101)) == {second: 102}
    assert _give(database, dialect, Wanted(PLACE, third)) == {third: 103}
