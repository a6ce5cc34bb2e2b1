"""The pages about the stand-in and the kit say what is there."""

import re
from dataclasses import fields
from pathlib import Path

from tallystick.testing.fakepay.faults import Fault
from tallystick.testing.fakepay.kinds import Kind
from tallystick.testing.proxy import LINE_FAULTS
from tallystick.testing.subject import Subject

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
FAKEPAY = (HOW_TO / "fakepay.md").read_text(encoding="utf-8")
KIT = (HOW_TO / "write-a-provider.md").read_text(encoding="utf-8")


def _first_cells(page: str) -> list[str]:
    cells = re.findall(r"^\| (`[^|]+`) \|", page, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_every_fault_and_member_of_one_is_explained() -> None:
    members = [one.name for one in fields(Fault) if one.name != "kind"]
    assert _first_cells(FAKEPAY) == [*Kind, *members]


def test_every_member_of_a_subject_is_explained() -> None:
    assert sorted(_first_cells(KIT)) == sorted(one.name for one in fields(Subject))


def test_the_ways_in_which_a_line_fails_are_counted() -> None:
    assert len(LINE_FAULTS) == 18
    assert "fail in eighteen ways" in KIT
