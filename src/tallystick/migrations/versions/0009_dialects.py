"""The numbers under which older contracts know our objects."""

import sqlalchemy as sa

from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import create_index, create_table, drop_table

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the tables."""
    create_table(
        "dialect_number",
        sa.Column("dialect", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("organization_id", Id(), nullable=False),
        sa.Column("object_id", Id(), nullable=False),
        sa.Column("natural_key", sa.String(255), nullable=True),
        sa.Column("facts", Document(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.UniqueConstraint("dialect", "kind", "object_id"),
        sa.UniqueConstraint("dialect", "kind", "natural_key"),
    )
    create_index("dialect_number", "organization_id", "dialect", "kind")
    create_table(
        "dialect_block",
        sa.Column("dialect", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(20), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Remove the tables."""
    drop_table("dialect_block")
    drop_table("dialect_number")
