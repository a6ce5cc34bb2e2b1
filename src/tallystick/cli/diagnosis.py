"""What `doctor` looks at: each line is fine, or says what to do.

It asks which engine it speaks to, because it looks at how that engine was set up.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, text

from tallystick import migrations, settings, wiring
from tallystick.cli import failing, opened
from tallystick.cli.output import say, show_json, show_line
from tallystick.kernel import clock
from tallystick.kernel.errors import Refused
from tallystick.kernel.tasks import Later
from tallystick.migrations.steps import COLLATION
from tallystick.reports import condition
from tallystick.reports.condition import EVENTS_LATE, UNKNOWN_LATE, Condition


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    found: str
    todo: str = ""
    """What to do about it, when it is not fine."""


WAIT_MAX = timedelta(hours=1)
"""How long a task may be due before that looks like no worker is running."""
GIVEN_UP = "See `tallystick tasks list --dead`, then `tallystick tasks retry`."

Look = Callable[[Connection], Finding]


def doctor(*, as_json: bool) -> bool:
    """Look at everything, and give whether all of it is fine."""
    findings = _look(settings.load())
    fine = all(finding.ok for finding in findings)
    if as_json:
        show_json({"ok": fine, "findings": [asdict(finding) for finding in findings]})
        return fine
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        word = "ok " if finding.ok else "bad"
        todo = f". {finding.todo}" if finding.todo else ""
        show_line(f"{word}  {finding.name.ljust(width)}  {finding.found}{todo}")
    problems = sum(not finding.ok for finding in findings)
    say(f"{problems} of {len(findings)} need a hand." if problems else "All is well.")
    return fine


def _look(found: settings.Settings) -> list[Finding]:
    findings = [_names(), _secret(found), _zones(), _mail(found), _providers(found)]
    try:
        opened.check_there(found)
        with closing(wiring.open_database(found, deadline_s=opened.DEADLINE_S)) as database:
            findings.append(database.read(_version))
            findings.append(database.read(partial(_revision, found)))
            if findings[-1].ok:
                findings += database.read(_work)
            findings += [database.read(look) for look in _ENGINES[database.engine_name]]
    except Exception as error:
        explained = failing.explain(error)
        if explained is None:
            raise
        missing = isinstance(error, Refused) and error.refusal.code == "database.missing"
        state = "is not there" if missing else "does not answer"
        findings.append(Finding("database", ok=False, found=state, todo=explained[0]))
    return findings


def _providers(found: settings.Settings) -> Finding:
    try:
        names = sorted(wiring.open_providers(found))
    except settings.BadSetting as error:
        todo = "Correct its settings, or uninstall the package that brings it."
        return Finding("providers", ok=False, found=str(error).rstrip("."), todo=todo)
    return Finding("providers", ok=True, found=", ".join(names))


def _names() -> Finding:
    unknown = settings.unknown_names(wiring.plug_ins())
    if not unknown:
        return Finding("settings", ok=True, found="every TALLYSTICK_ variable is known")
    return Finding(
        "settings",
        ok=False,
        found=f"unknown: {', '.join(unknown)}",
        todo="Correct the name, or remove the variable.",
    )


def _secret(found: settings.Settings) -> Finding:
    if found.environment == "production":
        return Finding("secret key", ok=True, found="set")
    return Finding(
        "secret key",
        ok=True,
        found="that of development; production needs one of its own in TALLYSTICK_SECRET_KEY",
    )


def _zones() -> Finding:
    count = len(clock.zones())
    return Finding(
        "time zones",
        ok=count > 0,
        found=f"{count} known",
        todo="" if count else "Install the package tzdata.",
    )


def _mail(found: settings.Settings) -> Finding:
    try:
        way = wiring.channel(found)
        wiring.sealer(found)
        if way is None:
            words = "no server is set in TALLYSTICK_SMTP_URL, so mails wait"
            return Finding("mail", ok=True, found=words)
        return Finding("mail", ok=True, found=way.look())
    except settings.BadSetting as error:
        return Finding("mail", ok=False, found="no way to send", todo=str(error))
    except Later as error:
        todo = "Correct TALLYSTICK_SMTP_URL, or look at the mail server."
        return Finding("mail", ok=False, found=str(error).rstrip("."), todo=todo)


def _revision(found: settings.Settings, conn: Connection) -> Finding:
    current = migrations.current(conn)
    try:
        opened.check_revision(found, current)
    except Refused as refused:
        return Finding("revision", ok=False, found=current or "none", todo=refused.refusal.detail)
    newer = "" if current == migrations.head() else ", made by a newer version"
    return Finding("revision", ok=True, found=f"{current}{newer}")


def _work(conn: Connection) -> list[Finding]:
    stands = condition.look(conn, clock.now())
    return [_workers(stands), *_tasks(stands), _events(stands), _payments(stands)]


def _workers(stands: Condition) -> Finding:
    if stands.beat_age is None:
        return Finding("worker", ok=True, found="none was heard of for an hour")
    heard = f"heard of {_whole(stands.beat_age)} ago"
    if not stands.working:
        todo = "See that one runs: `tallystick up` or `tallystick worker`."
        return Finding("worker", ok=False, found=f"the last one was {heard}", todo=todo)
    return Finding("worker", ok=True, found=f"{stands.working} running, {heard}")


def _tasks(stands: Condition) -> list[Finding]:
    late, dead = stands.task_age is not None and stands.task_age > WAIT_MAX, stands.tasks_dead
    waits = "none waits"
    if stands.task_age is not None:
        waits = f"the oldest has been due for {_whole(stands.task_age)}"
    todo = "See that a worker runs: `tallystick up` or `tallystick worker`."
    return [
        Finding("tasks", ok=not late, found=waits, todo=todo if late else ""),
        Finding(
            "given up",
            ok=not dead,
            found=f"{dead} tasks" if dead else "no task",
            todo=GIVEN_UP if dead else "",
        ),
    ]


def _events(stands: Condition) -> Finding:
    if stands.event_age is None:
        return Finding("events", ok=True, found="all have their positions")
    # Without a worker nobody is to give them any, which is told of the worker.
    late = bool(stands.working) and stands.event_age > EVENTS_LATE
    return Finding(
        "events",
        ok=not late,
        found="some wait for their positions",
        todo="See what the worker logs." if late else "",
    )


def _payments(stands: Condition) -> Finding:
    age, open_alarms = stands.unknown_payment_age, stands.alarms_open
    unknown = "" if age is None else f"the oldest has been unknown for {_whole(age)}"
    alarms = f"{open_alarms} alarms are open" if open_alarms else ""
    late = bool(open_alarms) or (age is not None and age > UNKNOWN_LATE)
    todo = "Ask the provider what became of them, and confirm or decline them."
    return Finding(
        "payments",
        ok=not late,
        found=", ".join(filter(None, (unknown, alarms))) or "all at providers are known",
        todo="" if not late else "See `tallystick alarms`." if open_alarms else todo,
    )


def _whole(age: timedelta) -> str:
    """Write an age in the unit that fits it."""
    seconds = age // timedelta(seconds=1)
    if seconds < 120:  # noqa: PLR2004  # two minutes
        return f"{seconds} seconds"
    minutes = seconds // 60
    return f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"  # noqa: PLR2004


_VERSIONS = {"sqlite": "SELECT sqlite_version()", "postgresql": "SHOW server_version"}
_LABELS = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MySQL", "mariadb": "MariaDB"}


def _version(conn: Connection) -> Finding:
    name = conn.dialect.name
    version = conn.scalar(text(_VERSIONS.get(name, "SELECT version()")))
    return Finding("database", ok=True, found=f"{_LABELS[name]} {version}")


def _is(name: str, words: str, wanted: dict[str, str], todo: str) -> Look:
    """Make a look that compares one value of the engine with the ones that are fine."""

    def look(conn: Connection) -> Finding:
        value = str(conn.exec_driver_sql(words).scalar()).lower()
        ok = value in wanted
        return Finding(name, ok=ok, found=wanted.get(value, value), todo="" if ok else todo)

    return look


def _collations(conn: Connection) -> Finding:
    words = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = database() "
        "AND (engine <> 'InnoDB' OR table_collation <> :collation) ORDER BY table_name"
    )
    wrong = [str(name) for name in conn.scalars(text(words), {"collation": COLLATION})]
    if not wrong:
        return Finding("collation", ok=True, found=f"InnoDB and {COLLATION} on every table")
    return Finding(
        "collation",
        ok=False,
        found=f"another engine or collation: {', '.join(wrong)}",
        todo=f"Convert them: ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE {COLLATION}.",
    )


_ENGINES: dict[str, tuple[Look, ...]] = {
    "sqlite": (
        _is(
            "journal",
            "PRAGMA journal_mode",
            {"wal": "write-ahead"},
            "Put the file on a disk of this machine: write-ahead logging needs shared memory.",
        ),
        _is(
            "durability",
            "PRAGMA synchronous",
            {"2": "every commit reaches the disk"},
            "Nothing of ours sets this; report it.",
        ),
        _is(
            "foreign keys",
            "PRAGMA foreign_keys",
            {"1": "checked"},
            "This SQLite was built without foreign keys; install another.",
        ),
        _is(
            "file",
            "PRAGMA quick_check(1)",
            {"ok": "sound"},
            "The file is damaged. Stop everything, keep a copy of it, and restore a backup.",
        ),
    ),
    "postgresql": (
        _is(
            "encoding",
            "SHOW server_encoding",
            {"utf8": "UTF8"},
            "Make the database again with ENCODING 'UTF8' TEMPLATE template0.",
        ),
        _is(
            "durability",
            "SELECT current_setting('fsync') || ' ' || current_setting('synchronous_commit')",
            {f"on {word}": "every commit reaches the disk" for word in ("on", "remote_apply")},
            "Set fsync = on and synchronous_commit = on, or a crash loses acknowledged payments.",
        ),
    ),
    "mysql": (
        _is(
            "character set",
            "SELECT @@character_set_connection",
            {"utf8mb4": "utf8mb4"},
            "Nothing of ours sets this; report it.",
        ),
        _collations,
        _is(
            "strictness",
            "SELECT @@sql_mode LIKE '%%STRICT_TRANS_TABLES%%'",
            {"1": "values that do not fit are refused"},
            "Add STRICT_TRANS_TABLES to sql_mode, or the server cuts values instead.",
        ),
        _is(
            "durability",
            "SELECT @@innodb_flush_log_at_trx_commit",
            {"1": "every commit reaches the disk"},
            "Set innodb_flush_log_at_trx_commit = 1, or a crash loses acknowledged payments.",
        ),
    ),
}
