"""Credit notes, refunds, claims, and what may be said beside an invoice."""

import sqlalchemy as sa

from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import (
    add_column,
    create_index,
    create_table,
    drop_column,
    drop_table,
    run,
)

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables and add the columns."""
    add_column("invoice_content", sa.Column("memo", sa.String(2000), nullable=True))
    add_column("invoice_content", sa.Column("replaces", Id(), nullable=True))
    add_column("payment", sa.Column("settled_at", Moment(), nullable=True))
    # Until now every payment was settled when it was recorded.
    run("UPDATE payment SET settled_at = created_at WHERE settled_at IS NULL")
    _create_credit_note()
    _create_claim()
    _create_refund()


def downgrade() -> None:
    """Remove the tables and the columns."""
    drop_table("refund")
    drop_table("claim")
    drop_table("credit_note")
    drop_column("payment", "settled_at")
    drop_column("invoice_content", "replaces")
    drop_column("invoice_content", "memo")


def _create_credit_note() -> None:
    create_table(
        "credit_note",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("invoice_id", Id(), nullable=False),
        sa.Column("customer_id", Id(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("lines", Document(), nullable=False),
        sa.Column("tax_rates", Document(), nullable=False),
        sa.Column("reason", sa.String(2000), nullable=False),
        sa.Column("series", sa.String(16), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(40), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("seller", Document(), nullable=False),
        sa.Column("buyer", Document(), nullable=False),
        sa.Column("document_hash", sa.String(64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
        sa.CheckConstraint("total > 0 AND net >= 0 AND tax >= 0", name="amount"),
        sa.CheckConstraint("net + tax = total", name="adds_up"),
        sa.UniqueConstraint("organization_id", "number"),
    )
    create_index("credit_note", "organization_id", "invoice_id")
    create_index("credit_note", "organization_id", "customer_id", "id")


def _create_claim() -> None:
    create_table(
        "claim",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("payment_id", Id(), primary_key=True),
        sa.Column("shares", Document(), nullable=False),
        sa.Column("excess", sa.String(20), nullable=False),
        sa.Column("decline_reason", sa.String(2000), nullable=True),
        sa.Column("decided_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
    )


def _create_refund() -> None:
    create_table(
        "refund",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("payment_id", Id(), nullable=False),
        sa.Column("customer_id", Id(), nullable=False),
        sa.Column("method", sa.String(20), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("refunded_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(100), nullable=True),
        sa.Column("reason", sa.String(2000), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
        sa.CheckConstraint("amount > 0", name="amount"),
    )
    create_index("refund", "organization_id", "payment_id")
    create_index("refund", "organization_id", "customer_id", "id")
