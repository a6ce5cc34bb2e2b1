"""Every table of the product, as the classes declare them; the revisions must come to the same."""

from tallystick.auth import models as auth
from tallystick.invoices import models as invoices
from tallystick.kernel import alarms, aliases, events, heartbeats, idempotency, positions, tasks
from tallystick.kernel.schema import Base
from tallystick.ledger import models as ledger
from tallystick.parties import models as parties
from tallystick.payments import models as payments
from tallystick.rules import models as rules

MODULES = (
    *(idempotency, events, positions, tasks, heartbeats, alarms, aliases),
    *(parties, auth, ledger, rules, invoices, payments),
)
"""Importing a module is what puts its tables into the metadata."""

METADATA = Base.metadata
