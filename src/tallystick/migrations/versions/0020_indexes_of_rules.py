"""What is read by customer, by label, and by provider and day has an index."""

from tallystick.migrations.steps import create_index, drop_index

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make the indexes; the one that is left out is the beginning of another one."""
    create_index("firing", "organization_id", "customer_id")
    create_index("label", "organization_id", "label", "id")
    create_index("label", "organization_id", "customer_id", "id")
    drop_index("label", "organization_id", "customer_id")
    create_index("provider_order", "provider", "created_at")


def downgrade() -> None:
    """Remove the indexes."""
    drop_index("provider_order", "provider", "created_at")
    create_index("label", "organization_id", "customer_id")
    drop_index("label", "organization_id", "customer_id", "id")
    drop_index("label", "organization_id", "label", "id")
    drop_index("firing", "organization_id", "customer_id")
