"""Which workers there are: each says at intervals that it is there, and what it has done."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, select
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import ids
from tallystick.kernel.clock import Clock
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.looping import Loop
from tallystick.kernel.schema import Base, table_of

log = structlog.get_logger(__name__)


class Heartbeat(Base):
    """One worker, from its start until it stops or has not been heard of for long."""

    __tablename__ = "worker"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    """When it last said that it is there, by its own clock."""
    does: Mapped[list[Any]]
    """The names of its jobs, and the kinds of tasks that it does."""
    counts: Mapped[dict[str, Any]]
    """What it has done since its start, counted by what it is."""


WORKERS = table_of(Heartbeat)

BEAT_S: Final = 15.0
"""How often a worker says that it is there."""
LATE: Final = timedelta(seconds=4 * BEAT_S)
"""A worker that was not heard of for so long is not there, or its database was not."""
KEPT: Final = timedelta(hours=1)
"""How long a worker is remembered that ended without a word."""


@dataclass(frozen=True, slots=True)
class Beat:
    """What a worker says of itself."""

    id: UUID
    started_at: datetime
    at: datetime
    does: Sequence[str]
    counts: Mapping[str, int]


def beat(conn: Connection, said: Beat) -> None:
    """Keep what a worker says of itself, and forget those that ended long ago without a word."""
    values = {"beat_at": said.at, "does": list(said.does), "counts": dict(said.counts)}
    if not conn.execute(WORKERS.update().where(WORKERS.c.id == said.id).values(values)).rowcount:
        new = {"id": said.id, "started_at": said.started_at, **values}
        conn.execute(WORKERS.insert(), new)
    conn.execute(WORKERS.delete().where(WORKERS.c.beat_at < said.at - KEPT))


def leave(conn: Connection, worker_id: UUID) -> None:
    """Forget a worker that stops."""
    conn.execute(WORKERS.delete().where(WORKERS.c.id == worker_id))


def workers(conn: Connection) -> Sequence[Row[Any]]:
    """List the workers, the one that was last heard of first."""
    return conn.execute(select(WORKERS).order_by(WORKERS.c.beat_at.desc(), WORKERS.c.id)).all()


class Heart:
    """Says at intervals that the worker is there, and what it has done."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        stopping: Callable[[], bool],
        does: Callable[[], Sequence[str]],
        counts: Callable[[], Mapping[str, int]],
    ) -> None:
        self._database = database
        self._clock = clock
        self._does = does
        self._counts = counts
        self._id = ids.new()
        self._started_at: datetime | None = None
        self._loop = Loop("heart", self._beat, stopping, failed="heartbeat not kept")

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Beat on a thread meanwhile; at the end nobody is to wait for this worker."""
        try:
            with self._loop.beside():
                yield
        finally:
            if self._started_at is not None:
                self._leave()

    def wake(self) -> None:
        """Beat at once, or see that it is over."""
        self._loop.wake()

    def _leave(self) -> None:
        try:
            self._database.write(lambda conn: leave(conn, self._id))
        except Unavailable as error:
            log.warning("end of the worker not kept", error=str(error))

    def _beat(self) -> float:
        at = self._clock()
        self._started_at = self._started_at or at
        said = Beat(self._id, self._started_at, at, self._does(), self._counts())
        self._database.write(lambda conn: beat(conn, said))
        return BEAT_S
