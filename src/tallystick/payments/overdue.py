"""Find the overdue invoices on which a rule charges something, and let it be charged.

Only organizations that have such a rule are looked at. Several workers may do so at once.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Row, Select, select

from tallystick.invoices.models import INVOICES, LATE_CHARGES
from tallystick.invoices.states import standing_of
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import WORKER, Act
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal, Unavailable
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS
from tallystick.payments import lateness
from tallystick.payments.charging_late import ChargeLate, charge_late
from tallystick.payments.lateness import Case
from tallystick.rules import rulebook
from tallystick.rules.models import FIRINGS, RULES
from tallystick.rules.rulebook import ActiveRule

EVERY_S: Final = 60 * 60
"""How often the worker looks: days begin at another hour in each time zone."""
LOOKED_AT_ONCE: Final = 500
"""Invoices that one reading looks at."""
CHARGED_AT_ONCE: Final = 500
"""Charges of one run, which takes some seconds: other jobs wait for it."""

log = structlog.get_logger(__name__)


def charge_all(database: Database, now: datetime, stopping: Callable[[], bool]) -> bool:
    """Charge what rules charge on overdue invoices, each in a transaction of its own.

    An invoice that fails stops none of the others. Tells whether there may be more to charge.

    Raises:
        Exception: the last one met, after all the others were done.
    """
    failed: Exception | None = None
    charged = 0
    for organization in database.read(_organizations):
        for act, rule_id, invoice_id in _due(database, organization, now):
            if stopping():
                return False
            if charged == CHARGED_AT_ONCE:
                return True
            command = ChargeLate(act, rule_id, invoice_id)
            try:
                done = database.write(partial(_charge, command))
            except Unavailable:
                raise
            except Exception as error:
                log.exception("not charged", rule=str(rule_id), invoice=str(invoice_id))
                failed = error
            else:
                # What comes to nothing is met again: it must not keep us from what is behind it.
                charged += done
    if failed is not None:
        raise failed
    return False


def _charge(command: ChargeLate, conn: Connection) -> bool:
    [answer] = charge_late(conn, [command])
    return not isinstance(answer.outcome, Refusal) and answer.outcome["charge_id"] is not None


def _organizations(conn: Connection) -> list[Row[Any]]:
    """List the active organizations that have a rule for what is overdue."""
    having = select(RULES.c.organization_id).where(
        RULES.c.fires_on == "invoice_overdue", RULES.c.enabled, RULES.c.removed_at.is_(None)
    )
    statement = select(ORGANIZATIONS).where(ORGANIZATIONS.c.active, ORGANIZATIONS.c.id.in_(having))
    return list(conn.execute(statement.order_by(ORGANIZATIONS.c.id)))


def _due(
    database: Database, organization: Row[Any], now: datetime
) -> Iterator[tuple[Act, UUID, UUID]]:
    """Give each step that is due, with the act that it is done in."""
    today = clock.day(now, organization.time_zone)
    book = database.read(lambda conn: rulebook.of(conn, organization))
    for rule in book.by_trigger.get("invoice_overdue", ()):
        after: UUID | None = None
        while True:
            page = database.read(partial(_page, organization, rule, today, after))
            for case in page:
                if case.step is not None:
                    # Once a day: whatever came of it stands under this key.
                    name = ids.derived(rule.id, f"{case.invoice.id} on {today}")
                    act = Act(WORKER, organization.id, now, f"late:{name}", fingerprint="late")
                    yield act, rule.id, case.invoice.id
            if len(page) < LOOKED_AT_ONCE:
                break
            after = page[-1].invoice.id


def _page(
    organization: Row[Any], rule: ActiveRule, today: date, after: UUID | None, conn: Connection
) -> list[Case]:
    """Read some of the invoices that a step may be about, in the order of their ids."""
    statement = _candidates(organization, rule, today)
    if after is not None:
        statement = statement.where(INVOICES.c.id > after)
    found = conn.execute(statement.order_by(INVOICES.c.id).limit(LOOKED_AT_ONCE)).all()
    return lateness.cases(conn, rule, organization, [standing_of(row) for row in found], today)


def _candidates(organization: Row[Any], rule: ActiveRule, today: date) -> Select[Any]:
    """Narrow invoices to those overdue for long enough on which the step was not done yet."""
    invoice, values = INVOICES.c, rule.actions[0].values
    here = invoice.organization_id == organization.id
    fired = select(FIRINGS.c.id).where(
        FIRINGS.c.organization_id == organization.id,
        FIRINGS.c.invoice_id == invoice.id,
        FIRINGS.c.rule_id == rule.id,
        FIRINGS.c.fires_on == "invoice_overdue",
    )
    if "every_days" in values:
        last = today - timedelta(days=values["every_days"] - 1)
        midnight = datetime.combine(last, time.min, ZoneInfo(organization.time_zone))
        fired = fired.where(FIRINGS.c.at >= midnight.astimezone(UTC))
    charge = select(LATE_CHARGES.c.invoice_id).where(
        LATE_CHARGES.c.organization_id == organization.id,
        LATE_CHARGES.c.invoice_id == invoice.id,
    )
    customer = CUSTOMERS.c
    payer = select(customer.id).where(
        customer.organization_id == organization.id,
        customer.id == invoice.customer_id,
        customer.active,
    )
    if rule.customer_kind is not None:
        payer = payer.where(customer.kind == rule.customer_kind)
    whose = [] if rule.customer_id is None else [invoice.customer_id == rule.customer_id]
    return select(INVOICES).where(
        here,
        invoice.status == "open",
        invoice.payment_status.in_(("unpaid", "partial")),
        invoice.currency == rule.currency,
        invoice.due_date <= today - timedelta(days=values["after_days"]),
        invoice.reserved == 0,
        *whose,
        payer.exists(),
        ~charge.exists(),
        ~fired.exists(),
    )
