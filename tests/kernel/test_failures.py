"""What each database error means for the work that met it."""

import sqlite3

import psycopg
import pymysql
import pytest
from sqlalchemy import exc

from tallystick.kernel.failures import Failure, classify

STATES: dict[Failure, list[str]] = {
    "again": ["40001", "40P01", "55P03", "53300"],
    "node": [
        *("57P01", "57P02", "57P03", "25006"),
        *("08000", "08001", "08003", "08004", "08006", "08007", "08P01"),
    ],
    "twin": ["23505"],
    "other": ["23502", "23503", "23514", "22001", "22003", "22P02", "42601", "42P01", "57014"],
}
ERRNOS: dict[Failure, list[int]] = {
    "again": [1213, 1205, 1020, 1040, 1317],
    "node": [1047, 1053, 1180, 1290, 1836, 1927, 4031, 2002, 2003, 2006, 2013, 2014, 2055],
    "twin": [1062],
    "other": [1048, 1064, 1146, 1264, 1305, 1406, 1451, 1452, 3819, 4025],
}
CODES: dict[Failure, list[str]] = {
    "again": [
        *("SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY", "SQLITE_BUSY_TIMEOUT"),
        "SQLITE_LOCKED",
    ],
    "twin": ["SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"],
    "other": [
        *("SQLITE_CONSTRAINT_CHECK", "SQLITE_CONSTRAINT_FOREIGNKEY", "SQLITE_CONSTRAINT_NOTNULL"),
        *("SQLITE_CORRUPT", "SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_ERROR"),
    ],
}


@pytest.mark.parametrize(
    ("state", "failure"), [(each, name) for name, states in STATES.items() for each in states]
)
def test_postgresql(state: str, failure: Failure) -> None:
    class Raised(psycopg.Error):
        sqlstate = state

    assert classify(exc.DBAPIError("SELECT 1", {}, Raised("said the server"))) == failure


@pytest.mark.parametrize(
    ("errno", "failure"), [(each, name) for name, errnos in ERRNOS.items() for each in errnos]
)
def test_mysql(errno: int, failure: Failure) -> None:
    raised = pymysql.err.OperationalError(errno, "said the server")
    assert classify(exc.OperationalError("SELECT 1", {}, raised)) == failure


def test_the_number_of_mysql_goes_before_its_state() -> None:
    class Raised(pymysql.err.OperationalError):
        sqlstate = "40001"

    assert classify(exc.OperationalError("SELECT 1", {}, Raised(1047, "not Galera yet"))) == "node"
    assert classify(exc.OperationalError("SELECT 1", {}, Raised(1062, "taken"))) == "twin"


@pytest.mark.parametrize(
    ("code", "failure"), [(each, name) for name, codes in CODES.items() for each in codes]
)
def test_sqlite(code: str, failure: Failure) -> None:
    raised = sqlite3.OperationalError("said the library")
    raised.sqlite_errorname = code
    assert classify(exc.OperationalError("SELECT 1", {}, raised)) == failure


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (exc.TimeoutError("the pool is empty"), "again"),
        (ConnectionRefusedError(), "node"),
        (TimeoutError(), "node"),
        (BrokenPipeError(), "node"),
        (EOFError(), "node"),
        (exc.OperationalError("x", {}, psycopg.OperationalError("connection failed")), "node"),
        (exc.InterfaceError("x", {}, pymysql.err.InterfaceError(0, "")), "node"),
        (exc.InterfaceError("x", {}, psycopg.InterfaceError("closed")), "node"),
        (exc.DBAPIError("x", {}, psycopg.Error("lost"), connection_invalidated=True), "node"),
        (exc.ProgrammingError("x", {}, psycopg.ProgrammingError("of our own")), "other"),
        (ValueError("of our own"), "other"),
        (AssertionError(), "other"),
        (KeyboardInterrupt(), "other"),
    ],
    ids=repr,
)
def test_what_has_no_number(error: BaseException, failure: Failure) -> None:
    assert classify(error) == failure
