"""Bring a database to a revision, or say at which one it is.

Two processes may migrate one database at once. On SQLite and PostgreSQL a revision is one
transaction, so one of them waits or fails whole; on MariaDB and MySQL each statement stands alone.
In both cases whoever meets something that the other did meanwhile starts again, looks, and leaves
out what is done. No lock outlives its statement or transaction, so a kill leaves none behind.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, exc

from tallystick.kernel import engines, failures
from tallystick.kernel.errors import Invalid, Refused, Unavailable, shown
from tallystick.migrations import steps

DEADLINE_S = 60.0
"""How long somebody else's locks and statements are waited for."""
STATEMENT_TIMEOUT_S = 3_600
"""How long one statement may run once it has its locks: an index of a large table takes a while."""
LOCK_TIMEOUT_S = 3
"""How long a statement waits for a lock, while everybody behind it waits for the statement."""
PAUSE_MAX_S = 0.3

TRIES_MAX = 10
"""How often the same error is met before it counts as our own.

Engines have many words for an object that somebody else made, removed or changed at this moment, so
any error may be of that kind. Then the next attempt sees what there is now and gets further.
"""

_ERRNO_BEING_CHANGED = 1684


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database up to a revision; where it stands there already, change nothing.

    Raises:
        Refused: migrations.newer, when the database was made by a newer version of the product.
        Invalid: migrations.revision, when there is no such revision.
        Unavailable: the database does not answer, or others held its tables until the deadline.
    """
    _migrate(url, revision, command.upgrade)


def downgrade(url: str, revision: str = "base") -> None:
    """Bring a database down to a revision; the rows of the tables that it lacks are lost.

    Raises:
        Refused: migrations.newer, when the database was made by a newer version of the product.
        Invalid: migrations.revision, when there is no such revision.
        Unavailable: the database does not answer, or others held its tables until the deadline.
    """
    _migrate(url, revision, command.downgrade)


def status(url: str) -> tuple[str | None, str]:
    """Give the revision of a database, None when it is empty, and the one this program needs."""
    engine = _engine(engines.Addresses(engines.normal_url(url)), writes=False)
    try:
        with engine.connect() as conn:
            return current(conn), head()
    finally:
        engine.dispose()


def current(conn: Connection) -> str | None:
    """Give the revision of the database behind a connection, or None when it is empty."""
    return MigrationContext.configure(conn).get_current_revision()


@lru_cache(maxsize=1)
def head() -> str:
    """Give the revision that this program needs."""
    found = _scripts().get_current_head()
    assert found is not None, "the package holds its revisions"
    return found


def is_known(revision: str) -> bool:
    """Say whether this program knows a revision; one that it does not is from a newer version."""
    return revision in {script.revision for script in _scripts().walk_revisions()}


def _migrate(url: str, revision: str, work: Callable[[Config, str], None]) -> None:
    if revision not in {"head", "base"} and not is_known(revision):
        message = (
            f"There is no revision {shown(revision)}. The newest is {head()}; `tallystick migrate "
            "status` shows where the database is."
        )
        raise Invalid("migrations.revision", message)
    addresses = engines.Addresses(engines.normal_url(url))
    give_up_at = time.monotonic() + DEADLINE_S
    tries: Counter[str] = Counter()
    while True:
        engine = _engine(addresses, writes=True)
        try:
            with engine.connect() as conn:
                return _attempt(conn, revision, work)
        except (exc.DBAPIError, CommandError) as error:
            tries[str(error)] += 0 if _is_lock(error) else 1
            if failures.classify(error) == "node" or TRIES_MAX in tries.values():
                raise
            if time.monotonic() >= give_up_at:
                message = (
                    "Others have used the tables for too long to change them now. Nothing is half "
                    "done; stop what runs for long on this database and migrate again."
                )
                raise Unavailable(message) from error
        finally:
            engine.dispose()
        time.sleep(random.uniform(0, PAUSE_MAX_S))  # noqa: S311  # not a secret


def _engine(addresses: engines.Addresses, *, writes: bool) -> Engine:
    return engines.make(addresses, size=1, writes=writes, statement_timeout_s=STATEMENT_TIMEOUT_S)


def _attempt(conn: Connection, revision: str, work: Callable[[Config, str], None]) -> None:
    with conn.begin():
        _set_limits(conn)
        steps.create_version_table(conn)
        found = current(conn)
    if found is not None and not is_known(found):
        message = (
            f"The database is at revision {shown(found)}, which this program does not know: a "
            "newer version made it. Run that version, or restore a backup from before it."
        )
        raise Refused("migrations.newer", message)
    config = _config()
    config.attributes["connection"] = conn
    work(config, revision)


def _set_limits(conn: Connection) -> None:
    if conn.dialect.name == "postgresql":
        conn.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'")
    elif conn.dialect.name in {"mysql", "mariadb"}:
        conn.exec_driver_sql(f"SET lock_wait_timeout = {LOCK_TIMEOUT_S}")


def _is_lock(error: exc.DBAPIError | CommandError) -> bool:
    cause = error.orig.args if isinstance(error, exc.DBAPIError) and error.orig else ()
    return failures.classify(error) == "again" or _ERRNO_BEING_CHANGED in cause


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())
