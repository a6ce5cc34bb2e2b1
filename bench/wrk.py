"""Load over HTTP by `wrk`, with a Lua script that makes each request."""

import itertools
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bench.measure import Burst, Unmeasurable
from bench.serving import Served
from tallystick.kernel import ids

HERE: Final = Path(__file__).parent
_BURST = itertools.count(1)


class Wrk:
    """Sends the requests of one script, about places of its choice."""

    def __init__(self, script: str, places: Iterable[tuple[str, str]]) -> None:
        """Take pairs of an API key and an id that it may be used on."""
        self._program = find()
        self._script = HERE / script
        self._prefix = f"{self._script.stem}-{ids.new()}"
        self._folder = tempfile.TemporaryDirectory(prefix="tallystick-bench-")
        self._places = Path(self._folder.name) / "places"
        self._places.write_text("".join(f"{key} {about}\n" for key, about in places))
        self.operations = 0
        self.unanswered_max = 0
        """Requests that may have been carried out though a burst ended before their answer."""

    def run(self, served: Served, connections: int, seconds: float) -> Burst:
        """Run one burst.

        Raises:
            RuntimeError: an answer was not the one that was hoped for, or a connection failed.
        """
        command = [
            *(self._program, "--threads", "1", "--connections", str(connections)),
            *("--duration", f"{seconds:.0f}s", "--timeout", "30s", "--script", str(self._script)),
            *(
                f"{served.url}/v1/{self._script.stem}",
                "--",
                str(self._places),
                f"{self._prefix}-{next(_BURST)}",
            ),
        ]
        before = served.cpu_s()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        used = served.cpu_s() - before
        told = re.search(
            r"^result (\d+) (\d+) (\d+) (\d+) (\S+) (\S+) (.*)",
            done.stdout,
            re.MULTILINE | re.DOTALL,
        )
        if done.returncode or told is None:
            message = f"wrk failed: {done.stdout}{done.stderr}"
            raise RuntimeError(message)
        requests, duration_us, others, failed = (int(told[place]) for place in range(1, 5))
        if others or failed:
            message = (
                f"{others} answers were others and {failed} connections failed: {told[7][:500]}"
            )
            raise RuntimeError(message)
        self.operations += requests
        self.unanswered_max += connections
        return Burst(
            operations=requests,
            seconds=duration_us / 1e6,
            cpu_s=used,
            p50_ms=float(told[5]),
            p99_ms=float(told[6]),
        )

    def close(self) -> None:
        """Forget the file of places."""
        self._folder.cleanup()


def find() -> str:
    """Find the program.

    Raises:
        Unmeasurable: it is nowhere; the text says how to get it.
    """
    found = shutil.which("wrk")
    if found is None:
        message = "wrk is missing. Install it: apt-get install wrk, or brew install wrk."
        raise Unmeasurable(message)
    return found


def version() -> str:
    """Tell the version of the program."""
    told = subprocess.run([find(), "-v"], capture_output=True, text=True, check=False)
    return (told.stdout or told.stderr).partition(" [")[0].strip()
