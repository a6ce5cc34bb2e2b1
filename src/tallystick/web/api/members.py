"""Operations on the members of an organization."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import memberships
from tallystick.auth.memberships import ChangeMember, SetMemberActive
from tallystick.web.api.headers import Change, Command, Reading, UserId
from tallystick.web.api.shapes.members import Member, MemberChanges, MemberList, MemberQuery
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/members",
    tags=["members"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_ONE = ("user.unknown", "auth.beyond_own")


@router.get("", responses=answers(MemberList))
async def list_members(call: Reading, query: Annotated[MemberQuery, QueryParameters()]) -> Response:
    """List the members, with those whose membership has ended."""
    place, after = call.place, call.after(query)
    page = await call.read(
        lambda conn: memberships.list_members(
            conn, place.id, active=query.active, role=query.role, after=after, limit=query.limit
        )
    )
    return call.page(page, dict, query)


@router.get("/{user_id}", responses=answers(Member, "user.unknown"))
async def get_member(call: Reading, user_id: UserId) -> Response:
    """Read one member."""
    place = call.place
    return call.reply(await call.read(lambda conn: memberships.get_member(conn, place.id, user_id)))


@router.patch("/{user_id}", responses=answers(Member, *_ONE, "role.unknown", "member.last_owner"))
async def change_member(call: Change, user_id: UserId, body: MemberChanges) -> Response:
    """Give a member another role. It counts from their next request on.

    Neither the role that they have nor the new one may allow more than you may do yourself.
    """
    command = ChangeMember(call.act(), user_id, call.version(), body.role)
    changed = await call.run(memberships.change_members, command)
    call.edge.callers.forget()
    return call.reply(changed)


@router.post(
    "/{user_id}/deactivate",
    responses=answers(Member, *_ONE, "member.inactive_already", "member.last_owner"),
)
async def deactivate_member(call: Command, user_id: UserId) -> Response:
    """End a membership. Whoever it was finds the organization no more; their login stays."""
    return await _set_active(call, user_id, active=False)


@router.post("/{user_id}/reactivate", responses=answers(Member, *_ONE, "member.active_already"))
async def reactivate_member(call: Command, user_id: UserId) -> Response:
    """Take a membership up again, in the role that it had."""
    return await _set_active(call, user_id, active=True)


async def _set_active(call: Call, user_id: UUID, *, active: bool) -> Response:
    command = SetMemberActive(call.act(), user_id, active)
    changed = await call.run(memberships.set_members_active, command)
    call.edge.callers.forget()
    return call.reply(changed)
