"""What a rule may ask about an invoice, its customer and their organization: pure."""

from datetime import date
from typing import Any

from sqlalchemy import Row

from tallystick.invoices.states import Standing, payment_status
from tallystick.rules.facts import Facts


def invoice_facts(invoice: Standing, today: date) -> Facts:
    """Write down what is the case with an invoice; `today` is in the organization's zone."""
    late = 0 if invoice.due_date is None else (today - invoice.due_date).days
    return {
        "invoice.id": invoice.id,
        "invoice.number": invoice.number,
        "invoice.currency": invoice.currency,
        "invoice.total": invoice.total,
        "invoice.amount": invoice.total - invoice.credited - invoice.written_off,
        "invoice.paid": invoice.paid,
        "invoice.due": invoice.due,
        "invoice.status": invoice.status,
        "invoice.payment_status": payment_status(
            total=invoice.total,
            paid=invoice.paid,
            credited=invoice.credited,
            written_off=invoice.written_off,
        ),
        "invoice.due_date": invoice.due_date,
        "invoice.days_overdue": max(0, late) if invoice.due else 0,
    }


def party_facts(organization: Row[Any], customer: Row[Any]) -> Facts:
    """Write down what is the case with a customer and their organization."""
    return {
        "organization.country": organization.country,
        "customer.id": customer.id,
        "customer.kind": customer.kind,
        "customer.external_reference": customer.external_reference,
        "customer.language": customer.language,
    }
