"""How rows reach the database and are found again: every column type, on every engine."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    ForeignKey,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    select,
)

from tallystick.kernel import ids, rows
from tallystick.kernel.database import Database
from tallystick.kernel.schema import Document, Id, Moment
from tests.conftest import Databases

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("organization_id", Id(), primary_key=True),
    Column("code", String(255), primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("other_id", Id()),
    Column("words", String(2000)),
    Column("minor", BigInteger),
    Column("whole", Integer),
    Column("flag", Boolean(create_constraint=False)),
    Column("day", Date),
    Column("at", Moment()),
    Column("document", Document()),
)
# The name sorts before its parent's, so that only the order of foreign keys can be right.
PART = Table(
    "a_part",
    METADATA,
    Column("id", Id(), primary_key=True),
    Column("owner_id", Id(), ForeignKey("owner.id")),
)
OWNER = Table("owner", METADATA, Column("id", Id(), primary_key=True))

ORGANIZATION = UUID("0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
KEY = (THING.c.organization_id, THING.c.code, THING.c.number)
VALUES: dict[str, list[Any]] = {
    "other_id": [None, ids.NIL, UUID(int=2**128 - 1), ORGANIZATION],
    "words": [
        *(
            None,
            "",
            " ",
            "plain",
            'O\'Neil "quoted" `ticked`',
            "back\\slash \\u0041 \\n",
            "%s %(x)s",
        ),
        *(
            "line\nfeed\r\n\ttab",
            ":colon :p0 ::text",
            "Ünïcödé",
            "名前",
            "🎓👩‍👩‍👧",
            "e\u0301",
            "\u202eabc",
        ),
        *("null", "true", "1", "[]", "'; DROP TABLE thing; --", "\x01\x1f\x7f", "x" * 2000),
    ],
    "minor": [None, 0, 1, -1, 10**15, -(10**15), 2**53 + 1, 2**63 - 1, -(2**63)],
    "whole": [None, 0, 2**31 - 1, -(2**31)],
    "flag": [None, True, False],
    "day": [None, date(2026, 3, 2), date(2028, 2, 29), date(1970, 1, 1), date(9999, 12, 31)],
    "at": [
        None,
        datetime(2026, 3, 2, 9, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 3, 2, 9, 0, 0, 999_999, tzinfo=UTC),
        datetime(2026, 3, 2, 9, 0, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2038, 1, 20, tzinfo=UTC),
    ],
    "document": [
        *(None, {}, [], {"a": None, "b": [1, {"c": "ü🎓"}], "d": True}, [1, "two", None]),
        *({"z": 1, "a": 2}, {"n": 2**53 + 1, "quote": "\"'\\"}, {"line": "a\nb\u2028c"}),
    ],
}
CASES = [(name, value) for name, values in VALUES.items() for value in values]
EMPTY = dict.fromkeys(VALUES)


@pytest.fixture(scope="module")
def things(engine: str, databases: Databases) -> Iterator[Database]:
    """Return a database with one table that has every type of column."""
    url = databases.create(engine)
    made = Database(url, writers=2)
    made.write(METADATA.create_all)
    yield made
    made.close()
    databases.drop(url)


@pytest.fixture
def organization_id() -> UUID:
    """Return an organization whose rows no other test has."""
    return ids.new()


@pytest.fixture
def add(things: Database, organization_id: UUID) -> Callable[..., None]:
    """Return what adds rows by `Writes`, each of a code and further values."""

    def write(*added: dict[str, Any]) -> None:
        writes = rows.Writes()
        for values in added:
            key = {"organization_id": organization_id, "number": 0}
            writes.add(THING, {**EMPTY, **key, **values})
        things.write(writes.flush)

    return write


@pytest.fixture
def found(things: Database, organization_id: UUID) -> Callable[..., list[dict[str, Any]]]:
    """Return what finds rows by their codes, in the order in which they come."""

    def find(*codes: str, number: int = 0) -> list[dict[str, Any]]:
        keys = [(organization_id, code, number) for code in codes]
        return [row._asdict() for row in things.read(lambda conn: rows.find(conn, KEY, keys))]

    return find


def test_every_value_of_every_type_comes_back(
    add: Callable[..., None], found: Callable[..., list[dict[str, Any]]]
) -> None:
    add(*[{"code": str(index), name: value} for index, (name, value) in enumerate(CASES)])
    codes = [str(index) for index in range(len(CASES))]
    by_code = {row["code"]: row for row in found(*codes)}
    assert len(by_code) == len(CASES)
    wrong = {}
    for index, (name, value) in enumerate(CASES):
        row = by_code[str(index)]
        if row[name] != value or type(row[name]) is not type(value):
            wrong[name, value if value is None else repr(value)] = row[name]
        wrong |= {(name, each): row[each] for each in VALUES if each != name and row[each]}
    assert wrong == {}


@pytest.mark.parametrize("name", VALUES)
def test_every_value_replaces_another(
    things: Database,
    organization_id: UUID,
    name: str,
    add: Callable[..., None],
    found: Callable[..., list[dict[str, Any]]],
) -> None:
    others = {each: values[1] for each, values in VALUES.items()}
    codes = [str(index) for index in range(len(VALUES[name]))]
    add(*[{"code": code, **others} for code in codes])
    writes = rows.Writes()
    for code, value in zip(codes, VALUES[name], strict=True):
        key = {"organization_id": organization_id, "code": code, "number": 0}
        writes.change(THING, key, {name: value})
    things.write(writes.flush)
    by_code = {row.pop("code"): row for row in found(*codes)}
    key = {"organization_id": organization_id, "number": 0}
    assert by_code == {
        code: {**key, **others, name: value}
        for code, value in zip(codes, VALUES[name], strict=True)
    }


def test_a_document_keeps_the_order_of_its_members(
    things: Database, organization_id: UUID, add: Callable[..., None], found: Any
) -> None:
    add({"code": "a", "document": {"z": 1, "a": 2, "m": {"y": 1, "b": 2}}})
    [row] = found("a")
    assert list(row["document"]) == ["z", "a", "m"]
    assert list(row["document"]["m"]) == ["y", "b"]
    writes = rows.Writes()
    key = {"organization_id": organization_id, "code": "a", "number": 0}
    writes.change(THING, key, {"document": {"y": {"2": 0, "1": 0}, "b": 2}})
    things.write(writes.flush)
    [row] = found("a")
    assert list(row["document"]) == ["y", "b"]
    assert list(row["document"]["y"]) == ["2", "1"]


def test_a_moment_of_another_zone_is_stored_in_utc(add: Callable[..., None], found: Any) -> None:
    moment = datetime(2026, 7, 1, 1, 2, 3, 456_789, tzinfo=timezone(timedelta(hours=5.5)))
    add({"code": "a", "at": moment})
    [row] = found("a")
    assert row["at"] == moment
    assert row["at"].isoformat() == "2026-06-30T19:32:03.456789+00:00"


def test_keys_are_found_letter_by_letter(add: Callable[..., None], found: Any) -> None:
    codes = [
        "a",
        "A",
        "ä",
        "Ä",
        "a\u0308",
        "ss",
        "ß",
        "1",
        "01",
        "O'Neil",
        'say "x"',
        "\\",
        "%",
        "_",
    ]
    codes += ["名前", "🎓", "🎒", "", "null", "true", "a b", "x" * 255, "x" * 254]
    add(*[{"code": code, "whole": index} for index, code in enumerate(codes)])
    assert len(found(*codes)) == len(codes)
    for index, code in enumerate(codes):
        assert [(row["code"], row["whole"]) for row in found(code)] == [(code, index)]
    assert found("b", "B", "xx", "ÄA", "%%", "__") == []


def test_a_key_with_a_space_before_it_is_another_key(add: Callable[..., None], found: Any) -> None:
    # Spaces at the end do not count on MariaDB, so an act refuses them.
    add({"code": "a", "whole": 1})
    assert found(" a") == []
    add({"code": " a", "whole": 2})
    assert [row["whole"] for row in found("a")] == [1]
    assert [row["whole"] for row in found(" a")] == [2]


def test_rows_come_in_the_order_of_their_keys(add: Callable[..., None], found: Any) -> None:
    add(*[{"code": f"{number:03}"} for number in range(200)])
    wanted = [f"{number:03}" for number in range(199, -1, -1)] * 2 + ["missing"]
    assert [row["code"] for row in found(*wanted)] == [f"{number:03}" for number in range(200)]


def test_a_part_of_the_key_finds_all_that_have_it(
    things: Database, organization_id: UUID, add: Callable[..., None]
) -> None:
    add(*[{"code": code, "number": number} for code in ("a", "b") for number in (1, 2, -3)])
    columns = [THING.c.organization_id, THING.c.code]
    keys = [(organization_id, "a"), (organization_id, "c"), (ids.new(), "a")]
    found = things.read(lambda conn: rows.find(conn, columns, keys))
    assert sorted((row.code, row.number) for row in found) == [("a", -3), ("a", 1), ("a", 2)]


def test_a_number_in_a_key_is_a_number(add: Callable[..., None], found: Any) -> None:
    add({"code": "a", "number": 2}, {"code": "a", "number": 10}, {"code": "a", "number": 32_767})
    assert [row["number"] for row in found("a", number=10)] == [10]
    assert [row["number"] for row in found("a", number=32_767)] == [32_767]
    assert found("a", number=1) == []


def test_no_keys_find_nothing_and_ask_nothing(things: Database) -> None:
    sent: list[str] = []
    database = Database(things.url.render_as_string(hide_password=False))
    database.watch_statements(sent.append)
    begun = len(sent)
    assert database.read(lambda conn: list(rows.find(conn, KEY, []))) == []
    database.close()
    assert [words for words in sent[begun:] if "thing" in words] == []


def test_nothing_to_write_sends_nothing(things: Database) -> None:
    sent: list[str] = []
    database = Database(things.url.render_as_string(hide_password=False))
    database.watch_statements(sent.append)
    database.write(rows.Writes().flush)
    database.close()
    assert [words for words in sent if "BEGIN" not in words] == []


def test_parents_are_written_before_their_children(things: Database) -> None:
    owner_id, part_id = ids.new(), ids.new()
    writes = rows.Writes()
    writes.add(PART, {"id": part_id, "owner_id": owner_id})
    writes.add(OWNER, {"id": owner_id})
    things.write(writes.flush)
    found = things.read(lambda conn: conn.execute(select(PART.c.owner_id)).scalars().all())
    assert owner_id in found


def test_a_change_touches_only_its_columns_and_its_row(
    things: Database, organization_id: UUID, add: Callable[..., None], found: Any
) -> None:
    add({"code": "a", "words": "w", "minor": 1}, {"code": "A", "words": "w", "minor": 1})
    writes = rows.Writes()
    key = {"organization_id": organization_id, "number": 0}
    writes.change(THING, {**key, "code": "a"}, {"minor": 2})
    writes.change(THING, {**key, "code": "nobody"}, {"minor": 3})
    things.write(writes.flush)
    assert [(row["code"], row["words"], row["minor"]) for row in found("a", "A")] == [
        ("A", "w", 1),
        ("a", "w", 2),
    ]


def test_added_and_changed_rows_go_together(
    things: Database, organization_id: UUID, add: Callable[..., None], found: Any
) -> None:
    add(*[{"code": f"{number}", "whole": number} for number in range(10)])
    writes = rows.Writes()
    key = {"organization_id": organization_id, "number": 0}
    for number in range(10):
        writes.change(THING, {**key, "code": f"{number}"}, {"whole": number + 100})
        writes.add(THING, {**EMPTY, **key, "code": f"n{number}", "whole": number})
    things.write(writes.flush)
    assert [row["whole"] for row in found(*map(str, range(10)))] == list(range(100, 110))
    assert [row["whole"] for row in found(*[f"n{number}" for number in range(10)])] == [*range(10)]
    things.write(writes.flush)
    assert len(found(*[f"n{number}" for number in range(10)])) == 10


def test_a_change_that_several_make_is_made_once(
    things: Database, organization_id: UUID, add: Callable[..., None], found: Any
) -> None:
    add({"code": "a", "minor": 1})
    writes = rows.Writes()
    key = {"organization_id": organization_id, "number": 0}
    for minor in (2, 3):
        writes.change_once(THING, {**key, "code": "a"}, {"minor": minor})
        writes.change_once(THING, {**key, "code": "nobody"}, {"minor": minor})
    things.write(writes.flush)
    assert [row["minor"] for row in found("a", "nobody")] == [2]
    # Once in each flush.
    writes.change_once(THING, {**key, "code": "a"}, {"minor": 4})
    things.write(writes.flush)
    assert [row["minor"] for row in found("a")] == [4]


def test_a_day_is_a_key(things: Database, organization_id: UUID, add: Callable[..., None]) -> None:
    days = [date(2026, 3, 1), date(2026, 2, 28), date(1900, 1, 1)]
    add(*[{"code": str(day), "day": day} for day in days])
    columns = (THING.c.organization_id, THING.c.day)
    wanted = [(organization_id, day) for day in [*days[:2], date(2026, 3, 2)]]
    found = things.read(lambda conn: rows.find(conn, columns, wanted))
    assert [row.day for row in found] == [days[1], days[0]]


def test_a_locked_row_waits_for_its_holder(
    things: Database, organization_id: UUID, add: Callable[..., None], found: Any
) -> None:
    add({"code": "a", "minor": 0})
    other = Database(things.url.render_as_string(hide_password=False))
    held, release = threading.Event(), threading.Event()

    def raise_it(database: Database, *, wait: bool) -> int:
        def work(conn: Any) -> int:
            [row] = rows.find(conn, KEY, [(organization_id, "a", 0)], lock=True)
            if wait:
                held.set()
                assert release.wait(10)
            writes = rows.Writes()
            key = {"organization_id": organization_id, "code": "a", "number": 0}
            writes.change(THING, key, {"minor": row.minor + 1})
            writes.flush(conn)
            return int(row.minor)

        return database.write(work)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(raise_it, things, wait=True)
        assert held.wait(10)
        second = pool.submit(raise_it, other, wait=False)
        with pytest.raises(TimeoutError):
            second.result(0.2)
        release.set()
        assert (first.result(10), second.result(10)) == (0, 1)
    other.close()
    [row] = found("a")
    assert row["minor"] == 2


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"], indirect=True, scope="session")
def test_a_lock_holds_no_other_row(fresh_database_url: Callable[[], str]) -> None:
    # A table so small that a server may prefer to read, and to lock, all of it.
    database = Database(fresh_database_url(), writers=2)
    database.write(METADATA.create_all)
    keys = [(ids.new(), "a", 0) for _ in range(2)]
    writes = rows.Writes()
    for organization_id, code, number in keys:
        key = {"organization_id": organization_id, "code": code, "number": number}
        writes.add(THING, {**EMPTY, **key})
    database.write(writes.flush)
    held, release = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        rows.find(conn, KEY, keys[:1], lock=True)
        held.set()
        assert release.wait(10)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(database.write, hold)
        assert held.wait(10)
        second = pool.submit(database.write, lambda conn: rows.find(conn, KEY, keys[1:], lock=True))
        done, _ = wait([second], timeout=2)
        release.set()
        assert done == {second}, "nobody waits for a row of somebody else"
        first.result(10)
    database.close()


def test_batches_that_share_rows_lock_them_in_one_order(
    things: Database, organization_id: UUID, add: Callable[..., None]
) -> None:
    codes = [f"{number:02}" for number in range(20)]
    add(*[{"code": code, "minor": 0} for code in codes])
    attempts: list[int] = []

    def work(conn: Any, wanted: list[str]) -> None:
        attempts.append(1)
        keys = [(organization_id, code, 0) for code in wanted]
        found = rows.find(conn, KEY, keys, lock=True)
        writes = rows.Writes()
        for row in reversed(found):
            key = {"organization_id": organization_id, "code": row.code, "number": 0}
            writes.change(THING, key, {"minor": row.minor + 1})
        writes.flush(conn)

    with ThreadPoolExecutor(2) as pool:
        turns = [codes, codes[::-1]] * 20
        done = [
            pool.submit(things.write, lambda conn, turn=turn: work(conn, turn)) for turn in turns
        ]
        for each in done:
            each.result(20)
    assert len(attempts) == 40, "no deadlock made a batch begin again"
    keys = [(organization_id, code, 0) for code in codes]
    found = things.read(lambda conn: rows.find(conn, KEY, keys))
    assert [row.minor for row in found] == [40] * 20
