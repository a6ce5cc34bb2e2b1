"""Operations on API keys: of an organization, or of the platform when none is named."""

from datetime import timedelta
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import api_keys, policy
from tallystick.auth.api_keys import RevokeKey
from tallystick.auth.credentials import Minted
from tallystick.kernel.errors import Invalid
from tallystick.web.api.headers import (
    KeyId,
    SomewhereCommand,
    SomewhereReading,
    SomewhereSecretCommand,
)
from tallystick.web.api.shapes.keys import Key, KeyList, KeyQuery, MadeKey, NewKey, Rotation
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/keys",
    tags=["keys"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_ANYWHERE = ("organization.header_missing",)


@router.get("", responses=answers(KeyList, *_ANYWHERE))
async def list_keys(
    call: SomewhereReading, query: Annotated[KeyQuery, QueryParameters()]
) -> Response:
    """List keys, newest first, also those that are good no more."""
    place, after, at = _whose(call), call.after(query), call.edge.clock()
    page = await call.read(
        lambda conn: api_keys.list_keys(
            conn, place, at=at, good=query.good, after=after, limit=query.limit
        )
    )
    return call.page(page, dict, query)


@router.get("/{key_id}", responses=answers(Key, *_ANYWHERE, "key.unknown"))
async def get_key(call: SomewhereReading, key_id: KeyId) -> Response:
    """Read what is known of one key; the key itself is not."""
    place = _whose(call)
    return call.reply(await call.read(lambda conn: api_keys.get_key(conn, place, key_id)))


@router.post(
    "",
    status_code=201,
    responses=answers(
        MadeKey,
        *(*_ANYWHERE, "auth.beyond_own", "role.unknown", "key.role_misplaced"),
        *("key.scopes_beyond_role", "key.expires_in_past"),
        status=201,
    ),
)
async def create_key(call: SomewhereSecretCommand, body: NewKey) -> Response:
    """Make a key, which may do no more than you. It is shown this once.

    The answer holds a secret, so it is kept under no Idempotency-Key: after a lost answer, revoke
    what was made and make another.
    """
    place = _whose(call)
    if (body.role is None) != (place is None):
        message = "A key of an organization has a role; a key of the platform has none."
        raise Invalid("key.role_misplaced", message, pointer="/role")
    command = partial(
        api_keys.make_key,
        act=call.secret_act(),
        organization_id=place,
        role=body.role or policy.PLATFORM_ROLE,
        name=body.name,
        scopes=None if body.scopes is None else frozenset(body.scopes),
        expires_at=body.expires_at,
        minted=Minted.new(),
    )
    text, key = await call.edge.write(command)
    return call.reply({**key, "key": text}, status=201, location=f"/v1/keys/{key['id']}")


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    responses=answers(
        MadeKey,
        *(*_ANYWHERE, "auth.beyond_own", "key.unknown", "key.not_good", "key.rotated_already"),
        status=201,
    ),
)
async def rotate_key(
    call: SomewhereSecretCommand, key_id: KeyId, body: Rotation | None = None
) -> Response:
    """Make the key that follows one, with a new secret and the same role, scopes and lifetime.

    The old one stays good for some hours, in which your programs go over to the new one, and then
    expires.
    """
    rotation = body or Rotation()
    command = partial(
        api_keys.rotate_key,
        act=call.secret_act(),
        organization_id=_whose(call),
        key_id=key_id,
        overlap=timedelta(hours=rotation.overlap_hours),
        minted=Minted.new(),
    )
    text, key = await call.edge.write(command)
    call.edge.callers.forget()
    return call.reply({**key, "key": text}, status=201, location=f"/v1/keys/{key['id']}")


@router.post(
    "/{key_id}/revoke",
    responses=answers(Key, *_ANYWHERE, "key.unknown", "key.revoked_already"),
)
async def revoke_key(call: SomewhereCommand, key_id: KeyId) -> Response:
    """Let a key be good for nothing, from the next request on."""
    command = RevokeKey(call.act(), _whose(call), key_id)
    revoked = await call.run(api_keys.revoke_keys, command)
    call.edge.callers.forget()
    return call.reply(revoked)


def _whose(call: Call) -> UUID | None:
    """Give the organization whose keys are meant; None for those of the platform.

    Raises:
        Invalid: organization.header_missing, for who is not of the platform or may not speak for
            it.
    """
    if call.caller.place is not None:
        return call.place.id
    permissions = call.actor.permissions
    if permissions is not None and "platform" not in permissions:
        message = "You may act in several organizations. Name one in Tallystick-Organization."
        raise Invalid("organization.header_missing", message)
    return None
