"""Ask providers what became of payments and refunds whose outcome nobody knows.

Each has one task from the moment it is committed (`orders.asking_task`), and the worker does it. A
provider is asked outside of any transaction, and starts nothing and changes nothing by being asked.
What it says goes through the one door (`tallystick.payments.resolving`). An outcome that stays
unknown ends as an alarm, never as a failure.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row

from tallystick.kernel import ids, rows, tasks
from tallystick.kernel.actor import WORKER, Act
from tallystick.kernel.alarms import ALARMS, alarm_id, raise_alarm
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal, shown
from tallystick.kernel.rows import Writes
from tallystick.kernel.tasks import Claimed, Handler, Hopeless, Later
from tallystick.payments import locking, orders, refund_alarms, worries
from tallystick.payments.models import PAYMENTS, REFUNDS
from tallystick.payments.provider import Absent, Found, Provider, Unknown
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.refunds import RefundDocument
from tallystick.payments.resolving import (
    ABSENT_FOR,
    ASKED_FIRST,
    ResolvePayment,
    resolve_payments,
)
from tallystick.payments.returning import ResolveRefund, resolve_refunds
from tallystick.payments.states import ON_THE_WAY

RESTS: Final = (
    ASKED_FIRST,
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    *[timedelta(days=1)] * 7,
)
"""How long a provider is left alone between two questions about the same thing."""
ASKED_AFTER: Final = tuple(accumulate(RESTS, initial=timedelta(0)))[1:]
"""How long after the last call each question is due."""
GIVEN_UP_MAX: Final = 1_000
"""Tasks that were given up at which one knock looks; the newest."""
KNOCK_S: Final = 15.0
"""How often a provider that leaves questions unanswered is asked about one of them, however long
those rest: its return is to be noticed within a minute."""
_SILENT: Final = "did not tell for a week what became of this"
_CANNOT: Final = "did not answer, and cannot be asked"
_DIED: Final = "could not be asked what became of this, since whoever asked ended each time"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Case:
    """What was ordered, and how it stands."""

    order: Row[Any]
    status: str

    @property
    def decided(self) -> bool:
        return self.status not in ON_THE_WAY

    @property
    def returns(self) -> bool:
        """Whether it is money on its way back."""
        return self.order.refund_id is not None


class Reconciler:
    """Asks the providers of this process."""

    def __init__(self, database: Database, providers: Mapping[str, Provider]) -> None:
        self._database = database
        self._providers = providers
        self._hastened: dict[str, datetime] = {}
        """When all questions to a provider were last made due."""

    def handlers(self) -> Mapping[str, Handler]:
        """Give who does tasks of which kind: one kind for each provider."""
        return {
            orders.asking_kind(name): partial(self._ask, provider)
            for name, provider in self._providers.items()
        }

    def knock(self, at: datetime) -> None:
        """Let one question to each provider that does not answer be due now.

        Its first answer makes all the others due (`orders.hasten`). Where a task was given up
        without an answer and without an alarm, as when each worker died of it, the alarm comes now.
        """
        for name, provider in self._providers.items():
            if provider.abilities.looks_up:
                self._hasten(name, at, limit=1)
        kinds = {orders.asking_kind(name): provider for name, provider in self._providers.items()}
        for task in self._database.read(lambda conn: _given_up(conn, kinds)):
            act = Act(WORKER, task.organization_id, at, key=str(ids.new()), fingerprint="")
            why = _DIED if kinds[task.kind].abilities.looks_up else _CANNOT
            self._tell(act, UUID(task.payload["order_id"]), why)

    def _ask(self, provider: Provider, task: Claimed, at: datetime) -> None:
        act = Act(WORKER, task.organization_id, at, key=str(ids.new()), fingerprint="")
        order_id = UUID(task.payload["order_id"])
        case = self._database.read(lambda conn: _case(conn, act.organization_id, order_id))
        unknown_from = case.order.unknown_from
        if case.decided:
            return
        if unknown_from is not None and unknown_from > at:
            raise Later("The provider is being called.", rest=unknown_from - at)
        if provider.abilities.looks_up:
            found = _found(provider, case)
            status = self._database.write(lambda conn: _resolved(conn, act, case, found))
            if not isinstance(found, Unknown):
                self._answered(provider.name, at)
            if status not in ON_THE_WAY:
                return
            self._rest(case.order, found, at)
        elif unknown_from is None:
            # It waits for the payer or for the provider, which will tell by itself.
            self._rest(case.order, None, at)
        why = _SILENT if provider.abilities.looks_up else _CANNOT
        if detail := self._tell(act, order_id, why):
            raise Hopeless(detail)

    def _tell(self, act: Act, order_id: UUID, why: str) -> str | None:
        """Raise the alarm, and give what it says; None where it was decided meanwhile."""
        return self._database.write(lambda conn: _alarmed(conn, act, order_id, why))

    def _answered(self, provider: str, at: datetime) -> None:
        """Let all that it left unanswered be due now; once, for many answers that come together."""
        last = self._hastened.get(provider)
        if last is None or at - last >= orders.LEFT_ALONE:
            self._hastened[provider] = at
            self._hasten(provider, at, limit=orders.HASTENED_MAX)

    def _hasten(self, provider: str, at: datetime, *, limit: int) -> None:
        # Looked at by a reader first: most often there is nothing to write.
        found = self._database.read(lambda conn: orders.unanswered(conn, provider, at, limit))
        if found:
            self._database.write(lambda conn: orders.hasten(conn, found, at))

    @staticmethod
    def _rest(order: Row[Any], found: Found | None, at: datetime) -> None:
        """Come back when the provider is asked again, unless that was the last time.

        Raises:
            Later: with the moment.
        """
        moments = [order.called_at + after for after in ASKED_AFTER]
        # One that was just asked out of its turn is not asked at once again.
        ahead = [moment for moment in moments if moment >= at + ASKED_FIRST]
        believed_at = orders.over_since(order) + ABSENT_FOR
        if isinstance(found, Absent) and believed_at > at:
            # Then the same answer decides, however soon that is.
            ahead.append(believed_at)
        if ahead:
            why = found.why if isinstance(found, Unknown) else type(found).__name__.lower()
            raise Later(f"Not decided: {why}.", rest=min(ahead) - at)


def _case(conn: Connection, organization_id: UUID, order_id: UUID) -> _Case:
    order = orders.find(conn, organization_id, order_id)
    table = PAYMENTS if order.refund_id is None else REFUNDS
    columns = [table.c.organization_id, table.c.id]
    return _Case(order, rows.find(conn, columns, [(organization_id, order_id)])[0].status)


def _given_up(conn: Connection, kinds: Collection[str]) -> list[Row[Any]]:
    """List the tasks of these kinds that were given up and of which nobody was told."""
    dead = {
        (row.organization_id, alarm_id(kind, UUID(row.payload["order_id"]))): row
        for row in tasks.list_dead(conn, GIVEN_UP_MAX, kinds=kinds)
        for kind in (worries.UNKNOWN_ALARM, refund_alarms.UNKNOWN)
    }
    told = rows.find(conn, [ALARMS.c.organization_id, ALARMS.c.id], list(dead))
    known = {(row.organization_id, row.subject_id) for row in told if row.cleared_at is None}
    found = {(row.organization_id, row.id): row for row in dead.values()}
    return [
        row
        for row in found.values()
        if (row.organization_id, UUID(row.payload["order_id"])) not in known
    ]


def _found(provider: Provider, case: _Case) -> Found:
    look_up = provider.look_up_refund if case.returns else provider.look_up
    try:
        return look_up(case.order.provider_key, case.order.reference)
    except Exception:
        # It must not raise. Where it does, nobody knows more than before, and the alarm comes.
        log.exception("provider raised", provider=provider.name, order=str(case.order.id))
        return Unknown("cannot_ask")


def _resolved(conn: Connection, act: Act, case: _Case, found: Found) -> str:
    order_id = case.order.id
    outcome: RefundDocument | PaymentDocument | Refusal
    if case.returns:
        back = ResolveRefund(act, order_id, found, asking=True)
        outcome = resolve_refunds(conn, [back])[0].outcome
    else:
        command = ResolvePayment(act, order_id, found, asking=True)
        outcome = resolve_payments(conn, [command])[0].outcome
    assert not isinstance(outcome, Refusal), "a task asks about what is there"
    return outcome["status"]


def _alarmed(conn: Connection, act: Act, order_id: UUID, why: str) -> str | None:
    """Raise the alarm, unless it was decided meanwhile. Locks the payment."""
    payment_id = orders.find(conn, act.organization_id, order_id).payment_id
    locking.lock_payments(conn, [(act.organization_id, payment_id)])
    case = _case(conn, act.organization_id, order_id)
    if case.decided:
        return None
    writes, detail = Writes(), _detail(case, why)
    kind = refund_alarms.UNKNOWN if case.returns else worries.UNKNOWN_ALARM
    raise_alarm(conn, writes, act, kind, order_id, detail=detail)
    writes.flush(conn)
    return detail


def _detail(case: _Case, why: str) -> str:
    thing, may = "payment", "have been charged"
    if case.returns:
        thing, may = "refund", "have had the money back"
    return (
        f"The provider {shown(case.order.provider)} {why}, so the payer may {may}. Look at its own "
        f"pages for {case.order.provider_key}, then confirm or decline the {thing}."
    )
