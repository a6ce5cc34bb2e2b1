"""Why part of an invoice was written off."""

import sqlalchemy as sa

from tallystick.migrations.steps import add_column, drop_column

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column."""
    add_column("invoice_content", sa.Column("write_off_reason", sa.String(2000), nullable=True))


def downgrade() -> None:
    """Remove the column."""
    drop_column("invoice_content", "write_off_reason")
