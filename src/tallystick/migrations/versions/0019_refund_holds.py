"""Refunds that wait for another person."""

import sqlalchemy as sa

from tallystick.kernel.schema import Id, Moment
from tallystick.migrations.steps import create_table, drop_table

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the table."""
    create_table(
        "refund_hold",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("refund_id", Id(), primary_key=True),
        sa.Column("held_by", Id(), nullable=False),
        sa.Column("rule_id", Id(), nullable=False),
        sa.Column("decline_reason", sa.String(2000), nullable=True),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "refund_id"], ["refund.organization_id", "refund.id"]
        ),
    )


def downgrade() -> None:
    """Remove the table."""
    drop_table("refund_hold")
