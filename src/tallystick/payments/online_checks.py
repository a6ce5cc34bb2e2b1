"""The invariants of payments and refunds at providers, for the audit."""

from typing import Any, Final

from sqlalchemy import Connection, Select, and_, func, or_, select

from tallystick.kernel import rows
from tallystick.kernel.alarms import ALARMS, alarm_id
from tallystick.kernel.tasks import TASKS
from tallystick.ledger.audit import Check, Counted, rows_of
from tallystick.payments import orders, refund_alarms, worries
from tallystick.payments.models import ORDERS, PAYMENTS, REFUNDS, RESERVATIONS
from tallystick.payments.states import OFFLINE_METHODS, ON_THE_WAY, SETTLED

_P, _O, _R, _S = PAYMENTS.c, ORDERS.c, REFUNDS.c, RESERVATIONS.c
_COUNT = select(func.count()).select_from(ORDERS)
_OF_PAYMENT = and_(_O.organization_id == _P.organization_id, _O.id == _P.id)


def _orders_astray() -> Select[Any]:
    """What a provider was asked for is a payment of its name, or a refund of one."""
    online = _P.method.not_in(OFFLINE_METHODS)
    wrong = or_(
        and_(online, _O.id.is_(None)),
        and_(
            _O.id.is_not(None),
            or_(
                ~online, _O.provider != _P.method, _O.amount != _P.amount, _O.refund_id.is_not(None)
            ),
        ),
        and_(_O.unknown_from.is_not(None), _P.status != "processing"),
    )
    joined = PAYMENTS.outerjoin(ORDERS, _OF_PAYMENT)
    return select(_P.organization_id, _P.id).select_from(joined).where(wrong)


def _unreserved() -> Select[Any]:
    """A payment on its way has reserved its whole amount."""
    kept = (
        select(_S.organization_id, _S.payment_id, func.sum(_S.amount).label("amount"))
        .group_by(_S.organization_id, _S.payment_id)
        .subquery()
    )
    same = and_(kept.c.organization_id == _P.organization_id, kept.c.payment_id == _P.id)
    wrong = and_(_P.status.in_(ON_THE_WAY), func.coalesce(kept.c.amount, 0) != _P.amount)
    joined = PAYMENTS.outerjoin(kept, same)
    return select(_P.organization_id, _P.id).select_from(joined).where(wrong)


def _counted_twice() -> Select[Any]:
    """What a provider took under one key is one settled payment."""
    joined = ORDERS.join(PAYMENTS, _OF_PAYMENT)
    key = (_O.organization_id, _O.provider, _O.provider_key)
    return (
        select(_O.organization_id, _O.provider_key)
        .select_from(joined)
        .where(_P.status.in_(SETTLED))
        .group_by(*key)
        .having(func.count() > 1)
    )


def _refund_orders_astray() -> Select[Any]:
    """A refund on its way is at a provider, and what it gives back is reserved."""
    same = and_(_O.organization_id == _R.organization_id, _O.id == _R.id)
    joined = REFUNDS.outerjoin(ORDERS, same)
    wrong = or_(
        and_(_R.status == "processing", _O.id.is_(None)),
        and_(_O.id.is_not(None), or_(_O.amount != _R.amount, _O.payment_id != _R.payment_id)),
        and_(_O.unknown_from.is_not(None), _R.status != "processing"),
    )
    return select(_R.organization_id, _R.id).select_from(joined).where(wrong)


def _refund_reserved_differs() -> Select[Any]:
    """What is on its way back of each payment is the sum of its refunds on their way."""
    going = (
        select(_R.organization_id, _R.payment_id, func.sum(_R.amount).label("amount"))
        .where(_R.status == "processing")
        .group_by(_R.organization_id, _R.payment_id)
        .subquery()
    )
    same = and_(going.c.organization_id == _P.organization_id, going.c.payment_id == _P.id)
    joined = PAYMENTS.outerjoin(going, same)
    wrong = func.coalesce(going.c.amount, 0) != _P.refund_reserved
    return select(_P.organization_id, _P.id).select_from(joined).where(wrong)


_UNKNOWN_ALARMS: Final = (worries.UNKNOWN_ALARM, refund_alarms.UNKNOWN)


def _left_alone(conn: Connection) -> Counted:
    """Find what is at a provider, and neither is a task going to ask about it nor a person told."""
    refund = and_(_O.organization_id == _R.organization_id, _O.id == _R.id)
    joined = ORDERS.outerjoin(PAYMENTS, _OF_PAYMENT).outerjoin(REFUNDS, refund)
    going = or_(_P.status.in_(ON_THE_WAY), _R.status.in_(ON_THE_WAY))
    found = conn.execute(select(_O.organization_id, _O.id).select_from(joined).where(going)).all()
    asking = {(row.organization_id, orders.asking_task(row.id)): row for row in found}
    place = [TASKS.c.organization_id, TASKS.c.id]
    for task in rows.find(conn, place, list(asking)):
        if task.due_at is not None:
            del asking[task.organization_id, task.id]
    told = {
        (row.organization_id, alarm_id(kind, row.id))
        for row in asking.values()
        for kind in _UNKNOWN_ALARMS
    }
    place = [ALARMS.c.organization_id, ALARMS.c.id]
    alarmed = rows.find(conn, place, told)
    seen = {(row.organization_id, row.subject_id) for row in alarmed if row.cleared_at is None}
    return len(found), [
        f"{row.organization_id} {row.id}"
        for row in asking.values()
        if (row.organization_id, row.id) not in seen
    ]


CHECKS = (
    Check(
        "I5-online",
        "every payment on its way to a provider has reserved what it is to pay",
        rows_of(_COUNT, _unreserved()),
    ),
    Check(
        "I7-online",
        "what is on its way back of each payment is the sum of its refunds on their way",
        rows_of(_COUNT, _refund_reserved_differs()),
    ),
    Check(
        "I16-online",
        "every payment and refund at a provider has what was asked for, and no other is unknown",
        rows_of(_COUNT, _orders_astray().union_all(_refund_orders_astray())),
    ),
    Check(
        "I17-keys",
        "what a provider took under one key is one settled payment",
        rows_of(_COUNT, _counted_twice()),
    ),
    Check(
        "I18",
        "whatever a provider has not decided will be asked about, or a person was told",
        _left_alone,
    ),
)
