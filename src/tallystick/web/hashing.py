"""Passwords are hashed on threads of their own, few at once: each takes 19 MiB for a while."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from tallystick.kernel.errors import Unavailable

AT_ONCE_MAX: Final = 2
WAITING_MAX: Final = 64
"""How many may wait; a second or two is enough for all of them."""

T = TypeVar("T")


class Hashing:
    """The threads of one process. Use it on one event loop."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, thread_name_prefix="hashing")
        self._waiting = 0

    async def run(self, work: Callable[[], T]) -> T:
        """Run what hashes once.

        Raises:
            Unavailable: too many wait.
        """
        if self._waiting >= WAITING_MAX:
            raise Unavailable("Too many people log in at this moment. Try again in a second.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Wait for what runs, and end the threads."""
        self._threads.shutdown()
