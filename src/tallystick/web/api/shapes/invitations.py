"""Invitations, as the API takes and shows them."""

from typing import Annotated

from pydantic import Field

from tallystick.auth.invitations import InvitationStatus
from tallystick.web.api.shapes.logins import SENT_MAX, Email, NewPassword, PersonName
from tallystick.web.api.shapes.roles import RoleOf
from tallystick.web.fields import Body, Id, Moment, NextCursor, PageQuery, Version, View

_WHEN = "2026-11-27T09:15:00.000000Z"


class NewInvitation(Body):
    """Somebody to invite."""

    email: Annotated[Email, Field(description="Where the invitation is mailed to.")]
    role: RoleOf


class InvitationQuery(PageQuery):
    """What a list of invitations is narrowed to."""

    pending: Annotated[
        bool | None,
        Field(description="Only those that still wait, or only the others.", examples=[True]),
    ] = None


class Invitation(View):
    """Asks somebody to become a member."""

    id: Id
    email: Annotated[Email, Field(description="Where it was mailed to.")]
    role: RoleOf
    status: Annotated[
        InvitationStatus,
        Field(description="Whether it can still be accepted.", examples=["pending"]),
    ]
    version: Version
    created_at: Moment
    expires_at: Annotated[Moment, Field(description="Until when it can be.", examples=[_WHEN])]
    accepted_at: Annotated[Moment | None, Field(description="When it was.", examples=[None])]
    revoked_at: Annotated[
        Moment | None, Field(description="When it was taken back.", examples=[None])
    ]


class InvitationList(View):
    """A page of invitations, newest first."""

    data: list[Invitation]
    next: NextCursor


class Acceptance(Body):
    """What whoever accepts an invitation sends."""

    token: Annotated[
        str,
        Field(
            max_length=SENT_MAX,
            description="What stands in the link of the mail.",
            examples=["GPTB57Knw9nk9aa3yNng8GPTB57Knw9nk9aa3yNng8GPTB57Knw9nk9aa3yNng82"],
        ),
    ]
    name: Annotated[
        PersonName | None,
        Field(description="Your name, if you have no login yet.", examples=["Ada"]),
    ] = None
    password: Annotated[
        NewPassword | None,
        Field(
            description="A password, if you have no login yet.",
            examples=["kettle gravel seven lanterns"],
        ),
    ] = None


class Accepted(View):
    """Who became a member, and where. Log in to go on."""

    organization_id: Id
    organization_slug: Annotated[str, Field(examples=["northfield"])]
    organization_name: Annotated[str, Field(examples=["Northfield Trust"])]
    user_id: Id
    email: Annotated[str, Field(examples=["ada@example.com"])]
    role: RoleOf
