"""What is to be done after COMMIT: written by the transaction that wants it, claimed later.

A task is claimed by moving its due time past a lease, so one whose worker died is due again by
itself. It is marked done after its effect: an effect may happen twice where a worker dies between
the two, and its handler must bear that.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel import ids
from tallystick.kernel.actor import Act
from tallystick.kernel.rows import Writes
from tallystick.kernel.schema import Base, Text, table_of


class Task(Base):
    """One thing to do. It names what it is about by ids, and holds no personal data or secret."""

    __tablename__ = "task"
    # The one index, with that of payers' addresses, that no organization leads: whoever looks for
    # work looks in all of them at once.
    __table_args__ = (Index(None, "due_at", "id"),)

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    payload: Mapped[dict[str, Any]]
    due_at: Mapped[datetime | None]
    """When it may be claimed; None once it is done or dead."""
    attempts: Mapped[int]
    lease_id: Mapped[UUID | None]
    """Who has claimed it last: whoever finishes it must still be the one."""
    last_error: Mapped[Text | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    dead_at: Mapped[datetime | None]
    """When it was given up."""


TASKS = table_of(Task)


def add(writes: Writes, act: Act, kind: str, payload: dict[str, Any]) -> UUID:
    """Add a task to what the transaction writes, due at once; give its id."""
    task_id = ids.new()
    writes.add(
        TASKS,
        {
            "organization_id": act.organization_id,
            "id": task_id,
            "kind": kind,
            "payload": payload,
            "due_at": act.at,
            "attempts": 0,
            "lease_id": None,
            "last_error": None,
            "created_at": act.at,
            "done_at": None,
            "dead_at": None,
        },
    )
    return task_id
