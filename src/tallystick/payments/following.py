"""Do what rules want of invoices that were issued and customers that were changed, after COMMIT.

The events of an organization are read in the order of their positions, and how far is kept in the
transaction that does what rules want of them. So each event is followed once, whoever dies.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, select

from tallystick.invoices import facts as invoice_facts
from tallystick.invoices.models import INVOICES
from tallystick.invoices.states import standing_of
from tallystick.kernel import clock, ids, positions, rows
from tallystick.kernel.actor import WORKER, Act
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Unavailable
from tallystick.kernel.positions import STREAMS, Stretch
from tallystick.kernel.rows import Writes
from tallystick.parties.labels import Subject
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS
from tallystick.payments import labelling
from tallystick.rules import rulebook
from tallystick.rules.facts import FOLLOWED, Facts, Trigger
from tallystick.rules.firing import About, Fired
from tallystick.rules.models import FIRINGS, READINGS, RULES
from tallystick.rules.rulebook import ActiveRule

EVERY_S: Final = 5.0
"""How often the worker looks for events that rules follow."""
FOLLOWED_AT_ONCE: Final = 50
"""Events that one transaction follows."""
TRANSACTIONS_AT_ONCE: Final = 100
"""Transactions of one run, however much is left: other jobs come in between."""
NOUNS: Final = frozenset({"invoice", "customer"})
TRIGGERS: Final[Mapping[str, Trigger]] = {
    "invoice.issued": "invoice_issued",
    "customer.created": "customer_changed",
    "customer.changed": "customer_changed",
}
"""Which events rules follow."""

_INVOICE: Final = (INVOICES.c.organization_id, INVOICES.c.id)
_CUSTOMER: Final = (CUSTOMERS.c.organization_id, CUSTOMERS.c.id)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Happened:
    """Something that was told, and what is the case with it now."""

    act: Act
    event: Row[Any]
    about: About
    facts: Facts


def follow_all(database: Database, now: datetime, stopping: Callable[[], bool]) -> None:
    """Follow what happened in every organization that has such rules, in turns.

    An organization that fails stops none of the others. What is left over is the next run's.

    Raises:
        Exception: the last one met, after all the others were done.
    """
    failed: Exception | None = None
    waiting = deque(database.read(_behind))
    for _ in range(TRANSACTIONS_AT_ONCE):
        if not waiting or stopping():
            break
        organization_id = waiting.popleft()
        try:
            if database.write(partial(follow, organization_id, now)):
                waiting.append(organization_id)
        except Unavailable:
            raise
        except Exception as error:
            log.exception("rules did not follow", organization=str(organization_id))
            failed = error
    if failed is not None:
        raise failed


def _behind(conn: Connection) -> Sequence[UUID]:
    """List the organizations whose rules have events to follow, the farthest behind first."""
    having = select(RULES.c.organization_id).where(
        RULES.c.fires_on.in_(sorted(FOLLOWED)), RULES.c.enabled, RULES.c.removed_at.is_(None)
    )
    here, behind = READINGS.c.organization_id, STREAMS.c.position - READINGS.c.position
    statement = (
        select(here)
        .join(STREAMS, STREAMS.c.organization_id == here)
        .join(ORGANIZATIONS, ORGANIZATIONS.c.id == here)
        .where(behind > 0, here.in_(having), ORGANIZATIONS.c.active)
    )
    ordered = statement.order_by(behind.desc(), here).limit(TRANSACTIONS_AT_ONCE)
    return conn.execute(ordered).scalars().all()


def follow(organization_id: UUID, now: datetime, conn: Connection) -> bool:
    """Do what rules want of the next events, and keep how far they were read; False at the end.

    Locks the reading first, so that of two workers the second one goes on behind the first. The
    events of an inactive organization wait until it is active again.
    """
    [reading] = rows.find(conn, [READINGS.c.organization_id], [(organization_id,)], lock=True)
    stretch = positions.read(
        conn, organization_id, after=reading.position, limit=FOLLOWED_AT_ONCE, nouns=NOUNS
    )
    if stretch.next_after == reading.position:
        return False
    [organization] = rows.find(conn, [ORGANIZATIONS.c.id], [(organization_id,)])
    if not organization.active:
        return False
    writes = Writes()
    act = Act(WORKER, organization_id, now, key="", fingerprint="")
    for each in _happened(conn, act, organization, stretch):
        _follow(conn, writes, organization, each)
    key = {"organization_id": organization_id}
    writes.change(READINGS, key, {"position": stretch.next_after})
    writes.flush(conn)
    return True


def _follow(conn: Connection, writes: Writes, organization: Row[Any], each: _Happened) -> None:
    today = clock.day(each.act.at, organization.time_zone)
    book = rulebook.of(conn, organization)
    for rule in book.by_trigger.get(TRIGGERS[each.event.type], ()):
        if not _is_its_business(rule, each) or not rule.applies(each.facts, today):
            continue
        once_id = ids.derived(rule.id, f"event {each.event.id}")
        fired = Fired(rule, each.act, once_id, each.about, each.facts)
        subject: Subject = "customer" if each.about.invoice_id is None else "invoice"
        results = [
            labelling.label(conn, fired, action, subject, each.event.subject_id)
            for action in rule.actions
        ]
        if any(result.code == "customer.erased" for result in results):
            # They were when these facts were read, and are not any more: nothing is noted of them.
            continue
        if any(result.outcome != "idle" for result in results):
            writes.add(FIRINGS, fired.row(results))


def _is_its_business(rule: ActiveRule, each: _Happened) -> bool:
    """Tell whether something happened after the rule was made as it is, and in its currency."""
    assert rule.updated_at is not None, "it was saved"
    currency = each.facts.get("invoice.currency", rule.currency)
    return rule.updated_at <= each.event.at and currency == rule.currency


def _happened(
    conn: Connection, act: Act, organization: Row[Any], stretch: Stretch
) -> list[_Happened]:
    """Put together what is the case now with what events tell of, in two statements."""
    here = organization.id
    told = [event for event in stretch.events if event.type in TRIGGERS]
    issued = [(here, event.subject_id) for event in told if event.type == "invoice.issued"]
    invoices = {row.id: row for row in rows.find(conn, _INVOICE, issued)}
    named = {(here, row.customer_id) for row in invoices.values()}
    named |= {(here, event.subject_id) for event in told}
    customers = {row.id: row for row in rows.find(conn, _CUSTOMER, named)}
    today = clock.day(act.at, organization.time_zone)
    found = []
    for event in told:
        invoice = invoices.get(event.subject_id)
        customer = customers[event.subject_id if invoice is None else invoice.customer_id]
        if customer.erased_at is not None:
            # Nothing more is noted about them.
            continue
        facts = invoice_facts.party_facts(organization, customer)
        about = About(customer_id=customer.id)
        if invoice is not None:
            standing = standing_of(invoice)
            facts = {**facts, **invoice_facts.invoice_facts(standing, today)}
            about = About(customer_id=customer.id, invoice_id=invoice.id)
        found.append(_Happened(act, event, about, facts))
    return found
