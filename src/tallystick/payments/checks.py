"""The invariants of payments, for the audit."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, func, literal, or_, select

from tallystick.invoices import numbering
from tallystick.invoices.models import INVOICES
from tallystick.kernel.events import EVENTS
from tallystick.ledger import accounts, balances
from tallystick.ledger.audit import Check, rows_of
from tallystick.payments.models import (
    ALLOCATIONS,
    CLAIMS,
    PAYMENTS,
    REFUND_HOLDS,
    REFUNDS,
    RESERVATIONS,
)
from tallystick.payments.refunding import REFUNDED
from tallystick.payments.settling import SETTLED_EVENT
from tallystick.payments.states import ON_THE_WAY, SETTLED

_P, _A, _I, _C, _R = PAYMENTS.c, ALLOCATIONS.c, INVOICES.c, CLAIMS.c, REFUNDS.c
_S = RESERVATIONS.c
_COUNT = select(func.count()).select_from(PAYMENTS)
_COUNT_INVOICES = select(func.count()).select_from(INVOICES)
_NAMES = (_P.organization_id, _P.id)
_MONEY = (accounts.CASH, accounts.CLEARING)
"""Where money of payments is: with the organization, or still with a provider."""
_SETTLED: ColumnElement[bool] = _P.status.in_(SETTLED)


def _paid_differs() -> Select[Any]:
    """An invoice's paid is what settled payments allocate to it."""
    given = (
        select(_A.organization_id, _A.invoice_id, func.sum(_A.amount).label("amount"))
        .join(PAYMENTS, and_(_P.organization_id == _A.organization_id, _P.id == _A.payment_id))
        .where(_SETTLED)
        .group_by(_A.organization_id, _A.invoice_id)
        .subquery()
    )
    joined = INVOICES.outerjoin(
        given, and_(given.c.organization_id == _I.organization_id, given.c.invoice_id == _I.id)
    )
    named = select(_I.organization_id, _I.id)
    return named.select_from(joined).where(func.coalesce(given.c.amount, 0) != _I.paid)


def _reserved_differs() -> Select[Any]:
    """An invoice's reserved is what payments on their way keep of it."""
    kept = (
        select(_S.organization_id, _S.invoice_id, func.sum(_S.amount).label("amount"))
        .join(PAYMENTS, and_(_P.organization_id == _S.organization_id, _P.id == _S.payment_id))
        .where(_P.status.in_(ON_THE_WAY))
        .group_by(_S.organization_id, _S.invoice_id)
        .subquery()
    )
    joined = INVOICES.outerjoin(
        kept, and_(kept.c.organization_id == _I.organization_id, kept.c.invoice_id == _I.id)
    )
    named = select(_I.organization_id, _I.id)
    return named.select_from(joined).where(func.coalesce(kept.c.amount, 0) != _I.reserved)


def _parts_differ() -> Select[Any]:
    """A payment's allocated is the sum of its allocations, and its parts make its amount."""
    given = (
        select(_A.organization_id, _A.payment_id, func.sum(_A.amount).label("amount"))
        .group_by(_A.organization_id, _A.payment_id)
        .subquery()
    )
    joined = PAYMENTS.outerjoin(
        given, and_(given.c.organization_id == _P.organization_id, given.c.payment_id == _P.id)
    )
    parts = _P.allocated + _P.unallocated + _P.refund_reserved + _P.refunded + _P.charged_back
    wrong = or_(
        func.coalesce(given.c.amount, 0) != _P.allocated,
        parts != case((_SETTLED, _P.amount), else_=0),
    )
    return select(*_NAMES).select_from(joined).where(wrong)


def _refunded_beyond() -> Select[Any]:
    return select(*_NAMES).where(_P.refunded + _P.refund_reserved > _P.amount)


def _refunded_differs() -> Select[Any]:
    """A payment's refunded is the sum of its refunds."""
    back = (
        select(_R.organization_id, _R.payment_id, func.sum(_R.amount).label("amount"))
        .where(_R.status == "succeeded")
        .group_by(_R.organization_id, _R.payment_id)
        .subquery()
    )
    joined = PAYMENTS.outerjoin(
        back, and_(back.c.organization_id == _P.organization_id, back.c.payment_id == _P.id)
    )
    wrong = func.coalesce(back.c.amount, 0) != _P.refunded
    return select(*_NAMES).select_from(joined).where(wrong)


def _refunds_astray() -> Select[Any]:
    """The entry of a refund that succeeded moves its amount, and its event tells it."""
    moved = balances.by_entry(*_MONEY)
    told = _told(REFUNDED)
    joined = REFUNDS.outerjoin(
        moved, and_(moved.c.organization_id == _R.organization_id, moved.c.entry_id == _R.id)
    ).outerjoin(
        told, and_(told.c.organization_id == _R.organization_id, told.c.subject_id == _R.id)
    )
    gone = _R.status == "succeeded"
    wrong = or_(
        func.coalesce(moved.c.balance, 0) != case((gone, -_R.amount), else_=0),
        func.coalesce(told.c.times, 0) != case((gone, 1), else_=0),
    )
    return select(_R.organization_id, _R.id).select_from(joined).where(wrong)


def _claims_astray() -> Select[Any]:
    """Only a payment that nobody has decided on has a claim that nobody has decided on."""
    joined = PAYMENTS.outerjoin(
        CLAIMS, and_(_C.organization_id == _P.organization_id, _C.payment_id == _P.id)
    )
    pending = _P.status == "pending_confirmation"
    wrong = or_(
        and_(pending, or_(_C.payment_id.is_(None), _C.decided_at.is_not(None))),
        and_(~pending, _C.payment_id.is_not(None), _C.decided_at.is_(None)),
        and_(_P.status == "declined", _C.decline_reason.is_(None)),
    )
    return select(*_NAMES).select_from(joined).where(wrong)


def _holds_astray() -> Select[Any]:
    """Only a refund that nobody has decided on has a hold that nobody has decided on."""
    hold = REFUND_HOLDS.c
    joined = REFUNDS.outerjoin(
        REFUND_HOLDS, and_(hold.organization_id == _R.organization_id, hold.refund_id == _R.id)
    )
    pending = _R.status == "pending_approval"
    wrong = or_(
        and_(pending, or_(hold.refund_id.is_(None), hold.decided_at.is_not(None))),
        and_(~pending, hold.refund_id.is_not(None), hold.decided_at.is_(None)),
        and_(_R.status == "declined", hold.decline_reason.is_(None)),
    )
    return select(_R.organization_id, _R.id).select_from(joined).where(wrong)


def _cash_differs() -> Select[Any]:
    """What came in by a payment and did not go back is here; one that is not settled has none."""
    held = balances.by_payment(*_MONEY)
    joined = PAYMENTS.outerjoin(
        held, and_(held.c.organization_id == _P.organization_id, held.c.payment_id == _P.id)
    )
    kept = case((_SETTLED, _P.amount - _P.refunded), else_=0)
    wrong = func.coalesce(held.c.balance, 0) != kept
    return select(*_NAMES).select_from(joined).where(wrong)


def _credit_differs() -> Select[Any]:
    held = balances.by_payment(accounts.CREDIT)
    joined = PAYMENTS.outerjoin(
        held, and_(held.c.organization_id == _P.organization_id, held.c.payment_id == _P.id)
    )
    # What is on its way back is owed to the customer until it has gone.
    wrong = func.coalesce(held.c.balance, 0) != -(_P.unallocated + _P.refund_reserved)
    return select(*_NAMES).select_from(joined).where(wrong)


def _days_astray() -> Select[Any]:
    """A payment knows the last day on which its money moved, where that is kept."""
    last = balances.last_days("payment_id", accounts.CREDIT)
    same = and_(last.c.organization_id == _P.organization_id, last.c.payment_id == _P.id)
    joined = PAYMENTS.join(last, same)
    return select(*_NAMES).select_from(joined).where(_P.booked_on < last.c.day)


def _events_astray() -> Select[Any]:
    told = _told(SETTLED_EVENT)
    joined = PAYMENTS.outerjoin(
        told, and_(told.c.organization_id == _P.organization_id, told.c.subject_id == _P.id)
    )
    wrong = or_(
        func.coalesce(told.c.times, 0) != case((_SETTLED, 1), else_=0),
        and_(_SETTLED, _P.receipt_number.is_(None)),
        and_(~_SETTLED, _P.receipt_number.is_not(None)),
    )
    return select(*_NAMES).select_from(joined).where(wrong)


def _told(kind: str) -> Subquery:
    """Count the events of a kind by organization_id and subject_id as times."""
    return (
        select(EVENTS.c.organization_id, EVENTS.c.subject_id, func.count().label("times"))
        .where(EVENTS.c.type == kind)
        .group_by(EVENTS.c.organization_id, EVENTS.c.subject_id)
        .subquery()
    )


def _strangers() -> Select[Any]:
    """A payment pays invoices of its own customer and currency."""
    joined = ALLOCATIONS.join(
        PAYMENTS, and_(_P.organization_id == _A.organization_id, _P.id == _A.payment_id)
    ).join(INVOICES, and_(_I.organization_id == _A.organization_id, _I.id == _A.invoice_id))
    wrong = or_(_P.customer_id != _I.customer_id, _P.currency != _I.currency)
    return select(_A.organization_id, _A.id).select_from(joined).where(wrong)


CHECKS = (
    Check(
        "I3",
        "what is paid on each invoice is what settled payments allocate to it",
        rows_of(_COUNT_INVOICES, _paid_differs()),
    ),
    Check(
        "I5",
        "what is reserved on each invoice belongs to payments on their way",
        rows_of(_COUNT_INVOICES, _reserved_differs()),
    ),
    Check(
        "I6",
        "every settled payment is accounted for to the last minor unit",
        rows_of(_COUNT, _parts_differ()),
    ),
    Check("I7", "no payment is refunded beyond its amount", rows_of(_COUNT, _refunded_beyond())),
    Check(
        "I7-refunds",
        "what is refunded of each payment is the sum of its refunds",
        rows_of(_COUNT, _refunded_differs()),
    ),
    Check(
        "I8-cash",
        "what came in by each payment and did not go back is in the books",
        rows_of(_COUNT, _cash_differs()),
    ),
    Check(
        "I8-credit",
        "the credit account of each payment is what is free of it or on its way back",
        rows_of(_COUNT, _credit_differs()),
    ),
    Check(
        "I8-credit-days",
        "no payment has less than nothing free at the end of any day",
        rows_of(
            _COUNT,
            balances.below_zero("payment_id", accounts.CREDIT, side=-1).union_all(_days_astray()),
        ),
    ),
    Check(
        "I10-receipts",
        "receipt numbers run from 1 without a gap to what the counter says",
        rows_of(
            _COUNT,
            numbering.gaps(
                "receipt", literal(numbering.RECEIPT_SERIES), _P.receipt_year, _P.receipt_sequence
            ),
        ),
    ),
    Check(
        "I14-receipts",
        "every settled payment has its receipt and was told exactly once",
        rows_of(_COUNT, _events_astray()),
    ),
    Check(
        "I14-refunds",
        "every refund has its entry and was told exactly once",
        rows_of(select(func.count()).select_from(REFUNDS), _refunds_astray()),
    ),
    Check(
        "I16-claims",
        "every payment that waits to be confirmed has its claim, and no other waits",
        rows_of(_COUNT, _claims_astray()),
    ),
    Check(
        "I16-holds",
        "every refund that waits to be approved has its hold, and no other waits",
        rows_of(select(func.count()).select_from(REFUNDS), _holds_astray()),
    ),
    Check(
        "I19",
        "payments pay invoices of their own organization, customer and currency",
        rows_of(select(func.count()).select_from(ALLOCATIONS), _strangers()),
    ),
)
