"""The organizations and customers that a batch of commands names, read at once and without a lock.

They are master data: what a document needs of them is copied into it. Only who must not meet their
end locks them.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row

from tallystick.kernel import rows
from tallystick.parties import customers, organizations
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS


class Named:
    """What was found of what was named; asking for what is missing refuses."""

    def __init__(
        self,
        conn: Connection,
        *,
        organization_ids: Collection[UUID],
        customer_ids: Collection[tuple[UUID, UUID]] = (),
    ) -> None:
        keys = [(organization_id,) for organization_id in organization_ids]
        self._organizations = {row.id: row for row in rows.find(conn, [ORGANIZATIONS.c.id], keys)}
        columns = [CUSTOMERS.c.organization_id, CUSTOMERS.c.id]
        self._customers = {
            (row.organization_id, row.id): row for row in rows.find(conn, columns, customer_ids)
        }
        self._sellers: dict[UUID, dict[str, Any]] = {}

    def zone(self, organization_id: UUID) -> str:
        """Give the time zone of an organization, or UTC for one that does not exist."""
        row = self._organizations.get(organization_id)
        return "UTC" if row is None else row.time_zone

    def organization(self, organization_id: UUID) -> Row[Any]:
        """Give an organization that may be written in.

        Refuses:
            organization.unknown, organization.inactive
        """
        row = self._organizations.get(organization_id)
        if row is None:
            raise organizations.unknown(organization_id)
        if not row.active:
            raise organizations.inactive(row.name)
        return row

    def known_organization(self, organization_id: UUID) -> Row[Any]:
        """Give an organization, active or not, for what must be booked in any case.

        Refuses:
            organization.unknown
        """
        row = self._organizations.get(organization_id)
        if row is None:
            raise organizations.unknown(organization_id)
        return row

    def seller(self, organization_id: UUID) -> dict[str, Any]:
        """Copy what a document says of its issuer, the same for all documents of the batch.

        Refuses:
            organization.unknown, organization.inactive
        """
        copied = self._sellers.get(organization_id)
        if copied is None:
            copied = seller_copy(self.organization(organization_id))
            self._sellers[organization_id] = copied
        return copied

    def customer(self, organization_id: UUID, customer_id: UUID) -> Row[Any]:
        """Give a customer, active or not.

        Refuses:
            customer.unknown
        """
        row = self._customers.get((organization_id, customer_id))
        if row is None:
            raise customers.unknown(customer_id)
        return row

    def read_customer(self, conn: Connection, organization_id: UUID, customer_id: UUID) -> None:
        """Read a customer whom nobody named beforehand."""
        place = organization_id, customer_id
        if place not in self._customers:
            columns = [CUSTOMERS.c.organization_id, CUSTOMERS.c.id]
            found = rows.find(conn, columns, [place])
            self._customers |= {(row.organization_id, row.id): row for row in found}

    def active_customer(self, organization_id: UUID, customer_id: UUID) -> Row[Any]:
        """Give a customer that new documents may be made for.

        Refuses:
            customer.unknown, customer.inactive
        """
        row = self.customer(organization_id, customer_id)
        if not row.active:
            raise customers.inactive(row.id)
        return row


def lock_customers(conn: Connection, keys: Collection[tuple[UUID, UUID]]) -> None:
    """Lock customers by organization and id, in that order, until the end of the transaction."""
    rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], keys, lock=True)


def seller_copy(organization: Row[Any]) -> dict[str, Any]:
    """Copy what a document says of its issuer, to stay as it is whatever changes later."""
    return {
        "name": organization.name,
        "tax_id": organization.tax_id,
        "country": organization.country,
        "address": organization.address,
    }


def buyer_copy(customer: Row[Any]) -> dict[str, Any]:
    """Copy what a document says of its addressee."""
    return {
        "name": customer.name,
        "email": customer.email,
        "tax_id": customer.tax_id,
        "address": customer.address,
        "external_reference": customer.external_reference,
    }
