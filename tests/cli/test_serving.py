"""The server as a process: what it says, what it logs, and how it ends."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run

START_S = 30


class Served:
    """A server that was started as a process of its own."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.port = port
        self.process = process

    def answer(self, path: str) -> tuple[int, str]:
        """Ask until somebody answers, and give the status and the body."""
        give_up_at = time.monotonic() + START_S
        while True:
            try:
                url = f"http://127.0.0.1:{self.port}{path}"
                with urllib.request.urlopen(url, timeout=5) as found:
                    return found.status, found.read().decode()
            except urllib.error.URLError:
                if time.monotonic() > give_up_at or self.process.poll() is not None:
                    raise
                time.sleep(0.1)

    def stop(self, number: signal.Signals) -> tuple[int, str, str]:
        """Ask it to end; give its exit code, data and words."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=START_S)
        return self.process.returncode, out, err


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(
    folder: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Served]]:
    """Return a way to start a server on a port of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **given: str) -> Served:
        for name, value in given.items():
            monkeypatch.setenv(f"TALLYSTICK_{name}", value)
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return Served(port, process)

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_up_migrates_serves_and_says_where(start: Callable[..., Served], port: int) -> None:
    served = start("tallystick", "up", PORT=str(port))
    status, ready = served.answer("/health/ready")
    assert (status, json.loads(ready)["status"]) == (200, "ready")
    code, out, err = served.stop(signal.SIGINT)
    assert (code, out) == (0, "")
    words = [line for line in err.splitlines() if not line.startswith("{")]
    assert f"Tallystick http://127.0.0.1:{port}" in words
    assert f"API        http://127.0.0.1:{port}/docs" in words
    assert sum(line.endswith(" demo") for line in words) == 1
    [first] = [line for line in words if line.startswith("curl ") and "/v1/setup" in line]
    assert [line for line in err.splitlines() if '"token"' in line] == [first]
    logged = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert "Application shutdown complete." in {line["event"] for line in logged}
    told = [line["event"] for line in logged]
    assert told.count("worker started") == told.count("worker stopped") == 1
    assert all({"event", "level", "timestamp", "request_id"} <= line.keys() for line in logged)
    # No line for a request, unless the level is debug.
    assert not [line for line in logged if "/health/ready" in line["event"]]


@pytest.mark.parametrize(("trusted", "told"), [("127.0.0.1", "192.0.2.7"), ("", "127.0.0.1")])
def test_a_proxy_is_believed_when_it_is_named(
    start: Callable[..., Served], port: int, trusted: str, told: str
) -> None:
    served = start("tallystick", "up", PORT=str(port), TRUSTED_PROXIES=trusted)
    served.answer("/health/ready")
    url = f"http://127.0.0.1:{port}/v1/customers"
    sent = urllib.request.Request(url, headers={"X-Forwarded-For": "198.51.100.1, 192.0.2.7"})
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(sent, timeout=5)
    _, _, err = served.stop(signal.SIGINT)
    logged = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert [line["address"] for line in logged if line["event"] == "no key"] == [told]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_worker_works_until_it_is_stopped(
    run: Run, start: Callable[..., Served], number: signal.Signals
) -> None:
    assert run("migrate", "up").code == 0
    served = start("tallystick", "worker", LOG_LEVEL="debug")
    stderr = served.process.stderr
    assert stderr is not None
    lines: list[str] = []
    while not any("job done" in line for line in lines):
        lines.append(stderr.readline())
        assert lines[-1], "the worker ended by itself"
    code, out, err = served.stop(number)
    assert (code, out) == (0, "")
    assert "Tallystick works. Stop it with Ctrl-C.\n" in lines
    logged = [json.loads(line) for line in err.splitlines()]
    assert [line["event"] for line in logged][-1:] == ["worker stopped"]


def test_the_first_call_of_the_start_page_can_be_made(
    start: Callable[..., Served], port: int, folder: Path
) -> None:
    served = start("tallystick", "up", PORT=str(port))
    _, page = served.answer("/")
    key_made, asked = re.findall("<pre><code>(.*?)</code></pre>", page)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    shell = ["/bin/sh", "-c", f'{key_made}; echo "$KEY"']
    key = subprocess.run(
        shell, cwd=folder, env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert asked.startswith('curl -H "Authorization: Bearer $KEY" http://')
    headers = {"Authorization": f"Bearer {key.stdout.strip()}"}
    request = urllib.request.Request(asked.rpartition(" ")[2], headers=headers)
    with urllib.request.urlopen(request, timeout=5) as found:
        assert json.load(found) == {"data": [], "next": None}
    older = re.findall('href="(/dialects/.*?/docs)"', page)
    assert len(older) == 3
    assert [served.answer(each)[0] for each in older] == [200] * 3


def test_the_worker_needs_its_tables(run: Run) -> None:
    ended = run("worker")
    assert ended.code == 4
    assert "Run `tallystick migrate up`" in ended.err


def test_workers_share_the_port_and_end_together(
    run: Run, start: Callable[..., Served], port: int
) -> None:
    assert run("migrate", "up").code == 0
    served = start("tallystick", "serve", "--workers", "2", "--port", str(port), LOG_LEVEL="debug")
    assert served.answer("/health/ready")[0] == 200
    code, out, err = served.stop(signal.SIGTERM)
    assert (code, out) == (0, "")
    assert err.count("Application startup complete.") == 2
    assert "/health/ready" in err


def test_a_server_that_knows_the_name_serves(
    run: Run, start: Callable[..., Served], port: int
) -> None:
    assert run("migrate", "up").code == 0
    served = start("uvicorn", "tallystick.web.asgi:app", "--port", str(port))
    assert served.answer("/health/ready")[0] == 200
    _, _, err = served.stop(signal.SIGTERM)
    assert json.loads(err.splitlines()[-1])["event"].startswith("Finished server process")


def test_a_bad_setting_ends_that_server_with_a_sentence(start: Callable[..., Served]) -> None:
    served = start("uvicorn", "tallystick.web.asgi:app", LOG_FORMAT="xml")
    _, err = served.process.communicate(timeout=START_S)
    assert served.process.returncode == 2
    assert err == (
        "TALLYSTICK_LOG_FORMAT is “xml”, which cannot be used. Set it to one of json and console.\n"
    )


def test_a_port_in_use_is_said_at_once(run: Run, port: int) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        ended = run("up", "--port", str(port))
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"Another program listens on 127.0.0.1, port {port}.")


def test_a_database_without_tables_is_not_served(run: Run, port: int) -> None:
    ended = run("serve", "--port", str(port))
    assert ended.code == 4
    assert "Run `tallystick migrate up`" in ended.err
