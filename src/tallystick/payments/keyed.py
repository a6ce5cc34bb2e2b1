"""What stands under a provider's key that an older contract prescribes."""

from uuid import UUID

from sqlalchemy import Connection, select

from tallystick.payments.models import ORDERS, PAYMENTS
from tallystick.payments.states import SETTLED


def is_charged(conn: Connection, organization_id: UUID, provider: str, provider_key: UUID) -> bool:
    """Tell whether a payment under this key was settled, whatever became of its money since.

    One key is one charge: what a provider takes under it once more is not another one.
    """
    statement = (
        select(ORDERS.c.id)
        .join(
            PAYMENTS,
            (PAYMENTS.c.organization_id == ORDERS.c.organization_id)
            & (PAYMENTS.c.id == ORDERS.c.id),
        )
        .where(
            ORDERS.c.organization_id == organization_id,
            ORDERS.c.provider == provider,
            ORDERS.c.provider_key == provider_key,
            PAYMENTS.c.status.in_(SETTLED),
        )
    )
    return conn.execute(statement.limit(1)).first() is not None
