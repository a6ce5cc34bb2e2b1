"""Text that a person looks for: anywhere in a column, in capitals or not, never a pattern."""

from typing import Any, Final

from sqlalchemy import ColumnElement, func

TEXT_MAX: Final = 100
"""Characters that are looked for."""
_ESCAPE: Final = "!"


def contains(column: Any, text: str) -> ColumnElement[bool]:
    """Tell whether a column contains a text. Signs that LIKE knows stand for themselves."""
    assert len(text) <= TEXT_MAX, "the edge bounds what is looked for"
    escaped = text.lower()
    for sign in (_ESCAPE, "%", "_"):
        escaped = escaped.replace(sign, _ESCAPE + sign)
    return func.lower(column).like(f"%{escaped}%", escape=_ESCAPE)
