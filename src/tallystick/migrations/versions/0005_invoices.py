"""Invoices, their contents and lines, and the counters of numbers."""

import sqlalchemy as sa

from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_table

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    _create_invoice()
    _create_content()
    create_table(
        "invoice_line",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("invoice_id", Id(), primary_key=True),
        sa.Column("position", sa.SmallInteger(), primary_key=True),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("quantity_micro", sa.BigInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate_ppm", sa.Integer(), nullable=False),
        sa.Column("discount_kind", sa.String(20), nullable=True),
        sa.Column("discount_value", sa.BigInteger(), nullable=True),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
    )
    create_table(
        "counter",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("series", sa.String(16), primary_key=True),
        sa.Column("year", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("last_date", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        hot=True,
    )


def downgrade() -> None:
    """Remove the tables."""
    drop_table("counter")
    drop_table("invoice_line")
    drop_table("invoice_content")
    drop_table("invoice")


def _create_invoice() -> None:
    create_table(
        "invoice",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("customer_id", Id(), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("payment_status", sa.String(20), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("paid", sa.BigInteger(), nullable=False),
        sa.Column("credited", sa.BigInteger(), nullable=False),
        sa.Column("written_off", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("series", sa.String(16), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("number", sa.String(40), nullable=True),
        sa.Column("issue_date", sa.Date(), nullable=True),
        sa.Column("due_date", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
        sa.CheckConstraint(
            "paid + credited + written_off + reserved <= total", name="not_overpaid"
        ),
        sa.CheckConstraint(
            "total >= 0 AND paid >= 0 AND credited >= 0 AND written_off >= 0 AND reserved >= 0",
            name="not_negative",
        ),
        sa.CheckConstraint("(status = 'draft') = (number IS NULL)", name="numbered_when_issued"),
        sa.UniqueConstraint("organization_id", "number"),
        hot=True,
    )
    create_index("invoice", "organization_id", "customer_id", "status", "due_date")
    create_index("invoice", "organization_id", "status", "payment_status", "id")


def _create_content() -> None:
    create_table(
        "invoice_content",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("invoice_id", Id(), primary_key=True),
        sa.Column("terms_days", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(100), nullable=True),
        sa.Column("note", sa.String(2000), nullable=True),
        sa.Column("discount_kind", sa.String(20), nullable=True),
        sa.Column("discount_value", sa.BigInteger(), nullable=True),
        sa.Column("net", sa.BigInteger(), nullable=False),
        sa.Column("tax", sa.BigInteger(), nullable=False),
        sa.Column("discount", sa.BigInteger(), nullable=False),
        sa.Column("tax_rates", Document(), nullable=False),
        sa.Column("trace", Document(), nullable=False),
        sa.Column("seller", Document(), nullable=True),
        sa.Column("buyer", Document(), nullable=True),
        sa.Column("document_hash", sa.String(64), nullable=True),
        sa.Column("issued_at", Moment(), nullable=True),
        sa.Column("voided_at", Moment(), nullable=True),
        sa.Column("void_reason", sa.String(2000), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
    )
