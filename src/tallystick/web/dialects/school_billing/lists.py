"""Lists of contract 004: bare arrays by limit and offset, with a Link header."""

from typing import Any

from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.links import link_header
from tallystick.web.dialects.school_billing.shapes import Window

Listed = tuple[list[Any], dict[str, str]]


def listed(call: DialectCall, window: Window, items: list[Any], *, more: bool) -> Listed:
    """Answer with a part of a list, and say where the other parts are."""
    places = {"first": 0}
    if window.offset:
        places["prev"] = max(0, window.offset - window.limit)
    if more:
        places["next"] = window.offset + window.limit
    parts = {
        relation: {"limit": window.limit, "offset": offset} for relation, offset in places.items()
    }
    return items, link_header(call, window, parts)
