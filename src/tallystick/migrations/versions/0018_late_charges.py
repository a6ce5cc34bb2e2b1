"""What invoices charge on others that are overdue, and the rules behind it."""

import sqlalchemy as sa

from tallystick.kernel.schema import Id
from tallystick.migrations.steps import (
    add_column,
    create_index,
    create_table,
    drop_column,
    drop_table,
)

revision = "0018"
down_revision = "0017"

_AN_INVOICE = ["invoice.organization_id", "invoice.id"]


def upgrade() -> None:
    """Make the table and add the column."""
    add_column("invoice_content", sa.Column("relates_to", Id(), nullable=True))
    create_table(
        "late_charge",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("invoice_id", Id(), primary_key=True),
        sa.Column("relates_to", Id(), nullable=False),
        sa.Column("firing_id", Id(), nullable=False),
        sa.Column("charged_until", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["organization_id", "invoice_id"], _AN_INVOICE),
        sa.ForeignKeyConstraint(
            ["organization_id", "relates_to"], _AN_INVOICE, name="fk_late_charge_relates_to"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "firing_id"], ["firing.organization_id", "firing.id"]
        ),
        sa.CheckConstraint("invoice_id <> relates_to", name="another"),
        sa.UniqueConstraint("organization_id", "firing_id"),
    )
    create_index("late_charge", "organization_id", "relates_to")


def downgrade() -> None:
    """Remove the table and the column."""
    drop_table("late_charge")
    drop_column("invoice_content", "relates_to")
