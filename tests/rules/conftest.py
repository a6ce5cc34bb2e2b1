"""The fixtures of these tests."""

from tests.factories import books, open_books

__all__ = ["books", "open_books"]
