"""The parties that a batch names: found together, and refused one by one."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from tallystick.kernel import ids
from tallystick.kernel.errors import Refused
from tallystick.parties.customers import SetCustomerActive, set_customers_active
from tallystick.parties.named import Named
from tallystick.parties.organizations import SetOrganizationActive, set_organizations_active
from tests.factories import Books, Opening


def test_whoever_is_named_is_found_or_refused(books: Books, open_books: Opening) -> None:
    closed = open_books(time_zone="Asia/Tokyo")
    closed.done(set_organizations_active, SetOrganizationActive(closed.act(), active=False))
    active, gone = (UUID(books.customer()["id"]) for _ in range(2))
    books.done(set_customers_active, SetCustomerActive(books.act(), gone, active=False))
    ours, nobody = books.organization_id, ids.new()
    named = books.database.read(
        lambda conn: Named(
            conn,
            organization_ids=[ours, closed.organization_id, nobody],
            customer_ids=[(ours, active), (ours, gone), (closed.organization_id, active)],
        )
    )
    assert named.organization(ours).id == ours
    assert named.zone(closed.organization_id) == "Asia/Tokyo"
    assert named.zone(nobody) == "UTC"
    assert named.customer(ours, gone).active is False
    assert named.active_customer(ours, active).id == active
    refused: list[tuple[Callable[[], Any], str]] = [
        (lambda: named.organization(closed.organization_id), "organization.inactive"),
        (lambda: named.organization(nobody), "organization.unknown"),
        (lambda: named.active_customer(ours, gone), "customer.inactive"),
        (lambda: named.customer(ours, nobody), "customer.unknown"),
        (lambda: named.customer(closed.organization_id, active), "customer.unknown"),
    ]
    for ask, code in refused:
        with pytest.raises(Refused) as answer:
            ask()
        assert answer.value.refusal.code == code
