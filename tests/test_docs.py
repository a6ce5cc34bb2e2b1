"""The pages that follow from the code are those that the code makes now."""

from docs.generate import pages


def test_the_generated_pages_are_committed_as_the_code_makes_them() -> None:
    stale = [
        path.name
        for path, words in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != words
    ]
    assert stale == [], "Run `make docs`."
