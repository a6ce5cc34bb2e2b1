"""Why an invoice stands as it does: every entry that moved what is owed, and the rules behind it.

Nothing of it is kept: it is told from the books, payments, credit notes and the log of rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.models import CREDIT_NOTES, INVOICES, LATE_CHARGES
from tallystick.kernel import clock, money, rows
from tallystick.ledger import accounts, movements
from tallystick.payments.models import PAYMENTS
from tallystick.rules import queries as rule_queries
from tallystick.rules.models import RULES
from tallystick.rules.queries import FiringDocument

TEXTS: Final[Mapping[str, str]] = {
    "invoice.issued": "Issued: {amount} are owed.",
    "invoice.voided": "Voided: {amount} are not owed any more.",
    "invoice.written_off": "{amount} were written off.",
    "invoice.write_off_reversed": "{amount} that had been written off are owed after all.",
    "credit_note.issued": "{amount} were credited by {number}.",
    "payment.settled": "{amount} were paid by a payment of {whole} by {method} ({receipt}).",
    "payment.allocated": "{amount} were paid from the customer's credit, which came by {receipt}.",
    "payment.released": "{amount} of the payment {receipt} were taken back and are owed again.",
}
"""What each kind of entry means for the invoice."""


class LegDocument(TypedDict):
    """One leg of an entry; minor units, debits positive."""

    account: str
    amount: int


class StepDocument(TypedDict):
    """One thing that happened; minor units."""

    at: str
    kind: str
    text: str
    amount: int | None
    """What is owed more by it, or less."""
    payment_id: str | None
    rule_id: str | None
    entry_id: str | None
    legs: list[LegDocument]


class ExplanationDocument(TypedDict):
    """Why an invoice stands as it does; minor units."""

    invoice_id: str
    number: str | None
    currency: str
    status: str
    payment_status: str
    due: int
    steps: list[StepDocument]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the steps speak of, by id."""

    currency: str
    invoice_id: UUID
    payments: Mapping[UUID, Row[Any]]
    notes: Mapping[UUID, Row[Any]]
    rules: Mapping[UUID, Row[Any]]


def explain_invoice(
    conn: Connection, organization_id: UUID, invoice_id: UUID
) -> ExplanationDocument:
    """Tell all that moved an invoice, in the order in which it was recorded.

    Refuses:
        invoice.unknown
    """
    place = organization_id, invoice_id
    found = rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], [place])
    if not found:
        raise invoice_queries.unknown(invoice_id)
    invoice = found[0]
    entry_ids: list[UUID] = []
    if invoice.number is not None:
        account = accounts.receivable(invoice.customer_id)
        entry_ids = movements.of_invoice(
            conn, organization_id, account, invoice.currency, invoice_id
        )
    legs = movements.legs(conn, organization_id, entry_ids)
    firings = rule_queries.firings_of(conn, organization_id, [invoice_id])
    # What an invoice charges on another one, a rule charged.
    charges = rows.find(conn, [LATE_CHARGES.c.organization_id, LATE_CHARGES.c.invoice_id], [place])
    named = [charge.firing_id for charge in charges]
    firings += rule_queries.firings_named(conn, organization_id, named)
    paying = {leg.payment_id for each in legs.values() for leg in each if leg.payment_id}
    firings += rule_queries.firings_of_payments(conn, organization_id, paying)
    known = _known(conn, invoice, legs, firings)
    steps = [_entry(known, entry_id, legs[entry_id]) for entry_id in entry_ids]
    steps += [_fired(known, firing) for firing in firings]
    return {
        "invoice_id": str(invoice_id),
        "number": invoice.number,
        "currency": invoice.currency,
        "status": invoice.status,
        "payment_status": invoice.payment_status,
        "due": invoice.total - invoice.paid - invoice.credited - invoice.written_off,
        # A rule that applied stands behind what it made happen at the same moment.
        "steps": sorted(steps, key=lambda step: step["at"]),
    }


def _known(
    conn: Connection,
    invoice: Row[Any],
    legs: Mapping[UUID, Sequence[Row[Any]]],
    firings: Sequence[FiringDocument],
) -> _Known:
    here = invoice.organization_id
    payment_ids = {leg.payment_id for each in legs.values() for leg in each if leg.payment_id}
    wanted = (
        (PAYMENTS, payment_ids),
        (CREDIT_NOTES, set(legs)),
        (RULES, {UUID(firing["rule_id"]) for firing in firings}),
    )
    by_id = [
        {
            row.id: row
            for row in rows.find(
                conn, [table.c.organization_id, table.c.id], [(here, each) for each in ids]
            )
        }
        for table, ids in wanted
    ]
    return _Known(invoice.currency, invoice.id, *by_id)


def _entry(known: _Known, entry_id: UUID, legs: Sequence[Row[Any]]) -> StepDocument:
    own = sum(leg.amount for leg in legs if leg.invoice_id == known.invoice_id)
    first = legs[0]
    payment, note = known.payments.get(first.payment_id), known.notes.get(entry_id)
    facts = {"amount": _said(abs(own), known.currency)}
    if payment is not None:
        facts |= {
            "whole": _said(payment.amount, known.currency),
            "method": payment.method.replace("_", " "),
            "receipt": payment.receipt_number or "no receipt",
        }
    if note is not None:
        facts["number"] = note.number
    return {
        "at": clock.text(first.recorded_at),
        "kind": first.kind,
        "text": TEXTS[first.kind].format(**facts),
        "amount": own,
        "payment_id": None if payment is None else str(payment.id),
        "rule_id": None,
        "entry_id": str(entry_id),
        "legs": [{"account": leg.account, "amount": leg.amount} for leg in legs],
    }


def _fired(known: _Known, firing: FiringDocument) -> StepDocument:
    name = known.rules[UUID(firing["rule_id"])].name
    said = "; ".join(
        result["detail"] or f"{result['action'].replace('_', ' ')}: {result['outcome']}"
        for result in firing["results"]
    )
    return {
        "at": firing["at"],
        "kind": "rule.applied" if firing["outcome"] == "applied" else "rule.refused",
        "text": f"The rule “{name}”, version {firing['rule_version']}: {said}",
        "amount": None,
        "payment_id": firing["payment_id"],
        "rule_id": firing["rule_id"],
        "entry_id": None,
        "legs": [],
    }


def _said(amount: int, currency: str) -> str:
    return f"{money.text(amount, currency)} {currency}"
