"""Answers under their idempotency keys, and events."""

import sqlalchemy as sa

from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_table

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "idempotency_key",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("act_key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("answer", Document(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("touched_at", Moment(), nullable=False),
    )
    create_table(
        "event",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("type", sa.String(60), nullable=False),
        sa.Column("subject_id", Id(), nullable=False),
        sa.Column("payload", Document(), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("actor_id", Id(), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("act_key", sa.String(255), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
    )
    create_index("event", "organization_id", "subject_id")


def downgrade() -> None:
    """Remove the tables."""
    drop_table("event")
    drop_table("idempotency_key")
