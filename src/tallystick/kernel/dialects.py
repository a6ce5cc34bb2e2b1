"""How each engine spells a join with keys in a JSON parameter, a lock, and a change of many rows.

Used by `tallystick.kernel.rows` alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Date,
    Integer,
    Table,
    TextClause,
    Update,
    bindparam,
    text,
)
from sqlalchemy.types import TypeEngine

from tallystick.kernel.schema import Document, Id, Moment

SqlType = TypeEngine[Any]
_BY_KEY = "FORCE INDEX (PRIMARY)"
FEW = "json_typeof(e.v) = '{kind}'"
"""Always true, and the planner of PostgreSQL believes that it is true of few: so it expects one
key and not a hundred, and looks it up by the whole key, also in a table without statistics."""


@dataclass(frozen=True)
class Spelling:
    """The words of one engine."""

    keys_source: Callable[[Sequence[SqlType]], str]
    key: Callable[[int, SqlType], str]
    select: str = "SELECT"
    join: str = "JOIN"
    by_key: str = ""
    """What makes the engine find rows by primary key even in a table so small that it would scan:
    a scan that locks would wait for other organizations' rows."""
    lock: str = ""
    one_statement: bool = False
    """Whether the rows of several tables can be written by one statement."""
    pipelines: bool = False
    """Whether a statement can be sent before the one before it was answered."""

    def change(
        self, conn: Connection, table: Table, columns: tuple[str, ...], rows: list[dict[str, Any]]
    ) -> None:
        """Change many rows of a table by primary key."""
        if conn.dialect.name == "sqlite":
            conn.execute(_update_one(table, columns), [_renamed(row) for row in rows])
        else:
            parameter = orjson.dumps(rows, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z).decode()
            conn.execute(_update_joined(table, columns), {"rows": parameter})


def spelling(conn: Connection) -> Spelling:
    """Give the words of the engine behind a connection."""
    return _SPELLINGS[conn.dialect.name]


def _postgresql_type(kind: SqlType) -> str:
    if isinstance(kind, Id):
        return "uuid"
    if isinstance(kind, BigInteger | Integer):
        return "bigint"
    if isinstance(kind, Date):
        return "date"
    return "text"


def _postgresql_source(kinds: Sequence[SqlType]) -> str:
    # Each key is an array, and json_to_recordset wants objects, so the arrays are taken apart here.
    fields = ", ".join(
        f"CAST(e.v ->> {index} AS {_postgresql_type(kind)}) AS k{index}"
        for index, kind in enumerate(kinds)
    )
    keys = "json_array_elements(CAST(:keys AS json)) AS e(v)"
    return f"(SELECT {fields} FROM {keys} WHERE {FEW.format(kind='array')})"  # noqa: S608  # names only


def _mysql_type(kind: SqlType) -> str:
    if isinstance(kind, Id):
        return "CHAR(36)"
    if isinstance(kind, BigInteger | Integer | Boolean):
        return "BIGINT"
    if isinstance(kind, Moment):
        return "DATETIME(6)"
    if isinstance(kind, Date):
        return "DATE"
    if isinstance(kind, Document):
        return "JSON"
    return "VARCHAR(2000)"


def _mysql_value(name: str, kind: SqlType) -> str:
    return f"UNHEX(REPLACE(r.{name}, '-', ''))" if isinstance(kind, Id) else f"r.{name}"


def _mysql_source(kinds: Sequence[SqlType]) -> str:
    fields = ", ".join(
        f"k{index} {_mysql_type(kind)} PATH '$[{index}]'" for index, kind in enumerate(kinds)
    )
    return f"JSON_TABLE(:keys, '$[*]' COLUMNS ({fields}))"


def _mysql_key(index: int, kind: SqlType) -> str:
    value = _mysql_value(f"k{index}", kind)
    exact = isinstance(kind, Id | BigInteger | Integer | Date)
    return value if exact else f"CONVERT({value} USING utf8mb4) COLLATE utf8mb4_bin"


def _renamed(row: dict[str, Any]) -> dict[str, Any]:
    return {f"v_{name}": value for name, value in row.items()}


@lru_cache(maxsize=64)
def _update_one(table: Table, columns: tuple[str, ...]) -> Update:
    statement = table.update().values({name: bindparam(f"v_{name}") for name in columns})
    for key in table.primary_key.columns:
        statement = statement.where(key == bindparam(f"v_{key.name}"))
    return statement


@lru_cache(maxsize=64)
def _update_joined(table: Table, columns: tuple[str, ...]) -> TextClause:
    keys = [key.name for key in table.primary_key.columns]
    names = [*keys, *columns]
    fields = ", ".join(
        f"{name} {_mysql_type(table.columns[name].type)} PATH '$.{name}'" for name in names
    )
    source = f"JSON_TABLE(:rows, '$[*]' COLUMNS ({fields})) r"
    pairs = " AND ".join(
        f"t.{name} = {_mysql_value(name, table.columns[name].type)}" for name in keys
    )
    sets = ", ".join(
        f"t.{name} = {_mysql_value(name, table.columns[name].type)}" for name in columns
    )
    return text(f"UPDATE {source} STRAIGHT_JOIN {table.name} t {_BY_KEY} ON {pairs} SET {sets}")  # noqa: S608  # names only


_MYSQL = Spelling(
    keys_source=_mysql_source,
    key=_mysql_key,
    select="SELECT STRAIGHT_JOIN",
    by_key=_BY_KEY,
    lock=" FOR UPDATE",
)
_SPELLINGS = {
    "postgresql": Spelling(
        keys_source=_postgresql_source,
        key=lambda index, _kind: f"r.k{index}",
        lock=" FOR UPDATE OF t",
        one_statement=True,
        pipelines=True,
    ),
    "sqlite": Spelling(
        keys_source=lambda _kinds: "json_each(:keys)",
        key=lambda index, _kind: f"json_extract(r.value, '$[{index}]')",
        join="CROSS JOIN",
    ),
    "mysql": _MYSQL,
    "mariadb": _MYSQL,
}
