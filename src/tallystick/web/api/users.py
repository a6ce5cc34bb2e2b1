"""Operations on users, for the platform."""

from dataclasses import replace
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import administering
from tallystick.auth.administering import ChangeUser, InviteUser, SetUserActive
from tallystick.kernel import ids
from tallystick.kernel.actor import Act
from tallystick.web.api.headers import PlatformChange, PlatformCommand, PlatformReading, UserId
from tallystick.web.api.shapes.users import NewUser, User, UserChanges, UserList, UserQuery
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/users",
    tags=["users"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_CHANGING = ("user.unknown", "auth.beyond_own", "user.last_platform")


@router.get("", responses=answers(UserList))
async def list_users(
    call: PlatformReading, query: Annotated[UserQuery, QueryParameters()]
) -> Response:
    """List users, newest first."""
    after = call.after(query)
    page = await call.read(
        lambda conn: administering.list_users(
            conn, email=query.email, active=query.active, after=after, limit=query.limit
        )
    )
    return call.page(page, dict, query)


@router.get("/{user_id}", responses=answers(User, "user.unknown"))
async def get_user(call: PlatformReading, user_id: UserId) -> Response:
    """Read one user."""
    return call.reply(await call.read(lambda conn: administering.get_user(conn, user_id)))


@router.post(
    "",
    status_code=201,
    responses=answers(
        User,
        *("user.email_malformed", "user.email_taken", "auth.beyond_own"),
        *("user.user_name_malformed", "user.user_name_taken"),
        status=201,
    ),
)
async def create_user(call: PlatformCommand, body: NewUser) -> Response:
    """Make a user. A link is mailed to them, by which they choose a password within 7 days."""
    command = InviteUser(
        act=_above(call),
        email=body.email,
        name=body.name,
        user_name=body.user_name,
        language=body.language,
        platform=body.platform,
    )
    made = await call.run(administering.invite_users, command)
    return call.reply(made, status=201, location=f"/v1/users/{made['id']}")


@router.patch(
    "/{user_id}",
    responses=answers(User, *_CHANGING, "user.user_name_malformed", "user.user_name_taken"),
)
async def change_user(call: PlatformChange, user_id: UserId, body: UserChanges) -> Response:
    """Change a user. Their address is theirs to change."""
    command = ChangeUser(_above(call), user_id, call.version(), body.named())
    changed = await call.run(administering.change_users, command)
    call.edge.callers.forget()
    return call.reply(changed)


@router.post("/{user_id}/deactivate", responses=answers(User, *_CHANGING, "user.inactive_already"))
async def deactivate_user(call: PlatformCommand, user_id: UserId) -> Response:
    """Let a user log in no more. Their sessions and tokens end at once, and for good."""
    return await _set_active(call, user_id, active=False)


@router.post("/{user_id}/reactivate", responses=answers(User, *_CHANGING, "user.active_already"))
async def reactivate_user(call: PlatformCommand, user_id: UserId) -> Response:
    """Let a user log in again."""
    return await _set_active(call, user_id, active=True)


def _above(call: Call) -> Act:
    """Make the act above all organizations, whichever one the request named."""
    return replace(call.act(), organization_id=ids.NIL)


async def _set_active(call: Call, user_id: UUID, *, active: bool) -> Response:
    command = SetUserActive(_above(call), user_id, active)
    changed = await call.run(administering.set_users_active, command)
    call.edge.callers.forget()
    return call.reply(changed)
