"""How many rows go to and from the database in few statements, on each engine in its own way.

A batch's text is the same for one row and for sixty-four, so every statement is prepared once.
PostgreSQL takes the rows of a whole batch as JSON, what all rows of a table share only once, and
writes all tables in one statement; the others take one `executemany` a table. Keys to look for
travel as one JSON parameter everywhere.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Column, Connection, Row, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.selectable import TextualSelect

from tallystick.kernel.dialects import FEW, Spelling, spelling
from tallystick.kernel.schema import Id

ADDED = "tables that rows were added to"
"""Where a connection keeps them until its transaction has ended."""
AHEAD_ROWS = 1_000
"""Rows that are worth a statement of their own while more are prepared."""
_AHEAD = "tallystick.ahead"

Key = tuple[Any, ...]
Values = dict[str, Any]


def find(
    conn: Connection,
    columns: Sequence[Column[Any]],
    keys: Collection[Key],
    *,
    shown: tuple[Column[Any], ...] = (),
    lock: bool = False,
) -> Sequence[Row[Any]]:
    """Find the rows of one table whose `columns` equal one of the keys, in their order.

    Reads all columns, or only those that are `shown`: half of the work is to make values of them.

    With `lock` the rows are locked until the end of the transaction, in that same order, so that
    two batches that share rows cannot wait for each other in a circle. Give the organization as the
    first column.
    """
    if not keys:
        return []
    spelled = spelling(conn)
    statement = _find_statement(spelled, tuple(columns), shown, lock)
    wanted = orjson.dumps([list(key) for key in sorted(set(keys), key=_comparable)]).decode()
    return conn.execute(statement, {"keys": wanted}).all()


def _comparable(key: Key) -> Key:
    # The numbers behind identifiers have their order, and are compared much quicker.
    return tuple([part.int if isinstance(part, UUID) else part for part in key])


@lru_cache(maxsize=256)
def _find_statement(
    spelled: Spelling,
    columns: tuple[Column[Any], ...],
    shown: tuple[Column[Any], ...],
    lock: bool,  # noqa: FBT001  # cached by position
) -> TextualSelect:
    table: Table = columns[0].table
    read = shown or tuple(table.columns)
    named = ", ".join(f"t.{column.name}" for column in read)
    source = spelled.keys_source([column.type for column in columns])
    pairs = " AND ".join(
        f"t.{column.name} = {spelled.key(index, column.type)}"
        for index, column in enumerate(columns)
    )
    order = ", ".join(f"t.{column.name}" for column in columns)
    begins_key = tuple(table.primary_key.columns)[: len(columns)] == columns
    words = (
        f"{spelled.select} {named} FROM {source} r {spelled.join} {table.name} t "
        f"{spelled.by_key if begins_key else ''} ON {pairs} "
        f"ORDER BY {order}{spelled.lock if lock else ''}"
    )
    return text(words).columns(*read)


def ensure(conn: Connection, table: Table, values: Values) -> None:
    """Add a row unless one with its primary key is there, also one that somebody adds just now."""
    if conn.dialect.name == "postgresql":
        conn.execute(postgresql.insert(table).values(values).on_conflict_do_nothing())
        return
    statement = table.insert().prefix_with(
        "OR IGNORE" if conn.dialect.name == "sqlite" else "IGNORE"
    )
    conn.execute(statement, values)


class Writes:
    """The rows that one transaction will add and change, kept until `flush` sends them.

    A row that is added here must not be changed here too: change the dictionary instead.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._added: dict[Table, list[Values]] = {}
        self._changed: dict[tuple[Table, tuple[str, ...]], list[Values]] = {}
        self._once: set[tuple[Table, Key]] = set()

    def add(self, table: Table, values: Values) -> None:
        """Add a row; columns that are not named become NULL.

        All rows of a table name the same columns.
        """
        self._added.setdefault(table, []).append(values)
        self._waiting += 1

    def change(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Change columns of the row with this primary key."""
        self._changed.setdefault((table, tuple(values)), []).append({**key, **values})

    def change_once(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Change a row that several commands change in the same way; the first one does it.

        A row that does not exist is passed over, as an update does.
        """
        place = table, tuple(key.values())
        if place not in self._once:
            self._once.add(place)
            self.change(table, key, values)

    def flush(self, conn: Connection) -> None:
        """Send everything: parents before children, rows of a table in the order of their keys."""
        conn.info.setdefault(ADDED, set()).update(self._added)
        added = sorted(self._added.items(), key=lambda item: _depth(item[0]))
        changed = sorted(self._changed.items(), key=lambda item: (_depth(item[0][0]), item[0][1]))
        for table, rows in added:
            _in_key_order(table, rows)
        for (table, _), rows in changed:
            _in_key_order(table, rows)
        self._added, self._changed, self._once, self._waiting = {}, {}, set(), 0
        if spelling(conn).one_statement:
            _flush_as_json(conn, added, changed)
        else:
            _flush_by_table(conn, added, changed)

    @contextmanager
    def ahead(self, conn: Connection) -> Iterator[Callable[[], None]]:
        """Let the database write rows while more of them are prepared, for what is large.

        Gives what to call when the rows of one thing are complete: it sends what has gathered, if
        that is much, and does not wait. Within, nothing is read, `flush` does not wait either, and
        whatever the database says against a row is raised at the end at the latest. Where the
        engine cannot go on beside us, all rows go with the flush.
        """
        # PostgreSQL plans its checks of foreign keys when a connection first needs them, and takes
        # a wrong index for them while a table has few rows: the first time all goes together.
        first = not conn.info.get(_AHEAD)
        conn.info[_AHEAD] = True
        if first or not spelling(conn).pipelines:
            yield lambda: None
            return

        def send() -> None:
            if self._waiting >= AHEAD_ROWS:
                self.flush(conn)

        raw: Any = conn.connection.driver_connection
        errors = conn.dialect.loaded_dbapi.Error
        try:
            with raw.pipeline():
                yield send
        except errors as error:
            # What comes with a later answer passes SQLAlchemy by, and its names are what we know.
            raise DBAPIError.instance(None, None, error, errors, dialect=conn.dialect) from error


Added = list[tuple[Table, list[Values]]]
Changed = list[tuple[tuple[Table, tuple[str, ...]], list[Values]]]


@lru_cache(maxsize=64)
def _depth(table: Table) -> tuple[int, str]:
    parents = [key.column.table for key in table.foreign_keys if key.column.table is not table]
    return max((_depth(parent)[0] + 1 for parent in parents), default=0), table.name


def _in_key_order(table: Table, rows: list[Values]) -> None:
    if len(rows) > 1:
        rows.sort(key=_key_order(table))


@lru_cache(maxsize=64)
def _key_order(table: Table) -> Callable[[Values], tuple[Any, ...]]:
    columns = table.primary_key.columns
    names = tuple((column.name, isinstance(column.type, Id)) for column in columns)
    # The numbers behind identifiers have their order, and are compared much quicker.
    return lambda row: tuple([row[name].int if is_id else row[name] for name, is_id in names])


def _flush_as_json(conn: Connection, added: Added, changed: Changed) -> None:
    if not added and not changed:
        return
    tables = tuple(table for table, _ in added)
    statement = _json_statement(tables, tuple(shape for shape, _ in changed))
    parameters = {}
    for index, (_, rows) in enumerate(added):
        shared, own = _divided(rows)
        parameters[f"s{index}"] = orjson.dumps(shared).decode()
        parameters[f"p{index}"] = orjson.dumps(own).decode()
    for index, (_, rows) in enumerate(changed, start=len(added)):
        parameters[f"p{index}"] = orjson.dumps(rows).decode()
    conn.execute(statement, parameters)


def _divided(rows: list[Values]) -> tuple[Values, list[Values]]:
    """Divide rows into what all of them say, without what is NULL, and what each says itself."""
    shared: Values = {}
    own: list[str] = []
    last, count = rows[-1], len(rows)
    for name, value in rows[0].items():
        if isinstance(value, dict | list):
            # Documents may be equal and not the same: 1 is True to Python and not to JSON.
            alike = all(row[name] is value for row in rows)
        else:
            alike = last[name] == value and [row[name] for row in rows].count(value) == count
        if not alike:
            own.append(name)
        elif value is not None:
            shared[name] = value
    return shared, [{name: row[name] for name in own} for row in rows]


@lru_cache(maxsize=256)
def _json_statement(
    added: tuple[Table, ...],
    changed: tuple[tuple[Table, tuple[str, ...]], ...],
) -> TextClause:
    steps: list[str] = []
    for table in added:
        names = ", ".join(column.name for column in table.columns)
        shared = f"json_populate_record(null::{table.name}, CAST(:s{len(steps)} AS json))"
        rows = f"json_populate_recordset({shared}, CAST(:p{len(steps)} AS json))"
        steps.append(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {rows}")  # noqa: S608  # names only
    few = FEW.format(kind="object")
    for table, columns_changed in changed:
        given = f"json_array_elements(CAST(:p{len(steps)} AS json)) AS e(v)"
        rows = f"{given}, json_populate_record(null::{table.name}, e.v) r"
        sets = ", ".join(f"{name} = r.{name}" for name in columns_changed)
        keys = " AND ".join(f"t.{key.name} = r.{key.name}" for key in table.primary_key.columns)
        steps.append(f"UPDATE {table.name} t SET {sets} FROM {rows} WHERE {few} AND {keys}")  # noqa: S608  # names only
    with_steps = ", ".join(f"s{index} AS ({step})" for index, step in enumerate(steps))
    return text(f"WITH {with_steps} SELECT 1")  # names only


def _flush_by_table(conn: Connection, added: Added, changed: Changed) -> None:
    spelled = spelling(conn)
    for table, rows in added:
        conn.execute(table.insert(), rows)
    for (table, columns), rows in changed:
        spelled.change(conn, table, columns, rows)
