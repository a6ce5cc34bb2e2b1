"""The fixtures of these tests, which other folders use too."""

from tests.factories import books, open_books

__all__ = ["books", "open_books"]
