"""Our server as operators run it, in processes of its own, with settings of production."""

import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import machine

START_TIMEOUT_S: Final = 30
STOP_TIMEOUT_S: Final = 30
HOST: Final = "127.0.0.1"
PROGRAM: Final = ("-m", "tallystick")
SINGLY: Final = (str(Path(__file__).with_name("singly.py")),)
"""The server that shares no transaction."""


class Served:
    """A running `tallystick serve`, or another program that takes the same words."""

    def __init__(
        self, database_url: str, *, workers: int, program: Sequence[str] = PROGRAM
    ) -> None:
        self.port = _free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.start_s = 0.0
        self._folder = tempfile.TemporaryDirectory(prefix="tallystick-bench-")
        self._log = Path(self._folder.name) / "log"
        settings = {
            "TALLYSTICK_DATABASE_URL": database_url,
            "TALLYSTICK_ENVIRONMENT": "production",
            "TALLYSTICK_SECRET_KEY": secrets.token_hex(32),
            "TALLYSTICK_LOG_LEVEL": "info",
            "TALLYSTICK_LOG_FORMAT": "json",
            # What is measured is not how the limit refuses.
            "TALLYSTICK_REQUESTS_AT_ONCE": "1000000000",
        }
        options = ["--host", HOST, "--port", str(self.port), "--workers", str(workers)]
        command = [sys.executable, *program, "serve", *options]
        pairs = [f"{name}={value}" for name, value in settings.items()]
        with self._log.open("wb") as log:
            # `env` becomes the server, so its process is the server's.
            self._process = subprocess.Popen(
                ["env", *pairs, *command], cwd=self._folder.name, stdout=log, stderr=log
            )
        self._wait(workers)

    def cpu_s(self) -> float:
        """Give the CPU seconds that all its processes have used."""
        return machine.tree_cpu_s(self._process.pid)

    def memory_mb(self) -> float:
        """Give the resident memory of all its processes in MiB."""
        return machine.memory_mb(machine.tree(self._process.pid))

    @property
    def pid(self) -> int:
        """The process to look at; with several workers their parent."""
        return self._process.pid

    def stop(self) -> None:
        """Stop it and forget its log."""
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _wait(self, workers: int) -> None:
        begun = time.monotonic()
        while True:
            told = self._log.read_text(errors="replace")[-2000:]
            if self._process.poll() is not None:
                self._folder.cleanup()
                message = f"tallystick serve ended with {self._process.returncode}: {told}"
                raise RuntimeError(message)
            if self._answers() and (workers == 1 or self._all_started(workers)):
                break
            if time.monotonic() > begun + START_TIMEOUT_S:
                self.stop()
                message = f"tallystick serve did not start within {START_TIMEOUT_S} s: {told}"
                raise RuntimeError(message)
            time.sleep(0.05)
        self.start_s = time.monotonic() - begun

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)  # noqa: PLR2004  # OK
        except (OSError, urllib.error.URLError):
            return False

    def _all_started(self, workers: int) -> bool:
        """Tell whether each worker has loaded the application, by the connections' shared port."""
        loaded = [pid for pid in machine.tree(self._process.pid) if machine.memory_mb([pid]) > 60]  # noqa: PLR2004  # MiB
        return len(loaded) >= workers


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
