"""The forms that texts have, and the words for them."""

import re
from pathlib import Path

import pytest

from tallystick.web import fields
from tallystick.web.api import shapes

FORMS = ("SLUG", "COUNTRY", "LANGUAGE", "SERIES", "METHOD", "ROLE_NAME")


def test_every_pattern_of_the_shapes_has_its_words() -> None:
    texts = "".join(path.read_text() for path in Path(shapes.__path__[0]).glob("*.py"))
    assert set(re.findall(r"\bpattern=([^,)]*)", texts)) == set(FORMS)
    assert {getattr(fields, name) for name in FORMS} == fields.WANTED.keys()


@pytest.mark.parametrize("name", FORMS)
def test_the_example_has_the_form(name: str) -> None:
    form = getattr(fields, name)
    said = re.search(r" such as (\S+?)(?: or (\S+?))?\.$", fields.WANTED[form])
    assert said is not None
    for example in filter(None, said.groups()):
        assert re.fullmatch(form, example)
