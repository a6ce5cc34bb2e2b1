"""Payments and refunds on their way to a provider, what they reserve, and alarms."""

import sqlalchemy as sa

from tallystick.kernel.schema import Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_table

revision = "0014"
down_revision = "0013"

_OF_PAYMENT = (["organization_id", "payment_id"], ["payment.organization_id", "payment.id"])
_OF_REFUND = (["organization_id", "refund_id"], ["refund.organization_id", "refund.id"])
_OF_INVOICE = (["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"])


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "alarm",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("subject_id", Id(), nullable=False),
        sa.Column("detail", sa.String(2000), nullable=False),
        sa.Column("raised_at", Moment(), nullable=False),
        sa.Column("cleared_at", Moment(), nullable=True),
    )
    create_index("alarm", "organization_id", "raised_at")
    create_table(
        "provider_order",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("payment_id", Id(), nullable=False),
        sa.Column("refund_id", Id(), nullable=True),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("provider_key", Id(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(255), nullable=True),
        sa.Column("description", sa.String(255), nullable=False),
        sa.Column("return_url", sa.String(2000), nullable=True),
        sa.Column("action_url", sa.String(2000), nullable=True),
        sa.Column("card_brand", sa.String(20), nullable=True),
        sa.Column("card_first_six", sa.String(6), nullable=True),
        sa.Column("card_last_four", sa.String(4), nullable=True),
        sa.Column("card_expiry", sa.String(7), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("unknown_from", Moment(), nullable=True),
        sa.Column("unknown_why", sa.String(20), nullable=True),
        sa.Column("failure_code", sa.String(20), nullable=True),
        sa.Column("failure_reason", sa.String(255), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("called_at", Moment(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(*_OF_PAYMENT),
        sa.ForeignKeyConstraint(*_OF_REFUND),
        sa.CheckConstraint("amount > 0", name="amount"),
        hot=True,
    )
    create_index("provider_order", "organization_id", "payment_id")
    create_index("provider_order", "organization_id", "provider", "provider_key")
    create_index("provider_order", "unknown_from")
    create_table(
        "reservation",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("payment_id", Id(), primary_key=True),
        sa.Column("invoice_id", Id(), primary_key=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(*_OF_PAYMENT),
        sa.ForeignKeyConstraint(*_OF_INVOICE),
        sa.CheckConstraint("amount > 0", name="amount"),
    )
    create_index("reservation", "organization_id", "invoice_id")


def downgrade() -> None:
    """Remove the tables."""
    drop_table("reservation")
    drop_table("provider_order")
    drop_table("alarm")
