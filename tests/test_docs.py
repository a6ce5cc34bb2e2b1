"""The pages that follow from the code are those that the code makes now, and name what exists."""

import ast
import re
import textwrap
from pathlib import Path
from typing import get_args

from docs.generate import pages
from tallystick.payments import comparing

ROOT = Path(__file__).parent.parent


def test_the_generated_pages_are_committed_as_the_code_makes_them() -> None:
    stale = [
        path.name
        for path, words in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != words
    ]
    assert stale == [], "Run `make docs`."


def test_every_test_that_the_page_of_security_names_exists() -> None:
    words = (ROOT / "docs/reference/security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/.-]+)(?:::(\w+))?`", words)
    assert len(named) > 20  # a row for each area
    for path, name in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"def {name}(" in text if name else "def test_" in text, f"{path}::{name}"


def test_every_alarm_stands_in_the_table_of_alarms() -> None:
    raised = {f"provider.{kind}" for kind in get_args(comparing.Kind) if kind != "settled"}
    constants = r'^\w*ALARM: Final = "(\w+\.\w+)"'
    for path in (ROOT / "src/tallystick/payments").glob("*.py"):
        words = path.read_text(encoding="utf-8")
        # Every constant of this module is the kind of an alarm.
        pattern = constants.replace("ALARM", "") if path.stem == "refund_alarms" else constants
        raised |= set(re.findall(pattern, words, re.MULTILINE))
    assert len(raised) == 13
    assert raised == _first_column("docs/operating/alarms.md")


def test_every_account_stands_in_the_table_of_accounts() -> None:
    words = (ROOT / "src/tallystick/ledger/accounts.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"((?:Assets|Equity|Expenses|Income|Liabilities):\w+)', words))
    assert len(named) == 7
    told = _first_column("docs/concepts/the-books-and-the-audit.md")
    assert named == {re.sub(":<.*", "", name) for name in told}


def test_a_log_in_that_changes_something_says_why() -> None:
    # The person of the platform whom the page makes is a member of no organization.
    words = (ROOT / "docs/how-to/log-in-for-the-first-time.md").read_text(encoding="utf-8")
    commands = re.findall(r"curl .*?(?:[^\\]\n)", words, re.DOTALL)
    changing = [command for command in commands if "X-CSRF-Token" in command]
    assert len(changing) == 1
    assert [command for command in changing if "Tallystick-Reason: " not in command] == []


def test_every_block_of_python_is_python() -> None:
    fence = re.compile(r"^( *)```python\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
    blocks = [
        (path, block[2])
        for path in sorted((ROOT / "docs").rglob("*.md"))
        for block in fence.finditer(path.read_text(encoding="utf-8"))
    ]
    assert len(blocks) >= 3
    for path, code in blocks:
        ast.parse(textwrap.dedent(code), filename=path.name)


def _first_column(page: str) -> set[str]:
    """Give what the first table of a page names in its first column."""
    table = re.search(r"(?:^\|.*\n)+", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert table is not None
    cells = [row.split("|")[1] for row in table[0].splitlines()]
    return {name for cell in cells for name in re.findall("`(.+?)`", cell)}
