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
    assert table.out.splitlines()[0].split()[:2] == ["number", "buyer"]
    assert table.out.splitlines()[1].split()[0] == ada[0]["number"]
    assert table.out.count("\n") == 2
    for name in (ada[1]["number"], ada[1]["id"]):
        whole = run("invoices", "show", name, *NORTHFIELD, "--json")
        assert whole.code == 0
        assert ada[1].items() <= whole.json.items()
        assert len(whole.json["lines"]) == 2
    words = run("invoices", "show", ada[1]["number"], *NORTHFIELD)
    assert "total           593.00\n" in words.out
    assert "buyer           Ada Exampleton (demo)\n" in words.out
    none = run("invoices", "list", *NORTHFIELD, "--q", "nobody")
    assert (none.code, none.out, none.err) == (0, "", "There is no such invoice.\n")


def test_who_owes_and_what_is_overdue_is_shown(run: Run, migrated: str) -> None:
    assert migrated
    assert run("demo").code == 0
    found = run("invoices", "list", *NORTHFIELD, "--json").json
    assert "buyer" not in found[0], "as the API shows it"
    late = [each["number"] for each in found if each["overdue"]]
    assert 0 < len(late) < len(found)
    head, *lines = run("invoices", "list", *NORTHFIELD).out.splitlines()
    place = head.index("overdue")
    shown = [line.split()[0] for line in lines if line[place:].startswith("yes ")]
    assert shown == late
    assert all(line[place:].startswith(("yes ", "no ")) for line in lines)
    name = head.index("buyer")
    assert {line[name:].partition("  ")[0] for line in lines} >= {"Ada Exampleton (demo)"}
    draft = next(each for each in found if each["number"] is None)
    customers = {line[name:].partition("  ")[0] for line in lines if draft["id"] in line}
    words = run("invoices", "show", draft["id"], *NORTHFIELD).out
    assert {f"buyer           {each}\n" in words for each in customers} == {True}
    whole = run("invoices", "show", draft["id"], *NORTHFIELD, "--json").json
    for member in ("net", "discount_total", "tax"):
        assert f"{member.ljust(15)} {whole[member]}\n" in words


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
