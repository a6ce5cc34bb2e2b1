"""`tallystick fakepay` as a process: what it says, that a kill loses nothing, and how it ends."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tallystick.kernel import ids
from tallystick.payments.cards import Card
from tallystick.payments.provider import PaymentOrder, Succeeded, Unknown
from tallystick.providers.fakepay import FakePay
from tests.cli.conftest import Run

START_S = 30.0
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def start(folder: Path, port: int) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "tallystick", "fakepay", "--port", str(port), *options],
            cwd=folder,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        end = time.monotonic() + START_S
        while not _listens(port):
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _order() -> PaymentOrder:
    card = Card(number="1234567812345678", expiry="01-2040", name="J Doe")
    return PaymentOrder(key=ids.new(), amount=1, currency="EUR", card=card)


def test_a_kill_loses_nothing_that_was_charged(start: Start, port: int, folder: Path) -> None:
    url = f"http://127.0.0.1:{port}/fakepay"
    provider = FakePay(url=url, timeout_s=10, takes_cards=True, secret="a secret of both")
    process = start("--fault", "drop-after", "--fault", "hang-before", "--share", "0.5")
    orders = [_order() for _ in range(4)]
    hurried = FakePay(url=url, timeout_s=1, takes_cards=True)
    outcomes = {type(hurried.start(order)) for order in orders}
    assert outcomes <= {Succeeded, Unknown}
    process.send_signal(signal.SIGKILL)
    assert process.wait(START_S) == -signal.SIGKILL
    process = start()
    with urllib.request.urlopen(f"{url}/ledger", timeout=10) as answer:
        report = json.load(answer)["payments"]
    for order in orders:
        charged = str(order.key) in {row["transactionId"] for row in report}
        assert (provider.look_up(order.key, None) == Succeeded()) == charged
    assert (folder / "fakepay.db").exists()
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=START_S)
    assert process.returncode == 0
    assert f"FakePay stands in at {url}" in err


def test_a_taken_port_is_a_sentence(run: Run, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        ended = run("fakepay", "--port", str(port))
    assert ended.code == 2
    assert f"cannot listen on 127.0.0.1, port {port}" in ended.err
    assert "--port" in ended.err


def test_events_need_a_secret(run: Run, port: int) -> None:
    ended = run("fakepay", "--port", str(port), "--events-to", "http://127.0.0.1:9/events")
    assert ended.code == 2
    assert "TALLYSTICK_FAKEPAY_SECRET" in ended.err


def test_an_unknown_fault_is_refused(run: Run) -> None:
    ended = run("fakepay", "--fault", "explode")
    assert ended.code == 2
    assert "explode" in ended.err


def test_events_need_an_address(run: Run, port: int) -> None:
    options = ("--port", str(port), "--events-to", "localhost:8000")
    ended = run("fakepay", *options, FAKEPAY_SECRET="a secret of both sides")
    assert ended.code == 2
    assert "--events-to cannot be used. An address begins with http://" in ended.err
