"""How tests take payments through a provider, without one."""

from typing import Any
from uuid import UUID

from tallystick.invoices.queries import InvoiceDocument
from tallystick.payments.allocating import Share
from tallystick.payments.provider import Found
from tallystick.payments.queries import PaymentDocument
from tallystick.payments.resolving import ResolvePayment, resolve_payments
from tallystick.payments.starting import RepeatPayment, StartPayment, start_payments
from tests.factories import Books

CALL_S = 10.0


def start(books: Books, amount: int | None, *invoices: InvoiceDocument, **values: Any) -> Any:
    """Prepare a command that starts a payment at a provider."""
    shares = tuple(Share(UUID(invoice["id"])) for invoice in invoices)
    named = {"provider": "fakepay", "invoices": shares, **values}
    return StartPayment(books.act(), call_s=CALL_S, currency="EUR", amount=amount, **named)


def started(
    books: Books, amount: int | None, *invoices: InvoiceDocument, **values: Any
) -> PaymentDocument:
    """Start a payment at a provider."""
    return books.done(start_payments, start(books, amount, *invoices, **values))


def repeat(books: Books, payment: PaymentDocument) -> RepeatPayment:
    """Prepare a command that notes another call."""
    return RepeatPayment(books.act(), UUID(payment["id"]), CALL_S)


def resolved(
    books: Books, payment: PaymentDocument, outcome: Found, **values: Any
) -> PaymentDocument:
    """Make of a payment what the provider says."""
    command = ResolvePayment(books.act(), UUID(payment["id"]), outcome, **values)
    return books.done(resolve_payments, command)
