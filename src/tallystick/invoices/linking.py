"""Make payers' links: to one issued invoice, or to all of one customer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select

from tallystick.auth.payer_links import PayerLinkDocument, add_link, check_holder
from tallystick.invoices import queries
from tallystick.invoices.models import INVOICES
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.parties.customers import get_customer, writable

DAYS_DEFAULT: Final = 30
DAYS_MAX: Final = 366


@dataclass(frozen=True, slots=True)
class CreatePayerLink:
    """A link to one invoice, or to all of one customer: exactly one of the two is named."""

    act: Act
    customer_id: UUID | None
    invoice_id: UUID | None
    days: int
    """How long it is good."""


def create_payer_links(
    conn: Connection, commands: Sequence[CreatePayerLink]
) -> list[Answer[PayerLinkDocument]]:
    """Make links.

    Refuses:
        payer_link.one_target: neither an invoice nor a customer is named, or both.
        invoice.unknown, customer.unknown, organization.inactive
        invoice.not_payable: the invoice is a draft, which nobody outside may see.
        customer.erased
        auth.beyond_own: the maker may not do what the holder of a link does.
    """
    return each(conn, commands, _create)


def _create(conn: Connection, command: CreatePayerLink) -> PayerLinkDocument:
    act = command.act
    assert 1 <= command.days <= DAYS_MAX, "the edge bounds it"
    writable(conn, act.organization_id)
    check_holder(act.actor)
    if (command.customer_id is None) == (command.invoice_id is None):
        message = "Name the invoice that the link is for, or the customer for all of theirs."
        raise Invalid("payer_link.one_target", message, pointer="/invoice_id")
    customer_id = command.customer_id or _customer_of(conn, act, command.invoice_id)
    if get_customer(conn, act.organization_id, customer_id)["erased_at"] is not None:
        message = f"The personal data of customer {shown(customer_id)} were erased."
        raise Refused("customer.erased", message)
    return add_link(
        conn,
        act,
        customer_id=customer_id,
        invoice_id=command.invoice_id,
        expires_at=act.at + timedelta(days=command.days),
    )


def _customer_of(conn: Connection, act: Act, invoice_id: UUID | None) -> UUID:
    assert invoice_id is not None, "one of the two is named"
    statement = select(INVOICES.c.customer_id, INVOICES.c.status).where(
        INVOICES.c.organization_id == act.organization_id, INVOICES.c.id == invoice_id
    )
    row = conn.execute(statement).first()
    if row is None:
        raise queries.unknown(invoice_id, pointer="/invoice_id")
    if row.status == "draft":
        message = f"The invoice {shown(invoice_id)} is a draft. Issue it first."
        raise Refused("invoice.not_payable", message, pointer="/invoice_id")
    customer_id: UUID = row.customer_id
    return customer_id
