"""The revisions: they come to what the classes declare, in both directions, through any kill."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, Engine, event, inspect, text

from tallystick import migrations
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Invalid, Refused
from tallystick.migrations import running
from tallystick.migrations.tables import METADATA

FOLDER = Path(migrations.__file__).parent / "versions"
REVISIONS = sorted(path.name.partition("_")[0] for path in FOLDER.glob("*.py"))
WRITING = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")

Factory = Callable[[], str]

STRIDE = 4
"""In the short form a migration is killed after every so manieth statement."""

STORAGE: dict[str, tuple[str, list[tuple[str, ...]]]] = {
    "sqlite": ("PRAGMA journal_mode", [("wal",)]),
    # Rows that are rewritten all the time find room on their own page.
    "postgresql": (
        "SELECT relname FROM pg_class WHERE reloptions = ARRAY['fillfactor=85'] ORDER BY relname",
        [("counter",), ("event_stream",), ("invoice",), ("payment",), ("provider_order",)],
    ),
    # Texts compare letter by letter, as they do elsewhere.
    "mariadb": (
        """SELECT DISTINCT engine, table_collation FROM information_schema.tables
           WHERE table_schema = database()""",
        [("InnoDB", "utf8mb4_bin")],
    ),
}


class Killed(BaseException):
    """The end of a process, as far as one process can play it: nothing may handle it."""


class Subject:
    """The database under test, and what can be seen of it from outside."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._database = Database(url)

    def rows(self, words: str) -> list[tuple[Any, ...]]:
        return self._database.read(lambda conn: [tuple(row) for row in conn.execute(text(words))])

    def write(self, words: str) -> None:
        self._database.write(lambda conn: conn.execute(text(words)))

    def extent(self) -> Any:
        """Tell how far it is: its revision, tables and indexes."""
        return self._database.read(_extent)

    def differences(self) -> list[Any]:
        """Tell it from the metadata, primary keys and checks included."""
        return self._database.read(_differences)

    def close(self) -> None:
        self._database.close()


def _extent(conn: Connection) -> Any:
    inspector = inspect(conn)
    tables = inspector.get_table_names()
    found = inspector.get_multi_indexes()
    indexes = {str(index["name"]) for each in found.values() for index in each}
    return migrations.current(conn), sorted(tables), sorted(indexes)


def _differences(conn: Connection) -> list[Any]:
    context = MigrationContext.configure(conn, opts={"target_metadata": METADATA})
    found: list[Any] = compare_metadata(context, METADATA)
    inspector = inspect(conn)
    for table in METADATA.tables.values():
        keys = inspector.get_pk_constraint(table.name)["constrained_columns"]
        found += [(table.name, keys)] if keys != list(table.primary_key.columns.keys()) else []
        # Only SQLite keeps the words of a check as they were written; the others keep its name.
        written = conn.dialect.name == "sqlite"
        declared = {
            (str(check.name), str(check.sqltext) if written else "")
            for check in table.constraints
            if isinstance(check, CheckConstraint)
        }
        there = {
            (str(check["name"]), str(check["sqltext"]) if written else "")
            for check in inspector.get_check_constraints(table.name)
            # MariaDB checks its JSON columns, under the names of the columns.
            if str(check["name"]) not in table.columns
        }
        found += [(table.name, *check) for check in declared ^ there]
    return found


@pytest.fixture(scope="module", autouse=True)
def _revisions_read_once() -> Iterator[None]:
    """Read the files of the revisions once: they are the same for each of a thousand attempts."""
    scripts = running._scripts()  # noqa: SLF001  # where the product finds them
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", lambda _config: scripts)
        yield


@pytest.fixture
def subject(fresh_database_url: Callable[[], str]) -> Iterator[Subject]:
    made = Subject(fresh_database_url())
    yield made
    made.close()


@pytest.fixture
def killed_after() -> Callable[[int], Any]:
    """Return a context in which the process dies after its n-th writing statement."""

    @contextmanager
    def killed_after(number: int) -> Iterator[None]:
        left = number

        def count(_conn: Any, cursor: Any, statement: str, *_rest: Any) -> None:
            nonlocal left
            left -= statement.lstrip().upper().startswith(WRITING)
            if left == 0:
                # SQLAlchemy drops the connection of whoever dies; SQLite would wait for the cursor.
                cursor.close()
                raise Killed

        event.listen(Engine, "after_cursor_execute", count)
        try:
            yield
        finally:
            event.remove(Engine, "after_cursor_execute", count)

    return killed_after


def test_the_revisions_come_to_the_metadata(subject: Subject) -> None:
    migrations.upgrade(subject.url)
    assert subject.differences() == []


def test_every_revision_goes_up_down_and_up_again(subject: Subject) -> None:
    assert migrations.status(subject.url) == (None, REVISIONS[-1])
    seen = {}
    for revision in REVISIONS:
        migrations.upgrade(subject.url, revision)
        assert migrations.status(subject.url) == (revision, REVISIONS[-1])
        seen[revision] = subject.extent()
    for revision in reversed(REVISIONS[:-1]):
        migrations.downgrade(subject.url, revision)
        assert subject.extent() == seen[revision]
    migrations.downgrade(subject.url)
    assert subject.extent()[:2] == (None, ["alembic_version"])
    migrations.upgrade(subject.url)
    migrations.upgrade(subject.url)
    assert subject.differences() == []


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_migration_killed_after_any_statement_starts_again(
    subject: Subject, killed_after: Callable[[int], Any], direction: str, *, full: bool
) -> None:
    stride = 1 if full else STRIDE
    if direction == "down":
        migrations.upgrade(subject.url)
    migrate = migrations.upgrade if direction == "up" else migrations.downgrade
    kills, number = 0, stride
    before = subject.extent()
    while True:
        try:
            with killed_after(number):
                migrate(subject.url)
        except Killed:
            kills += 1
            # Where a kill takes the revision back, the next one comes later.
            after = subject.extent()
            number = stride if after != before else number + stride
            before = after
        else:
            break
    assert kills >= (len(METADATA.tables) + len(REVISIONS)) / stride
    if direction == "up":
        assert subject.differences() == []
    else:
        assert subject.extent()[:2] == (None, ["alembic_version"])


def test_processes_that_migrate_at_once_do_not_break_each_other(subject: Subject) -> None:
    program = "import sys; from tallystick import migrations; migrations.upgrade(sys.argv[1])"
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, subject.url], stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    ended = [
        (process.communicate(timeout=60)[1].decode(), process.returncode) for process in processes
    ]
    assert ended == [("", 0)] * 2
    assert subject.differences() == []
    assert subject.rows("SELECT count(*) FROM alembic_version") == [(1,)]


def test_the_tables_are_stored_as_each_engine_needs_it(subject: Subject, engine: str) -> None:
    migrations.upgrade(subject.url)
    words, expected = STORAGE[engine]
    assert subject.rows(words) == expected


def test_a_database_of_a_newer_version_is_left_alone(subject: Subject) -> None:
    migrations.upgrade(subject.url)
    subject.write("UPDATE alembic_version SET version_num = '9999'")
    before = subject.extent()
    for migrate in (migrations.upgrade, migrations.downgrade):
        with pytest.raises(Refused) as refused:
            migrate(subject.url)
        assert refused.value.refusal.code == "migrations.newer"
        assert "“9999”" in refused.value.refusal.detail
    assert subject.extent() == before


def test_a_revision_that_does_not_exist_is_refused(subject: Subject) -> None:
    with pytest.raises(Invalid) as refused:
        migrations.upgrade(subject.url, "12")
    assert refused.value.refusal.code == "migrations.revision"
    assert migrations.status(subject.url) == (None, REVISIONS[-1])
