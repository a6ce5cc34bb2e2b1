"""YAML, read without guessing: one document of texts, whole numbers, true, false and null.

What YAML has beside that is refused, since it surprises: tags, which may name types of a program;
aliases, by which a small file stands for a large one; numbers that are not whole, which programs
round; names that stand twice. `yes`, `on` and `2026-11-20` are texts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]  # it has no types

from tallystick.kernel.errors import Invalid, shown

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C is missing where PyYAML was built without its library."""
BYTES_MAX: Final = 2**20
DEPTH_MAX: Final = 40
NODES_MAX: Final = 50_000

_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_HALF: Final = re.compile(r"[\ud800-\udfff]")
_PLAIN: Final = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)\Z)[a-z]+(?:[._][a-z0-9]+)*")
"""A text that is none but a text to every reader of YAML."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and the line on which it begins, with the same of its parts."""

    line: int
    value: Any
    parts: "dict[str, Node]" = field(default_factory=dict)
    """By name, or by place in a list."""


@dataclass(frozen=True, slots=True)
class Document:
    """What stands in a file, and where."""

    name: str
    root: Node

    def line(self, pointer: str) -> int:
        """Give the line of a part, or of what it would be a part of (RFC 6901)."""
        node = self.root
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if name not in node.parts:
                break
            node = node.parts[name]
        return node.line


def read(path: Path) -> Document:
    """Read a file.

    Raises:
        Invalid: file.too_large, file.encoding, file.malformed.
    """
    with path.open("rb") as file:
        raw = file.read(BYTES_MAX + 1)
    if len(raw) > BYTES_MAX:
        raise Invalid("file.too_large", f"{path.name} has more than {BYTES_MAX // 2**20} MiB.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{path.name} is not UTF-8, first in line {line}. Save it as UTF-8."
        raise Invalid("file.encoding", message) from None
    return parse(text, path.name)


def parse(text: str, name: str) -> Document:
    """Read a text, in time and space that grow with its length; `name` is for what is refused.

    Raises:
        Invalid: file.malformed.
    """
    try:
        return Document(name, _Reader(_events(text)).root())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        said = str(getattr(error, "problem", None) or "something in it cannot be read")
        place = "" if mark is None else f", line {mark.line + 1}"
        message = f"{name}{place}: This is not YAML: {said}."
        raise Invalid("file.malformed", message) from None
    except _Wrong as wrong:
        message = f"{name}, line {wrong.line}: {wrong}"
        raise Invalid("file.malformed", message) from None


def write(value: Any) -> str:
    """Write plain data so that `read` reads the same; texts stand in quotes, names do not."""
    return "\n".join(_written(value)) + "\n"


def comment(text: str) -> str:
    """Write a text as a comment on one line."""
    return "# " + "".join(each if each.isprintable() else " " for each in text)


class _Wrong(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _events(text: str) -> Iterator[Any]:
    control = _CONTROL.search(text)
    if control is not None:
        line = text.count("\n", 0, control.start()) + 1
        raise _Wrong("There is a control character here, such as NUL. Remove it.", line)
    yield from yaml.parse(text, Loader=_LOADER)


class _Reader:
    """Makes nodes of what the parser finds, one after the other, so that it stops early."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._left = NODES_MAX

    def root(self) -> Node:
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise _Wrong("There is nothing in this file.", 1)
        node = self._node(self._next(), 1)
        self._next()
        after = self._next()
        if not isinstance(after, yaml.StreamEndEvent):
            raise _Wrong("A second document begins here. One file has one.", _line(after))
        return node

    def _next(self) -> Any:
        return next(self._events)

    def _node(self, event: Any, depth: int) -> Node:
        line = _line(event)
        _check_plain(event, line)
        self._left -= 1
        if self._left < 0:
            raise _Wrong(f"There are more than {NODES_MAX} values before this one.", line)
        if isinstance(event, yaml.ScalarEvent):
            return Node(line, event.value if event.style else _scalar(event.value, line))
        if depth > DEPTH_MAX:
            raise _Wrong(f"This is nested deeper than {DEPTH_MAX} levels.", line)
        if isinstance(event, yaml.SequenceStartEvent):
            parts = self._list(depth)
            return Node(line, [each.value for each in parts.values()], parts)
        parts = self._object(depth)
        return Node(line, {name: each.value for name, each in parts.items()}, parts)

    def _list(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found[str(len(found))] = self._node(event, depth + 1)
        return found

    def _object(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            line = _line(event)
            _check_plain(event, line)
            if not isinstance(event, yaml.ScalarEvent):
                raise _Wrong("The name of a member is a text.", line)
            if event.value in found:
                raise _Wrong(f"{shown(event.value)} stands here for the second time.", line)
            found[event.value] = self._node(self._next(), depth + 1)
        return found


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _check_plain(event: Any, line: int) -> None:
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise _Wrong("Anchors and aliases are not taken. Write it out.", line)
    if event.tag is not None:
        raise _Wrong(f"Tags such as {shown(event.tag)} are not taken. Leave it out.", line)
    # The loader in C refuses it itself.
    if isinstance(event, yaml.ScalarEvent) and _HALF.search(event.value):
        raise _Wrong("This is not YAML: there is half a surrogate pair here.", line)


def _scalar(text: str, line: int) -> Any:
    """Read what stands without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text):
        message = f"{shown(text)} is no whole number. Amounts and percents stand in quotes."
        raise _Wrong(message, line)
    return text


def _written(value: Any) -> Iterator[str]:
    """Write a value as lines that may stand below a name or beside the dash of a list."""
    if isinstance(value, dict) and value:
        for name, part in value.items():
            yield from _under(f"{name}:", part, "  ")
    elif isinstance(value, list) and value:
        for part in value:
            first, *rest = _written(part)
            yield f"- {first}"
            yield from (f"  {line}" for line in rest)
    else:
        yield _plain(value)


def _under(name: str, part: Any, indent: str) -> Iterator[str]:
    if isinstance(part, dict | list) and part:
        yield name
        yield from (f"{indent}{line}" for line in _written(part))
    else:
        yield f"{name} {_plain(part)}"


def _plain(value: Any) -> str:
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        inner = "".join(map(_escaped, value))
        return f'"{inner}"'
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
