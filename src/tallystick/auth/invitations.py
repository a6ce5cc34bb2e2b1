"""Invitations by mail: make, read, list, revoke. How one is accepted stands in `accepting`.

The text of an invitation is its signed id, which goes into the mail and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, select

from tallystick.auth import access, credentials, guessing, users
from tallystick.auth.models import INVITATIONS, MEMBERSHIPS, USERS
from tallystick.kernel import clock, events, ids, paging, rows, tasks
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each
from tallystick.parties.customers import writable
from tallystick.parties.emails import email_key

GOOD_FOR: Final = timedelta(days=7)
PURPOSE: Final = "invitation"
"""What the signer is told of an invitation."""
InvitationStatus = Literal["pending", "accepted", "revoked", "expired"]

_C = INVITATIONS.c


class InvitationDocument(TypedDict):
    """An invitation as the organization sees it."""

    id: str
    email: str
    role: str
    status: InvitationStatus
    version: int
    created_at: str
    expires_at: str
    accepted_at: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class CreateInvitation:
    """Invite whoever reads an address to become a member."""

    act: Act
    email: str
    role: str


@dataclass(frozen=True, slots=True)
class RevokeInvitation:
    """Take an invitation back."""

    act: Act
    invitation_id: UUID


def create_invitations(
    conn: Connection, commands: Sequence[CreateInvitation]
) -> list[Answer[InvitationDocument]]:
    """Invite people and have the mails sent. A newer invitation ends the older of an address.

    Locks the organizations.

    Refuses:
        organization.inactive, user.email_malformed, role.unknown
        auth.beyond_own: the role allows more than the inviter may do.
        invitation.member_already
        invitation.too_often: this address got many mails lately.
    """
    access.lock_all(conn, commands)
    return each(conn, commands, _create)


def _create(conn: Connection, command: CreateInvitation) -> InvitationDocument:
    act, key = command.act, email_key(command.email)
    writable(conn, act.organization_id)
    users.check_email(command.email)
    permissions = access.permissions_of(conn, act.organization_id, command.role, pointer="/role")
    access.check_within(act.actor, permissions, pointer="/role")
    _check_no_member(conn, act, key)
    if not guessing.may_mail(conn, "invitation", key, act.at):
        message = "Many mails went to this address within the last hour. Try again in an hour."
        retry = int(guessing.MAILS_WINDOW.total_seconds())
        raise Refused("invitation.too_often", message, facts={"retry_after_s": retry}, kept=False)
    invitation_id = ids.new()
    older = (_C.email_key == key) & _pending(act.at)
    for row in conn.execute(select(INVITATIONS).where(_of(act.organization_id), older)).all():
        _end(conn, act, row, {"revoked_at": act.at}, "invitation.revoked")
    values = {
        "organization_id": act.organization_id,
        "id": invitation_id,
        "email": command.email,
        "email_key": key,
        "role": command.role,
        "version": 1,
        "created_at": act.at,
        "created_by": act.actor.id if act.actor.kind == "user" else None,
        "expires_at": act.at + GOOD_FOR,
        "accepted_at": None,
        "revoked_at": None,
    }
    conn.execute(INVITATIONS.insert(), values)
    place = {
        "organization_id": str(act.organization_id),
        "invitation_id": str(invitation_id),
    }
    writes = rows.Writes()
    tasks.add(writes, act, "mail.invitation", place)
    events.emit(
        writes,
        act,
        "invitation.created",
        invitation_id,
        {"invitation_id": str(invitation_id), "role": command.role},
        after=_told(values),
    )
    writes.flush(conn)
    return get_invitation(conn, act.organization_id, invitation_id, at=act.at)


def revoke_invitations(
    conn: Connection, commands: Sequence[RevokeInvitation]
) -> list[Answer[InvitationDocument]]:
    """Take invitations back. Locks the organizations.

    Refuses:
        invitation.unknown
        invitation.not_pending: it was accepted or taken back, or it has expired.
    """
    access.lock_all(conn, commands)
    return each(conn, commands, _revoke)


def _revoke(conn: Connection, command: RevokeInvitation) -> InvitationDocument:
    act = command.act
    row = _row(conn, act.organization_id, command.invitation_id)
    status = status_of(row, act.at)
    if status != "pending":
        message = "This invitation was accepted or taken back, or it has expired."
        raise Refused("invitation.not_pending", message, facts={"invitation_status": status})
    _end(conn, act, row, {"revoked_at": act.at}, "invitation.revoked")
    return get_invitation(conn, act.organization_id, command.invitation_id, at=act.at)


def use(conn: Connection, act: Act, row: Row[Any], user_id: UUID) -> None:
    """Note that an invitation was accepted, by whom; the caller has seen that it is pending."""
    _end(conn, act, row, {"accepted_at": act.at}, "invitation.accepted", user_id=str(user_id))


def find(conn: Connection, organization_id: UUID, invitation_id: UUID) -> Row[Any] | None:
    """Find the row of an invitation."""
    statement = select(INVITATIONS).where(_of(organization_id), _C.id == invitation_id)
    return conn.execute(statement).first()


def still_given(conn: Connection, row: Row[Any]) -> bool:
    """Tell whether the user who invited may still do so; of a key or the command line it is so.

    Whoever was removed, or may do less by now, brings nobody in any more, nor themselves again.
    """
    if row.created_by is None:
        return True
    needed = credentials.permissions_of(conn, row.organization_id, row.role) | {"manage"}
    return needed <= credentials.permissions_of_user(conn, row.created_by, row.organization_id)


def get_invitation(
    conn: Connection, organization_id: UUID, invitation_id: UUID, *, at: datetime
) -> InvitationDocument:
    """Read one invitation as it is at a moment, or refuse with invitation.unknown."""
    return _document(_row(conn, organization_id, invitation_id), at)


def list_invitations(
    conn: Connection,
    organization_id: UUID,
    *,
    at: datetime,
    pending: bool | None = None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[InvitationDocument]:
    """List invitations, newest first: all, those that wait at a moment, or the others."""
    statement = select(INVITATIONS).where(_of(organization_id))
    if pending is not None:
        statement = statement.where(_pending(at) if pending else ~_pending(at))
    return paging.newest_first(
        conn, statement, _C.id, after=after, limit=limit, shape=lambda row: _document(row, at)
    )


def status_of(row: Row[Any], at: datetime) -> InvitationStatus:
    """Tell how an invitation stands at a moment."""
    if row.accepted_at is not None:
        return "accepted"
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at <= at else "pending"


def _of(organization_id: UUID) -> ColumnElement[bool]:
    return _C.organization_id == organization_id


def _pending(at: datetime) -> ColumnElement[bool]:
    return _C.accepted_at.is_(None) & _C.revoked_at.is_(None) & (_C.expires_at > at)


def _row(conn: Connection, organization_id: UUID, invitation_id: UUID) -> Row[Any]:
    row = find(conn, organization_id, invitation_id)
    if row is None:
        message = f"There is no invitation {shown(invitation_id)} in this organization."
        raise Refused("invitation.unknown", message)
    return row


def _check_no_member(conn: Connection, act: Act, key: str) -> None:
    statement = (
        select(MEMBERSHIPS.c.user_id)
        .join(USERS, USERS.c.id == MEMBERSHIPS.c.user_id)
        .where(
            MEMBERSHIPS.c.organization_id == act.organization_id,
            MEMBERSHIPS.c.active.is_(True),
            USERS.c.email_key == key,
        )
    )
    if conn.execute(statement).first() is not None:
        message = "Whoever has this address is a member already. Change their role instead."
        raise Refused("invitation.member_already", message, pointer="/email")


def _end(
    conn: Connection, act: Act, row: Row[Any], values: dict[str, Any], kind: str, **facts: str
) -> None:
    statement = INVITATIONS.update().where(_of(row.organization_id), _C.id == row.id)
    conn.execute(statement, {**values, "version": row.version + 1})
    writes = rows.Writes()
    payload = {"invitation_id": str(row.id), "role": row.role, **facts}
    before = row._asdict()
    after = _told({**before, **values})
    events.emit(writes, act, kind, row.id, payload, before=_told(before), after=after)
    writes.flush(conn)


def _told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the audit trail tells: no address, since nothing erases it there."""
    moments = ("expires_at", "accepted_at", "revoked_at")
    told = {name: None if row[name] is None else clock.text(row[name]) for name in moments}
    return {"role": row["role"], **told}


def _document(row: Row[Any], at: datetime) -> InvitationDocument:
    return {
        "id": str(row.id),
        "email": row.email,
        "role": row.role,
        "status": status_of(row, at),
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "expires_at": clock.text(row.expires_at),
        "accepted_at": None if row.accepted_at is None else clock.text(row.accepted_at),
        "revoked_at": None if row.revoked_at is None else clock.text(row.revoked_at),
    }
