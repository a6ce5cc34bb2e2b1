"""The tables of the books. Postings are added and never changed or removed.

The sums of closed months follow from them and can be dropped at any time.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Currency, Minor, table_of


class Posting(Base):
    """One leg of an entry: a positive amount is a debit, a negative one a credit.

    The legs that share an `entry_id` are one entry and sum to zero in each currency; the entry of a
    document bears the document's id. An account is its name; there is no row of it to lock or to
    refer to.
    """

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index(None, "organization_id", "account", "currency", "date", "entry_id"),
        Index(None, "organization_id", "currency", "date", "entry_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    entry_id: Mapped[UUID] = mapped_column(primary_key=True)
    leg: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    """The event that the entry books, such as `invoice.issued`."""
    date: Mapped[date]
    """The business date, in the organization's time zone."""
    recorded_at: Mapped[datetime]
    account: Mapped[str] = mapped_column(String(120))
    currency: Mapped[Currency]
    amount: Mapped[Minor]
    invoice_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]


class ClosedMonth(Base):
    """A month of an organization whose sums the worker keeps, unless they are stale."""

    __tablename__ = "closed_month"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    """Its first day."""
    stale: Mapped[bool]
    """Not summed yet, or an entry landed in it since: then its postings are added up instead."""
    version: Mapped[int]
    created_at: Mapped[datetime]
    noted_at: Mapped[datetime | None]
    """When an entry last landed in it late, by the clock of whoever booked it."""


class MonthSum(Base):
    """What the postings of one closed month add to one account in one currency.

    Also kept for `Assets:Receivable` and `Liabilities:Credit` themselves: all customers together.
    """

    __tablename__ = "month_sum"

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(String(120), primary_key=True)
    currency: Mapped[Currency] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(primary_key=True)
    amount: Mapped[Minor]


POSTINGS = table_of(Posting)
CLOSED_MONTHS = table_of(ClosedMonth)
MONTH_SUMS = table_of(MonthSum)
