"""Compare what a provider reports with our books, by provider and key.

What it has charged and our books have as undecided or given up is settled through the one door.
All else raises an alarm, once: nothing is booked that no provider was asked for, and nothing is
taken back. A key counts once, however many payments of ours stand under it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, func, select

from tallystick.kernel import ids, money, rows
from tallystick.kernel.actor import WORKER, Act
from tallystick.kernel.alarms import ALARMS, alarm_id, raise_alarm
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal, Unavailable, shown
from tallystick.kernel.rows import Writes
from tallystick.payments.models import ORDERS, PAYMENTS, REFUNDS
from tallystick.payments.provider import Provider, Reported, Succeeded, Unknown
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.resolving import ResolvePayment, resolve_payments
from tallystick.payments.returning import ResolveRefund, resolve_refunds
from tallystick.payments.states import ON_THE_WAY, SETTLED

SINCE: Final = timedelta(days=3)
"""How far back the books are compared every day."""
FARTHEST: Final = timedelta(days=31)
"""How old an order may be that is compared because something became of it only now."""
SLACK: Final = timedelta(hours=1)
"""How late a report may be, and how far the provider's clock from ours."""
KEYS_AT_ONCE: Final = 500
EVERY_S: Final = 24 * 60 * 60.0
"""How often the worker compares."""

log = structlog.get_logger(__name__)

Kind = Literal["charged_unrecorded", "recorded_uncharged", "amount_differs", "settled"]
"""The provider moved money that our books know nothing of; our books have money that the provider
never moved; both have it, in two amounts; it was undecided or given up, and is settled now."""
What = Literal["payment", "refund"]
Place = tuple[What, UUID]
"""What was done, and the provider's key for it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of which a provider and our books did not say the same."""

    kind: Kind
    provider: str
    what: What
    key: UUID | None
    reference: str | None
    organization_id: UUID | None
    """None where nobody knows whose it is."""
    id: UUID | None
    """Of our payment or refund."""
    detail: str


@dataclass(frozen=True, slots=True)
class _Ours:
    """A payment or refund at the provider, as our books have it."""

    what: What
    organization_id: UUID
    id: UUID
    key: UUID
    status: str
    amount: int
    currency: str
    created_at: datetime
    updated_at: datetime
    unknown_from: datetime | None


_Books = dict[Place, list[_Ours]]


def compare(
    database: Database, provider: Provider, since: datetime, until: datetime
) -> list[Difference]:
    """Compare, settle what can be settled, raise alarms about the rest; outside of transactions.

    What our books have settled in the last hour need not stand in the report yet. Where something
    became of an older order only now, all is compared from the day that it was made.

    Raises:
        Unavailable: the provider did not tell its report.
    """
    since = database.read(
        partial(_first, provider=provider.name, since=since, farthest=until - FARTHEST)
    )
    report = provider.report(since - SLACK, until)
    if isinstance(report, Unknown):
        message = f"The provider {provider.name} did not tell its report: {report.why}."
        raise Unavailable(message)
    name = provider.name
    theirs: dict[Place, list[Reported]] = {}
    for one in report:
        if one.key is not None:
            theirs.setdefault((one.what, one.key), []).append(one)
    ours = _read(database, name, since, theirs)
    found = [_unrecorded(name, one) for one in report if one.key is None]
    for place, entries in theirs.items():
        found += _judged(database, name, ours.get(place, []), entries, until)
    for place, orders in ours.items():
        if place not in theirs:
            found += [_uncharged(name, one) for one in orders if _missed(one, since, until)]
    database.write(partial(_alarmed, found=found, at=until))
    return found


def compare_all(database: Database, providers: Iterable[Provider], now: datetime) -> None:
    """Compare what every provider that reports has reported of the last days.

    Raises:
        Unavailable: one did not tell its report, after all the others were compared.
    """
    away: Unavailable | None = None
    for provider in providers:
        if not provider.abilities.reports:
            continue
        try:
            found = compare(database, provider, now - SINCE, now)
        except Unavailable as error:
            away = error
            continue
        log.info("report compared", provider=provider.name, differences=len(found))
    if away is not None:
        raise away


def _first(conn: Connection, provider: str, since: datetime, farthest: datetime) -> datetime:
    """Say when the oldest order was made that changed since then: a person may have decided it.

    Not when its provider was last called: an earlier call may have moved the money.
    """
    order = ORDERS.c
    statement = select(func.min(order.created_at)).where(
        order.provider == provider, order.updated_at >= since, order.created_at >= farthest
    )
    first = conn.scalar(statement)
    return since if first is None else min(first, since)


def _read(
    database: Database, provider: str, since: datetime, theirs: Mapping[Place, object]
) -> _Books:
    """Read what was asked for since then, and whatever else stands in the report."""
    recent = database.read(lambda conn: _orders(conn, provider, ORDERS.c.created_at >= since))
    found = _sorted(recent)
    missing = sorted({key for what, key in theirs if (what, key) not in found})
    for first in range(0, len(missing), KEYS_AT_ONCE):
        named = ORDERS.c.provider_key.in_(missing[first : first + KEYS_AT_ONCE])
        older = and_(named, ORDERS.c.created_at < since)
        recent = [*recent, *database.read(partial(_orders, provider=provider, those=older))]
    return _sorted(recent)


def _orders(conn: Connection, provider: str, those: ColumnElement[bool]) -> Sequence[Row[Any]]:
    order, payment, refund = ORDERS.c, PAYMENTS.c, REFUNDS.c
    of_payment = and_(
        payment.organization_id == order.organization_id, payment.id == order.payment_id
    )
    of_refund = and_(refund.organization_id == order.organization_id, refund.id == order.refund_id)
    statuses = payment.status.label("of_payment"), refund.status.label("of_refund")
    statement = select(ORDERS, payment.currency, *statuses).select_from(
        ORDERS.join(PAYMENTS, of_payment).outerjoin(REFUNDS, of_refund)
    )
    statement = statement.where(order.provider == provider, those)
    return conn.execute(statement.order_by(order.created_at, order.id)).all()


def _sorted(found: Iterable[Row[Any]]) -> _Books:
    books: _Books = {}
    for row in found:
        paid = row.refund_id is None
        ours = _Ours(
            what="payment" if paid else "refund",
            organization_id=row.organization_id,
            id=row.id,
            key=row.provider_key,
            status=row.of_payment if paid else row.of_refund,
            amount=row.amount,
            currency=row.currency,
            created_at=row.created_at,
            updated_at=row.updated_at,
            unknown_from=row.unknown_from,
        )
        books.setdefault((ours.what, ours.key), []).append(ours)
    return books


def _judged(
    database: Database,
    provider: str,
    ours: Sequence[_Ours],
    entries: Sequence[Reported],
    at: datetime,
) -> list[Difference]:
    """Say what is different about one key that the report has."""
    if not ours:
        return [_unrecorded(provider, entries[0])]
    told = [one.amount for one in entries if one.amount is not None]
    amount = sum(told) if len(told) == len(entries) else None
    settled = [one for one in ours if one.status in SETTLED]
    if settled:
        differs = amount is not None and amount != settled[0].amount
        return [_differs(provider, settled[0], amount or 0)] if differs else []
    waiting = [one for one in ours if one.status in ON_THE_WAY]
    if any(one.unknown_from is not None and one.unknown_from > at for one in waiting):
        # Its call is on its way, and its answer says the same in a moment.
        return []
    late = (waiting or list(ours))[-1]
    if amount is not None and amount != late.amount:
        return [_differs(provider, late, amount)]
    status = _settled(database, late, Succeeded(entries[0].reference, amount), at)
    if status in SETTLED:
        detail = f"The report has it, and it was {late.status} before."
        return [_difference("settled", provider, late, detail)]
    detail = f"The report has it, and it stays {status}, because the money has gone already."
    return [_difference("charged_unrecorded", provider, late, detail)]


def _settled(database: Database, ours: _Ours, outcome: Succeeded, at: datetime) -> str:
    """Tell the one door what the provider has done; give how it stands then."""
    act = Act(WORKER, ours.organization_id, at, key=str(ids.new()), fingerprint="")

    def resolve(conn: Connection) -> PaymentDocument | RefundDocument | Refusal:
        if ours.what == "payment":
            return resolve_payments(conn, [ResolvePayment(act, ours.id, outcome)])[0].outcome
        return resolve_refunds(conn, [ResolveRefund(act, ours.id, outcome)])[0].outcome

    found = database.write(resolve)
    assert not isinstance(found, Refusal), "it was just read"
    return found["status"]


def _missed(ours: _Ours, since: datetime, until: datetime) -> bool:
    """Tell whether the report must have something, which it has not.

    The provider moved the money after it was first called and before we settled it.
    """
    within = since <= ours.created_at and ours.updated_at <= until - SLACK
    return ours.status in SETTLED and within


def _unrecorded(provider: str, entry: Reported) -> Difference:
    amount = "" if entry.amount is None else f" (amount in minor units: {entry.amount})"
    detail = (
        f"The provider {shown(provider)} reports a {entry.what} of {entry.at.isoformat()}{amount} "
        f"that stands in none of our books: key {entry.key}, reference {shown(entry.reference)}. "
        "Was a backup restored, or does somebody else use the same account? Find whose it is, then "
        "record it or refund it on the provider's own pages."
    )
    key, reference = entry.key, entry.reference
    return Difference(
        "charged_unrecorded", provider, entry.what, key, reference, None, None, detail
    )


def _uncharged(provider: str, ours: _Ours) -> Difference:
    detail = (
        f"Our books have this {ours.what} of {_money(ours, ours.amount)}, and the report of "
        f"{shown(provider)} has not (key {ours.key}). Nothing was changed. Look at the provider's "
        "own pages and take it up with them; if they have no money, refund what was booked."
    )
    return _difference("recorded_uncharged", provider, ours, detail)


def _differs(provider: str, ours: _Ours, amount: int) -> Difference:
    detail = (
        f"The report of {shown(provider)} has {_money(ours, amount)} under the key {ours.key}, and "
        f"our books have {_money(ours, ours.amount)}. Nothing was changed. Look at the provider's "
        "own pages, then refund what is too much or take it up with them."
    )
    return _difference("amount_differs", provider, ours, detail)


def _difference(kind: Kind, provider: str, ours: _Ours, detail: str) -> Difference:
    place = ours.organization_id, ours.id
    return Difference(kind, provider, ours.what, ours.key, None, *place, detail)


def _money(ours: _Ours, amount: int) -> str:
    return f"{money.text(amount, ours.currency)} {ours.currency}"


def _alarmed(conn: Connection, found: Sequence[Difference], at: datetime) -> None:
    """Raise an alarm about each, once for ever: a person may have cleared it."""
    wanted = {}
    for one in found:
        if one.kind == "settled":
            continue
        # What nobody knows of belongs to no organization.
        organization_id = one.organization_id or ids.NIL
        named = ids.derived(ids.NIL, f"{one.provider} {one.what} {one.reference}")
        subject_id = one.id or one.key or named
        kind = f"provider.{one.kind}"
        wanted[organization_id, alarm_id(kind, subject_id)] = (kind, subject_id, one.detail)
    seen = rows.find(conn, [ALARMS.c.organization_id, ALARMS.c.id], list(wanted))
    for row in seen:
        del wanted[row.organization_id, row.id]
    writes = Writes()
    for (organization_id, _), (kind, subject_id, detail) in wanted.items():
        act = Act(WORKER, organization_id, at, key=str(ids.new()), fingerprint="")
        raise_alarm(conn, writes, act, kind, subject_id, detail=detail)
    writes.flush(conn)
