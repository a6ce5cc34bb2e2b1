"""Bring the database to a revision, or say where it is."""

from tallystick import migrations, settings
from tallystick.cli import opened
from tallystick.cli.output import say, show_json, show_line


def up(revision: str, *, quiet: bool = False) -> None:
    """Bring the database up; `quiet` says nothing where there was nothing to do."""
    url = settings.load().database_url
    before, _ = migrations.status(url)
    migrations.upgrade(url, revision)
    after, _ = migrations.status(url)
    if before != after or not quiet:
        _tell(before, after)


def down(revision: str) -> None:
    """Bring the database down.

    Raises:
        Refused: database.missing.
    """
    found = settings.load()
    opened.check_there(found)
    url = found.database_url
    before, _ = migrations.status(url)
    migrations.downgrade(url, revision)
    _tell(before, migrations.status(url)[0])


def status(*, as_json: bool) -> bool:
    """Say where the database is, and give whether that is where this program needs it."""
    found = settings.load()
    if opened.is_there(found):
        current, head = migrations.status(found.database_url)
    else:
        current, head = None, migrations.head()
    if as_json:
        show_json({"current": current, "head": head})
    else:
        show_line(f"current {current or 'none'}")
        show_line(f"head    {head}")
        if current != head:
            where = f"The database {opened.address(found)} is not at head."
            say(f"{where} Run `tallystick migrate up`.")
    return current == head


def _tell(before: str | None, after: str | None) -> None:
    if before == after:
        say(f"The database is at revision {after or 'none'}; there was nothing to do.")
    else:
        say(f"The database went from revision {before or 'none'} to {after or 'none'}.")
