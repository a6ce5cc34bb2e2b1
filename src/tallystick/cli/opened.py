"""Settings and database, open for one command and closed after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from tallystick import migrations, settings, wiring
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refused

DEADLINE_S = 5.0
"""How long a person at a terminal waits for a database that does not answer."""


@contextmanager
def database() -> Iterator[Database]:
    """Open the database of the settings, if its tables are those that this program needs.

    Raises:
        BadSetting: a setting cannot be used.
        Refused: database.migrate_first, when the tables are missing or older.
        Unavailable: the database does not answer.
    """
    found = settings.load()
    opened = wiring.open_database(found, deadline_s=DEADLINE_S)
    try:
        opened.read(lambda conn: check_revision(migrations.current(conn)))
        yield opened
    finally:
        opened.close()


def check_revision(current: str | None) -> None:
    """Refuse to work on tables that are missing or older than this program.

    Newer ones are accepted: the version before works on them while it is being replaced.
    """
    needed = migrations.head()
    if current == needed or (current is not None and not migrations.is_known(current)):
        return
    state = "has no tables yet" if current is None else f"is at revision {current}"
    message = f"The database {state}, but this program needs {needed}. Run `tallystick migrate up`."
    raise Refused("database.migrate_first", message)
