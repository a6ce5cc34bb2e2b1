"""What a provider was asked for: read it, and say what may still be done about it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.kernel import ids, rows, tasks
from tallystick.kernel.errors import Refused, shown
from tallystick.payments.cards import Card
from tallystick.payments.models import ORDERS, PAYMENTS
from tallystick.payments.provider import PaymentOrder, RefundOrder
from tallystick.payments.states import ON_THE_WAY, SETTLED

UNANSWERED: Final = ("timeout", "dropped", "server_error", "garbage", "cannot_ask")
"""Why an outcome is unknown of which the provider has said nothing at all."""
HASTENED_MAX: Final = 1_000
"""How many questions are made due at once; an answer that comes later does it again."""
LEFT_ALONE: Final = timedelta(seconds=10)
"""Who was asked so lately is not asked out of turn."""


def check_unknown(status: str, order: Row[Any], at: datetime) -> None:
    """Refuse to act on an outcome that is known, or that may come at any moment.

    Refuses:
        payment.in_flight, payment.outcome_known
    """
    if status != "processing" or order.unknown_from is None:
        message = (
            f"What became of the payment {shown(order.payment_id)} is known: it is {status}. "
            "Read it, and start a new payment if one is needed."
        )
        facts = {"payment_status": status}
        raise Refused("payment.outcome_known", message, facts=facts, kept=False)
    if order.unknown_from > at:
        message = (
            f"The provider is being asked for the payment {shown(order.payment_id)} at this "
            "moment. Wait for its answer, then look again."
        )
        raise Refused("payment.in_flight", message, kept=False)


def find(conn: Connection, organization_id: UUID, order_id: UUID) -> Row[Any]:
    """Read what a provider was asked for, or refuse with payment.not_online."""
    key = organization_id, order_id
    found = rows.find(conn, [ORDERS.c.organization_id, ORDERS.c.id], [key])
    if not found:
        message = f"No provider was asked for the payment {shown(order_id)}."
        raise Refused("payment.not_online", message)
    return found[0]


def on_the_way(
    conn: Connection, organization_id: UUID, provider: str, provider_key: UUID
) -> UUID | None:
    """Find the payment under a provider's key of which nobody knows yet what became of it."""
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
            PAYMENTS.c.status.in_(ON_THE_WAY),
        )
    )
    return conn.execute(statement.limit(1)).scalar()


def over_since(order: Row[Any]) -> datetime:
    """Say since when the last call has been over, at the latest."""
    over_at: datetime = order.unknown_from or order.called_at
    return over_at


def counted_already(conn: Connection, order: Row[Any]) -> bool:
    """Tell whether another payment has settled what the provider took under this key.

    Two payments share a key where an older contract prescribes it; they lock the same invoice.
    """
    if order.provider_key == order.id:
        return False
    columns = [ORDERS.c.organization_id, ORDERS.c.provider, ORDERS.c.provider_key]
    same = rows.find(conn, columns, [(order.organization_id, order.provider, order.provider_key)])
    keys = [(row.organization_id, row.id) for row in same if row.id != order.id]
    others = rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], keys)
    return any(row.status in SETTLED for row in others)


def asking_kind(provider: str) -> str:
    """Name the tasks that ask a provider what became of something."""
    return f"ask:{provider}"


def asking_task(order_id: UUID) -> UUID:
    """Derive the id of the one task that asks about a payment or refund."""
    return ids.derived(order_id, "ask")


def oldest_unknown(conn: Connection, at: datetime) -> datetime | None:
    """Say since when, at most, nobody knows what a provider has done; None where all is known.

    A call that is on its way is none of these.
    """
    statement = select(ORDERS.c.unknown_from).where(ORDERS.c.unknown_from <= at)
    return conn.scalar(statement.order_by(ORDERS.c.unknown_from).limit(1))


def unanswered(
    conn: Connection, provider: str, at: datetime, limit: int
) -> Sequence[Row[UUID, UUID]]:
    """List by organization and id what a provider has left unanswered, the longest alone first."""
    column = ORDERS.c
    statement = select(column.organization_id, column.id).where(
        column.unknown_from <= at,
        column.provider == provider,
        column.unknown_why.in_(UNANSWERED),
        column.updated_at <= at - LEFT_ALONE,
    )
    return conn.execute(statement.order_by(column.updated_at, column.id).limit(limit)).all()


def hasten(conn: Connection, found: Sequence[Row[UUID, UUID]], at: datetime) -> None:
    """Ask about these now, although their questions rest or were given up: somebody answers."""
    keys = [(row.organization_id, asking_task(row.id)) for row in found]
    tasks.hasten(conn, keys, at)


def place(order: Row[Any]) -> dict[str, Any]:
    """Give the key of its row."""
    return {"organization_id": order.organization_id, "id": order.id}


def payment_order(
    conn: Connection, organization_id: UUID, payment_id: UUID, card: Card | None
) -> PaymentOrder:
    """Write out what the provider of a payment is told, with a card in transit.

    Refuses:
        payment.not_online
    """
    order = find(conn, organization_id, payment_id)
    columns = [PAYMENTS.c.organization_id, PAYMENTS.c.id]
    payment = rows.find(conn, columns, [(organization_id, order.payment_id)])[0]
    return PaymentOrder(
        key=order.provider_key,
        amount=order.amount,
        currency=payment.currency,
        description=order.description,
        return_url=order.return_url,
        card=card,
    )


def refund_order(conn: Connection, organization_id: UUID, refund_id: UUID) -> RefundOrder:
    """Write out what the provider of a refund is told.

    Refuses:
        payment.not_online
    """
    order = find(conn, organization_id, refund_id)
    payment = find(conn, organization_id, order.payment_id)
    columns = [PAYMENTS.c.organization_id, PAYMENTS.c.id]
    row = rows.find(conn, columns, [(organization_id, order.payment_id)])[0]
    return RefundOrder(
        key=order.provider_key,
        payment_key=payment.provider_key,
        payment_reference=payment.reference,
        amount=order.amount,
        currency=row.currency,
    )
