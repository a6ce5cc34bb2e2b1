"""What a rule would have made of payments right after they were settled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices.states import Standing
from tallystick.kernel import clock, rows
from tallystick.parties.models import CUSTOMERS
from tallystick.payments import allocating, deciding, histories, ruling
from tallystick.payments.histories import History, Moment
from tallystick.payments.trials import Case, Known, Trial
from tallystick.rules.catalog import Action
from tallystick.rules.facts import Facts
from tallystick.rules.firing import Result


def settled(conn: Connection, trial: Trial, found: Sequence[Row[Any]]) -> list[Case]:
    """Ask about payments, given as what `trying` reads of them."""
    known = Known(conn, trial, found)
    matches = []
    for each in _rebuilt(conn, trial, found):
        at = each.moment.at
        standings = each.standings()
        asked = [(standing, known.facts(each.payment, standing, at)) for standing in standings]
        applies = [pair for pair in asked if trial.rule.applies(pair[1], known.day(at))]
        if applies:
            matches.append((each, standings, applies))
    grounds = _Grounds(conn, trial, [each for each, _, _ in matches])
    return [
        case
        for each, standings, applies in matches
        for case in _Trying(grounds, each, standings).cases(applies)
    ]


@dataclass(frozen=True, slots=True)
class _Settled:
    """A payment as it stood right after it was settled."""

    payment: Mapping[str, Any]
    moment: Moment
    histories: Sequence[History]
    """Of the invoices that it paid."""

    def standings(self) -> list[Standing | None]:
        """Tell how each of its invoices stood; a payment that paid none is asked about once."""
        return [each.standing(self.moment) for each in self.histories] or [None]


def _rebuilt(conn: Connection, trial: Trial, found: Sequence[Row[Any]]) -> Iterator[_Settled]:
    paid = {row.id: [UUID(name) for name in row.payload["invoice_ids"]] for row in found}
    wanted = {invoice_id for each in paid.values() for invoice_id in each}
    told = histories.of_invoices(conn, trial.organization.id, wanted)
    for row in found:
        own = [told[invoice_id] for invoice_id in paid[row.id]]
        given = [history.first_given[row.id] for history in own]
        # The id of a payment that was settled at once was made just then.
        at_once = row.id if row.created_at == row.at else None
        last = max((each.id for each in given), default=at_once)
        unallocated = row.amount - sum(each.amount for each in given)
        payment = {**payment_of(row), "unallocated": unallocated}
        yield _Settled(payment, Moment(row.at, last), own)


def payment_of(row: Row[Any]) -> dict[str, Any]:
    """Take what may be asked and shown of a payment."""
    names = ("id", "receipt_number", "customer_id", "amount", "method", "currency", "paid_on")
    return {name: getattr(row, name) for name in (*names, "reference")}


class _Grounds:
    """What actions are decided on beside the invoices that are paid."""

    def __init__(self, conn: Connection, trial: Trial, matched: Sequence[_Settled]) -> None:
        self.trial = trial
        here = trial.organization.id
        self._tolerances: dict[UUID, int] = {}
        if trial.does("settle_within_tolerance"):
            keys = {(here, each.payment["customer_id"]) for each in matched}
            for row in rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], keys):
                self._tolerances[row.id] = ruling.tolerance(row, trial.organization)
        self._owed: Mapping[UUID, Sequence[History]] = {}
        free = [each for each in matched if each.payment["unallocated"]]
        if free and trial.does("allocate_to_open_invoices"):
            moments = [each.moment.at for each in free]
            self._owed = histories.of_customers(
                conn,
                here,
                {each.payment["customer_id"] for each in free},
                trial.rule.currency,
                first_at=min(moments),
                last_at=max(moments),
            )

    def tolerance(self, settled: _Settled) -> int:
        """Tell how large a rest of the payer may be written off, by what is set today."""
        return self._tolerances[settled.payment["customer_id"]]

    def owed(self, settled: _Settled) -> Iterator[Standing]:
        """Tell what the payer owed."""
        for history in self._owed.get(settled.payment["customer_id"], ()):
            yield history.standing(settled.moment)


class _Trying:
    """One payment, as the actions of the rule would leave it one after the other."""

    def __init__(
        self, grounds: _Grounds, settled: _Settled, standings: Sequence[Standing | None]
    ) -> None:
        self._grounds = grounds
        self._settled = settled
        self._standings = {each.id: each for each in standings if each is not None}
        self._issued_on = {each.invoice.id: each.invoice.issue_date for each in settled.histories}
        self._free: int = settled.payment["unallocated"]
        self._labelled = False
        self._today = clock.day(settled.moment.at, grounds.trial.organization.time_zone)

    def cases(self, applies: Sequence[tuple[Standing | None, Facts]]) -> Iterator[Case]:
        """Decide what the rule would have made of each invoice to which it applies."""
        for invoice, facts in applies:
            results = [self._decide(action, invoice) for action in self._grounds.trial.rule.actions]
            invoice_id = None if invoice is None else invoice.id
            number = None if invoice is None else invoice.number
            payment, at = self._settled.payment, self._settled.moment.at
            yield Case(payment, invoice_id, number, at, facts, results)

    def _decide(self, action: Action, invoice: Standing | None) -> Result:
        match action.kind.name:
            case "settle_within_tolerance":
                tolerance = self._grounds.tolerance(self._settled)
                decided = deciding.give_up_rest(action, invoice, lambda: tolerance)
                if invoice is not None and decided.amount:
                    invoice.write_off(decided.amount, on=self._today)
                return decided
            case "early_payment_discount":
                paid_on = self._settled.payment["paid_on"]
                decided = deciding.discount(
                    action, invoice, paid_on, lambda found: self._issued_on[found.id]
                )
                if invoice is not None and decided.amount:
                    invoice.credit(decided.amount, on=self._today)
                return decided
            case "allocate_to_open_invoices":
                return self._allocate(action)
            case "add_label":
                # All invoices of the payment are about the one payment, which has it once.
                there, self._labelled = self._labelled, True
                return deciding.labelled(action, there=there)
            case _:
                raise AssertionError(f"{action.kind.name} is decided before a payment is settled")

    def _allocate(self, action: Action) -> Result:
        if not self._free:
            return deciding.idle(action)
        for standing in self._grounds.owed(self._settled):
            self._standings.setdefault(standing.id, standing)
        given = 0
        for standing, amount in allocating.to_open(self._standings.values(), self._free):
            standing.pay(amount, on=self._today)
            given += amount
        self._free -= given
        return deciding.applied(action, given) if given else deciding.idle(action)
