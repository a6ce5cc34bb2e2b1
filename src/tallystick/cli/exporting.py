"""Export the books of an organization: whole, or not at all."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import UUID

from sqlalchemy import Connection

from tallystick.cli import opened
from tallystick.cli.output import say
from tallystick.ledger.journal_export import Format, journal
from tallystick.parties.organizations import find_organization


def books(*, slug: str, form: Format, output: Path | None) -> None:
    """Write the books to a file, which is replaced at once, or to standard output.

    A read that is repeated begins its file anew, so neither ever gets half of the books twice.
    """

    def write(conn: Connection) -> int:
        file.seek(0)
        file.truncate()
        organization = find_organization(conn, slug)
        count = 0
        organization_id = UUID(organization["id"])
        for line in journal(conn, organization_id, name=organization["name"], form=form):
            file.write(line + "\n")
            count += 1
        return count

    with opened.database() as database, _kept(output) as file:
        count = database.read_snapshot(write)
    place = "" if output is None else f" to {output}"
    say(f"Wrote {count} lines{place}.")


@contextmanager
def _kept(output: Path | None) -> Iterator[IO[str]]:
    """Give a file to write to, which is passed on only when nothing failed."""
    if output is None:
        with tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n") as file:
            yield file
            file.seek(0)
            shutil.copyfileobj(file, sys.stdout)
        return
    # In the same folder, since a file can only be renamed where it is.
    with tempfile.NamedTemporaryFile(
        "w",
        encoding="utf-8",
        newline="\n",
        dir=output.parent,
        prefix=f".{output.name}.",
        delete=False,
    ) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.close()
            temporary.replace(output)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
