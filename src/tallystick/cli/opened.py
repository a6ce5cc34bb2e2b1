"""Settings and database, open for one command and closed after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc, make_url

from tallystick import migrations, settings, wiring
from tallystick.kernel import engines
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refused
from tallystick.settings import Settings

DEADLINE_S = 5.0
"""How long a person at a terminal waits for a database that does not answer."""

_TODO = "Run `tallystick migrate up`, or correct TALLYSTICK_DATABASE_URL."


@contextmanager
def database() -> Iterator[Database]:
    """Open the database of the settings, if its tables are those that this program needs.

    A database that is a file is not made by looking for it.

    Raises:
        BadSetting: a setting cannot be used.
        Refused: database.missing; database.migrate_first, when the tables are missing or older.
        Unavailable: the database does not answer.
    """
    found = settings.load()
    check_there(found)
    opened = wiring.open_database(found, deadline_s=DEADLINE_S)
    try:
        opened.read(lambda conn: check_revision(found, migrations.current(conn)))
        yield opened
    finally:
        opened.close()


def address(found: Settings) -> str:
    """Write the address of the database without its password."""
    try:
        return make_url(found.database_url).render_as_string(hide_password=True)
    except exc.ArgumentError:
        return "of TALLYSTICK_DATABASE_URL"


def is_there(found: Settings) -> bool:
    """Say whether there is a database to look into; looking into a file would make it."""
    return not engines.is_absent(engines.normal_url(found.database_url))


def check_there(found: Settings) -> None:
    """Refuse to look into a database that is a file and not there."""
    if not is_there(found):
        message = f"There is no database {address(found)} yet. {_TODO}"
        raise Refused("database.missing", message)


def check_revision(found: Settings, current: str | None) -> None:
    """Refuse to work on tables that are missing or older than this program.

    Newer ones are accepted: the version before works on them while it is being replaced.
    """
    needed = migrations.head()
    if current == needed or (current is not None and not migrations.is_known(current)):
        return
    state = "has no tables yet" if current is None else f"is at revision {current}"
    message = f"The database {address(found)} {state}, but this program needs {needed}. {_TODO}"
    raise Refused("database.migrate_first", message)
