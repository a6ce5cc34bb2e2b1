"""A real server process, started as an operator starts it, and a key to speak to it with."""

import os
import signal
import socket
import subprocess
import sys
import time
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from uuid import UUID

from tallystick.auth.credentials import create_key
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tests.races.books import START, fingerprint

START_S = 60.0
STOP_S = 30.0
_WORKS = b"Tallystick works."


class ServerProcess:
    """One `tallystick serve` on a port of its own; it may be killed and started again."""

    def __init__(self, database_url: str, folder: Path, **settings: str) -> None:
        """Take further settings by their names without the prefix."""
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{type(self).__name__}-{self.port}.log"
        self._folder = folder
        self._variables = {
            # Where the machine's own settings are, ours are not taken from.
            **{name: value for name, value in _environment().items() if "TALLYSTICK" not in name},
            "TALLYSTICK_DATABASE_URL": database_url,
            "TALLYSTICK_LOG_LEVEL": "warning",
            **{f"TALLYSTICK_{name}": value for name, value in settings.items()},
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start the server, wait until it is ready, and tell how many seconds that took.

        Raises:
            TimeoutError: it ended, or was not ready in time; the text ends with its log.
        """
        begun = time.monotonic()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tallystick", *self._arguments()],
                cwd=self._folder,
                env=self._variables,
                stdout=log,
                stderr=log,
            )
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() - begun > START_S:
                message = f"The server did not start: {self.log.read_text()[-2_000:]}"
                raise TimeoutError(message)
            time.sleep(0.05)
        return time.monotonic() - begun

    def kill(self) -> None:
        """Kill the server without any warning (SIGKILL)."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait(STOP_S) == -signal.SIGKILL, "it had ended before by itself"

    def stop(self) -> None:
        """Stop the server, if it runs."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_S)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run another command of the product on the same database."""
        return subprocess.run(
            [sys.executable, "-m", "tallystick", *arguments],
            cwd=self._folder,
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=START_S,
            check=False,
        )

    def _arguments(self) -> list[str]:
        return ["serve", "--port", str(self.port)]

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()


class WorkerProcess(ServerProcess):
    """One `tallystick worker`, which is ready when it says that it works."""

    def _arguments(self) -> list[str]:
        # What an earlier one said is no news.
        self._said_before = self.log.read_bytes().count(_WORKS)
        return ["worker"]

    def _is_ready(self) -> bool:
        return self.log.read_bytes().count(_WORKS) > self._said_before


def owner_key(database: Database, organization_id: UUID) -> str:
    """Make an API key that may do everything in one organization."""
    act = Act(OPERATOR, organization_id, START, ids.new().hex, fingerprint())
    text, _ = database.write(
        lambda conn: create_key(
            conn, act, organization_id=organization_id, role="owner", name="test"
        )
    )
    return text


def _environment() -> dict[str, str]:
    return dict(os.environ)  # noqa: TID251  # a child needs what its parent has


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
