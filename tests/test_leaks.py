"""A secret in the log of any test fails the run, so the look itself is tested."""

from types import SimpleNamespace
from typing import Any

import pytest

from tallystick.auth import credentials
from tests.leaks import Leaks


def _report(title: str, words: str) -> Any:
    return SimpleNamespace(nodeid="tests/test_x.py::test_y", sections=[(title, words)])


@pytest.mark.parametrize(
    "secret",
    [
        credentials.KEY_START + "A1_-" * 10 + "xyz",
        credentials.PERSONAL_START + "A1_-" * 10 + "xyz",
        credentials.SESSION_START + "A1_-" * 10 + "xyz",
        credentials.LINK_START + "A" * 64,
        "$argon2" + "id$v=19$",
        "four words" + " in a row",
        "4111 1111" + " 1111 1111",
    ],
)
def test_a_secret_in_a_log_is_found(secret: str) -> None:
    leaks = Leaks()
    leaks.pytest_runtest_logreport(_report("Captured log call", f"before {secret} after"))
    leaks.pytest_runtest_logreport(_report("Captured stderr call", f'{{"key": "{secret}"}}'))
    assert leaks.found == [
        "tests/test_x.py::test_y (Captured log call)",
        "tests/test_x.py::test_y (Captured stderr call)",
    ]
    session: Any = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    leaks.pytest_sessionfinish(session)
    assert session.exitstatus == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Captured stdout call", "tsk_" + "A" * 43),
        ("Captured log call", "tsk_wrong, tsk_x0WcFxLn…, 4111"),
    ],
)
def test_what_is_none_is_not(title: str, words: str) -> None:
    leaks = Leaks()
    leaks.pytest_runtest_logreport(_report(title, words))
    assert leaks.found == []
