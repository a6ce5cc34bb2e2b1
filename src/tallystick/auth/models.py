"""The table of API keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Line, Word, table_of


class ApiKey(Base):
    """A credential of a program. The key itself is shown once and never stored."""

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        ForeignKeyConstraint(["organization_id"], ["organization.id"]),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID | None]
    """None for a platform key, which names its organization with each request."""
    role: Mapped[Word]
    name: Mapped[Line]
    prefix: Mapped[str] = mapped_column(String(16))
    """The first characters, by which people recognise a key."""
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


API_KEYS = table_of(ApiKey)
