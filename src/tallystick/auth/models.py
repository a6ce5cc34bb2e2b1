"""The tables of users, their credentials and what they may do where.

Users, their sessions and their tokens stand above all organizations: one person has one login.
Nothing here holds a secret in a form that can be used: passwords are Argon2id hashes, keys and
sessions SHA-256 hashes, TOTP secrets are sealed (`tallystick.kernel.sealing`), and tokens that
travel by mail are signed ids, not stored at all.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tallystick.kernel.schema import Base, Line, Word, table_of


class User(Base):
    """A login of one person."""

    # `user` is a word of SQL on PostgreSQL.
    __tablename__ = "login"
    __table_args__ = (UniqueConstraint("email_key"), UniqueConstraint("user_name_key"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    """The address as it is compared: in small letters."""
    email_verified_at: Mapped[datetime | None]
    user_name: Mapped[str | None] = mapped_column(String(64))
    user_name_key: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[Line]
    language: Mapped[str | None] = mapped_column(String(35))
    password_hash: Mapped[Line | None]
    """None for somebody who was invited and has not chosen one yet."""
    totp_sealed: Mapped[Line | None]
    """The secret of the second factor, sealed."""
    totp_confirmed_at: Mapped[datetime | None]
    """Until then the second factor is not asked for."""
    totp_step: Mapped[int | None] = mapped_column(BigInteger)
    """The time step of the last code that was taken, so that none is taken twice."""
    platform: Mapped[bool]
    """Whether this person may do everything, everywhere."""
    active: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RecoveryCode(Base):
    """Stands in for the second factor, once."""

    __tablename__ = "recovery_code"
    __table_args__ = (ForeignKeyConstraint(["user_id"], ["login.id"]),)

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Session(Base):
    """A browser in which a user is logged in."""

    __tablename__ = "session"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        ForeignKeyConstraint(["user_id"], ["login.id"]),
        Index(None, "user_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID]
    secret_hash: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(45))
    """From where it was begun."""
    agent: Mapped[Line]
    """What the browser calls itself."""
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    """The last use, to a few minutes."""
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class MailedToken(Base):
    """Something that a person proves by a link that was mailed to them, or an operator by a text.

    The text of the token is the signed id, so it can be made again for a mail and stands nowhere.
    """

    __tablename__ = "mailed_token"
    __table_args__ = (
        ForeignKeyConstraint(["user_id"], ["login.id"]),
        Index(None, "user_id", "purpose"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    purpose: Mapped[Word]
    """setup, verify_email, reset_password or change_email; email_changed proves nothing and tells
    the address before."""
    user_id: Mapped[UUID | None]
    email: Mapped[str | None] = mapped_column(String(254))
    """The address that it proves, to which it is sent."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ApiKey(Base):
    """A credential of a program, or of a user's own scripts. It is shown once and never stored."""

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("secret_hash"),
        ForeignKeyConstraint(["organization_id"], ["organization.id"]),
        Index(None, "user_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[UUID | None]
    """None for a platform key and a personal token, which name their organization each time."""
    user_id: Mapped[UUID | None]
    """Whose personal token it is; it may do what they may, within its scopes."""
    role: Mapped[Word]
    """Empty for a personal token."""
    scopes: Mapped[list[Any] | None]
    """The permissions that it is limited to; None leaves all of the role."""
    name: Mapped[Line]
    prefix: Mapped[str] = mapped_column(String(16))
    """The first characters, by which people recognise a key."""
    secret_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]
    """The last use, to a few minutes."""
    replaces_id: Mapped[UUID | None]
    """The key that this one was made to follow; both are good until that one expires."""
    revoked_at: Mapped[datetime | None]


class Role(Base):
    """A role that an organization made for itself, beside those of `tallystick.auth.policy`."""

    __tablename__ = "role"
    __table_args__ = (ForeignKeyConstraint(["organization_id"], ["organization.id"]),)

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[Word] = mapped_column(primary_key=True)
    permissions: Mapped[list[Any]]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Membership(Base):
    """A user belongs to an organization, in a role."""

    __tablename__ = "membership"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id"], ["organization.id"]),
        ForeignKeyConstraint(["user_id"], ["login.id"]),
        Index(None, "user_id", "organization_id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[Word]
    active: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Invitation(Base):
    """Asks somebody by mail to become a member."""

    __tablename__ = "invitation"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id"], ["organization.id"]),
        Index(None, "organization_id", "email_key"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    role: Mapped[Word]
    version: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    """The user who invited; None where a key or the command line did."""
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class PayerLink(Base):
    """Lets whoever holds it see and pay one invoice, or all of one customer."""

    __tablename__ = "payer_link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
        Index(None, "organization_id", "customer_id", "id"),
    )

    organization_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    """The one invoice that it is for. Which table that is in, this layer does not know."""
    version: Mapped[int]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    """The last use, to a few minutes."""
    revoked_at: Mapped[datetime | None]


class Attempts(Base):
    """How often something that can be guessed was tried lately, by whom or on what."""

    __tablename__ = "attempts"
    __table_args__ = (Index(None, "expires_at"),)

    subject: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256 of what is counted: a network, an account, or both together."""
    expires_at: Mapped[datetime]
    """When all of them are forgotten together."""
    count: Mapped[int]


API_KEYS = table_of(ApiKey)
ATTEMPTS = table_of(Attempts)
INVITATIONS = table_of(Invitation)
MAILED_TOKENS = table_of(MailedToken)
MEMBERSHIPS = table_of(Membership)
PAYER_LINKS = table_of(PayerLink)
RECOVERY_CODES = table_of(RecoveryCode)
ROLES = table_of(Role)
SESSIONS = table_of(Session)
USERS = table_of(User)
