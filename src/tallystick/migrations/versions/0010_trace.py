"""The words that told how an invoice's figures came about; they are made from the figures now."""

import sqlalchemy as sa

from tallystick.kernel.schema import Document
from tallystick.migrations.steps import add_column, drop_column

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Remove the column."""
    drop_column("invoice_content", "trace")


def downgrade() -> None:
    """Add the column, which older releases fill."""
    add_column("invoice_content", sa.Column("trace", Document(), nullable=True))
