"""Change the currency of an organization, while nothing stands in its books."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tallystick.invoices.models import INVOICES
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused
from tallystick.kernel.idempotency import Answer, each
from tallystick.ledger.balances import balances
from tallystick.parties import organizations
from tallystick.parties.organizations import OrganizationDocument


@dataclass(frozen=True, slots=True)
class ChangeCurrency:
    """Keep the books in another currency from now on."""

    act: Act
    currency: str


def change_currencies(
    conn: Connection, commands: Sequence[ChangeCurrency]
) -> list[Answer[OrganizationDocument]]:
    """Change the currency of organizations without invoices and without money.

    Refuses:
        organization.unknown, organization.inactive, money.currency_unknown
        organization.currency_in_use: there are invoices, or something stands in its books.
    """
    return each(conn, commands, _change)


def _change(conn: Connection, command: ChangeCurrency) -> OrganizationDocument:
    organization_id = command.act.organization_id
    any_invoice = select(INVOICES.c.id).where(INVOICES.c.organization_id == organization_id)
    changed = organizations.change_currency(conn, command.act, command.currency)
    if conn.execute(any_invoice.limit(1)).first() or balances(conn, organization_id):
        message = "This organization has invoices or money in its books, so its currency stays."
        raise Refused("organization.currency_in_use", message, pointer="/currency")
    return changed
