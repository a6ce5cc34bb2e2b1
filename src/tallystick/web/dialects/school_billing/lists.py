"""Lists of contract 004: bare arrays by limit and offset, with a Link header."""

from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.school_billing.shapes import Window

Listed = tuple[list[Any], dict[str, str]]


def listed(call: DialectCall, window: Window, items: list[Any], *, more: bool) -> Listed:
    """Answer with a part of a list, and say where the other parts are (RFC 8288)."""
    places = {"first": 0}
    if window.offset:
        places["prev"] = max(0, window.offset - window.limit)
    if more:
        places["next"] = window.offset + window.limit
    others = [
        (name, value)
        for name, value in parse_qsl(call.query_string)
        if name not in {"limit", "offset"}
    ]
    links = [
        f"<{quote(call.path)}?{urlencode([*others, ('limit', window.limit), ('offset', offset)])}>"
        f'; rel="{relation}"'
        for relation, offset in places.items()
    ]
    return items, {"Link": ", ".join(links)}
