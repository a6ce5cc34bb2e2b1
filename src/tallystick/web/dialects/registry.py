"""The dialects by name."""

from collections.abc import Mapping
from typing import Final

from tallystick.web.dialects.card_invoices import contract as card_invoices
from tallystick.web.dialects.configurable_payments import contract as configurable_payments
from tallystick.web.dialects.frame import Dialect
from tallystick.web.dialects.school_billing import contract as school_billing

DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect
    for dialect in (
        configurable_payments.DIALECT,
        card_invoices.DIALECT,
        school_billing.DIALECT,
    )
}
