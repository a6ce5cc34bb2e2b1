"""The numbers under which older contracts know our objects.

A number is stable and never given twice. It is the contract's own: nothing else knows it.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Word, table_of


class DialectNumber(Base):
    """The number of one object in one contract."""

    __tablename__ = "dialect_number"
    __table_args__ = (
        UniqueConstraint("dialect", "kind", "object_id"),
        UniqueConstraint("dialect", "kind", "natural_key"),
        Index(None, "organization_id", "dialect", "kind"),
    )

    dialect: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[Word] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    organization_id: Mapped[UUID]
    object_id: Mapped[UUID]
    natural_key: Mapped[str | None] = mapped_column(String(255))
    """What the contract says is unique, such as an e-mail address; binds that contract alone."""
    facts: Mapped[dict[str, Any] | None]
    """What the contract remembers of an object and the core does not."""
    created_at: Mapped[datetime]


class DialectBlock(Base):
    """The last number that was handed out of one kind; numbers are taken in blocks."""

    __tablename__ = "dialect_block"

    dialect: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[Word] = mapped_column(primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int]


DIALECT_NUMBERS = table_of(DialectNumber)
DIALECT_BLOCKS = table_of(DialectBlock)
