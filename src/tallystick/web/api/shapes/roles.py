"""Roles, as the API takes and shows them."""

from typing import Annotated

from pydantic import Field

from tallystick.auth.policy import TenantPermission
from tallystick.web.fields import ROLE_NAME, Body, Moment, Version, View, Word

RoleOf = Annotated[
    str,
    Field(
        min_length=1,
        max_length=20,
        pattern=ROLE_NAME,
        description="Name of a role: owner, accountant, cashier, viewer, or one of your own.",
        examples=["accountant"],
    ),
]
NewRoleName = Annotated[
    Word,
    Field(
        min_length=1,
        max_length=20,
        pattern=ROLE_NAME,
        description="Small letters, digits, hyphens and underscores. It never changes.",
        examples=["bookkeeper"],
    ),
]
Permissions = Annotated[
    list[TenantPermission],
    Field(
        min_length=1,
        max_length=8,
        description="What the role may do.",
        examples=[["read", "customers", "invoices"]],
    ),
]


class NewRole(Body):
    """A role to make."""

    name: NewRoleName
    permissions: Permissions


class RoleChanges(Body):
    """What a role may do from now on, all of it."""

    permissions: Permissions


class Role(View):
    """What members and keys of an organization may do."""

    name: NewRoleName
    built_in: Annotated[
        bool, Field(description="Whether every organization has it.", examples=[False])
    ]
    permissions: Permissions
    version: Version
    created_at: Annotated[Moment | None, Field(examples=["2026-11-20T09:15:00.000000Z"])]
    updated_at: Annotated[Moment | None, Field(examples=["2026-11-20T09:15:00.000000Z"])]


class RoleList(View):
    """All roles of an organization."""

    data: list[Role]
