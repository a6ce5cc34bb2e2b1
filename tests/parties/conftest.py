"""The fixtures of these tests, which other folders use too."""

from tests.factories import books, open_books
from tests.kernel.conftest import connect, threads

__all__ = ["books", "connect", "open_books", "threads"]
