"""Operations on the roles of an organization."""

from fastapi import APIRouter
from starlette.responses import Response

from tallystick.auth import roles
from tallystick.auth.roles import ChangeRole, CreateRole, DeleteRole
from tallystick.web.api.headers import Change, Command, Reading, RoleName
from tallystick.web.api.shapes.roles import NewRole, Role, RoleChanges, RoleList
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/roles",
    tags=["roles"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_CHANGING = ("role.unknown", "role.built_in", "auth.beyond_own")


@router.get("", responses=answers(RoleList))
async def list_roles(call: Reading) -> Response:
    """List the roles: those that every organization has, then your own."""
    place = call.place
    found = await call.read(lambda conn: roles.list_roles(conn, place.id))
    return call.reply({"data": found})


@router.get("/{role_name}", responses=answers(Role, "role.unknown"))
async def get_role(call: Reading, role_name: RoleName) -> Response:
    """Read one role."""
    place = call.place
    return call.reply(await call.read(lambda conn: roles.get_role(conn, place.id, role_name)))


@router.post(
    "",
    status_code=201,
    responses=answers(Role, "role.name_taken", "role.too_many", "auth.beyond_own", status=201),
)
async def create_role(call: Command, body: NewRole) -> Response:
    """Make a role of your own, which allows no more than you may do yourself."""
    command = CreateRole(call.act(), body.name, frozenset(body.permissions))
    made = await call.run(roles.create_roles, command)
    return call.reply(made, status=201, location=f"/v1/roles/{made['name']}")


@router.patch("/{role_name}", responses=answers(Role, *_CHANGING))
async def change_role(call: Change, role_name: RoleName, body: RoleChanges) -> Response:
    """Change what a role may do. It counts at once for everybody who has it."""
    permissions = frozenset(body.permissions)
    command = ChangeRole(call.act(), role_name, call.version(), permissions)
    changed = await call.run(roles.change_roles, command)
    call.edge.callers.forget()
    return call.reply(changed)


@router.delete(
    "/{role_name}",
    status_code=204,
    response_class=Response,
    responses=answers(None, *_CHANGING, "role.in_use", status=204),
)
async def delete_role(call: Change, role_name: RoleName) -> Response:
    """Delete a role that no member, no key and no open invitation has."""
    await call.run(roles.delete_roles, DeleteRole(call.act(), role_name, call.version()))
    call.edge.callers.forget()
    return Response(status_code=204)
