"""Payments and what they pay."""

import sqlalchemy as sa

from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_table

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the tables."""
    _create_payment()
    create_table(
        "allocation",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("payment_id", Id(), nullable=False),
        sa.Column("invoice_id", Id(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("due_after", sa.BigInteger(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
        sa.CheckConstraint("amount <> 0", name="amount"),
    )
    create_index("allocation", "organization_id", "payment_id")
    create_index("allocation", "organization_id", "invoice_id")


def downgrade() -> None:
    """Remove the tables."""
    drop_table("allocation")
    drop_table("payment")


def _create_payment() -> None:
    create_table(
        "payment",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("customer_id", Id(), nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("unallocated", sa.BigInteger(), nullable=False),
        sa.Column("refund_reserved", sa.BigInteger(), nullable=False),
        sa.Column("refunded", sa.BigInteger(), nullable=False),
        sa.Column("charged_back", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(100), nullable=True),
        sa.Column("note", sa.String(2000), nullable=True),
        sa.Column("receipt_year", sa.SmallInteger(), nullable=True),
        sa.Column("receipt_sequence", sa.BigInteger(), nullable=True),
        sa.Column("receipt_number", sa.String(40), nullable=True),
        sa.Column("receipt_date", sa.Date(), nullable=True),
        sa.Column("parties", Document(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
        sa.CheckConstraint("amount > 0", name="amount"),
        sa.CheckConstraint(
            "allocated >= 0 AND unallocated >= 0 AND refund_reserved >= 0 AND refunded >= 0 "
            "AND charged_back >= 0",
            name="not_negative",
        ),
        sa.CheckConstraint(
            "allocated + unallocated + refund_reserved + refunded + charged_back = "
            "CASE WHEN status IN ('succeeded', 'disputed', 'charged_back') THEN amount ELSE 0 END",
            name="accounted_for",
        ),
        sa.UniqueConstraint("organization_id", "receipt_number"),
        hot=True,
    )
    create_index("payment", "organization_id", "customer_id", "id")
