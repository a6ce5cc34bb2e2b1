"""Operations on invitations, and the one by which somebody accepts theirs."""

from dataclasses import replace
from functools import partial
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import accepting, invitations, mailed, passwords
from tallystick.auth.accepting import NewPerson
from tallystick.auth.invitations import PURPOSE, CreateInvitation, RevokeInvitation
from tallystick.kernel import ids
from tallystick.web import proving
from tallystick.web.api.headers import Command, InvitationId, Own, Reading
from tallystick.web.api.shapes.invitations import (
    Acceptance,
    Accepted,
    Invitation,
    InvitationList,
    InvitationQuery,
    NewInvitation,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/invitations",
    tags=["members"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

log = structlog.get_logger(__name__)

_TOKEN_BYTES = 32
"""The id of the organization, then the invitation's own."""


@router.post(
    "",
    status_code=201,
    responses=answers(
        Invitation,
        *("user.email_malformed", "role.unknown", "auth.beyond_own", "organization.inactive"),
        *("invitation.member_already", "invitation.too_often"),
        status=201,
    ),
)
async def create_invitation(call: Command, body: NewInvitation) -> Response:
    """Invite somebody by mail to become a member, within 7 days.

    A newer invitation to an address ends the older one.
    """
    command = CreateInvitation(call.act(), body.email, body.role)
    made = await call.run(invitations.create_invitations, command)
    return call.reply(made, status=201, location=f"/v1/invitations/{made['id']}")


@router.get("", responses=answers(InvitationList))
async def list_invitations(
    call: Reading, query: Annotated[InvitationQuery, QueryParameters()]
) -> Response:
    """List invitations, newest first, also those that were accepted or taken back."""
    place, after, at = call.place, call.after(query), call.edge.clock()
    page = await call.read(
        lambda conn: invitations.list_invitations(
            conn, place.id, at=at, pending=query.pending, after=after, limit=query.limit
        )
    )
    return call.page(page, dict, query)


@router.get("/{invitation_id}", responses=answers(Invitation, "invitation.unknown"))
async def get_invitation(call: Reading, invitation_id: InvitationId) -> Response:
    """Read one invitation."""
    place, at = call.place, call.edge.clock()
    return call.reply(
        await call.read(
            lambda conn: invitations.get_invitation(conn, place.id, invitation_id, at=at)
        )
    )


@router.post(
    "/{invitation_id}/revoke",
    responses=answers(Invitation, "invitation.unknown", "invitation.not_pending"),
)
async def revoke_invitation(call: Command, invitation_id: InvitationId) -> Response:
    """Take an invitation back; its link is good for nothing any more."""
    command = RevokeInvitation(call.act(), invitation_id)
    revoked = await call.run(invitations.revoke_invitations, command)
    return call.reply(revoked)


@router.post(
    "/accept",
    responses=answers(
        Accepted,
        *("auth.token_unknown", "auth.too_many_tries", "invitation.person_needed"),
        *("password.too_short", "password.too_long", "password.guessable"),
        *("user.inactive", "organization.inactive", "role.unknown"),
    ),
)
async def accept_invitation(call: Own, body: Acceptance) -> Response:
    """Accept an invitation, by the token of its mail.

    The token proves your address. If you have a login with it, you become a member; otherwise send
    your name and a password, and you get one. Then log in.
    """
    organization_id, invitation_id = await _place(call, body.token)
    at = call.edge.clock()
    invited = await call.read(
        lambda conn: accepting.invited(conn, organization_id, invitation_id, at)
    )
    person = None
    if not invited.known:
        if body.name is None or body.password is None:
            raise accepting.person_needed()
        passwords.check(body.password, about=(invited.email, body.name))
        person = NewPerson(ids.new(), body.name, await proving.hashed(call, body.password))
    command = partial(
        accepting.accept,
        act=replace(call.secret_act(), organization_id=organization_id),
        invitation_id=invitation_id,
        person=person,
    )
    return call.reply(await proving.write(call, command))


async def _place(call: Call, token: str) -> tuple[UUID, UUID]:
    """Read a token; what is none counts as a guess.

    Raises:
        Refused: auth.token_unknown, auth.too_many_tries.
    """
    value = call.edge.signer.read(PURPOSE, token)
    if value is None or len(value) != _TOKEN_BYTES:
        await proving.guess(call, None)
        log.warning("unknown token", purpose=PURPOSE, address=call.address())
        raise mailed.unknown()
    return UUID(bytes=value[:16]), UUID(bytes=value[16:])
