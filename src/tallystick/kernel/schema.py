"""The base of every table, and the column types that mean the same on every engine.

No server defaults, sequences, triggers or SQL clocks: what is stored is what the application said.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Dialect,
    Integer,
    MetaData,
    String,
    Table,
    text,
    types,
)
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.orm import DeclarativeBase, mapped_column
from typing_extensions import override

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Id(types.TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, 16 bytes on MySQL and MariaDB, 36 characters on SQLite.

    All three keep the order of version 7 identifiers. MySQL 8 has no native type, so MariaDB's own
    is not used either.
    """

    impl = types.CHAR(36)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.UUID(as_uuid=True))
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.BINARY(16))
        return dialect.type_descriptor(types.CHAR(36))

    @override
    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return value.bytes if dialect.name in {"mysql", "mariadb"} else str(value)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        if value is None or dialect.name == "postgresql":
            return value  # type: ignore[no-any-return]  # the driver made a UUID
        return UUID(bytes=value) if dialect.name in {"mysql", "mariadb"} else UUID(value)


class Moment(types.TypeDecorator[datetime]):
    """A moment in UTC, to the microsecond; aware in Python on every engine."""

    impl = DateTime(timezone=True)
    cache_ok = True

    @override
    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(DateTime(timezone=True))

    @override
    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "postgresql":
            return value.astimezone(UTC)  # type: ignore[no-any-return]  # the driver made a datetime
        return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]  # the driver made a datetime


class Document(types.TypeDecorator[Any]):
    """A JSON document, kept as it was written."""

    impl = JSON(none_as_null=True)
    cache_ok = True


Minor = Annotated[int, mapped_column(BigInteger)]
"""An amount in minor units of the currency that stands in the same row."""
Currency = Annotated[str, mapped_column(String(3))]
Word = Annotated[str, mapped_column(String(20))]
"""A value of a short closed list."""
Line = Annotated[str, mapped_column(String(255))]
"""A line of text that people wrote."""
Text = Annotated[str, mapped_column(String(2000))]
"""A paragraph that people wrote."""


class Base(DeclarativeBase):
    """The declarative base; its classes are the schema, never objects with a session."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012  # the ORM's own way to declare it
        UUID: Id(),
        datetime: Moment(),
        date: Date(),
        int: Integer(),
        bool: Boolean(create_constraint=False),
        dict[str, Any]: Document(),
        list[Any]: Document(),
    }


def index_of(words: str) -> dict[str, Any]:
    """Make the options of an index of some rows only; MariaDB and MySQL index all of them."""
    return {f"{engine}_where": text(words) for engine in ("postgresql", "sqlite")}


def table_of(model: type[Base]) -> Table:
    """Give the table that a class declares, as the type it always is."""
    table = model.__table__
    assert isinstance(table, Table), "every class of the schema has a table of its own"
    return table
