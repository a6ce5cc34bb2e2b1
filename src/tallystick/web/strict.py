"""JSON and its shapes, read without guessing: what is not plainly right is refused with its place.

A value that was refused is never repeated here; the sentence says what is expected instead.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import orjson
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tallystick.kernel.errors import Invalid, masked, step
from tallystick.web.fields import ID_EXAMPLE, WANTED
from tallystick.web.problems import Fault

DEPTH_MAX: Final = 200
MEMBERS_MAX: Final = 1_000
"""Members of one object."""
NESTED_MIN: Final = 10_000
NESTED_BYTES: Final = 24
"""Beyond so many objects and lists, each has on average so many bytes: one takes as long to read as
a text of hundreds, and whatever means something is longer.
"""
FAULTS_MAX: Final = 20
"""Faults that one answer lists."""


class Misshapen(Invalid):
    """The request has the wrong shape, in one place or several."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Say the first fault in words; the others stand beside it."""
        first = faults[0]
        whole = "the body" if "pointer" in first else "the address"
        place = first.get("pointer") or first.get("parameter") or whole
        super().__init__("request.invalid", f"{place}: {first['detail']}")
        self.faults = list(faults[:FAULTS_MAX])


def parse(body: bytes) -> Any:
    """Read JSON of at most `DEPTH_MAX` levels in which no object names a member twice.

    No object has more than `MEMBERS_MAX`: each that is unknown costs as much as one that is known.

    Source: RFC 8259. Sections 4 and 8.2 leave open what becomes of a repeated name and of half a
    surrogate pair; here both are refused.

    Raises:
        Invalid: request.json_malformed.
    """
    try:
        _check_filled(body)
        value = orjson.loads(body)
        members = _members(value, 1)
        # Each member has a colon. More colons than members: some stand in strings, or a name
        # stands twice. Only then is the slow reader asked, who sees every name.
        if body.count(b":") != members:
            json.loads(body, object_pairs_hook=_once)
    except ValueError as error:
        raise Invalid("request.json_malformed", f"The body is not usable JSON: {error}.") from None
    return value


def _check_filled(body: bytes) -> None:
    nested = body.count(b"{") + body.count(b"[")
    if nested > NESTED_MIN and nested * NESTED_BYTES > len(body):
        raise ValueError("it is made of objects and lists that hold nearly nothing")


def _members(value: Any, depth: int) -> int:
    """Count the members of all objects."""
    if depth > DEPTH_MAX:
        raise ValueError(f"it is nested deeper than {DEPTH_MAX} levels")
    members = 0
    inner: Iterable[Any] = ()
    if isinstance(value, dict):
        members, inner = len(value), value.values()
        if members > MEMBERS_MAX:
            raise ValueError(f"an object has more than {MEMBERS_MAX} members")
    elif isinstance(value, list):
        inner = value
    for item in inner:
        if isinstance(item, (dict, list)):
            members += _members(item, depth + 1)
    return members


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def body_faults(error: ValidationError) -> list[Fault]:
    """Say what is wrong with a body, each fault with the JSON pointer to its place."""
    return [{"pointer": _pointer(fault["loc"]), "detail": _said(fault)} for fault in _faults(error)]


def query_faults(error: ValidationError) -> list[Fault]:
    """Say what is wrong with a query, each fault with the name of its parameter."""
    return [
        query_fault(str(fault["loc"][0]) if fault["loc"] else "", _said(fault))
        for fault in _faults(error)
    ]


def query_fault(name: str, detail: str) -> Fault:
    """Say what is wrong with one parameter; its name may be the sender's."""
    return {"parameter": masked(name), "detail": detail}


def _faults(error: ValidationError) -> list[ErrorDetails]:
    return error.errors(include_url=False, include_context=True, include_input=True)[:FAULTS_MAX]


def _pointer(location: tuple[int | str, ...]) -> str:
    """Write a place as a JSON pointer. Source: RFC 6901.

    The name of an unknown member is the sender's.
    """
    return "".join(f"/{step(part)}" for part in location)


def _said(fault: ErrorDetails) -> str:
    """Say one fault in a sentence."""
    say = _SENTENCES.get(fault["type"])
    if say is not None:
        return say(fault)
    if fault["type"].startswith("tallystick_"):
        return fault["msg"]
    return _NOT_POSSIBLE


def _string(fault: ErrorDetails) -> str:
    if isinstance(fault["input"], int | float) and not isinstance(fault["input"], bool):
        return (
            "Write this as a string, in quotes: amounts, quantities and rates are never JSON "
            "numbers here, because programs round those."
        )
    return "Write this as a string."


def _at(template: str) -> Callable[[ErrorDetails], str]:
    return lambda fault: template.format_map(fault.get("ctx", {}))


def _length(bound: str, limit: str) -> Callable[[ErrorDetails], str]:
    """Bound the characters of a text or the members of a list: both are refused as too long."""

    def say(fault: ErrorDetails) -> str:
        count = fault["ctx"][limit]
        if not isinstance(fault["input"], str):
            return f"Give {bound} {count} of these."
        return f"Write {bound} {count} {'character' if count == 1 else 'characters'}."

    return say


def _always(sentence: str) -> Callable[[ErrorDetails], str]:
    return lambda _: sentence


_NOT_POSSIBLE: Final = "This value is not possible here."
_SENTENCES: Final[dict[str, Callable[[ErrorDetails], str]]] = {
    "missing": _always("This is required."),
    "extra_forbidden": _always("There is no such member here. Check its spelling."),
    "string_type": _string,
    "string_too_short": _length("at least", "min_length"),
    "string_too_long": _length("at most", "max_length"),
    "string_pattern_mismatch": lambda fault: WANTED.get(fault["ctx"]["pattern"], _NOT_POSSIBLE),
    "int_type": _always("Write a whole number."),
    "int_parsing": _always("Write a whole number."),
    "int_parsing_size": _always("This number is too large."),
    "bool_type": _always("Write true or false."),
    "bool_parsing": _always("Write true or false."),
    "greater_than_equal": _at("Write {ge} or more."),
    "less_than_equal": _at("Write {le} or less."),
    "literal_error": _at("Write one of {expected}."),
    "list_type": _always("Write a list."),
    "too_long": _length("at most", "max_length"),
    "too_short": _length("at least", "min_length"),
    "dict_type": _always("Write an object."),
    "model_type": _always("Write an object."),
    "model_attributes_type": _always("Write an object."),
    "uuid_type": _always("Write the id as a string."),
    "uuid_parsing": _always(f"This is not an id. Ids look like {ID_EXAMPLE}."),
}
