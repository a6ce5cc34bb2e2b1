"""Read organizations and customers across organizations, by place in the list.

For doors whose lists run over everything that the caller may see, and count their pages.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select, true

from tallystick.kernel import rows
from tallystick.parties import customers, organizations
from tallystick.parties.customers import CustomerDocument
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS
from tallystick.parties.organizations import OrganizationDocument

Places = Collection[UUID] | None
"""The organizations to look into; None stands for all."""


def within(column: ColumnElement[UUID], places: Places) -> ColumnElement[bool]:
    """Say that a row belongs to one of these organizations."""
    return true() if places is None else column.in_(places)


def list_organizations(
    conn: Connection, places: Places, *, active: bool | None, offset: int, limit: int
) -> list[OrganizationDocument]:
    """List organizations, the oldest first."""
    column = ORGANIZATIONS.c
    statement = select(ORGANIZATIONS).where(within(column.id, places))
    if active is not None:
        statement = statement.where(column.active == active)
    found = conn.execute(statement.order_by(column.id).offset(offset).limit(limit))
    return [organizations.document(row) for row in found]


def list_customers(
    conn: Connection, places: Places, *, by_name: bool, offset: int, limit: int
) -> list[tuple[UUID, CustomerDocument]]:
    """List customers who are not erased, each with their organization: by name or the oldest first.

    By name means by family name, then by given name.
    """
    column = CUSTOMERS.c
    order = [column.family_name, column.given_name, column.id] if by_name else [column.id]
    statement = select(CUSTOMERS).where(
        within(column.organization_id, places), column.erased_at.is_(None)
    )
    found = conn.execute(statement.order_by(*order).offset(offset).limit(limit))
    return [(row.organization_id, customers.document(row)) for row in found]


def find_customers(
    conn: Connection, keys: Collection[tuple[UUID, UUID]]
) -> dict[UUID, CustomerDocument]:
    """Find customers by organization and id, erased or not."""
    found = rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], keys)
    return {row.id: customers.document(row) for row in found}


def count_active_customers(conn: Connection, organization_id: UUID) -> int:
    """Count the customers of an organization who get new documents."""
    statement = select(func.count()).where(
        CUSTOMERS.c.organization_id == organization_id, CUSTOMERS.c.active
    )
    return int(conn.execute(statement).scalar_one())


def tolerances(conn: Connection, organization_id: UUID) -> dict[UUID, int]:
    """Give the tolerances of customers who have one of their own, in minor units."""
    column = CUSTOMERS.c
    statement = select(column.id, column.payment_tolerance).where(
        column.organization_id == organization_id, column.payment_tolerance.is_not(None)
    )
    return {row.id: row.payment_tolerance for row in conn.execute(statement)}
