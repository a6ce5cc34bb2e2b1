"""What a rule charges on an overdue invoice now: read for many invoices, and judged without a word.

Nothing here is written or locked. Whoever charges asks under the lock of the invoice.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Row, Select, select

from tallystick.invoices import facts
from tallystick.invoices.models import CONTENTS, LATE_CHARGES
from tallystick.invoices.states import Standing
from tallystick.invoices.totals import MILLION, PERCENT_DECIMALS
from tallystick.kernel import clock, decimals, ids, money, rows
from tallystick.parties.named import Named
from tallystick.payments.models import ALLOCATIONS, CLAIMS, PAYMENTS
from tallystick.rules.catalog import Action
from tallystick.rules.facts import Facts
from tallystick.rules.models import FIRINGS
from tallystick.rules.rulebook import ActiveRule

DAYS_OF_YEAR: Final = 365


@dataclass(frozen=True, slots=True)
class Interest:
    """What was charged for the days after one day and up to another, and stands."""

    since: date
    until: date
    by: tuple[UUID, int]
    """The rule and its version."""
    due: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class Past:
    """What has happened to an overdue invoice."""

    firings: Sequence[Row[Any]]
    """What rules did about it, the oldest first."""
    interest: Sequence[Interest]
    """The oldest first."""
    rose_on: date | None
    """The day on which money was last taken back from it, so that more was due again."""
    awaits: bool
    """Whether somebody has to decide on a payment that may pay it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is charged, and the name under which it is charged once."""

    once_id: UUID
    amount: int
    text: str
    charged_until: date | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """An overdue invoice, and a rule that is about it."""

    rule: ActiveRule
    invoice: Standing
    organization: Row[Any]
    facts: Facts
    past: Past
    today: date

    @property
    def action(self) -> Action:
        """The one action of a rule that is a step."""
        return self.rule.actions[0]

    @property
    def step(self) -> Step | None:
        """Say what is to be charged now; None where that is nothing."""
        if not self._is_due():
            return None
        firings = [row for row in self.past.firings if row.rule_id == self.rule.id]
        once_id = ids.derived(self.rule.id, f"{self.invoice.id} {len(firings)}")
        charged = self._interest if self.action.kind.name == "add_interest" else self._fee
        step = charged(once_id)
        return step if step.amount else None

    @property
    def _owed_since(self) -> date:
        """From when on what is due now was late: the days on which it was paid do not count."""
        assert self.invoice.due_date is not None, "what is overdue has a due date"
        return max(self.invoice.due_date, self.past.rose_on or self.invoice.due_date)

    def _is_due(self) -> bool:
        invoice, values = self.invoice, self.action.values
        if invoice.status != "open" or invoice.due == 0 or invoice.due_date is None:
            return False
        if invoice.reserved or self.past.awaits:
            # Whether it is paid will be known soon, and then all its days are charged, or none.
            return False
        ripe = self._owed_since + timedelta(days=values["after_days"])
        done = [
            row.at
            for row in self.past.firings
            # A rule that was about something else before may have done that.
            if row.rule_id == self.rule.id and row.fires_on == "invoice_overdue"
        ]
        if done:
            every = values.get("every_days")
            if every is None:
                return False
            last = clock.day(done[-1], self.organization.time_zone)
            ripe = max(ripe, last + timedelta(days=every))
        return ripe <= self.today and self.rule.applies(self.facts, self.today)

    def _fee(self, once_id: UUID) -> Step:
        invoice, values = self.invoice, self.action.values
        late = (self.today - self._owed_since).days
        text = f"Late fee for {invoice.number}, {late} {'day' if late == 1 else 'days'} overdue"
        if "amount" in values:
            return Step(once_id, values["amount"], text)
        return Step(once_id, money.divide_rounded(invoice.due * values["percent"], MILLION), text)

    def _interest(self, once_id: UUID) -> Step:
        """Charge the days that nobody charged.

        The sum of what one rule charges step by step on the same due is rounded, and not each step:
        half a cent too much a day would be more than the interest.
        """
        invoice, rate = self.invoice, self.action.values["percent"]
        owed_since = self._owed_since
        since = max([owed_since, *(each.until for each in self.past.interest)])
        start, charged = since, 0
        for each in reversed(self.past.interest):
            same = (each.by, each.due) == ((self.rule.id, self.rule.version), invoice.due)
            if not same or each.until != start or each.until <= owed_since:
                break
            start, charged = max(each.since, owed_since), charged + each.amount
        amount = interest(invoice.due, rate, (self.today - start).days) - charged
        days = (self.today - since).days
        on = f"{money.text(invoice.due, invoice.currency)} {invoice.currency}"
        span = f"{days} {'day' if days == 1 else 'days'}"
        percent = decimals.scaled_text(rate, PERCENT_DECIMALS)
        text = f"Interest for {invoice.number}: {percent} % a year on {on} for {span}"
        return Step(once_id, amount, text, self.today)


def interest(due: int, rate_ppm: int, days: int) -> int:
    """Compute simple interest by a yearly rate for days, rounded once.

    Source: Actual/365 (Fixed), 2006 ISDA Definitions section 4.16 (d).
    """
    return money.divide_rounded(due * rate_ppm * days, MILLION * DAYS_OF_YEAR)


def cases(
    conn: Connection,
    rule: ActiveRule,
    organization: Row[Any],
    invoices: Sequence[Standing],
    today: date,
) -> list[Case]:
    """Put together what a rule is judged on, for invoices of one organization."""
    named = Named(
        conn,
        organization_ids=[],
        customer_ids={(organization.id, invoice.customer_id) for invoice in invoices},
    )
    places = [(organization.id, invoice.id) for invoice in invoices]
    firings = _by_invoice(conn, FIRINGS.c.invoice_id, places)
    charges = _charges(conn, organization.id, [invoice.id for invoice in invoices])
    moved = _by_invoice(conn, ALLOCATIONS.c.invoice_id, places)
    awaiting = _awaiting(conn, organization.id, invoices)
    found: list[Case] = []
    for invoice in invoices:
        customer = named.customer(organization.id, invoice.customer_id)
        fired = sorted(firings.get(invoice.id, []), key=lambda row: row.at)
        past = Past(
            firings=fired,
            interest=_charged(invoice, charges, fired),
            rose_on=_rose_on(moved.get(invoice.id, [])),
            awaits=invoice.id in awaiting,
        )
        known = {
            **facts.invoice_facts(invoice, today),
            **facts.party_facts(organization, customer),
        }
        found.append(Case(rule, invoice, organization, known, past, today))
    return found


def _by_invoice(
    conn: Connection, column: Any, places: Collection[tuple[UUID, UUID]]
) -> dict[UUID, list[Row[Any]]]:
    """Read the rows of a table that name an invoice in a column."""
    found: dict[UUID, list[Row[Any]]] = {}
    for row in rows.find(conn, [column.table.c.organization_id, column], places):
        found.setdefault(getattr(row, column.name), []).append(row)
    return found


def _charges(
    conn: Connection, organization_id: UUID, invoice_ids: Collection[UUID]
) -> dict[UUID, Row[Any]]:
    """Read until when interest was charged, and when that was voided, by what the rule did."""
    charge, content = LATE_CHARGES.c, CONTENTS.c
    of_charge = (content.organization_id == charge.organization_id) & (
        content.invoice_id == charge.invoice_id
    )
    # In one statement: a charge may just be replaced, and its row goes over to another one.
    statement: Select[Any] = (
        select(charge.firing_id, charge.charged_until, content.voided_at)
        .join(CONTENTS, of_charge)
        .where(
            charge.organization_id == organization_id,
            charge.relates_to.in_(invoice_ids),
            charge.charged_until.is_not(None),
        )
    )
    return {row.firing_id: row for row in conn.execute(statement)}


def _charged(
    invoice: Standing, charges: Mapping[UUID, Row[Any]], firings: Sequence[Row[Any]]
) -> list[Interest]:
    """List the interest on an invoice that stands; what was voided is as if it never was."""
    made: list[Row[Any]] = []
    standing: list[Interest] = []
    for fired in firings:
        charge = charges.get(fired.id)
        if charge is None or invoice.due_date is None:
            continue
        # One that was voided later had stood then, and this one began behind it.
        before = [
            each.charged_until
            for each in made
            if each.voided_at is None or each.voided_at > fired.at
        ]
        made.append(charge)
        if charge.voided_at is None:
            standing.append(
                Interest(
                    since=max([invoice.due_date, *before]),
                    until=charge.charged_until,
                    by=(fired.rule_id, fired.rule_version),
                    due=fired.facts.get("invoice.due"),
                    amount=fired.results[0]["amount"],
                )
            )
    return standing


def _rose_on(allocations: Sequence[Row[Any]]) -> date | None:
    """Say on which day more was last taken back from an invoice than was paid on it.

    Only what payments gave can be due again: a write-off is taken back by what pays it.
    """
    days: dict[date, int] = {}
    for row in allocations:
        days[row.date] = days.get(row.date, 0) + row.amount
    return max((day for day, paid in days.items() if paid < 0), default=None)


def _awaiting(conn: Connection, organization_id: UUID, invoices: Sequence[Standing]) -> set[UUID]:
    """Find the invoices that a payment may pay on which somebody has to decide.

    One that names no invoice may pay any of its customer.
    """
    payment, claim = PAYMENTS.c, CLAIMS.c
    of_payment = (claim.organization_id == payment.organization_id) & (
        claim.payment_id == payment.id
    )
    statement = (
        select(payment.customer_id, payment.currency, claim.shares)
        .join(CLAIMS, of_payment)
        .where(
            payment.organization_id == organization_id,
            payment.customer_id.in_({invoice.customer_id for invoice in invoices}),
            payment.status == "pending_confirmation",
        )
    )
    named: set[UUID] = set()
    whole: set[tuple[UUID, str]] = set()
    for row in conn.execute(statement):
        named.update(UUID(share["invoice_id"]) for share in row.shares)
        if not row.shares:
            whole.add((row.customer_id, row.currency))
    return {
        invoice.id
        for invoice in invoices
        if invoice.id in named or (invoice.customer_id, invoice.currency) in whole
    }
