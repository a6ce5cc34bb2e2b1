"""Where our server spends its time under payments: `python -m bench.hotspots`.

Installs py-spy into an environment that is thrown away; it needs the right to look into other
processes, as root has.
"""

import collections
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rich.console import Console

from bench import stage
from bench.payments import CONNECTIONS
from bench.wrk import Wrk

SECONDS: Final = 10
SAMPLES_PER_S: Final = 400
TOP: Final = 25
PARTS: Final = (
    ("psycopg/", "driver: psycopg"),
    ("sqlalchemy/", "SQLAlchemy"),
    ("tallystick/kernel/coalescing.py", "coalescer and its threads"),
    ("tallystick/web/", "our web edge"),
    ("tallystick/", "our core"),
    ("fastapi/", "FastAPI and Starlette"),
    ("starlette/", "FastAPI and Starlette"),
    ("uvicorn/", "uvicorn"),
    ("asyncio/", "event loop"),
)
"""A sample belongs to the part whose function stands deepest in its stack."""

FRAME: Final = (
    *("<frozen", "typer/", "threading.py", "concurrent/", "asyncio/runners.py", "uvicorn/_compat"),
    *("uvicorn/main.py", "uvicorn/server.py", "tallystick/__main__.py", "tallystick/cli/"),
)
"""Files whose functions only stand around the work."""

_console = Console()


def main() -> None:
    """Load the server and print what it was doing."""
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as folder:
        program = _install(Path(folder))
        raw = Path(folder, "samples")
        with stage.built(_console.print) as built:
            pairs = [(built.one.key, str(each)) for each in built.one.invoices]
            requests = Wrk("payments.lua", pairs)
            built.warm_up(requests, CONNECTIONS)
            served = built.served[1]
            spying = subprocess.Popen(
                [
                    *(str(program), "record", "--gil", "--rate", str(SAMPLES_PER_S)),
                    *("--duration", str(SECONDS), "--format", "raw", "--output", str(raw)),
                    *("--pid", str(served.pid)),
                ],
                stdout=subprocess.DEVNULL,
            )
            burst = built.load(requests, 1, CONNECTIONS)(SECONDS + 2)
            spying.wait()
            requests.close()
        _console.print(f"{burst.rate:,.0f} payments/s, {burst.cpu_us:,.0f} us each in the server")
        _show(raw.read_text().splitlines())


def _install(folder: Path) -> Path:
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    subprocess.run(
        [programs / "python", "-m", "pip", "install", "--quiet", "py-spy"],
        check=True,
        stdout=sys.stderr,
    )
    return programs / "py-spy"


def _show(lines: Iterable[str]) -> None:
    parts: collections.Counter[str] = collections.Counter()
    own: collections.Counter[str] = collections.Counter()
    below: collections.Counter[str] = collections.Counter()
    for line in lines:
        stack, _, times = line.rpartition(" ")
        frames = [frame.rpartition(":")[0] for frame in stack.split(";")]
        count = int(times)
        parts[_part(frames)] += count
        own[frames[-1]] += count
        for frame in set(frames):
            if not any(f"({path}" in frame for path in FRAME):
                below[frame] += count
    total = parts.total()
    for title, counter, shown in (
        ("part", parts, len(parts)),
        ("in the function itself", own, TOP),
        ("in the function and below", below, 2 * TOP),
    ):
        _console.print(f"\nshare of {total} samples that held the interpreter: {title}")
        for name, count in counter.most_common(shown):
            _console.print(f"{count / total:6.1%}  {name}", highlight=False, markup=False)


def _part(frames: list[str]) -> str:
    for frame in reversed(frames):
        for path, part in PARTS:
            if f"({path}" in frame:
                return part
    return "other"


if __name__ == "__main__":
    main()
