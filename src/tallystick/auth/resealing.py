"""Seal anew what an older key sealed, so that the older key can be put away.

It may be stopped and started again: what is sealed with the newest key is passed over. A secret
that changes meanwhile is left as it changed.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Connection, func, select

from tallystick.auth.models import USERS
from tallystick.auth.two_factor import SEALED_AS
from tallystick.kernel.sealing import CannotOpen, Sealer


@dataclass(frozen=True, slots=True)
class Resealed:
    """What came of one page of rows."""

    resealed: int
    unopened: list[str]
    """The rows whose secrets no key opens, by table and id."""
    next_after: UUID | None
    """Where to go on; None at the end."""


SEALED: Final[tuple[tuple[Column[Any], str], ...]] = ((USERS.c.totp_sealed, SEALED_AS),)
"""Every column that holds sealed secrets, in tables with an id, and what they are sealed for."""


def reseal(
    conn: Connection,
    sealer: Sealer,
    column: Column[Any],
    purpose: str,
    *,
    after: UUID | None,
    limit: int,
) -> Resealed:
    """Seal a page of a column's secrets with the newest key."""
    table = column.table
    newest = f"{sealer.newest}."
    # Not by LIKE, which on SQLite knows no capital letters.
    older = (column.is_not(None), func.substr(column, 1, len(newest)) != newest)
    statement = select(table.c.id, column).where(*older)
    if after is not None:
        statement = statement.where(table.c.id > after)
    found = conn.execute(statement.order_by(table.c.id).limit(limit)).all()
    resealed, unopened = 0, []
    for row_id, sealed in found:
        try:
            anew = sealer.seal(purpose, sealer.open(purpose, sealed))
        except CannotOpen:
            unopened.append(f"{table.name} {row_id}")
            continue
        same = (table.c.id == row_id, column == sealed)
        resealed += conn.execute(table.update().where(*same).values({column.name: anew})).rowcount
    return Resealed(resealed, unopened, found[-1].id if len(found) == limit else None)
