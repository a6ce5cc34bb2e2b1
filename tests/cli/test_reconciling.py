"""What providers report is compared with the books on demand."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tallystick.kernel import ids
from tallystick.kernel.clock import now
from tallystick.testing.fakepay.faults import Fault, Faults
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.fakepay.ledger import Ledger
from tallystick.testing.fakepay.server import Server
from tests.cli.conftest import Run

SECRET = "a secret of both sides"

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")


@pytest.fixture
def standing_in() -> Iterator[Server]:
    ledger = Ledger(":memory:", now)
    with Server(0, ledger, Faults()).beside() as server:
        yield server
    ledger.close()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep log lines from both streams, and this process from logging otherwise ever after."""
    monkeypatch.setattr("tallystick.wiring.start_logs", lambda _settings: None)
    with capture_logs():
        yield


def _both(standing_in: Server) -> dict[str, str]:
    return {"FAKEPAY_URL": standing_in.url, "FAKEPAY_SECRET": SECRET}


def test_both_sides_are_compared(run: Run, migrated: str, standing_in: Server) -> None:
    assert migrated
    both = _both(standing_in)
    assert run("reconcile").err == "No provider tells a report, so there is nothing to compare.\n"
    assert run("reconcile", **both).err == "fakepay and our books say the same.\n"
    key = str(ids.new())
    standing_in.ledger.charge(key, "5678")
    ended = run("reconcile", "--provider", "fakepay", "--json", **both)
    assert ended.code == 1
    [one] = ended.json["differences"]
    assert (one["kind"], one["key"], one["id"]) == ("charged_unrecorded", key, None)
    assert key in run("reconcile", "--since", "2026-01-01", **both).out
    [alarm] = run("alarms", "--json").json
    assert (alarm["kind"], alarm["subject_id"]) == ("provider.charged_unrecorded", key)


def test_a_provider_that_tells_nothing(run: Run, migrated: str, standing_in: Server) -> None:
    assert migrated
    both = _both(standing_in)
    assert run("reconcile", "--provider", "acme").code == 3
    plain = run("reconcile", "--provider", "fakepay")
    assert (plain.code, "TALLYSTICK_FAKEPAY_SECRET" in plain.err) == (2, True)
    standing_in.faults.add(Fault(Kind.ERROR_BEFORE, on="look_up"))
    ended = run("reconcile", "--json", **both)
    assert ended.code == 1
    assert ended.json == {
        "differences": [],
        "problems": ["The provider fakepay did not tell its report: server_error."],
    }
