"""From the numbers of contract 000 to our objects."""

from typing import Final, Literal
from uuid import UUID

from tallystick.kernel.errors import masked
from tallystick.parties.organizations import OrganizationDocument
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.places import only_place
from tallystick.web.dialects.routing import Said

NAME: Final = "configurable-payments"
CUSTOMER: Final = "customer"
INVOICE: Final = "invoice"
CONFIGURATION: Final = "config"

_WORDS: Final = {CUSTOMER: "customer", INVOICE: "invoice", CONFIGURATION: "configuration"}
_CODES: Final = {
    CUSTOMER: "customer.unknown",
    INVOICE: "invoice.unknown",
    CONFIGURATION: "rule.unknown",
}
Kind = Literal["customer", "invoice", "config"]


async def place(call: DialectCall) -> OrganizationDocument:
    """Find the organization that a call writes in, or say that there is none yet."""
    organization = await place_or_none(call)
    if organization is None:
        raise Said(404, "There is no organization yet.", code="organization.unknown")
    return organization


async def place_or_none(call: DialectCall) -> OrganizationDocument | None:
    """Find the organization that a call is about; None where there is none yet."""
    return await only_place(call, numbered=INVOICE)


async def found(
    call: DialectCall, organization: OrganizationDocument | None, kind: Kind, number: int
) -> UUID:
    """Find the object of an organization that has a number, or say that there is none."""
    alias = None if organization is None else await call.found(kind, number)
    if organization is None or alias is None or str(alias.organization_id) != organization["id"]:
        raise unknown(kind, number)
    return alias.object_id


def unknown(kind: Kind, number: int) -> Said:
    """Say that nothing has this number."""
    return Said(404, f"There is no {_WORDS[kind]} {masked(str(number))}.", code=_CODES[kind])
