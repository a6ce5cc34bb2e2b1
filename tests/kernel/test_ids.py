"""Identifiers: unique, in the order they were made, and the same wherever they are derived."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest

from tallystick.kernel import clock, ids


def test_identifiers_sort_by_the_moment_they_were_made() -> None:
    made = [ids.new() for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == 5_000
    assert {each.version for each in made} == {7}
    assert [str(each) for each in made] == sorted(str(each) for each in made)


def test_an_identifier_holds_its_moment() -> None:
    before = int(clock.now().timestamp() * 1000)
    made = ids.new().int >> 80
    after = int(clock.now().timestamp() * 1000)
    assert before - 1 <= made <= after + 1


def test_identifiers_of_several_threads_are_unique() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: [ids.new() for _ in range(500)], range(8)))
    assert len({each for some in made for each in some}) == 4_000


def test_a_derived_identifier_is_always_the_same() -> None:
    parent = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
    assert ids.derived(parent, "payment.settled") == ids.derived(parent, "payment.settled")
    assert ids.derived(parent, "payment.settled") != ids.derived(parent, "payment.refunded")
    assert ids.derived(parent, "x") != ids.derived(ids.NIL, "x")
    assert ids.derived(parent, "x").version == 5


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (0, "00000000000000000000000000"),
        (1, "00000000000000000000000001"),
        (31, "0000000000000000000000000Z"),
        (32, "00000000000000000000000010"),
        (2**128 - 1, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
    ],
)
def test_a_code(value: int, code: str) -> None:
    assert ids.code(UUID(int=value)) == code
    assert ids.decoded(code) == UUID(int=value)


def test_codes_keep_the_order_and_tell_identifiers_apart() -> None:
    made = [ids.new() for _ in range(1_000)]
    codes = [ids.code(each) for each in made]
    assert codes == sorted(set(codes))
    assert {letter for code in codes for letter in code} <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_ids_can_be_looked_for_by_the_time_they_were_made() -> None:
    before = clock.now()
    made = ids.new()
    after = clock.now() + timedelta(milliseconds=1)
    assert ids.first_at(before) <= made < ids.first_at(after)
    first = ids.first_at(before)
    assert (first.version, first.variant) == (7, RFC_4122)
    assert ids.first_at(before + timedelta(milliseconds=1)).int - first.int == 1 << 80
    assert ids.first_at(datetime(1, 1, 1, tzinfo=UTC)) == ids.first_at(
        datetime(1970, 1, 1, tzinfo=UTC)
    )
