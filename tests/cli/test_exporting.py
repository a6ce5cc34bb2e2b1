"""Whole books leave by the command line, or nothing does."""

from pathlib import Path

import pytest

from tests import outside
from tests.cli.conftest import Run

EXPORT = ("export", "books", "--organization")


@pytest.mark.parametrize("slug", ["northfield", "hoshi"])
def test_the_demonstration_is_read_by_both_programs(
    run: Run, migrated: str, tmp_path: Path, slug: str
) -> None:
    assert migrated
    assert run("demo").code == 0
    beancount, hledger = tmp_path / "b", tmp_path / "h"
    for form, path in (("beancount", beancount), ("hledger", hledger)):
        ended = run(*EXPORT, slug, "--format", form)
        assert ended.code == 0
        assert ended.err == f"Wrote {ended.out.count(chr(10))} lines.\n"
        path.write_text(ended.out, encoding="utf-8")
        again = run(*EXPORT, slug, "--format", form, "--output", "books.txt")
        assert (again.code, again.out) == (0, "")
        assert Path("books.txt").read_text(encoding="utf-8") == ended.out
    outside.bean_check(beancount)
    outside.hledger_check(hledger)
    assert outside.beancount_balances(beancount) == outside.hledger_balances(hledger)
    # What the demonstration's scenes come to, added by hand.
    cash = "Assets:Cash:Cash", {"northfield": "EUR", "hoshi": "JPY"}[slug]
    expected = {"northfield": 200_00 + 150_00 + 145_20, "hoshi": 29_040}[slug]
    assert outside.beancount_balances(beancount)[cash] == expected


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_failed_export_leaves_the_file_that_was_there(
    run: Run, migrated: str, tmp_path: Path
) -> None:
    assert migrated
    Path("books.txt").write_text("before", encoding="utf-8")
    left = sorted(tmp_path.iterdir())
    ended = run(*EXPORT, "nobody", "--format", "hledger", "--output", "books.txt")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "There is no organization “nobody”.\n"
    assert Path("books.txt").read_text(encoding="utf-8") == "before"
    assert sorted(tmp_path.iterdir()) == left


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("output", [".", "missing/books.txt"])
def test_a_file_that_cannot_be_is_refused(run: Run, migrated: str, output: str) -> None:
    assert migrated
    ended = run(*EXPORT, "northfield", "--format", "hledger", "--output", output)
    assert (ended.code, ended.out) == (2, "")
