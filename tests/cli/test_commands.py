"""What the commands do, on every engine."""

from uuid import UUID

import pytest
from sqlalchemy import text

from tallystick import migrations
from tallystick.auth.credentials import Credential, find_credential
from tallystick.kernel import clock
from tallystick.kernel.database import Database
from tests.cli.conftest import Run

NAMES = ["Hoshi Language School (demo)", "Northfield School (demo)"]


def test_the_demonstration_is_made_once_and_holds(run: Run, migrated: str) -> None:
    empty = run("organizations", "list", "--json")
    assert (empty.code, empty.json) == (0, [])

    first = run("demo")
    assert (first.code, first.out) == (0, "")
    assert first.err.startswith("Made Northfield School (demo) as `northfield`")
    database = Database(migrated)
    words = "SELECT (SELECT count(*) FROM event), (SELECT sum(version) FROM invoice)"
    before = database.read(lambda conn: conn.execute(text(words)).one())
    second = run("demo")
    assert (second.code, second.out) == (0, "")
    assert second.err.endswith("Nothing was changed.\n")
    assert database.read(lambda conn: conn.execute(text(words)).one()) == before
    database.close()

    listed = run("organizations", "list", "--json")
    assert listed.code == 0
    assert [found["name"] for found in listed.json] == NAMES
    assert [sorted(found) for found in listed.json] == [["id", "name", "slug"]] * 2
    assert run("organizations", "list").out.count("\n") == 3

    audited = run("audit", "--json")
    assert (audited.code, audited.json["violations"]) == (0, 0)
    # Sums of closed months, positions and late fees are the worker's, and it has not run. Nothing
    # is paid at a provider.
    unseen = {each["id"] for each in audited.json["findings"] if not each["checked"]}
    assert {each for each in unseen if "-online" not in each} == {
        *("I14-positions", "I17-keys", "I18", "I19-charges", "I22"),
    }
    figures = run("audit")
    assert figures.code == 0
    assert figures.out.count("\n") == len(audited.json["findings"]) + 1


def test_the_demonstration_shows_every_state(run: Run, migrated: str) -> None:
    assert run("demo").code == 0
    database = Database(migrated)
    states = "SELECT status, payment_status, count(*) FROM invoice GROUP BY status, payment_status"
    methods = "SELECT method, sum(unallocated) FROM payment GROUP BY method"
    found = database.read(lambda conn: {row[:2]: row[2] for row in conn.execute(text(states))})
    paid = database.read(lambda conn: {row[0]: int(row[1]) for row in conn.execute(text(methods))})
    database.close()
    assert found == {
        ("draft", "unpaid"): 2,
        ("open", "paid"): 10,
        ("open", "partial"): 4,
        ("open", "unpaid"): 7,
        ("void", "unpaid"): 1,
    }
    assert paid == {
        "bank_transfer": 300_00,
        "card_at_counter": 0,
        "cash": 0,
        "cheque": 0,
        "other": 0,
    }


@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_a_key_of_an_organization_opens_it(run: Run, migrated: str, role: str) -> None:
    assert run("demo").code == 0
    ended = run("key", "create", "--organization", "northfield", "--role", role)
    assert ended.code == 0
    key = ended.out.removesuffix("\n")
    assert "\n" not in key
    assert key not in ended.err
    database = Database(migrated)
    found = database.read(lambda conn: find_credential(conn, key, clock.now()))
    database.close()
    assert isinstance(found, Credential)
    listed = {found["slug"]: found["id"] for found in run("organizations", "list", "--json").json}
    assert (found.role, found.organization_id) == (role, UUID(listed["northfield"]))


def test_a_key_of_the_platform_belongs_to_nobody(run: Run, migrated: str) -> None:
    key = run("key", "create", "--platform", "--name", "billing system").out.strip()
    database = Database(migrated)
    found = database.read(lambda conn: find_credential(conn, key, clock.now()))
    database.close()
    assert isinstance(found, Credential)
    assert (found.role, found.organization_id) == ("platform", None)


def test_a_key_of_an_unknown_organization_is_not_made(run: Run, migrated: str) -> None:
    ended = run("key", "create", "--organization", "nobody", "--role", "owner")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == "There is no organization “nobody”.\n"
    database = Database(migrated)
    assert database.read(lambda conn: conn.scalar(text("SELECT count(*) FROM api_key"))) == 0
    database.close()


def test_a_key_with_scopes_is_listed_and_revoked(run: Run, migrated: str) -> None:
    assert run("demo").code == 0
    place = ("--organization", "northfield")
    scopes = ("--scope", "read", "--scope", "collect", "--expires-days", "90")
    ended = run("key", "create", *place, "--role", "cashier", *scopes)
    assert ended.code == 0
    key = ended.out.strip()
    assert ", only collect, read, until " in ended.err
    [listed] = run("key", "list", *place, "--json").json
    assert (listed["prefix"], listed["role"]) == (key[:12], "cashier")
    assert listed["scopes"] == ["collect", "read"]
    assert run("key", "list", *place).out.splitlines()[1].startswith(key[:12])
    assert run("key", "list", "--platform").out == ""
    assert run("key", "revoke", key[:12], "--platform").code == 3
    assert run("key", "revoke", key[:12], *place).code == 0
    again = run("key", "revoke", listed["id"], *place)
    assert (again.code, again.err) == (4, f"The key “{key[:12]}” is revoked already.\n")
    database = Database(migrated)
    assert database.read(lambda conn: find_credential(conn, key, clock.now())) is None
    database.close()


def test_characters_that_several_keys_begin_with_name_none(run: Run, migrated: str) -> None:
    made = [run("key", "create", "--platform").out for _ in range(2)]
    database = Database(migrated)
    database.write(lambda conn: conn.execute(text("UPDATE api_key SET prefix = 'tsk_AAAAAAAA'")))
    ended = run("key", "revoke", "tsk_AAAAAAAA", "--platform")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        "2 keys here begin with “tsk_AAAAAAAA”. Name the one that is meant by its id, which "
        "`tallystick key list` shows.\n"
    )
    listed = run("key", "list", "--platform", "--json").json
    assert [key["revoked_at"] for key in listed] == [None, None]
    database.close()
    unknown = run("key", "revoke", made[0][:12], "--platform")
    assert unknown.code == 3
    assert unknown.err.startswith(f"There is no key “{made[0][:12]}” here.")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--role", "boss"), 3),
        (("--role", "viewer", "--scope", "refund"), 2),
        (("--role", "viewer", "--scope", "everything"), 2),
    ],
)
def test_a_key_that_cannot_be_is_not_made(
    run: Run, migrated: str, options: tuple[str, ...], code: int
) -> None:
    assert run("demo").code == 0
    ended = run("key", "create", "--organization", "northfield", *options)
    assert (ended.code, ended.out) == (code, "")
    assert migrated
    assert run("key", "list", "--organization", "northfield", "--json").json == []


def test_the_audit_finds_what_was_tampered_with(run: Run, migrated: str) -> None:
    assert run("demo").code == 0
    database = Database(migrated)
    tampering = "UPDATE posting SET amount = amount + 1 WHERE amount = -45000"
    changed = database.write(lambda conn: conn.execute(text(tampering)).rowcount)
    database.close()
    assert changed > 0
    ended = run("audit", "--json")
    assert ended.code == 1
    found = {finding["id"]: finding for finding in ended.json["findings"]}
    assert found["I1"]["violations"] == changed
    assert len(found["I1"]["examples"]) == min(changed, 5)
    words = run("audit")
    assert words.code == 1
    assert "violated I1: " in words.out
    assert "Stop writing to this database" in words.err


def test_migrate_goes_up_and_down_and_says_where_it_is(run: Run, migrated: str) -> None:
    head = migrations.head()
    assert migrations.status(migrated) == (head, head)
    assert run("migrate", "status", "--json").json == {"current": head, "head": head}
    again = run("migrate", "up")
    assert again.err == f"The database is at revision {head}; there was nothing to do.\n"
    down = run("migrate", "down", "0002", "--yes")
    assert (down.code, down.err) == (0, f"The database went from revision {head} to 0002.\n")
    status = run("migrate", "status")
    assert (status.code, status.out) == (1, f"current 0002\nhead    {head}\n")
    older = run("organizations", "list")
    assert older.code == 4
    assert f" is at revision 0002, but this program needs {head}. Run " in older.err
    up = run("migrate", "up")
    assert (up.code, up.err) == (0, f"The database went from revision 0002 to {head}.\n")


def test_the_doctor_finds_a_migrated_database_well(run: Run, migrated: str) -> None:
    assert migrated
    ended = run("doctor", "--json")
    assert [found for found in ended.json["findings"] if not found["ok"]] == []
    assert (ended.code, ended.json["ok"]) == (0, True)
    words = run("doctor")
    assert words.code == 0
    assert words.err == "All is well.\n"
    assert len(words.out.splitlines()) == len(ended.json["findings"])
