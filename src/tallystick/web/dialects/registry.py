"""The dialects by name."""

from collections.abc import Mapping
from typing import Final

from tallystick.web.dialects.frame import Dialect
from tallystick.web.dialects.school_billing import contract as school_billing

DIALECTS: Final[Mapping[str, Dialect]] = {
    dialect.name: dialect for dialect in (school_billing.DIALECT,)
}
