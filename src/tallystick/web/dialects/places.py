"""The organization of a contract that knows only one."""

from uuid import UUID

from sqlalchemy import Connection

from tallystick.kernel import alias_numbers
from tallystick.kernel.errors import Refused
from tallystick.parties import across as parties
from tallystick.parties.organizations import (
    OrganizationDocument,
    find_organization,
    get_organization,
)
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.routing import Said


async def only_place(call: DialectCall, *, numbered: str) -> OrganizationDocument | None:
    """Find the organization that a call is about; None where there is none yet.

    That of the key; else the one of the settings; else the only active one; else the only one whose
    objects of the kind `numbered` have numbers in this contract.
    """
    own = call.actor.organization_id
    if own is not None:
        return await call.read(lambda conn: get_organization(conn, own))
    slug = call.chosen.organization
    if slug is not None:
        return await call.read(lambda conn: _named(conn, slug))
    found = await call.read(lambda conn: _served(conn, call.dialect, numbered))
    if len(found) > 1:
        message = (
            "There are several organizations, and this contract knows only one. Send an API key of "
            "one, or name one in TALLYSTICK_DIALECT_ORGANIZATION. `tallystick demo --data "
            f"{call.dialect}` makes one that holds the contract's own data."
        )
        raise Said(503, message)
    return found[0] if found else None


def _named(conn: Connection, slug: str) -> OrganizationDocument:
    try:
        return find_organization(conn, slug)
    except Refused:
        message = "TALLYSTICK_DIALECT_ORGANIZATION names no organization that there is."
        raise Said(503, message) from None


def _served(conn: Connection, dialect: str, kind: str) -> list[OrganizationDocument]:
    active = parties.list_organizations(conn, None, active=True, offset=0, limit=2)
    if len(active) < 2:  # noqa: PLR2004  # there is nothing to choose
        return active
    known: list[UUID] = alias_numbers.organizations(conn, dialect, kind, limit=2)
    return [get_organization(conn, each) for each in known] or active
