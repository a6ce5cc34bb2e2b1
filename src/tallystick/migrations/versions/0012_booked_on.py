"""The last day on which something is booked on an invoice or moved of a payment.

What is there already keeps NULL: things that happen to it are booked no earlier than the day they
happen. A month also keeps when an entry landed in it late, apart from when its marker was made.
"""

import sqlalchemy as sa

from tallystick.kernel.schema import Moment
from tallystick.migrations.steps import add_column, drop_column

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the columns."""
    add_column("invoice", sa.Column("booked_on", sa.Date(), nullable=True))
    add_column("payment", sa.Column("booked_on", sa.Date(), nullable=True))
    add_column("closed_month", sa.Column("noted_at", Moment(), nullable=True))


def downgrade() -> None:
    """Remove the columns."""
    drop_column("closed_month", "noted_at")
    drop_column("payment", "booked_on")
    drop_column("invoice", "booked_on")
