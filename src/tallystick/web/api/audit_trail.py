"""The operation that shows who did what."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import audit_trail
from tallystick.auth.audit_trail import Wanted
from tallystick.kernel import ids
from tallystick.kernel.errors import Invalid
from tallystick.kernel.paging import Place
from tallystick.web.api.headers import SomewhereReading
from tallystick.web.api.shapes.audit_trail import AuditTrail, AuditTrailQuery
from tallystick.web.call import JSON_MEDIA_TYPE, Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/audit-trail",
    tags=["audit trail"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("", responses=answers(AuditTrail, "organization.header_missing"))
async def list_audit_trail(
    call: SomewhereReading, query: Annotated[AuditTrailQuery, QueryParameters()]
) -> Response:
    """List who did what, newest first: all that was ever changed in an organization.

    Those of the platform who name no organization see what was done above all of them. A large
    trail is found quickest by time or by subject.
    """
    organization_id, after = _whose(call), Place.unpacked(call.bookmark(query))
    wanted = Wanted(
        actor_id=query.actor_id,
        subject_id=query.subject_id,
        type=query.type,
        start=query.start,
        end=query.end,
    )
    entries, place = await call.read(
        lambda conn: audit_trail.list_entries(
            conn, organization_id, wanted, after=after, limit=query.limit
        )
    )
    following = call.cursor(query, None if place is None else place.packed())
    return Response(orjson.dumps({"data": entries, "next": following}), media_type=JSON_MEDIA_TYPE)


def _whose(call: Call) -> UUID:
    if call.caller.place is not None:
        return call.place.id
    permissions = call.actor.permissions
    if permissions is not None and "platform" not in permissions:
        message = "Name the organization whose trail you want in Tallystick-Organization."
        raise Invalid("organization.header_missing", message)
    return ids.NIL
