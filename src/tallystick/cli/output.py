"""How a command speaks: data to standard output, words to standard error.

Colours only where a person reads who has not set NO_COLOR; `--json` prints one JSON value or none.
"""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text


def say(words: str, *, style: str = "") -> None:
    """Tell the person something, in as many lines as it has."""
    Console(stderr=True, soft_wrap=True).print(Text(words, style=style))


def show_json(value: object) -> None:
    """Print one JSON value."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def show_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows in columns under their names; no rows print nothing."""
    if not rows:
        return
    lines = [[*head], *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        show_line("  ".join(cells).rstrip())


def show_line(text: str) -> None:
    """Print one line of data."""
    sys.stdout.write(text + "\n")


def plain(value: object) -> str:
    """Write a value on one line, without what would move the terminal's cursor."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "-" if value is None else str(value)
    return "".join(each if each.isprintable() else " " for each in text)
