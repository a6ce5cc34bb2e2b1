"""What the doctor finds, and what it says to do."""

import re
from pathlib import Path

import pytest

from tallystick import migrations
from tests.cli.conftest import Run


def test_an_empty_database_wants_its_tables(run: Run, folder: Path) -> None:
    (folder / "tallystick.db").touch()
    ended = run("doctor")
    assert ended.code == 1
    bad = [line for line in ended.out.splitlines() if line.startswith("bad")]
    state = f"has no tables yet, but this program needs {migrations.head()}"
    [revision] = bad
    assert revision.startswith(
        f"bad  revision      none. The database sqlite:///tallystick.db {state}. Run"
    )
    assert ended.err == "1 of 11 need a hand.\n"


PAGES = {
    "sqlite": "docs/operating/doctor.md",
    "postgresql": "docs/how-to/use-postgresql.md",
    "mariadb": "docs/how-to/use-mariadb.md",
}


def test_the_pages_show_what_it_says(run: Run, migrated: str, engine: str) -> None:
    assert migrated
    found = [each["name"] for each in run("doctor", "--json").json["findings"]]
    page = Path(__file__).parents[2] / PAGES[engine]
    shown = re.findall(r"^ *ok   (\w+(?: \w+)*)  +(.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert [name for name, _ in shown] == found
    assert dict(shown)["revision"] == migrations.head()


def test_a_database_that_does_not_answer_ends_the_look(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.cli.opened.DEADLINE_S", 0.1)
    ended = run("doctor", "--json", DATABASE_URL="postgresql://me:hush@127.0.0.1:1/books")
    assert (ended.code, ended.json["ok"]) == (1, False)
    assert [found["name"] for found in ended.json["findings"] if not found["ok"]] == ["database"]
    assert "Start it, or correct TALLYSTICK_DATABASE_URL." in ended.json["findings"][-1]["todo"]
    assert "hush" not in ended.out


def test_a_misspelt_setting_is_named(run: Run) -> None:
    ended = run("doctor", DATABSE_URL="sqlite:///other.db")
    assert ended.code == 1
    assert "unknown: TALLYSTICK_DATABSE_URL. Correct the name" in ended.out


def test_a_production_key_is_not_shown(run: Run) -> None:
    secret = "a secret of thirty-two characters or more"
    ended = run("doctor", ENVIRONMENT="production", SECRET_KEY=secret)
    assert "secret key  set\n" in ended.out
    assert secret not in ended.out + ended.err


def test_how_mails_leave(run: Run) -> None:
    def mail(**given: str) -> tuple[bool, str, str]:
        found = {each["name"]: each for each in run("doctor", "--json", **given).json["findings"]}
        return found["mail"]["ok"], found["mail"]["found"], found["mail"]["todo"]

    terminal = "printed on the terminal; set TALLYSTICK_SMTP_URL to send them"
    assert mail() == (True, terminal, "")
    ok, found, todo = mail(SMTP_URL="smtp://ann:hush@127.0.0.1:1")
    assert (ok, found) == (False, "The mail server cannot be reached: Connection refused")
    assert todo == "Correct TALLYSTICK_SMTP_URL, or look at the mail server."
    ok, _, todo = mail(SMTP_URL="http://ann:hush@127.0.0.1")
    assert (ok, "hush" in todo) == (False, False)
    ok, _, todo = mail(SEALING_KEYS="hush")
    assert (ok, "TALLYSTICK_SEALING_KEYS cannot be used" in todo) == (False, True)
    waits = "no server is set in TALLYSTICK_SMTP_URL, so mails wait"
    secret = "a secret of thirty-two characters or more"
    assert mail(ENVIRONMENT="production", SECRET_KEY=secret) == (True, waits, "")


def test_which_providers_there_are(run: Run) -> None:
    def providers(**given: str) -> tuple[bool, str]:
        found = {each["name"]: each for each in run("doctor", "--json", **given).json["findings"]}
        return found["providers"]["ok"], found["providers"]["found"]

    assert providers() == (True, "fakepay")
    ok, found = providers(FAKEPAY_URL="http://127.0.0.1:99999/")
    assert not ok
    assert found.startswith("TALLYSTICK_FAKEPAY_URL cannot be used.")
