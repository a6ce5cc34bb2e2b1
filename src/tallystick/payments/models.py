"""The tables of payments, what they pay, what is claimed and what is given back."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Currency, Minor, Text, Word, table_of


class Payment(Base):
    """One try to pay by one method; once settled, accounted for to the last minor unit."""

    __tablename__ = "payment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(
            "allocated >= 0 AND unallocated >= 0 AND refund_reserved >= 0 AND refunded >= 0 "
            "AND charged_back >= 0",
            name="not_negative",
        ),
        CheckConstraint(
            "allocated + unallocated + refund_reserved + refunded + charged_back = "
            "CASE WHEN status IN ('succeeded', 'disputed', 'charged_back') THEN amount ELSE 0 END",
            name="accounted_for",
        ),
        UniqueConstraint("organization_id", "receipt_number"),
        Index(None, "organization_id", "customer_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    method: Mapped[Word]
    status: Mapped[Word]
    currency: Mapped[Currency]
    amount: Mapped[Minor]
    allocated: Mapped[Minor]
    unallocated: Mapped[Minor]
    refund_reserved: Mapped[Minor]
    refunded: Mapped[Minor]
    charged_back: Mapped[Minor]
    paid_on: Mapped[date]
    """The day the money came, in the organization's time zone."""
    reference: Mapped[str | None] = mapped_column(String(100))
    note: Mapped[Text | None]
    receipt_year: Mapped[int | None] = mapped_column(SmallInteger)
    receipt_sequence: Mapped[int | None] = mapped_column(BigInteger)
    receipt_number: Mapped[str | None] = mapped_column(String(40))
    receipt_date: Mapped[date | None]
    parties: Mapped[dict[str, Any] | None]
    """Both parties as the receipt names them, where no invoice has them frozen."""
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    """When the money became good; the receipt shows what was allocated at that moment."""
    booked_on: Mapped[date | None]
    """The last day on which its money moved; None before it is settled, and where nobody kept it.
    """


class Claim(Base):
    """What somebody says they have paid, until the organization has seen the money."""

    __tablename__ = "claim"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    shares: Mapped[list[Any]]
    """The invoices it is to pay: `invoice_id` and `amount`, which may be null."""
    excess: Mapped[Word]
    decline_reason: Mapped[Text | None]
    decided_at: Mapped[datetime | None]


class Refund(Base):
    """Money of a settled payment that was given back. Its id is also that of its entry."""

    __tablename__ = "refund"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
        CheckConstraint("amount > 0", name="amount"),
        Index(None, "organization_id", "payment_id"),
        Index(None, "organization_id", "customer_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    method: Mapped[Word]
    status: Mapped[Word]
    currency: Mapped[Currency]
    amount: Mapped[Minor]
    refunded_on: Mapped[date]
    """The day the money went back, in the organization's time zone."""
    reference: Mapped[str | None] = mapped_column(String(100))
    reason: Mapped[Text | None]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Allocation(Base):
    """A part of a payment that pays one invoice.

    Rows are only added: what is released later stands as a negative amount, so any past day can be
    shown as it was.
    """

    __tablename__ = "allocation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
        ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
        CheckConstraint("amount <> 0", name="amount"),
        Index(None, "organization_id", "payment_id"),
        Index(None, "organization_id", "invoice_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[Minor]
    due_after: Mapped[Minor]
    """What was left to pay on the invoice right after this, so that a receipt prints the same for
    ever.
    """
    date: Mapped[date]
    created_at: Mapped[datetime]


PAYMENTS = table_of(Payment)
ALLOCATIONS = table_of(Allocation)
CLAIMS = table_of(Claim)
REFUNDS = table_of(Refund)
