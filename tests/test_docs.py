"""The pages that follow from the code are those that the code makes now, and name what exists."""

import re
from pathlib import Path

from docs.generate import pages

ROOT = Path(__file__).parent.parent


def test_the_generated_pages_are_committed_as_the_code_makes_them() -> None:
    stale = [
        path.name
        for path, words in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != words
    ]
    assert stale == [], "Run `make docs`."


def test_every_test_that_the_page_of_security_names_exists() -> None:
    words = (ROOT / "docs/reference/security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.-]+)(?:::(\w+))?`", words)
    assert len(named) > 20  # a row for each area
    for path, name in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"def {name}(" in text if name else "def test_" in text, f"{path}::{name}"
