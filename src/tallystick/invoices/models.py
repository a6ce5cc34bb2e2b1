"""The tables of invoices, their lines, their frozen documents and the counters of numbers."""

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


class Invoice(Base):
    """The state of an invoice: small, because every payment rewrites it.

    What is left to pay (due) is `total - paid - credited - written_off`.
    """

    __tablename__ = "invoice"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
        CheckConstraint("paid + credited + written_off + reserved <= total", name="not_overpaid"),
        CheckConstraint(
            "total >= 0 AND paid >= 0 AND credited >= 0 AND written_off >= 0 AND reserved >= 0",
            name="not_negative",
        ),
        CheckConstraint("(status = 'draft') = (number IS NULL)", name="numbered_when_issued"),
        UniqueConstraint("organization_id", "number"),
        Index(None, "organization_id", "customer_id", "status", "due_date"),
        Index(None, "organization_id", "status", "payment_status", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    status: Mapped[Word]
    payment_status: Mapped[Word]
    currency: Mapped[Currency]
    total: Mapped[Minor]
    paid: Mapped[Minor]
    credited: Mapped[Minor]
    written_off: Mapped[Minor]
    reserved: Mapped[Minor]
    series: Mapped[str] = mapped_column(String(16))
    year: Mapped[int | None] = mapped_column(SmallInteger)
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    number: Mapped[str | None] = mapped_column(String(40))
    issue_date: Mapped[date | None]
    due_date: Mapped[date | None]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    booked_on: Mapped[date | None]
    """The last day on which something is booked on it; None for a draft, and where nobody kept it.
    """


class InvoiceContent(Base):
    """What an invoice says beside its lines: changed while it is a draft, frozen at issue."""

    __tablename__ = "invoice_content"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    terms_days: Mapped[int]
    reference: Mapped[str | None] = mapped_column(String(100))
    """The buyer's own reference, such as the number of a purchase order."""
    note: Mapped[Text | None]
    discount_kind: Mapped[Word | None]
    discount_value: Mapped[Minor | None]
    """Minor units when the kind is fixed, parts per million when it is percent."""
    net: Mapped[Minor]
    tax: Mapped[Minor]
    discount: Mapped[Minor]
    tax_rates: Mapped[list[Any]]
    """For each tax rate: `tax_rate_ppm`, `net`, `discount`, `taxable`, `tax`."""
    seller: Mapped[dict[str, Any] | None]
    buyer: Mapped[dict[str, Any] | None]
    document_hash: Mapped[str | None] = mapped_column(String(64))
    issued_at: Mapped[datetime | None]
    voided_at: Mapped[datetime | None]
    void_reason: Mapped[Text | None]
    write_off_reason: Mapped[Text | None]
    """Why part of the due was given up, the last time that it was."""
    memo: Mapped[Text | None]
    """What the organization keeps beside the document; it may change after issue."""
    replaces: Mapped[UUID | None]
    """The invoice in whose place this one was issued."""
    relates_to: Mapped[UUID | None]
    """The overdue invoice on which this one charges something."""


class InvoiceLine(Base):
    """One line of an invoice."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    description: Mapped[str] = mapped_column(String(500))
    quantity_micro: Mapped[int] = mapped_column(BigInteger)
    """Millionths of a unit."""
    unit_price: Mapped[Minor]
    tax_rate_ppm: Mapped[int]
    """Parts per million: 19 % is 190000."""
    discount_kind: Mapped[Word | None]
    discount_value: Mapped[Minor | None]
    net: Mapped[Minor]


class LateCharge(Base):
    """That an invoice charges a fee or interest on another one, because a rule said so."""

    __tablename__ = "late_charge"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
        ForeignKeyConstraint(
            ["organization_id", "relates_to"],
            ["invoice.organization_id", "invoice.id"],
            name="fk_late_charge_relates_to",
        ),
        ForeignKeyConstraint(
            ["organization_id", "firing_id"], ["firing.organization_id", "firing.id"]
        ),
        CheckConstraint("invoice_id <> relates_to", name="another"),
        UniqueConstraint("organization_id", "firing_id"),
        Index(None, "organization_id", "relates_to"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(primary_key=True)
    """The invoice that is the charge."""
    relates_to: Mapped[UUID]
    firing_id: Mapped[UUID]
    """What the rule saw and did: a step charges once."""
    charged_until: Mapped[date | None]
    """Up to which day interest is charged; None for a fee."""


class CreditNote(Base):
    """A numbered document that takes back an issued invoice in part or whole; frozen from birth.

    Its id is also that of its entry in the books.
    """

    __tablename__ = "credit_note"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "invoice_id"], ["invoice.organization_id", "invoice.id"]
        ),
        CheckConstraint("total > 0 AND net >= 0 AND tax >= 0", name="amount"),
        CheckConstraint("net + tax = total", name="adds_up"),
        UniqueConstraint("organization_id", "number"),
        Index(None, "organization_id", "invoice_id"),
        Index(None, "organization_id", "customer_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID]
    customer_id: Mapped[UUID]
    currency: Mapped[Currency]
    net: Mapped[Minor]
    tax: Mapped[Minor]
    total: Mapped[Minor]
    lines: Mapped[list[Any]]
    """As an invoice's: position, description, quantity, unit price, tax rate, discount, net."""
    tax_rates: Mapped[list[Any]]
    """For each tax rate: `tax_rate_ppm`, `net`, `discount`, `taxable`, `tax`."""
    reason: Mapped[Text]
    series: Mapped[str] = mapped_column(String(16))
    year: Mapped[int] = mapped_column(SmallInteger)
    sequence: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[str] = mapped_column(String(40))
    issue_date: Mapped[date]
    seller: Mapped[dict[str, Any]]
    buyer: Mapped[dict[str, Any]]
    document_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class Counter(Base):
    """The last number given in one series of one year."""

    __tablename__ = "counter"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[Word] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(String(16), primary_key=True)
    year: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(BigInteger)
    last_date: Mapped[date]
    version: Mapped[int]


INVOICES = table_of(Invoice)
CONTENTS = table_of(InvoiceContent)
LINES = table_of(InvoiceLine)
LATE_CHARGES = table_of(LateCharge)
CREDIT_NOTES = table_of(CreditNote)
COUNTERS = table_of(Counter)
