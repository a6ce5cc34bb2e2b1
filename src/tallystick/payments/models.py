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

from tallystick.kernel.schema import Base, Currency, Line, Minor, Text, Word, table_of


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
    held_by: Mapped[UUID | None]
    """Who recorded or claimed it; None where nobody kept it."""
    rule_id: Mapped[UUID | None]
    """The rule that held it when it was recorded."""
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


class RefundHold(Base):
    """That a rule lets a refund wait for another person, and what they decided."""

    __tablename__ = "refund_hold"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "refund_id"], ["refund.organization_id", "refund.id"]
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    refund_id: Mapped[UUID] = mapped_column(primary_key=True)
    held_by: Mapped[UUID]
    """Who wanted the refund."""
    rule_id: Mapped[UUID]
    decline_reason: Mapped[Text | None]
    decided_at: Mapped[datetime | None]


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


class ProviderOrder(Base):
    """What a provider was asked to do: take a payment, or give a refund back.

    Its id is that of the payment or the refund. It keeps no more of a card than may be shown.
    """

    __tablename__ = "provider_order"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
        ForeignKeyConstraint(
            ["organization_id", "refund_id"], ["refund.organization_id", "refund.id"]
        ),
        CheckConstraint("amount > 0", name="amount"),
        Index(None, "organization_id", "payment_id"),
        Index(None, "organization_id", "provider", "provider_key"),
        # Whoever watches over all organizations looks for what nobody knows.
        Index(None, "unknown_from"),
        # A provider reports on all organizations, by the day.
        Index(None, "provider", "created_at"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID]
    refund_id: Mapped[UUID | None]
    provider: Mapped[Word]
    provider_key: Mapped[UUID]
    """The provider's key for it: the id, unless an older contract prescribes another."""
    amount: Mapped[Minor]
    reference: Mapped[Line | None]
    """The provider's own name for it."""
    description: Mapped[Line]
    return_url: Mapped[Text | None]
    action_url: Mapped[Text | None]
    """Where the payer has to do something."""
    card_brand: Mapped[Word | None]
    card_first_six: Mapped[str | None] = mapped_column(String(6))
    card_last_four: Mapped[str | None] = mapped_column(String(4))
    card_expiry: Mapped[str | None] = mapped_column(String(7))
    calls: Mapped[int]
    """How often the provider was called to do it."""
    unknown_from: Mapped[datetime | None]
    """From when on nobody knows what became of it; ahead while a call is on its way, None once it
    is known.
    """
    unknown_why: Mapped[Word | None]
    failure_code: Mapped[Word | None]
    failure_reason: Mapped[Line | None]
    late: Mapped[bool]
    """Whether it succeeded after it had been given up."""
    called_at: Mapped[datetime]
    """When the provider was last called to do it."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Reservation(Base):
    """What a payment on its way keeps free for itself of an invoice, until it is decided."""

    __tablename__ = "reservation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "payment_id"], ["payment.organization_id", "payment.id"]
        ),
        ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
        CheckConstraint("amount > 0", name="amount"),
        Index(None, "organization_id", "invoice_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    payment_id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    amount: Mapped[Minor]


PAYMENTS = table_of(Payment)
ALLOCATIONS = table_of(Allocation)
CLAIMS = table_of(Claim)
REFUNDS = table_of(Refund)
REFUND_HOLDS = table_of(RefundHold)
ORDERS = table_of(ProviderOrder)
RESERVATIONS = table_of(Reservation)
