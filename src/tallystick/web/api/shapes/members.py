"""Members, as the API takes and shows them."""

from typing import Annotated

from pydantic import Field

from tallystick.web.api.shapes.roles import RoleOf
from tallystick.web.fields import Body, Id, Line, Moment, NextCursor, PageQuery, Version, View

PersonName = Annotated[str, Field(description="Their name.", examples=["Ann Okonkwo"])]
PersonEmail = Annotated[
    str, Field(description="Their e-mail address.", examples=["ann.okonkwo@example.com"])
]


class MemberChanges(Body):
    """What to change of a membership."""

    role: RoleOf


class MemberQuery(PageQuery):
    """What a list of members is narrowed to; all that is given must hold."""

    active: Annotated[
        bool | None, Field(description="Only active ones, or only the others.", examples=[True])
    ] = None
    role: Annotated[
        Line | None, Field(max_length=20, description="With this role.", examples=["owner"])
    ] = None


class Member(View):
    """A person who belongs to an organization."""

    user_id: Annotated[
        Id,
        Field(description="Whose login it is.", examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e20"]),
    ]
    name: PersonName
    email: PersonEmail
    role: RoleOf
    active: Annotated[
        bool, Field(description="Whether they may act here at present.", examples=[True])
    ]
    version: Version
    created_at: Moment
    updated_at: Moment


class MemberList(View):
    """A page of members, the newest login first."""

    data: list[Member]
    next: NextCursor
