"""The fixtures of the core, whose queries are planned here."""

from tests.factories import books, open_books

__all__ = ["books", "open_books"]
