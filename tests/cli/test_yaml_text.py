"""YAML: what is written is read as it was, and what could surprise is refused with its line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.cli import yaml_text
from tallystick.kernel.errors import Invalid

TEXT = st.text(max_size=20) | st.sampled_from(
    ["1", "-1", "1.50", "1e3", "007", "null", "~", "yes", "no", "", " x", "a: b", "# x", "- x"]
)
NAMES = st.sampled_from(["name", "value", "customer_kind", "all"])
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_what_is_written_is_read(value: Any) -> None:
    assert yaml_text.parse(yaml_text.write(value), "x.yaml").root.value == value


def test_what_stands_without_quotes() -> None:
    text = "a: [yes, on, 2026-11-20, 1e, 0, -7, true, null, ~, x]\nb:\n"
    assert yaml_text.parse(text, "x.yaml").root.value == {
        "a": ["yes", "on", "2026-11-20", "1e", 0, -7, True, None, None, "x"],
        "b": None,
    }


def test_where_it_stands() -> None:
    document = yaml_text.parse('"a/~": 1\nb:\n  - 1\n  - c: 2\n    d: 3\n', "x.yaml")
    places = ("", "/a~1~0", "/b/1/d", "/b/1/d/none/of/it", "/z")
    assert [document.line(place) for place in places] == [1, 1, 5, 5, 1]


REFUSED = {
    "nothing": ("# x\n", "line 1: There is nothing"),
    "laughs": ("a: &a [x, x]\nb: [*a, *a]\n", "line 1: Anchors and aliases"),
    "an alias": ("a: 1\nb: *a\n", "line 2: "),
    "a merge": ("a: 1\n<<: *a\n", "line 2: "),
    "a tag": ("!!python/object/apply:os.system [ls]", "line 1: Tags such as"),
    "a plain tag": ("a: 1\nb: !!str 2", "line 2: Tags such as"),
    "a tagged name": ("!!str a: 1", "line 1: Tags such as"),
    "a name twice": ("a: 1\nb: 2\na: 3\n", "line 3: “a” stands here for the second time."),
    "a name that is a list": ("? [a]\n: 1\n", "line 1: The name of a member is a text."),
    "two documents": ("a: 1\n---\nb: 2\n", "line 2: A second document"),
    "a fraction": ("a: 1.50\n", "line 1: “1.50” is no whole number. Amounts"),
    "a number beyond all": (f"a: {'9' * 30}", "is no whole number."),
    "a float of a program": ("a: 1e400", "is no whole number."),
    "NUL": ("a: 1\nb: \0", "line 2: There is a control character"),
    "half a surrogate pair": ('"\\ud83d"', "line 1: This is not YAML"),
    "no YAML": ("a: [1\nb: 2\n", "line 2: This is not YAML"),
    "brackets": ("[" * 100_000, "line 1: This is nested deeper than 40 levels."),
    "names in names": ("\n".join(" " * depth + "a:" for depth in range(1_000)), "nested deeper"),
    "many values": ("- 1\n" * 100_000, "There are more than 50000 values"),
    "names in names on a line": ("{a: " * 100_000, "nested deeper"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused(what: str) -> None:
    text, words = REFUSED[what]
    with pytest.raises(Invalid) as refused:
        yaml_text.parse(text, "x.yaml")
    assert refused.value.refusal.code == "file.malformed"
    assert words in refused.value.refusal.detail
    assert len(refused.value.refusal.detail) < 200
