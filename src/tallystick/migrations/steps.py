"""The statements of a migration. Each looks first, so a killed revision can simply run again.

MariaDB and MySQL commit at every statement, so there a killed revision leaves some steps done.
"""

from typing import Any

from alembic import op
from sqlalchemy import (
    Column,
    Connection,
    Inspector,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
    inspect,
    text,
)
from sqlalchemy.schema import SchemaItem

from tallystick.kernel.schema import NAMING

VERSION_TABLE = "alembic_version"
COLLATION = "utf8mb4_bin"
"""It compares as the other engines do: letter by letter, case and accents included."""
TABLE_OPTIONS: dict[str, Any] = {
    f"{engine}_{option}": value
    for engine in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", COLLATION))
}

FILLFACTOR_HOT = 85
"""Percent of a page that PostgreSQL fills at first, so that a row is rewritten on its own page."""


def create_version_table(conn: Connection) -> None:
    """Make the table in which Alembic keeps the current revision, with room for one row only.

    Alembic would make it without that limit; then two processes that migrate an empty database at
    once could each add a row, and the database would be at two revisions.
    """
    table = Table(
        VERSION_TABLE,
        MetaData(naming_convention=NAMING),
        Column("version_num", String(32), primary_key=True),
        Column("only_row", SmallInteger, nullable=False, server_default=text("1")),
        UniqueConstraint("only_row"),
        **TABLE_OPTIONS,
    )
    table.create(conn, checkfirst=True)


def create_table(name: str, *parts: SchemaItem, hot: bool = False) -> None:
    """Make a table, unless it is there; `hot` says that its rows are rewritten all the time."""
    if _look().has_table(name):
        return
    storage: dict[str, Any] = {"postgresql_with": {"fillfactor": FILLFACTOR_HOT}} if hot else {}
    op.create_table(name, *parts, **TABLE_OPTIONS, **storage)


def create_index(table: str, *columns: str, unique: bool = False, **engines: Any) -> None:
    """Make an index under the name that the naming convention gives it, unless it is there.

    `engines` has what only some engines do, by the names that SQLAlchemy has for it.
    """
    name = f"ix_{table}_{'_'.join(columns)}"
    if all(index["name"] != name for index in _look().get_indexes(table)):
        op.create_index(name, table, list(columns), unique=unique, **engines)


def drop_index(table: str, *columns: str) -> None:
    """Remove the index with the conventional name, unless it is gone."""
    name = f"ix_{table}_{'_'.join(columns)}"
    if any(index["name"] == name for index in _look().get_indexes(table)):
        op.drop_index(name, table)


def add_column(table: str, column: Column[Any]) -> None:
    """Add a column that may be NULL, unless it is there."""
    if all(found["name"] != column.name for found in _look().get_columns(table)):
        op.add_column(table, column)


def drop_column(table: str, name: str) -> None:
    """Remove a column, unless it is gone."""
    if any(found["name"] == name for found in _look().get_columns(table)):
        op.drop_column(table, name)


def run(statement: str) -> None:
    """Change rows by a statement that may run twice."""
    op.execute(statement)


def drop_table(name: str) -> None:
    """Remove a table with its indexes, unless it is gone."""
    if _look().has_table(name):
        op.drop_table(name)


def _look() -> Inspector:
    # A new one each time: an inspector remembers what it saw before the last step.
    return inspect(op.get_bind())
