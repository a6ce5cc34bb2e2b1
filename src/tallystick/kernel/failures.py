"""What a database error means for the work that met it: repeat, move to another node, give up."""

import sqlite3
from typing import Literal

from sqlalchemy import exc

Failure = Literal["again", "node", "twin", "other"]
"""`again`: repeat the transaction. `node`: the connection or its server is gone; repeat on the next
one. `twin`: a unique key was taken by somebody else meanwhile; look again. `other`: repeating would
fail the same way."""

_BY_STATE: dict[str, Failure] = {
    "23505": "twin",
    **dict.fromkeys(("40001", "40P01", "55P03", "53300"), "again"),
    **dict.fromkeys(("57P01", "57P02", "57P03", "25006"), "node"),
}
_BY_ERRNO: dict[int, Failure] = {
    1062: "twin",
    **dict.fromkeys((1213, 1205, 1020, 1040, 1317), "again"),
    **dict.fromkeys((1047, 1053, 1180, 1290, 1836, 1927, 4031), "node"),
    **dict.fromkeys((2002, 2003, 2006, 2013, 2014, 2055), "node"),
}
_BY_SQLITE_NAME: dict[str, Failure] = {
    **dict.fromkeys(("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"), "twin"),
    **dict.fromkeys(
        (
            "SQLITE_BUSY",
            "SQLITE_BUSY_RECOVERY",
            "SQLITE_BUSY_SNAPSHOT",
            "SQLITE_BUSY_TIMEOUT",
            "SQLITE_LOCKED",
        ),
        "again",
    ),
}


def classify(error: BaseException) -> Failure:
    """Say what an error means, by error number before SQLSTATE (MySQL reports a deadlock as 40001).

    Source: the manuals' lists of PostgreSQL SQLSTATEs, of MySQL and MariaDB error numbers and of
    SQLite result codes.
    """
    if isinstance(error, exc.DBAPIError):
        return _classify_driver(error)
    if isinstance(error, exc.TimeoutError):
        return "again"
    if isinstance(error, OSError | EOFError):
        return "node"
    return "other"


def _classify_driver(error: exc.DBAPIError) -> Failure:
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _BY_SQLITE_NAME.get(getattr(cause, "sqlite_errorname", ""), "other")
    errno = cause.args[0] if cause is not None and cause.args else None
    state: str = getattr(cause, "sqlstate", None) or ""
    if isinstance(errno, int) and errno in _BY_ERRNO:
        return _BY_ERRNO[errno]
    if state:
        return "node" if state.startswith("08") else _BY_STATE.get(state, "other")
    # A connection that never came about has no SQLSTATE in psycopg and no number in PyMySQL.
    unborn = isinstance(error, exc.OperationalError) and not isinstance(errno, int)
    if error.connection_invalidated or isinstance(error, exc.InterfaceError) or unborn:
        return "node"
    return "other"
