"""The table of postings. Rows are added and never changed or removed."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Currency, Minor, table_of


class Posting(Base):
    """One leg of an entry: a positive amount is a debit, a negative one a credit.

    The legs that share an `entry_id` are one entry and sum to zero in each currency. An account is
    its name; there is no row of it to lock or to refer to.
    """

    __tablename__ = "posting"
    __table_args__ = (
        CheckConstraint("amount <> 0", name="amount"),
        Index(None, "organization_id", "account", "currency", "date"),
        Index(None, "organization_id", "invoice_id"),
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


POSTINGS = table_of(Posting)
