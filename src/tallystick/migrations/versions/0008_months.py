"""Sums of closed months, and the order in which statements read postings."""

import sqlalchemy as sa

from tallystick.kernel.schema import Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_index, drop_table

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables and change the indexes."""
    create_index("posting", "organization_id", "account", "currency", "date", "entry_id")
    create_index("posting", "organization_id", "currency", "date", "entry_id")
    drop_index("posting", "organization_id", "account", "currency", "date")
    drop_index("posting", "organization_id", "invoice_id")
    create_table(
        "closed_month",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("month", sa.Date(), primary_key=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
    )
    create_table(
        "month_sum",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("account", sa.String(120), primary_key=True),
        sa.Column("currency", sa.String(3), primary_key=True),
        sa.Column("month", sa.Date(), primary_key=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    """Remove the tables and change the indexes back."""
    drop_table("month_sum")
    drop_table("closed_month")
    create_index("posting", "organization_id", "invoice_id")
    create_index("posting", "organization_id", "account", "currency", "date")
    drop_index("posting", "organization_id", "currency", "date", "entry_id")
    drop_index("posting", "organization_id", "account", "currency", "date", "entry_id")
