"""The fixtures of these tests, and a way to let commands meet."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tests.factories import books, open_books

__all__ = ["books", "open_books"]

AtOnce = Callable[..., list[str]]


@pytest.fixture
def at_once(database: Database) -> AtOnce:
    """Return a way to run commands at the same moment: each is done, or refused with a code."""

    def run(use_case: Any, *commands: Any) -> list[str]:
        def one(command: Any) -> str:
            [answer] = database.write(lambda conn: use_case(conn, [command]))
            return answer.outcome.code if isinstance(answer.outcome, Refusal) else "done"

        with ThreadPoolExecutor(len(commands)) as pool:
            return list(pool.map(one, commands))

    return run
