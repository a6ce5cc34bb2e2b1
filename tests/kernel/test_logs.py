"""Log lines, as a process of its own writes them."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest

PROGRAM = """
import logging, sys, structlog
from tallystick.kernel import logs

logs.start(level=sys.argv[1], form=sys.argv[2], colors=False)
structlog.contextvars.bind_contextvars(request_id="r-1")
log = structlog.get_logger("ours")
log.info("issued", number="INV-1")
structlog.contextvars.clear_contextvars()
logging.getLogger("theirs").warning("late by %s s", 3)
logging.getLogger("alembic").info("nobody asked")
logging.getLogger("uvicorn.access").info("GET /?q=%s", "4111" * 4)
logging.getLogger("uvicorn.access").info("GET /?q=%s", "4111" + "1111" * 3)
try:
    secret = "hush"
    raise ValueError("broken")
except ValueError:
    log.exception("failed")
"""


@pytest.fixture
def lines() -> Callable[[str, str], list[str]]:
    """Return a way to see what is written at a level in a format."""

    def lines(level: str, form: str) -> list[str]:
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", PROGRAM, level, form],
            capture_output=True,
            check=True,
            text=True,
        )
        assert ended.stdout == ""
        return ended.stderr.splitlines()

    return lines


def test_every_line_is_json_with_the_published_members(
    lines: Callable[[str, str], list[str]],
) -> None:
    written = [json.loads(line) for line in lines("info", "json")]
    assert [(line["event"], line["level"], line["request_id"]) for line in written] == [
        ("issued", "info", "r-1"),
        ("late by 3 s", "warning", None),
        ("failed", "error", None),
    ]
    assert written[0]["number"] == "INV-1"
    assert all(line["timestamp"].endswith("Z") for line in written)
    assert "ValueError: broken" in written[2]["exception"]
    assert "hush" not in written[2]["exception"].replace('secret = "hush"', "")


def test_a_line_for_each_request_is_for_debugging(lines: Callable[[str, str], list[str]]) -> None:
    said = {json.loads(line)["event"] for line in lines("debug", "json")}
    # A number without the check digit is no card, and what is one is hidden.
    assert {"GET /?q=4111411141114111", "GET /?q=…"} <= said


def test_a_level_leaves_out_what_is_below(lines: Callable[[str, str], list[str]]) -> None:
    assert [json.loads(line)["event"] for line in lines("error", "json")] == ["failed"]


def test_a_console_gets_words(lines: Callable[[str, str], list[str]]) -> None:
    written = lines("warning", "console")
    assert "late by 3 s" in written[0]
    assert written[-1] == "ValueError: broken"
