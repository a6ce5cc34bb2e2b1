"""The tables of organizations, customers and labels."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Currency, Line, Word, table_of


class Organization(Base):
    """A receiver: it is owed. The tenant, whose id leads every key of what is its own."""

    __tablename__ = "organization"
    __table_args__ = (UniqueConstraint("slug"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(63))
    name: Mapped[Line]
    country: Mapped[str] = mapped_column(String(2))
    currency: Mapped[Currency]
    time_zone: Mapped[str] = mapped_column(String(64))
    tax_id: Mapped[str | None] = mapped_column(String(50))
    address: Mapped[dict[str, Any]]
    terms_days: Mapped[int]
    """Days from issue to due date where an invoice says nothing else."""
    active: Mapped[bool]
    payment_tolerance: Mapped[int | None] = mapped_column(BigInteger)
    """How large a rest a rule may write off, in minor units; None is none."""
    rules_version: Mapped[int | None]
    """Raised by every change of a rule, so that nobody who has read the rules reads them again."""
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Customer(Base):
    """A payer in the books of one organization."""

    __tablename__ = "customer"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id"], ["organization.id"]),
        UniqueConstraint("organization_id", "external_reference"),
        Index(None, "organization_id", "name"),
        # A payer's login finds what they owe in every organization by their address.
        Index(None, "email_key", "organization_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[Word]
    name: Mapped[Line]
    given_name: Mapped[Line | None]
    family_name: Mapped[Line | None]
    email: Mapped[str | None] = mapped_column(String(254))
    email_key: Mapped[str | None] = mapped_column(String(254))
    """The address as it is compared: in small letters."""
    phone: Mapped[str | None] = mapped_column(String(32))
    address: Mapped[dict[str, Any]]
    tax_id: Mapped[str | None] = mapped_column(String(50))
    language: Mapped[str | None] = mapped_column(String(35))
    external_reference: Mapped[str | None] = mapped_column(String(100))
    active: Mapped[bool]
    payment_tolerance: Mapped[int | None] = mapped_column(BigInteger)
    """Instead of the organization's; None takes that."""
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]


class Label(Base):
    """A short word that people or rules have put on a customer, or on an invoice or payment."""

    __tablename__ = "label"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
        UniqueConstraint("organization_id", "subject_id", "label"),
        Index(None, "organization_id", "label", "id"),
        Index(None, "organization_id", "customer_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[Word]
    """customer, invoice or payment."""
    subject_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    """Whose it is: the labels of a customer who is erased go with them."""
    label: Mapped[str] = mapped_column(String(50))
    added_at: Mapped[datetime]


ORGANIZATIONS = table_of(Organization)
CUSTOMERS = table_of(Customer)
LABELS = table_of(Label)
