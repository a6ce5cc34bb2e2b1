"""The tables of rules, of what they were before, and of what they did."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Currency, Line, Word, table_of


class Rule(Base):
    """What an organization wants to happen by itself. A removed one stays for what it did."""

    __tablename__ = "rule"
    __table_args__ = (ForeignKeyConstraint(["organization_id"], ["organization.id"]),)

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[Line]
    fires_on: Mapped[Word]
    """Its trigger, which is a word of SQL."""
    currency: Mapped[Currency]
    """That of every amount in it; what is in another currency is not its business."""
    customer_id: Mapped[UUID | None]
    """The one customer it is about; None stands for all."""
    customer_kind: Mapped[Word | None]
    form: Mapped[dict[str, Any]]
    """Its condition and actions, as they are written."""
    priority: Mapped[int]
    """Lower ones come first."""
    enabled: Mapped[bool]
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    """The last day, in the organization's time zone."""
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class RuleVersion(Base):
    """A rule as it was from one change to the next."""

    __tablename__ = "rule_version"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "rule_id"], ["rule.organization_id", "rule.id"]),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[dict[str, Any]]
    """All of it, as it is shown."""
    at: Mapped[datetime]


class Firing(Base):
    """That a rule applied once: the facts it saw, and what came of its actions."""

    __tablename__ = "firing"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "rule_id"], ["rule.organization_id", "rule.id"]),
        UniqueConstraint("organization_id", "once_id"),
        Index(None, "organization_id", "rule_id", "id"),
        Index(None, "organization_id", "customer_id"),
        Index(None, "organization_id", "payment_id"),
        Index(None, "organization_id", "invoice_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    once_id: Mapped[UUID]
    """Derived from the rule and what it is about: a rule fires once on each."""
    rule_id: Mapped[UUID]
    rule_version: Mapped[int]
    fires_on: Mapped[Word]
    customer_id: Mapped[UUID | None]
    payment_id: Mapped[UUID | None]
    invoice_id: Mapped[UUID | None]
    facts: Mapped[dict[str, Any]]
    outcome: Mapped[Word]
    """applied, or refused where an action could not be done."""
    results: Mapped[list[Any]]
    """What came of each action: its name, outcome, and code and words of a refusal."""
    at: Mapped[datetime]


class RuleReading(Base):
    """How far the events of an organization were read for the rules that follow them."""

    __tablename__ = "rule_reading"
    __table_args__ = (ForeignKeyConstraint(["organization_id"], ["organization.id"]),)

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    """All events up to this position were looked at."""


RULES = table_of(Rule)
RULE_VERSIONS = table_of(RuleVersion)
FIRINGS = table_of(Firing)
READINGS = table_of(RuleReading)
