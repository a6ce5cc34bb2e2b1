"""Users, how they prove who they are, memberships, payers' links, tasks, and who did what."""

from typing import Any

import sqlalchemy as sa

from tallystick.kernel.schema import Document, Id, Moment
from tallystick.migrations.steps import (
    add_column,
    create_index,
    create_table,
    drop_column,
    drop_index,
    drop_table,
    run,
)

revision = "0013"
down_revision = "0012"

_OF_ORGANIZATION = (["organization_id"], ["organization.id"])
_OF_USER = (["user_id"], ["login.id"])


def upgrade() -> None:
    """Make the tables and add the columns."""
    _users()
    _memberships()
    _trail()
    added: tuple[sa.Column[Any], ...] = (
        sa.Column("user_id", Id(), nullable=True),
        sa.Column("scopes", Document(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=True),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("replaces_id", Id(), nullable=True),
    )
    for column in added:
        add_column("api_key", column)
    create_index("api_key", "user_id", "id")
    add_column("customer", sa.Column("email_key", sa.String(254), nullable=True))
    run("UPDATE customer SET email_key = lower(email) WHERE email_key IS NULL")
    create_index("customer", "email_key", "organization_id", "id")


def _users() -> None:
    create_table(
        "login",
        sa.Column("id", Id(), primary_key=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(254), nullable=False),
        sa.Column("email_verified_at", Moment(), nullable=True),
        sa.Column("user_name", sa.String(64), nullable=True),
        sa.Column("user_name_key", sa.String(64), nullable=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("language", sa.String(35), nullable=True),
        sa.Column("password_hash", sa.String(255), nullable=True),
        sa.Column("totp_sealed", sa.String(255), nullable=True),
        sa.Column("totp_confirmed_at", Moment(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=True),
        sa.Column("platform", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.UniqueConstraint("email_key"),
        sa.UniqueConstraint("user_name_key"),
    )
    create_table(
        "recovery_code",
        sa.Column("user_id", Id(), primary_key=True),
        sa.Column("code_hash", sa.String(64), primary_key=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(*_OF_USER),
    )
    create_table(
        "session",
        sa.Column("id", Id(), primary_key=True),
        sa.Column("user_id", Id(), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("agent", sa.String(255), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("seen_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.UniqueConstraint("secret_hash"),
        sa.ForeignKeyConstraint(*_OF_USER),
    )
    create_index("session", "user_id", "id")
    create_table(
        "mailed_token",
        sa.Column("id", Id(), primary_key=True),
        sa.Column("purpose", sa.String(20), nullable=False),
        sa.Column("user_id", Id(), nullable=True),
        sa.Column("email", sa.String(254), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(*_OF_USER),
    )
    create_index("mailed_token", "user_id", "purpose")
    create_table(
        "attempts",
        sa.Column("subject", sa.String(64), primary_key=True),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
    )
    create_index("attempts", "expires_at")


def _memberships() -> None:
    create_table(
        "role",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("permissions", Document(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(*_OF_ORGANIZATION),
    )
    create_table(
        "membership",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("user_id", Id(), primary_key=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(*_OF_ORGANIZATION),
        sa.ForeignKeyConstraint(*_OF_USER),
    )
    create_index("membership", "user_id", "organization_id")
    create_table(
        "invitation",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("email_key", sa.String(254), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("created_by", Id(), nullable=True),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("accepted_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(*_OF_ORGANIZATION),
    )
    create_index("invitation", "organization_id", "email_key")
    create_table(
        "payer_link",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("customer_id", Id(), nullable=False),
        sa.Column("invoice_id", Id(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("expires_at", Moment(), nullable=False),
        sa.Column("used_at", Moment(), nullable=True),
        sa.Column("revoked_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "customer_id"], ["customer.organization_id", "customer.id"]
        ),
    )
    create_index("payer_link", "organization_id", "customer_id", "id")


def _trail() -> None:
    add_column("event", sa.Column("address", sa.String(45), nullable=True))
    add_column("event", sa.Column("reason", sa.String(255), nullable=True))
    create_index("event", "organization_id", "at", "id")
    create_table(
        "event_change",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("event_id", Id(), primary_key=True),
        sa.Column("before", Document(), nullable=False),
        sa.Column("after", Document(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "event_id"], ["event.organization_id", "event.id"]
        ),
    )
    create_table(
        "task",
        sa.Column("organization_id", Id(), primary_key=True),
        sa.Column("id", Id(), primary_key=True),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("payload", Document(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_id", Id(), nullable=True),
        sa.Column("last_error", sa.String(2000), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("done_at", Moment(), nullable=True),
        sa.Column("dead_at", Moment(), nullable=True),
    )
    create_index("task", "due_at", "id")


def downgrade() -> None:
    """Remove the tables and the columns."""
    drop_index("customer", "email_key", "organization_id", "id")
    drop_column("customer", "email_key")
    drop_index("api_key", "user_id", "id")
    for name in ("replaces_id", "used_at", "expires_at", "scopes", "user_id"):
        drop_column("api_key", name)
    for name in (
        *("task", "event_change", "payer_link", "invitation", "membership", "role"),
        *("attempts", "mailed_token", "session", "recovery_code", "login"),
    ):
        drop_table(name)
    drop_index("event", "organization_id", "at", "id")
    drop_column("event", "reason")
    drop_column("event", "address")
