"""Read files of rows: CSV as RFC 4180 describes it, or JSON Lines. Cells are text and stay so.

Says everything that is wrong with the file itself; what a row means is judged by others.
"""

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tallystick.kernel.errors import Invalid
from tallystick.web import strict

BYTES_MAX: Final = 64 * 2**20
ROWS_MAX: Final = 100_000
CELL_MAX: Final = 10_000
"""Characters of one cell."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where."""

    line: int
    column: str
    detail: str
    code: str = "request.invalid"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its cells by column, or the object of a line of JSON."""

    line: int
    cells: dict[str, Any]


@dataclass(slots=True)
class Sheet:
    """A file that was read."""

    digest: str
    """SHA-256 of its bytes."""
    tabular: bool
    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read(path: Path, *, columns: Sequence[str], required: Sequence[str]) -> Sheet:
    """Read a whole file; `columns` are those that a CSV file may have.

    Raises:
        Invalid: file.too_large, file.encoding, file.type.
    """
    raw = path.read_bytes()
    if len(raw) > BYTES_MAX:
        message = f"{path.name} has more than {BYTES_MAX // 2**20} MiB. Divide it."
        raise Invalid("file.too_large", message)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{path.name} is not UTF-8, first in line {line}. Save it as UTF-8."
        raise Invalid("file.encoding", message) from None
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".jsonl"}:
        raise Invalid("file.type", f"{path.name} is neither .csv nor .jsonl.")
    sheet = Sheet(hashlib.sha256(raw).hexdigest(), tabular=suffix == ".csv")
    if sheet.tabular:
        _read_csv(sheet, text, columns, required)
    else:
        _read_lines(sheet, text)
    if len(sheet.rows) > ROWS_MAX:
        raise Invalid("file.too_large", f"{path.name} has more than {ROWS_MAX} rows. Divide it.")
    return sheet


def _read_csv(sheet: Sheet, text: str, columns: Sequence[str], required: Sequence[str]) -> None:
    found = _records(sheet, text)
    _, names = next(found, (1, []))
    names = [name.strip() for name in names]
    for name in sorted(set(names)):
        if name not in columns:
            sheet.faults.append(
                Fault(1, name, f"There is no such column. There are {', '.join(columns)}.")
            )
        elif names.count(name) > 1:
            sheet.faults.append(Fault(1, name, "This column stands twice."))
    sheet.faults += [
        Fault(1, name, "This column is missing.") for name in required if name not in names
    ]
    if sheet.faults:
        return
    for line, cells in found:
        if len(cells) != len(names):
            detail = (
                f"There are {len(cells)} cells where the first line names {len(names)} columns."
            )
            sheet.faults.append(Fault(line, "", detail))
        else:
            # An empty cell says nothing.
            pairs = zip(names, cells, strict=True)
            sheet.rows.append(Row(line, {name: cell for name, cell in pairs if cell}))


def _records(sheet: Sheet, text: str) -> Iterator[tuple[int, list[str]]]:
    """Give each record with the line on which it begins; lines of empty cells are none."""
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    csv.field_size_limit(CELL_MAX)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        sheet.faults.append(Fault(line, "", f"This cannot be read as CSV: {error}."))


def _read_lines(sheet: Sheet, text: str) -> None:
    for line, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            continue
        try:
            value = strict.parse(written.encode())
        except Invalid as invalid:
            sheet.faults.append(Fault(line, "", _not_read(invalid)))
            continue
        if isinstance(value, dict):
            sheet.rows.append(Row(line, value))
        else:
            sheet.faults.append(Fault(line, "", "Write an object on each line."))


def _not_read(invalid: Invalid) -> str:
    """Say why a line is not read; the words of the reader are for those who write readers."""
    cause = invalid.__context__
    if isinstance(cause, json.JSONDecodeError):
        return (
            f"This line is not JSON from its character {cause.colno} on. Write one object on each "
            'line, such as {"name": "Ada Example"}.'
        )
    return f"This line cannot be read: {cause}."
