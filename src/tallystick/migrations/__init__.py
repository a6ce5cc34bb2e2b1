"""How the tables come to be, and how they change from one version of the product to the next.

running   upgrade, downgrade and status: the only way in
steps     the statements of a migration, each of which may be started again after a kill
tables    every table of the product, as the classes declare them
env       the entry that Alembic calls
versions  the revisions, one step of the schema each
"""

from tallystick.migrations.running import current, downgrade, head, is_known, status, upgrade

__all__ = ["current", "downgrade", "head", "is_known", "status", "upgrade"]
