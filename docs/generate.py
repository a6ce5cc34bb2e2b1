"""Write the pages of docs/reference that follow from the code: the schema, and the errors.

Run it with `make docs`; a test fails while a committed page differs from the generated one.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.schema import Constraint
from sqlalchemy.types import TypeEngine

from tallystick.kernel.schema import Base, Id, Moment
from tallystick.migrations.tables import MODULES
from tallystick.web.problems import TABLE

REFERENCE = Path(__file__).parent / "reference"

DIALECTS: dict[str, Dialect] = {
    "SQLite": sqlite.dialect(),
    "PostgreSQL": postgresql.dialect(),  # type: ignore[no-untyped-call]  # it has no types
    "MariaDB, MySQL": mysql.dialect(),
}

DIFFERENT: dict[str, TypeEngine[Any]] = {
    "id": Id(),
    "moment": Moment(),
    "boolean": Boolean(),
}

SCHEMA_HEAD = """# The schema

Generated from the classes by `make docs`; do not edit. One section a package, in the order in which
packages stand on each other.

Common to all tables: ids are UUIDs of version 7 that the application makes; amounts are whole minor
units of the currency in the same row; moments are UTC to the microsecond, dates are days in the
organization's time zone. Every table of an organization has `organization_id` first in its keys.
There are no defaults, sequences or triggers. On MariaDB and MySQL tables are InnoDB with the
collation `utf8mb4_bin`. The table `alembic_version` holds the revision of the schema.

These types differ from engine to engine; all others are the same everywhere.

"""

ERRORS_HEAD = """# The errors of the API

Generated from the code by `make docs`; do not edit. An answer that is no success is a problem
document (RFC 9457) whose `code` is one of these; `detail` says what happened in the case at hand.
The running server shows the same pages at `/developers/errors/{code}`.

| code | status | |
|---|---|---|
"""


def pages() -> dict[Path, str]:
    """Give the text of every generated page."""
    return {REFERENCE / "schema.md": _schema(), REFERENCE / "errors.md": _errors()}


def _schema() -> str:
    head = f"| type | {' | '.join(DIALECTS)} |\n|---|{'---|' * len(DIALECTS)}\n"
    rows = [f"| {name} | {' | '.join(_written(kind))} |" for name, kind in DIFFERENT.items()]
    parts = [SCHEMA_HEAD + head + "\n".join(rows) + "\n"]
    for module in MODULES:
        parts.append(f"## {_title(module)}\n\n{_paragraph(module.__doc__)}\n")
        parts += [_table(mapped) for mapped in _classes(module)]
    return "\n".join(parts)


def _title(module: ModuleType) -> str:
    names = [name for name in module.__name__.split(".")[1:] if name != "models"]
    return f"`{'.'.join(names)}`"


def _paragraph(words: str | None) -> str:
    """Give the first paragraph of a docstring as one line."""
    return " ".join(inspect.cleandoc(words or "").split("\n\n")[0].split())


def _classes(module: ModuleType) -> list[type[Base]]:
    found = [mapper.class_ for mapper in Base.registry.mappers]
    mine = [mapped for mapped in found if mapped.__module__ == module.__name__]
    return sorted(mine, key=lambda mapped: inspect.getsourcelines(mapped)[1])


def _table(mapped: type[Base]) -> str:
    table = mapped.__table__
    assert isinstance(table, Table)
    meanings = _meanings(mapped)
    words = textwrap.dedent(mapped.__doc__ or "").strip()
    lines = [
        f"### {table.name}",
        "",
        "\n\n".join(" ".join(part.split()) for part in words.split("\n\n")),
        "",
        "| column | type | null | |",
        "|---|---|---|---|",
        *(_column(column, meanings.get(column.key, "")) for column in table.columns),
        "",
        *_keys(table),
        "",
    ]
    return "\n".join(lines)


def _meanings(mapped: type[Base]) -> dict[str, str]:
    """Read what stands in quotes below each attribute of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(mapped))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for attribute, words in zip(body.body, body.body[1:], strict=False):
        if not isinstance(attribute, ast.AnnAssign) or not isinstance(words, ast.Expr):
            continue
        if isinstance(attribute.target, ast.Name) and isinstance(words.value, ast.Constant):
            found[attribute.target.id] = " ".join(str(words.value.value).split())
    return found


def _column(column: Column[object], meaning: str) -> str:
    names = [name for name, kind in DIFFERENT.items() if isinstance(column.type, type(kind))]
    written = set(_written(column.type))
    assert names or len(written) == 1, f"{column} needs a name in DIFFERENT"
    null = "yes" if column.nullable else ""
    return f"| `{column.name}` | {names[0] if names else written.pop()} | {null} | {meaning} |"


def _written(kind: TypeEngine[Any]) -> list[str]:
    """Write a type as each engine does."""
    dialects = DIALECTS.values()
    return [f"`{kind.dialect_impl(each).compile(dialect=each)}`" for each in dialects]


def _keys(table: Table) -> Iterator[str]:
    yield f"- primary key: {_names(table.primary_key.columns)}"
    for constraint in sorted(table.constraints, key=_name):
        name = _name(constraint)
        if isinstance(constraint, UniqueConstraint):
            yield f"- unique `{name}`: {_names(constraint.columns)}"
        elif isinstance(constraint, ForeignKeyConstraint):
            there = constraint.referred_table.name
            columns = _names([element.column for element in constraint.elements])
            yield f"- foreign key `{name}`: {_names(constraint.columns)} in `{there}` ({columns})"
        elif isinstance(constraint, CheckConstraint):
            yield f"- check `{name}`: `{constraint.sqltext}`"
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield f"- index `{index.name}`: {_names(index.columns)}"


def _name(constraint: Constraint) -> str:
    return str(constraint.name)


def _names(columns: object) -> str:
    return ", ".join(f"`{column.name}`" for column in columns)  # type: ignore[attr-defined]  # any


def _errors() -> str:
    codes = sorted(TABLE)
    # The anchor is the one that renderers make of the heading.
    rows = [
        f"| [`{code}`](#{code.replace('.', '')}) | {TABLE[code].status} | {TABLE[code].title} |"
        for code in codes
    ]
    parts = [ERRORS_HEAD + "\n".join(rows) + "\n"]
    for code in codes:
        kind = TABLE[code]
        again = " The same request may succeed later." if kind.retryable else ""
        parts.append(
            f"## {code}\n\nStatus {kind.status}. {kind.title}.\n\n{kind.meaning}{again}\n\n"
            f"What to do: {kind.remedy}\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    for path, words in pages().items():
        path.write_text(words, encoding="utf-8")
        print(path)
