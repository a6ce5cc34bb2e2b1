"""Invoices on the command line, as the API shows them."""

from tests.cli.conftest import Run

NORTHFIELD = ("--organization", "northfield")


def test_invoices_are_listed_and_shown(run: Run, migrated: str) -> None:
    assert migrated
    assert run("demo").code == 0
    everything = run("invoices", "list", *NORTHFIELD, "--json").json
    assert len(everything) == 21
    drafts = run("invoices", "list", *NORTHFIELD, "--status", "draft", "--json")
    assert [each["number"] for each in drafts.json] == [None, None]
    ada = run("invoices", "list", *NORTHFIELD, "--q", "ADA EX", "--json").json
    assert [each["total"] for each in ada] == ["593.00", "593.00"]
    table = run("invoices", "list", *NORTHFIELD, "--q", "ada ex", "--limit", "1")
    assert table.out.splitlines()[0].split()[:2] == ["number", "status"]
    assert table.out.splitlines()[1].split()[0] == ada[0]["number"]
    assert table.out.count("\n") == 2
    for name in (ada[1]["number"], ada[1]["id"]):
        whole = run("invoices", "show", name, *NORTHFIELD, "--json")
        assert whole.code == 0
        assert ada[1].items() <= whole.json.items()
        assert len(whole.json["lines"]) == 2
    words = run("invoices", "show", ada[1]["number"], *NORTHFIELD)
    assert "total           593.00\n" in words.out
    none = run("invoices", "list", *NORTHFIELD, "--q", "nobody")
    assert (none.code, none.out, none.err) == (0, "", "There is no such invoice.\n")


def test_what_there_is_not(run: Run, migrated: str) -> None:
    assert migrated
    assert run("demo").code == 0
    wrong = run("invoices", "list", *NORTHFIELD, "--due-from", "soon")
    assert wrong.code == 2
    assert "--due-from: Write a day as a string such as 2026-11-20." in wrong.err
    for name in ("INV-1999-000001", "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"):
        missing = run("invoices", "show", name, *NORTHFIELD)
        assert (missing.code, missing.out) == (3, "")
    assert run("invoices", "list", "--organization", "nobody").code == 3
