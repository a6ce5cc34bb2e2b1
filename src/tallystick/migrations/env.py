"""The entry that Alembic calls for each command; `tallystick.migrations.running` starts it."""

from alembic import context
from sqlalchemy import Connection

from tallystick.migrations.tables import METADATA

TRANSACTIONAL = frozenset({"sqlite", "postgresql"})
"""Engines that take back the statements of a revision which does not reach its end."""

connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    transactional_ddl=connection.dialect.name in TRANSACTIONAL,
    # A revision a transaction: locks are held no longer than for one of them.
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
