"""The books."""

import sqlalchemy as sa

from tallystick.kernel.schema import Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_table

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    create_table(
        "posting",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("entry_id", Id(), primary_key=True),
        sa.Column("leg", sa.SmallInteger(), primary_key=True),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("account", sa.String(120), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", Id(), nullable=True),
        sa.Column("payment_id", Id(), nullable=True),
        sa.CheckConstraint("amount <> 0", name="amount"),
    )
    create_index("posting", "organization_id", "account", "currency", "date")
    create_index("posting", "organization_id", "invoice_id")


def downgrade() -> None:
    """Remove the table."""
    drop_table("posting")
