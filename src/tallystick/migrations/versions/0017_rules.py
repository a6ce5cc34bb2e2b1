"""Rules, what they were and did, what they hold, and how large a rest they may write off."""

from typing import Any

import sqlalchemy as sa

from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import (
    add_column,
    create_index,
    create_table,
    drop_column,
    drop_table,
)

revision = "0017"
down_revision = "0016"

_OF_RULE = (["organization_id", "rule_id"], ["rule.organization_id", "rule.id"])


def upgrade() -> None:
    """Make the tables and add the columns."""
    add_column("organization", sa.Column("payment_tolerance", sa.BigInteger(), nullable=True))
    add_column("organization", sa.Column("rules_version", sa.Integer(), nullable=True))
    add_column("customer", sa.Column("payment_tolerance", sa.BigInteger(), nullable=True))
    add_column("claim", sa.Column("held_by", Id(), nullable=True))
    add_column("claim", sa.Column("rule_id", Id(), nullable=True))
    create_table(
        "rule",
        *_own(),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("fires_on", sa.String(20), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("customer_id", Id(), nullable=True),
        sa.Column("customer_kind", sa.String(20), nullable=True),
        sa.Column("form", Document(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.Column("removed_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"]),
    )
    create_table(
        "rule_version",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("rule_id", Id(), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("content", Document(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(*_OF_RULE),
    )
    create_table(
        "firing",
        *_own(),
        sa.Column("once_id", Id(), nullable=False),
        sa.Column("rule_id", Id(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("fires_on", sa.String(20), nullable=False),
        sa.Column("customer_id", Id(), nullable=True),
        sa.Column("payment_id", Id(), nullable=True),
        sa.Column("invoice_id", Id(), nullable=True),
        sa.Column("facts", Document(), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("results", Document(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(*_OF_RULE),
        sa.UniqueConstraint("organization_id", "once_id"),
    )
    create_index("firing", "organization_id", "rule_id", "id")
    create_index("firing", "organization_id", "payment_id")
    create_index("firing", "organization_id", "invoice_id")


def _own() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
    )


def downgrade() -> None:
    """Remove the tables and the columns."""
    drop_table("firing")
    drop_table("rule_version")
    drop_table("rule")
    drop_column("claim", "rule_id")
    drop_column("claim", "held_by")
    drop_column("customer", "payment_tolerance")
    drop_column("organization", "rules_version")
    drop_column("organization", "payment_tolerance")
