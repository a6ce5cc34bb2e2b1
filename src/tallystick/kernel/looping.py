"""A step that is done again and again on a thread of its own, until somebody says stop."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from tallystick.kernel.errors import Unavailable

PAUSE_FIRST_S: Final = 1.0
"""How long a step that failed rests; twice as long each time, up to `PAUSE_MAX_S`."""
PAUSE_MAX_S: Final = 32.0
STOP_S: Final = 20.0
"""How long a step may take to end when it is told to stop."""

log = structlog.get_logger(__name__)


class Loop:
    """Does steps, each of which says how many seconds later the next one is due."""

    def __init__(
        self, name: str, step: Callable[[], float], stopping: Callable[[], bool], *, failed: str
    ) -> None:
        self._step = step
        self._stopping = stopping
        self._failed = failed
        """What the log says when a step fails."""
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def wake(self) -> None:
        """Begin the next step as soon as this one has ended."""
        self._woken.set()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Loop on its thread meanwhile. Whoever leaves has said stop, and woken it."""
        self._thread.start()
        try:
            yield
        finally:
            self._thread.join(STOP_S)

    @property
    def ended(self) -> bool:
        """Whether no step is being done, nor will be."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        failures = 0
        while True:
            # Before it looks: whoever wakes it from now on has something that it has not seen.
            self._woken.clear()
            if self._stopping():
                return
            try:
                wait_s = self._step()
                failures = 0
            except Exception as error:  # noqa: BLE001  # told, and tried again
                wait_s = min(PAUSE_FIRST_S * (1 << min(failures, 20)), PAUSE_MAX_S)
                failures += 1
                tell = log.warning if isinstance(error, Unavailable) else log.exception
                tell(self._failed, error=str(error), retry_in_s=wait_s)
            self._woken.wait(wait_s)
