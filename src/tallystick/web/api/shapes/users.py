"""Users, as the platform takes and sees them."""

from typing import Annotated

from pydantic import Field

from tallystick.web.api.shapes.logins import Email, Language, PersonName, UserName
from tallystick.web.fields import (
    UNNAMED,
    Body,
    Id,
    Line,
    Moment,
    NextCursor,
    PageQuery,
    Part,
    Version,
    View,
)

OfPlatform = Annotated[
    bool,
    Field(description="Whether they may do everything, everywhere.", examples=[False]),
]


class NewUser(Body):
    """A user to make. They choose a password by a link that is mailed to them."""

    email: Annotated[Email, Field(description="Where the link is mailed to.")]
    name: PersonName
    user_name: UserName = None
    language: Language = None
    platform: OfPlatform = False


class UserChanges(Part):
    """What to change of a user; what is not named stays as it is."""

    name: PersonName = UNNAMED
    user_name: UserName = UNNAMED
    language: Language = UNNAMED
    platform: OfPlatform = UNNAMED


class UserQuery(PageQuery):
    """What a list of users is narrowed to; all that is given must hold."""

    email: Annotated[
        Line | None,
        Field(
            max_length=254,
            description="With this address, in capitals or not.",
            examples=["ada@example.com"],
        ),
    ] = None
    active: Annotated[
        bool | None, Field(description="Only active ones, or only the others.", examples=[True])
    ] = None


class User(View):
    """A login of one person."""

    id: Id
    email: Annotated[Email, Field(description="Their e-mail address.")]
    email_verified: Annotated[
        bool, Field(description="Whether they have proved that it is theirs.", examples=[True])
    ]
    user_name: UserName
    name: PersonName
    language: Language
    platform: OfPlatform
    active: Annotated[bool, Field(description="Whether they may log in.", examples=[True])]
    two_factor: Annotated[
        bool, Field(description="Whether a second factor is asked for.", examples=[False])
    ]
    version: Version
    created_at: Moment
    updated_at: Moment


class UserList(View):
    """A page of users, newest first."""

    data: list[User]
    next: NextCursor
