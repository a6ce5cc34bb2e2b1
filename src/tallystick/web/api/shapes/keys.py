"""API keys and personal tokens, as the API takes and shows them."""

from typing import Annotated, Literal

from pydantic import Field

from tallystick.auth.policy import TenantPermission
from tallystick.web.api.shapes.roles import RoleOf
from tallystick.web.fields import Body, GivenMoment, Id, Line, Moment, NextCursor, PageQuery, View

KeyScope = Literal[TenantPermission, "platform", "watch"]
TokenScope = Literal[TenantPermission, "platform", "watch", "self", "pay"]
_SCOPES_MAX = 12

KeyName = Annotated[
    Line,
    Field(
        min_length=1,
        max_length=255,
        description="What it is for.",
        examples=["The till at the desk"],
    ),
]
_ExpiresAt = Annotated[
    GivenMoment | None,
    Field(
        description="When it stops being good; null or left out: never.",
        examples=["2027-11-20T09:15:00Z"],
    ),
]
_WHICH = "The permissions that it is limited to; null or left out: all that its owner may do."
KeyScopes = Annotated[
    list[KeyScope] | None,
    Field(min_length=1, max_length=_SCOPES_MAX, description=_WHICH, examples=[["read", "collect"]]),
]
TokenScopes = Annotated[
    list[TokenScope] | None,
    Field(min_length=1, max_length=_SCOPES_MAX, description=_WHICH, examples=[["read", "pay"]]),
]
Secret = Annotated[
    str,
    Field(
        description="The credential itself. It is shown this once and never again.",
        examples=["tsk_x0WcFxLnW6vJzv3Vt5mZ9E1Jm2rR4uYqkA8sD7gHbNc"],
    ),
]
_Prefix = Annotated[
    str,
    Field(
        description="Its first characters, by which you recognise it.", examples=["tsk_x0WcFxLn"]
    ),
]
_When = "2026-11-20T09:15:00.000000Z"
_UsedAt = Annotated[
    Moment | None,
    Field(description="When it was last used, to a minute; null: never.", examples=[_When]),
]
_Until = Annotated[
    Moment | None,
    Field(description="When it stops being good; null: never.", examples=[_When]),
]
_RevokedAt = Annotated[
    Moment | None, Field(description="When it was revoked; null: it was not.", examples=[None])
]


class NewKey(Body):
    """A key to make."""

    name: KeyName
    role: Annotated[
        RoleOf | None,
        Field(
            description="What it may do; left out for a key of the platform.",
            examples=["accountant"],
        ),
    ] = None
    scopes: KeyScopes = None
    expires_at: _ExpiresAt = None


class Rotation(Body):
    """How to rotate a key."""

    overlap_hours: Annotated[
        int,
        Field(
            ge=0,
            le=720,
            description="How long the old key stays good beside the new one.",
            examples=[24],
        ),
    ] = 24


class KeyQuery(PageQuery):
    """What a list of keys is narrowed to."""

    good: Annotated[
        bool | None,
        Field(
            description="Only those that are good now, or only those revoked or expired.",
            examples=[True],
        ),
    ] = None


class Key(View):
    """A credential of a program."""

    id: Id
    organization_id: Annotated[
        Id | None,
        Field(
            description="Whose it is; null for a key of the platform.",
            examples=["018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"],
        ),
    ]
    role: Annotated[str, Field(description="What it may do.", examples=["accountant"])]
    scopes: KeyScopes
    name: KeyName
    prefix: _Prefix
    created_at: Moment
    expires_at: _Until
    used_at: _UsedAt
    replaces_id: Annotated[
        Id | None, Field(description="The key that it was made to follow.", examples=[None])
    ]
    revoked_at: _RevokedAt


class MadeKey(Key):
    """A key that was made just now."""

    key: Secret


class KeyList(View):
    """A page of keys, newest first."""

    data: list[Key]
    next: NextCursor


class NewToken(Body):
    """A personal token to make."""

    name: KeyName
    scopes: TokenScopes = None
    expires_at: _ExpiresAt = None


class Token(View):
    """A credential of a person's own scripts. It acts as the person."""

    id: Id
    scopes: TokenScopes
    name: KeyName
    prefix: Annotated[_Prefix, Field(examples=["tsu_x0WcFxLn"])]
    created_at: Moment
    expires_at: _Until
    used_at: _UsedAt
    revoked_at: _RevokedAt


class MadeToken(Token):
    """A personal token that was made just now."""

    token: Annotated[
        str,
        Field(
            description="The token itself. It is shown this once and never again.",
            examples=["tsu_x0WcFxLnW6vJzv3Vt5mZ9E1Jm2rR4uYqkA8sD7gHbNc"],
        ),
    ]


class TokenList(View):
    """A page of personal tokens, newest first."""

    data: list[Token]
    next: NextCursor
