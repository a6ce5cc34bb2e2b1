"""Users as the platform looks after them: list, invite, change, deactivate, reactivate.

Nobody here sees or sets a password: whom the platform invites chooses one by a mailed link. There
always is an active person of the platform.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.auth import access, mailed, personal_tokens, policy, sessions, taking_over, users
from tallystick.auth.models import USERS
from tallystick.kernel import clock, ids, paging, tasks, versions
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties.emails import email_key

INVITED_FOR: Final = timedelta(days=7)
"""How long the link is good by which an invited person chooses a password."""
CHANGEABLE: Final = frozenset({"name", "user_name", "language", "platform"})

_C = USERS.c


class AdministeredUser(TypedDict):
    """A user as the platform sees them."""

    id: str
    email: str
    email_verified: bool
    user_name: str | None
    name: str
    language: str | None
    platform: bool
    active: bool
    two_factor: bool
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class InviteUser:
    """A new user, who gets a mail to choose a password."""

    act: Act
    email: str
    name: str
    user_name: str | None
    language: str | None
    platform: bool


@dataclass(frozen=True, slots=True)
class ChangeUser:
    """Change the named members, if the user still has this version."""

    act: Act
    user_id: UUID
    version: int | None
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SetUserActive:
    """Let a user log in no more, or again."""

    act: Act
    user_id: UUID
    active: bool


def invite_users(
    conn: Connection, commands: Sequence[InviteUser]
) -> list[Answer[AdministeredUser]]:
    """Make users without a password, and have each a link mailed to choose one.

    A sign-up with the address that nobody has proved becomes theirs.

    Refuses:
        user.email_malformed, user.email_taken
        user.user_name_malformed, user.user_name_taken
        auth.beyond_own: a person of the platform is made by who may do all that they may.
    """
    return each(conn, commands, _invite)


def _invite(conn: Connection, command: InviteUser) -> AdministeredUser:
    act = _above(command.act)
    if command.platform:
        access.check_within(act.actor, policy.PLATFORM, pointer="/platform")
    user_id = taking_over.make_user(
        conn,
        act,
        user_id=ids.new(),
        email=command.email,
        name=command.name,
        user_name=command.user_name,
        language=command.language,
        password_hash=None,
        platform=command.platform,
    )
    writes = Writes()
    token_id = mailed.add(
        writes,
        act,
        "reset_password",
        user_id=user_id,
        email=command.email,
        good_for=INVITED_FOR,
    )
    tasks.add(writes, act, "mail.reset_password", {"token_id": str(token_id)})
    writes.flush(conn)
    return get_user(conn, user_id)


def change_users(
    conn: Connection, commands: Sequence[ChangeUser]
) -> list[Answer[AdministeredUser]]:
    """Change users. Locks the users of the platform where one may stop being so, then the user.

    Refuses:
        user.unknown, precondition.stale
        user.user_name_malformed, user.user_name_taken
        auth.beyond_own, user.last_platform
    """
    return each(conn, commands, _change)


def _change(conn: Connection, command: ChangeUser) -> AdministeredUser:
    act, changes = _above(command.act), command.changes
    assert changes.keys() <= CHANGEABLE, "the edge names only what may change"
    row = _touchable(conn, act, command.user_id, leaves=changes.get("platform") is False)
    versions.check(row.version, command.version)
    if changes.get("platform"):
        access.check_within(act.actor, policy.PLATFORM, pointer="/platform")
    values = {**changes, **users.user_name_values(conn, row, changes)}
    _write(conn, act, row, values, "user.changed")
    return get_user(conn, row.id)


def set_users_active(
    conn: Connection, commands: Sequence[SetUserActive]
) -> list[Answer[AdministeredUser]]:
    """Let users log in no more, or again. The end ends their sessions and tokens for good.

    Locks the users of the platform where one may stop being so, then the user.

    Refuses:
        user.unknown, auth.beyond_own
        user.active_already, user.inactive_already
        user.last_platform
    """
    return each(conn, commands, _set_active)


def _set_active(conn: Connection, command: SetUserActive) -> AdministeredUser:
    act = _above(command.act)
    row = _touchable(conn, act, command.user_id, leaves=not command.active)
    if row.active and command.active:
        raise Refused("user.active_already", "This user is active already.")
    if not row.active and not command.active:
        raise Refused("user.inactive_already", "This user is inactive already.")
    kind = "user.reactivated" if command.active else "user.deactivated"
    _write(conn, act, row, {"active": command.active}, kind)
    if not command.active:
        sessions.end_all(conn, act, row.id)
        personal_tokens.revoke_all(conn, act, row.id)
        for purpose in ("verify_email", "reset_password", "change_email"):
            mailed.end_older(conn, act, purpose, row.id)
    return get_user(conn, row.id)


def get_user(conn: Connection, user_id: UUID) -> AdministeredUser:
    """Read one user, or refuse with user.unknown."""
    row = users.find(conn, user_id)
    if row is None:
        raise _unknown(user_id)
    return _document(row)


def list_users(
    conn: Connection,
    *,
    email: str | None = None,
    active: bool | None = None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[AdministeredUser]:
    """List users, newest first."""
    statement = select(USERS)
    if email is not None:
        statement = statement.where(_C.email_key == email_key(email))
    if active is not None:
        statement = statement.where(_C.active == active)
    return paging.newest_first(conn, statement, _C.id, after=after, limit=limit, shape=_document)


def _above(act: Act) -> Act:
    """Give the act above all organizations, whichever one the request named."""
    return replace(act, organization_id=ids.NIL)


def _unknown(user_id: UUID) -> Refused:
    return Refused("user.unknown", f"There is no user {shown(user_id)}.")


def _touchable(conn: Connection, act: Act, user_id: UUID, *, leaves: bool) -> Row[Any]:
    """Lock a user and give them; `leaves` says that they may stop being of the platform.

    Refuses:
        user.unknown; auth.beyond_own; user.last_platform.
    """
    others: list[Row[Any]] = []
    if leaves:
        # All of them, in one order, so that two who remove each other cannot both find the other.
        of_platform = select(USERS).where(_C.platform.is_(True), _C.active.is_(True))
        locked = conn.execute(of_platform.order_by(_C.id).with_for_update()).all()
        others = [row for row in locked if row.id != user_id]
    if users.find(conn, user_id) is None:
        raise _unknown(user_id)
    row = users.locked(conn, user_id)
    if row.platform:
        access.check_within(act.actor, policy.PLATFORM)
    if leaves and row.platform and row.active:
        _keep_one(conn, act, others)
    return row


def _keep_one(conn: Connection, act: Act, others: Sequence[Row[Any]]) -> None:
    """Refuse with user.last_platform when nobody else is of the platform.

    The row of one who stays is touched, which is no new version of it: on an engine that certifies
    at COMMIT only, two who remove each other on two nodes meet there.
    """
    if not others:
        message = "Nobody else is of the platform. Make somebody else so first."
        raise Refused("user.last_platform", message)
    staying = others[0]
    conn.execute(USERS.update().where(_C.id == staying.id), {"updated_at": act.at})


def _write(conn: Connection, act: Act, row: Row[Any], values: dict[str, Any], kind: str) -> None:
    writes = Writes()
    users.change(writes, act, row, values)
    told = {"platform": values["platform"]} if "platform" in values else {}
    # `user_name_key` is the user name once more.
    after = {name: value for name, value in values.items() if name != "user_name_key"}
    before = {name: getattr(row, name) for name in after}
    users.tell(writes, act, kind, row.id, before=before, after=after, **told)
    writes.flush(conn)


def _document(row: Row[Any]) -> AdministeredUser:
    return {
        "id": str(row.id),
        "email": row.email,
        "email_verified": row.email_verified_at is not None,
        "user_name": row.user_name,
        "name": row.name,
        "language": row.language,
        "platform": row.platform,
        "active": row.active,
        "two_factor": row.totp_confirmed_at is not None,
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "updated_at": clock.text(row.updated_at),
    }
