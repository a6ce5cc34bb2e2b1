"""Positions of events, and which workers there are.

Events that are there get their positions from the worker, as new ones do.
"""

import sqlalchemy as sa

from tallystick.kernel.events import STAMPED, WAITING
from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_index, drop_table, run

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the tables and the indexes."""
    create_table(
        "event_stream",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        hot=True,
    )
    create_table(
        "worker",
        sa.Column("id", Id(), primary_key=True),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("beat_at", Moment(), nullable=False),
        sa.Column("does", Document(), nullable=False),
        sa.Column("counts", Document(), nullable=False),
    )
    create_index("event", "position", "at", "id", **WAITING)
    create_index("event", "organization_id", "position", unique=True, **STAMPED)


def downgrade() -> None:
    """Remove the indexes, the tables and the positions, which a worker would begin anew."""
    run("UPDATE event SET position = NULL WHERE position IS NOT NULL")
    drop_index("event", "organization_id", "position")
    drop_index("event", "position", "at", "id")
    drop_table("worker")
    drop_table("event_stream")
