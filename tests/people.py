"""People for tests: logins and memberships, written as rows, and actors with what a role allows."""

from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from tallystick.auth import policy
from tallystick.auth.credentials import PERSONAL_START, Minted
from tallystick.auth.models import MEMBERSHIPS, USERS
from tallystick.auth.personal_tokens import make_token
from tallystick.kernel import ids
from tallystick.kernel.actor import OPERATOR, Act, Actor
from tallystick.kernel.database import Database
from tests.factories import START


def login(database: Database, **values: Any) -> UUID:
    """Make a login with a verified address, and give its id."""
    user_id = ids.new()
    email = values.pop("email", f"{user_id.hex}@example.com")
    row = {
        "id": user_id,
        "email": email,
        "email_key": email.lower(),
        "email_verified_at": START,
        "user_name": None,
        "user_name_key": None,
        "name": "Ann Example",
        "language": None,
        "password_hash": None,
        "totp_sealed": None,
        "totp_confirmed_at": None,
        "totp_step": None,
        "platform": False,
        "active": True,
        "version": 1,
        "created_at": START,
        "updated_at": START,
        **values,
    }
    database.write(lambda conn: conn.execute(USERS.insert(), row))
    return user_id


def member(database: Database, organization_id: UUID, role: str = "owner", **values: Any) -> UUID:
    """Make a login that is a member, and give its id."""
    active = values.pop("member", True)
    user_id = login(database, **values)
    row = {
        "organization_id": organization_id,
        "user_id": user_id,
        "role": role,
        "active": active,
        "version": 1,
        "created_at": START,
        "updated_at": START,
    }
    database.write(lambda conn: conn.execute(MEMBERSHIPS.insert(), row))
    return user_id


def personal_token(database: Database, user_id: UUID, scopes: frozenset[str] | None = None) -> str:
    """Make a personal token of a user, and give its text."""
    minted = Minted.new(PERSONAL_START)
    command = partial(
        make_token,
        act=Act(OPERATOR, ids.NIL, START, str(ids.new()), "made by a test"),
        user_id=user_id,
        name="a test",
        scopes=scopes,
        expires_at=None,
        within=None,
        minted=minted,
    )
    database.write(command)
    return minted.text


def acting(act: Act, user_id: UUID, *permissions: str, role: str = "owner") -> Act:
    """Let a user do an act, with the permissions of a role or with these."""
    may = frozenset(permissions) or policy.ROLES[role]
    return replace(act, actor=Actor("user", user_id, role, None, may | policy.PERSON))
