"""What stands in a database before anything is measured: organizations, customers, invoices, keys.

All of it is made by the product's own use cases, so the audit has nothing to say about it.
"""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.auth.credentials import create_key
from tallystick.invoices.content import DraftContent
from tallystick.invoices.issuing import IssueNew, issue_new
from tallystick.invoices.totals import Line
from tallystick.kernel import clock, ids
from tallystick.kernel.actor import OPERATOR, Act
from tallystick.kernel.database import Database
from tallystick.kernel.errors import Refusal
from tallystick.parties.customers import CreateCustomer, create_customers
from tallystick.parties.organizations import CreateOrganization, create_organizations
from tallystick.payments.allocating import Share
from tallystick.payments.recording import RecordPayment, record_payments

CURRENCY: Final = "EUR"
CUSTOMERS: Final = 100
"""Customers of each organization."""
LINES: Final = 3
AMOUNT: Final = 100
"""What each measured payment pays, in minor units."""
UNIT_PRICE: Final = 1_000_000_000
"""So large that a run of payments never pays an invoice off."""
AT_ONCE: Final = 500
SAMPLES: Final = 200
"""So many that the database's statistics tell of organizations with many payments each. From one of
each it learns that an organization is as rare as an id, and reads all of one's rows for one row."""


@dataclass(frozen=True)
class Tenant:
    """An organization with customers, one key, and invoices to pay."""

    id: UUID
    slug: str
    key: str
    customers: list[UUID]
    invoices: list[UUID]

    def invoice_content(self, number: int, *, unit_price: int = 1_000) -> DraftContent:
        """Write the content of an invoice of three lines at two tax rates."""
        return DraftContent(
            customer_id=self.customers[number % len(self.customers)],
            currency=CURRENCY,
            lines=tuple(
                Line(f"Lessons, part {line + 1}", (line + 1) * 1_500_000, unit_price, rate_ppm)
                for line, rate_ppm in zip(range(LINES), (190_000, 190_000, 70_000), strict=True)
            ),
        )

    def payment(self, number: int) -> RecordPayment:
        """Write the command that pays a small part of one invoice."""
        invoice_id = self.invoices[number % len(self.invoices)]
        return RecordPayment(
            act(self.id),
            amount=AMOUNT,
            currency=CURRENCY,
            method="bank_transfer",
            invoices=(Share(invoice_id),),
        )


def act(organization_id: UUID) -> Act:
    """Make an act of the operator under a key of its own."""
    key = str(ids.new())
    fingerprint = hashlib.sha256(key.encode()).hexdigest()
    return Act(
        OPERATOR,
        organization_id,
        clock.now(),
        key,
        fingerprint,
        request_id=key,
        address="127.0.0.1",
    )


def fill(database: Database, *, organizations: int, invoices: int, first: int = 0) -> list[Tenant]:
    """Make organizations, each with this many invoices, and give what there is to know of them."""
    tenants = [_tenant(database, first + number) for number in range(organizations)]
    for tenant in tenants:
        for start in range(0, invoices, AT_ONCE):
            commands = [
                IssueNew(act(tenant.id), tenant.invoice_content(number, unit_price=UNIT_PRICE))
                for number in range(start, min(start + AT_ONCE, invoices))
            ]
            for answer in database.write(lambda conn, todo=commands: issue_new(conn, todo)):  # type: ignore[misc]  # a default binds the loop's value
                assert not isinstance(answer.outcome, Refusal), answer.outcome
                tenant.invoices.append(UUID(answer.outcome["id"]))
    return tenants


def add_samples(database: Database, tenant: Tenant) -> None:
    """Issue and pay as the runs will, so that the counters stand and rows can be copied."""
    issues = [IssueNew(act(tenant.id), tenant.invoice_content(each)) for each in range(SAMPLES)]
    for issued in database.write(lambda conn: issue_new(conn, issues)):
        assert not isinstance(issued.outcome, Refusal), issued.outcome
    payments = [tenant.payment(each) for each in range(SAMPLES)]
    for paid in database.write(lambda conn: record_payments(conn, payments)):
        assert not isinstance(paid.outcome, Refusal), paid.outcome


def _tenant(database: Database, number: int) -> Tenant:
    slug = f"bench-{number:02}"
    create = CreateOrganization(
        act(ids.NIL),
        slug=slug,
        name=f"School {number:02}",
        country="DE",
        currency=CURRENCY,
        time_zone="UTC",
        tax_id=f"DE{number:09}",
        address={"line1": "Main Street 1", "postal_code": "10115", "city": "Berlin"},
        terms_days=14,
    )
    [made] = database.write(lambda conn: create_organizations(conn, [create]))
    assert not isinstance(made.outcome, Refusal), made.outcome
    organization_id = UUID(made.outcome["id"])
    commands = [customer(organization_id, each) for each in range(CUSTOMERS)]
    answers = database.write(lambda conn: create_customers(conn, commands))
    customers = []
    for answer in answers:
        assert not isinstance(answer.outcome, Refusal), answer.outcome
        customers.append(UUID(answer.outcome["id"]))
    key, _ = database.write(
        lambda conn: create_key(
            conn,
            act(organization_id),
            organization_id=organization_id,
            role="owner",
            name="bench",
        )
    )
    return Tenant(organization_id, slug, key, customers, [])


def customer(organization_id: UUID, number: int) -> CreateCustomer:
    """Write the command that makes a customer."""
    return CreateCustomer(
        act(organization_id),
        kind="student",
        name=f"Student {number:04}",
        given_name="Student",
        family_name=f"{number:04}",
        email=f"student-{number}@example.org",
        phone=None,
        address={"line1": "Main Street 2", "postal_code": "10115", "city": "Berlin"},
        tax_id=None,
        language="de",
        external_reference=f"S{number:04}",
    )
