"""Few tasks that were given up are found among many that are done."""

from tallystick.kernel.tasks import DEAD
from tallystick.migrations.steps import create_index, drop_index

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Make the index."""
    create_index("task", "dead_at", **DEAD)


def downgrade() -> None:
    """Remove the index."""
    drop_index("task", "dead_at")
