"""Refunds that wait for another person, labels, and how far rules have followed events."""

import sqlalchemy as sa

from tallystick.kernel.schema import Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_table

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the tables."""
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
    create_table(
        "label",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("subject", sa.String(20), nullable=False),
        sa.Column("subject_id", Id(), nullable=False),
        sa.Column("customer_id", Id(), nullable=False),
        sa.Column("label", sa.String(50), nullable=False),
        sa.Column("added_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
        sa.UniqueConstraint("organization_id", "subject_id", "label"),
    )
    create_index("label", "organization_id", "customer_id")
    create_table(
        "rule_reading",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"]),
    )


def downgrade() -> None:
    """Remove the tables."""
    drop_table("rule_reading")
    drop_table("label")
    drop_table("refund_hold")
