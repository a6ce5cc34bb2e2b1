"""What the stand-in charged and gave back: its own truth, in a SQLite file that survives a kill.

A row is on the disk before the answer leaves. Of a card the last four digits are kept.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

Clock = Callable[[], datetime]
Status = Literal["succeeded", "failed", "pending", "requires_action"]

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS charge (
    id INTEGER PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    last_four TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS charge_transaction ON charge (transaction_id);
CREATE TABLE IF NOT EXISTS payment (
    transaction_id TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    reason TEXT,
    last_four TEXT NOT NULL,
    turns_at TEXT
);
CREATE TABLE IF NOT EXISTS refund (
    refund_id TEXT PRIMARY KEY,
    transaction_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    about TEXT NOT NULL,
    at TEXT NOT NULL,
    tries INTEGER NOT NULL,
    next_at TEXT
);
"""


@dataclass(frozen=True, slots=True)
class Telling:
    """An event that somebody is still to be told of."""

    id: int
    type: str
    about: str
    """The id of the transaction or refund."""
    tries: int


class Ledger:
    """The books of one stand-in; may be used by several threads at once."""

    def __init__(self, path: Path | str, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        # Each statement is its own transaction unless one is begun.
        self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._conn.row_factory = sqlite3.Row
        self._conn.execute("PRAGMA synchronous = FULL")
        self._conn.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._conn.close()

    def charge(self, transaction_id: str, last_four: str) -> None:
        """Take the money; a second time too, as FakePay does."""
        with self._writing() as conn:
            self._charge(conn, transaction_id, last_four)

    def decline(
        self, transaction_id: str, last_four: str, reason: str, *, turns_in_s: float | None = None
    ) -> None:
        """Take no money; but do so later all the same where it is to turn."""
        turns_at = None
        if turns_in_s is not None:
            turns_at = (self._clock() + timedelta(seconds=turns_in_s)).isoformat()
        with self._writing() as conn:
            self._put(conn, transaction_id, "failed", last_four, reason=reason, turns_at=turns_at)

    def wait_for_payer(self, transaction_id: str, last_four: str, status: Status) -> None:
        """Take no money yet."""
        with self._writing() as conn:
            self._put(conn, transaction_id, status, last_four)

    def succeed(self, transaction_id: str) -> bool:
        """Take the money of a payment that waits or failed; tell whether there is one."""
        with self._writing() as conn:
            found = self._payment(conn, transaction_id)
            if found is None:
                return False
            if found["status"] != "succeeded":
                self._charge(conn, transaction_id, found["last_four"])
            return True

    def turn(self) -> None:
        """Take the money of each payment whose late success is due."""
        with self._writing() as conn:
            due = conn.execute(
                "SELECT transaction_id, last_four FROM payment WHERE turns_at <= ?", (self._now(),)
            ).fetchall()
            for row in due:
                self._charge(conn, row["transaction_id"], row["last_four"])

    def payment(self, transaction_id: str) -> dict[str, Any] | None:
        """Show a payment."""
        with self._writing() as conn:
            found = self._payment(conn, transaction_id)
            if found is None:
                return None
            count = conn.execute(
                "SELECT count(*) FROM charge WHERE transaction_id = ?", (transaction_id,)
            ).fetchone()[0]
        return {
            "transactionId": transaction_id,
            "status": found["status"],
            "reason": found["reason"],
            "lastFour": found["last_four"],
            "charges": count,
        }

    def give_back(
        self, refund_id: str, transaction_id: str, amount: int, currency: str
    ) -> dict[str, Any] | None:
        """Give money back once for each id; None where no money was taken."""
        with self._writing() as conn:
            paid = self._payment(conn, transaction_id)
            if paid is None or paid["status"] != "succeeded":
                return None
            added = conn.execute(
                "INSERT INTO refund VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (refund_id, transaction_id, amount, currency, self._now()),
            )
            if added.rowcount:
                self._tell(conn, "refund.succeeded", refund_id)
        return self.refund(refund_id)

    def refund(self, refund_id: str) -> dict[str, Any] | None:
        """Show a refund."""
        with self._writing() as conn:
            found = conn.execute(
                "SELECT * FROM refund WHERE refund_id = ?", (refund_id,)
            ).fetchone()
        return None if found is None else _refund(found)

    def report(self) -> dict[str, list[dict[str, Any]]]:
        """Show everything, to compare other books with."""
        with self._writing() as conn:
            payments = conn.execute(
                "SELECT transaction_id, status, (SELECT count(*) FROM charge WHERE "
                "charge.transaction_id = payment.transaction_id) AS charges FROM payment "
                "ORDER BY transaction_id"
            ).fetchall()
            refunds = conn.execute("SELECT * FROM refund ORDER BY refund_id").fetchall()
        return {
            "payments": [
                {
                    "transactionId": row["transaction_id"],
                    "status": row["status"],
                    "charges": row["charges"],
                }
                for row in payments
            ],
            "refunds": [_refund(row) for row in refunds],
        }

    def between(self, since: str, until: str) -> dict[str, list[dict[str, Any]]]:
        """Show what was charged and given back from a moment until before another one.

        Both are written as the books write moments: in UTC, in the form of `datetime.isoformat`.
        """
        times = since, until
        with self._writing() as conn:
            charges = conn.execute(
                "SELECT transaction_id, at FROM charge WHERE at >= ? AND at < ? ORDER BY id", times
            ).fetchall()
            refunds = conn.execute(
                "SELECT * FROM refund WHERE at >= ? AND at < ? ORDER BY at, refund_id", times
            ).fetchall()
        return {
            "charges": [
                {"transactionId": row["transaction_id"], "at": row["at"]} for row in charges
            ],
            "refunds": [{**_refund(row), "at": row["at"]} for row in refunds],
        }

    def untold(self) -> list[Telling]:
        """List the events that are due to be told, oldest first."""
        with self._writing() as conn:
            found = conn.execute(
                "SELECT id, type, about, tries FROM event WHERE next_at <= ? ORDER BY id LIMIT 100",
                (self._now(),),
            ).fetchall()
        return [Telling(**dict(row)) for row in found]

    def told(self, event_id: int, *, again_in_s: float | None) -> None:
        """Note that an event was told, or when to try again."""
        next_at = None
        if again_in_s is not None:
            next_at = (self._clock() + timedelta(seconds=again_in_s)).isoformat()
        with self._writing() as conn:
            conn.execute(
                "UPDATE event SET tries = tries + 1, next_at = ? WHERE id = ?", (next_at, event_id)
            )

    def _charge(self, conn: sqlite3.Connection, transaction_id: str, last_four: str) -> None:
        conn.execute(
            "INSERT INTO charge (transaction_id, last_four, at) VALUES (?, ?, ?)",
            (transaction_id, last_four, self._now()),
        )
        self._put(conn, transaction_id, "succeeded", last_four)

    def _put(
        self,
        conn: sqlite3.Connection,
        transaction_id: str,
        status: Status,
        last_four: str,
        *,
        reason: str | None = None,
        turns_at: str | None = None,
    ) -> None:
        before = self._payment(conn, transaction_id)
        # Money that was taken stays taken, whatever a later attempt comes to.
        if before is not None and before["status"] == "succeeded":
            return
        conn.execute(
            "INSERT OR REPLACE INTO payment VALUES (?, ?, ?, ?, ?)",
            (transaction_id, status, reason, last_four, turns_at),
        )
        self._tell(conn, f"payment.{status}", transaction_id)

    def _tell(self, conn: sqlite3.Connection, kind: str, about: str) -> None:
        now = self._now()
        conn.execute(
            "INSERT INTO event (type, about, at, tries, next_at) VALUES (?, ?, ?, 0, ?)",
            (kind, about, now, now),
        )

    @staticmethod
    def _payment(conn: sqlite3.Connection, transaction_id: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = conn.execute(
            "SELECT * FROM payment WHERE transaction_id = ?", (transaction_id,)
        ).fetchone()
        return found

    def _now(self) -> str:
        return self._clock().isoformat()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the one connection for one transaction."""
        with self._lock:
            self._conn.execute("BEGIN IMMEDIATE")
            try:
                yield self._conn
            except BaseException:
                self._conn.execute("ROLLBACK")
                raise
            self._conn.execute("COMMIT")


def _refund(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "refundId": row["refund_id"],
        "transactionId": row["transaction_id"],
        "amount": row["amount"],
        "currency": row["currency"],
        "status": "succeeded",
    }
