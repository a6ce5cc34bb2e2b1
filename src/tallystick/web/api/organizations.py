"""Operations on organizations."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from sqlalchemy import Connection
from starlette.responses import Response

from tallystick.auth.memberships import roles_of
from tallystick.auth.policy import PLATFORM_ROLE
from tallystick.kernel import ids, money
from tallystick.kernel.paging import Page
from tallystick.parties import organizations
from tallystick.parties.organizations import (
    ChangeOrganization,
    CreateOrganization,
    SetOrganizationActive,
)
from tallystick.web.api.headers import (
    OrganizationId,
    PlatformChange,
    PlatformCommand,
    PlatformReading,
)
from tallystick.web.api.shapes.organizations import (
    NewOrganization,
    Organization,
    OrganizationChanges,
    OrganizationList,
    OrganizationQuery,
    shown_organization,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/organizations",
    tags=["organizations"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_MALFORMED = (
    "organization.slug_malformed",
    "organization.country_unknown",
    "organization.time_zone_unknown",
)


@router.post(
    "",
    status_code=201,
    responses=answers(
        Organization,
        "organization.slug_taken",
        "money.currency_unknown",
        *_MALFORMED,
        status=201,
    ),
)
async def create_organization(call: PlatformCommand, body: NewOrganization) -> Response:
    """Make an organization. Needs a platform key."""
    command = CreateOrganization(
        # The platform's own act, whatever organization the request names.
        act=replace(call.act(), organization_id=ids.NIL),
        slug=body.slug,
        name=body.name,
        country=body.country,
        currency=body.currency,
        time_zone=body.time_zone,
        tax_id=body.tax_id,
        address=body.address.named(),
        terms_days=body.terms_days,
    )
    made = await call.run(organizations.create_organizations, command)
    return call.reply(
        shown_organization(made), status=201, location=f"/v1/organizations/{made['id']}"
    )


@router.get("", responses=answers(OrganizationList))
async def list_organizations(
    call: PlatformReading, query: Annotated[OrganizationQuery, QueryParameters()]
) -> Response:
    """List organizations: all of them for the platform, otherwise those that you belong to.

    Each with your role in it.
    """
    after, actor = call.after(query), call.actor
    credential = call.caller.credential
    assert credential is not None, "the policy asks for one"
    user_id = credential.user_id
    sees_all = (credential.platform or actor.role == PLATFORM_ROLE) and not {
        *("read", "platform")
    }.isdisjoint(actor.permissions or ())

    def read(conn: Connection) -> Page[dict[str, Any]]:
        if user_id is not None:
            roles = roles_of(conn, user_id)
        else:
            own = actor.organization_id
            roles = {} if own is None else {own: actor.role}
        page = organizations.list_organizations(
            conn,
            only=None if sees_all else roles.keys(),
            active=query.active,
            after=after,
            limit=query.limit,
        )
        items = [
            {**shown_organization(each), "role": roles.get(UUID(each["id"]))} for each in page.items
        ]
        return Page(items, page.next_after)

    return call.page(await call.read(read), dict, query)


@router.get("/{organization_id}", responses=answers(Organization))
async def get_organization(
    call: PlatformReading,
    organization_id: OrganizationId,  # noqa: ARG001  # declared; the route has read it
) -> Response:
    """Read one organization."""
    place = call.place
    found = await call.read(lambda conn: organizations.get_organization(conn, place.id))
    return call.reply(shown_organization(found))


@router.patch(
    "/{organization_id}",
    responses=answers(
        Organization,
        "organization.inactive",
        *_MALFORMED,
        *("tolerance.negative", "money.malformed", "money.precision", "money.too_large"),
    ),
)
async def change_organization(
    call: PlatformChange,
    organization_id: OrganizationId,  # noqa: ARG001  # declared; the route has read it
    body: OrganizationChanges,
) -> Response:
    """Change what an organization says of itself. Documents issued before keep their copy."""
    changes = body.named()
    if "payment_tolerance" in changes:
        changes["payment_tolerance"] = money.parse(
            changes["payment_tolerance"], call.place.currency, pointer="/payment_tolerance"
        )
    command = ChangeOrganization(act=call.act(), version=call.version(), changes=changes)
    changed = await call.run(organizations.change_organizations, command)
    # Its time zone may be another now.
    call.edge.callers.forget()
    return call.reply(shown_organization(changed))


@router.post(
    "/{organization_id}/deactivate",
    responses=answers(Organization, "organization.inactive_already"),
)
async def deactivate_organization(
    call: PlatformCommand,
    organization_id: OrganizationId,  # noqa: ARG001  # declared; the route has read it
) -> Response:
    """Stop all writing in the books of an organization. Needs a platform key."""
    return await _set_active(call, active=False)


@router.post(
    "/{organization_id}/reactivate",
    responses=answers(Organization, "organization.active_already"),
)
async def reactivate_organization(
    call: PlatformCommand,
    organization_id: OrganizationId,  # noqa: ARG001  # declared; the route has read it
) -> Response:
    """Allow writing in the books of an organization again. Needs a platform key."""
    return await _set_active(call, active=True)


async def _set_active(call: Call, *, active: bool) -> Response:
    command = SetOrganizationActive(act=call.act(), active=active)
    changed = await call.run(organizations.set_organizations_active, command)
    return call.reply(shown_organization(changed))
