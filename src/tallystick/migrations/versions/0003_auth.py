"""API keys."""

import sqlalchemy as sa

from tallystick.kernel.schema import Id, Moment
from tallystick.migrations.steps import create_table, drop_table

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    create_table(
        "api_key",
        sa.Column("id", Id(), primary_key=True),
        sa.Column("organization_id", Id(), nullable=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("prefix", sa.String(16), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.UniqueConstraint("secret_hash"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"]),
    )


def downgrade() -> None:
    """Remove the table."""
    drop_table("api_key")
