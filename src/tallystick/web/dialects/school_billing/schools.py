"""Schools: organizations as contract 004 knows them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from tallystick.kernel import clock, ids
from tallystick.parties import across as parties
from tallystick.parties.organizations import (
    CreateOrganization,
    OrganizationDocument,
    SetOrganizationActive,
    get_organization,
    set_organizations_active,
)
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.declared import Call, Posted
from tallystick.web.dialects.school_billing import binding, encoding, numbers
from tallystick.web.dialects.school_billing.binding import ChangeSchool
from tallystick.web.dialects.school_billing.encoding import Shown
from tallystick.web.dialects.school_billing.lists import Listed, listed
from tallystick.web.dialects.school_billing.shapes import NewSchool, SchoolChanges, SchoolQuery

_TERMS_DAYS = 30
"""For invoices made through other doors; those of this contract bring their due date."""


async def create_school(call: Posted, body: NewSchool) -> Shown:
    """Make a school."""
    command = CreateOrganization(
        act=call.act(ids.NIL),
        slug=ids.new().hex,
        name=body.name,
        country=body.country,
        currency=body.currency,
        time_zone=clock.zones_by_country().get(body.country, "UTC"),
        tax_id=None,
        address={},
        terms_days=_TERMS_DAYS,
    )
    return await _shown(call, await call.run(binding.create_schools, command))


async def list_schools(call: Call, query: Annotated[SchoolQuery, Query()]) -> Listed:
    """List schools, the oldest first."""
    documents = await call.read(
        lambda conn: parties.list_organizations(
            conn,
            call.places,
            active=query.is_active,
            offset=query.offset,
            limit=query.limit + 1,
        )
    )
    shown = documents[: query.limit]
    numbered = await numbers.schools(call, {UUID(each["id"]) for each in shown})
    items = [encoding.school(each, numbered[UUID(each["id"])]) for each in shown]
    return listed(call, query, items, more=len(documents) > query.limit)


async def get_school(call: Call, school_id: int) -> Shown:
    """Read a school."""
    alias = await numbers.found(call, "school", school_id)
    document = await call.read(lambda conn: get_organization(conn, alias.object_id))
    return encoding.school(document, school_id)


async def change_school(call: Call, school_id: int, body: SchoolChanges) -> Shown:
    """Change a school; its currency only while it has no invoices."""
    alias = await numbers.found(call, "school", school_id)
    named = body.model_dump(exclude_none=True, exclude={"currency"})
    command = ChangeSchool(call.act(alias.object_id), named, body.currency)
    document = await call.run(binding.change_schools, command)
    call.edge.callers.forget()
    return encoding.school(document, school_id)


async def delete_school(call: Call, school_id: int) -> None:
    """Deactivate a school without students."""
    alias = await numbers.found(call, "school", school_id)
    document = await call.read(lambda conn: get_organization(conn, alias.object_id))
    if not document["active"]:
        raise numbers.unknown("school", school_id)
    command = SetOrganizationActive(act=call.act(alias.object_id), active=False)
    await call.run(binding.close_schools, command)


async def activate_school(call: Call, school_id: int) -> Shown:
    """Activate a school that was deleted."""
    alias = await numbers.found(call, "school", school_id)
    command = SetOrganizationActive(act=call.act(alias.object_id), active=True)
    document = await call.run(set_organizations_active, command)
    return encoding.school(document, school_id)


async def writable_school(call: DialectCall, school_id: int) -> OrganizationDocument:
    """Find a school that new students and invoices may be made in."""
    alias = await numbers.found(call, "school", school_id)
    document = await call.read(lambda conn: get_organization(conn, alias.object_id))
    if not document["active"] and not await call.repeats(alias.object_id):
        raise numbers.unknown("school", school_id)
    return document


async def _shown(call: DialectCall, document: OrganizationDocument) -> Shown:
    organization_id = UUID(document["id"])
    numbered = await numbers.schools(call, {organization_id})
    return encoding.school(document, numbered[organization_id])
