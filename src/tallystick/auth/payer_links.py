"""Payers' links: read, list, revoke. What a link is for is checked where invoices are known.

The text of a link is its signed id, which the edge makes; nothing here can be used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.auth import access
from tallystick.auth.models import PAYER_LINKS
from tallystick.kernel import clock, events, ids, paging, rows
from tallystick.kernel.actor import Act, Actor
from tallystick.kernel.errors import Refused, shown
from tallystick.kernel.idempotency import Answer, each

OPENS: Final = frozenset({"read", "collect"})
"""What whoever holds a link does, as permissions of an organization."""

_C = PAYER_LINKS.c


class PayerLinkDocument(TypedDict):
    """A payer's link as the organization sees it."""

    id: str
    customer_id: str
    invoice_id: str | None
    version: int
    created_at: str
    expires_at: str
    used_at: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class RevokePayerLink:
    """Let a link be good for nothing from now on."""

    act: Act
    link_id: UUID


def check_holder(actor: Actor) -> None:
    """Refuse to give a link to whoever may not do themselves what its holder does.

    Refuses:
        auth.beyond_own: it shows invoices and claims payments.
    """
    access.check_within(actor, OPENS)


def add_link(
    conn: Connection,
    act: Act,
    *,
    customer_id: UUID,
    invoice_id: UUID | None,
    expires_at: datetime,
) -> PayerLinkDocument:
    """Make a link; the caller knows that the customer and the invoice belong together."""
    link_id = ids.new()
    values = {
        "organization_id": act.organization_id,
        "id": link_id,
        "customer_id": customer_id,
        "invoice_id": invoice_id,
        "version": 1,
        "created_at": act.at,
        "expires_at": expires_at,
        "used_at": None,
        "revoked_at": None,
    }
    conn.execute(PAYER_LINKS.insert(), values)
    made = get_link(conn, act.organization_id, link_id)
    _tell(conn, act, "payer_link.created", None, made)
    return made


def revoke_payer_links(
    conn: Connection, commands: Sequence[RevokePayerLink]
) -> list[Answer[PayerLinkDocument]]:
    """Revoke links. Locks them.

    Refuses:
        payer_link.unknown
        payer_link.revoked_already
    """
    keys = [(command.act.organization_id, command.link_id) for command in commands]
    rows.find(conn, [_C.organization_id, _C.id], keys, lock=True)
    return each(conn, commands, _revoke)


def _revoke(conn: Connection, command: RevokePayerLink) -> PayerLinkDocument:
    row = _row(conn, command.act.organization_id, command.link_id)
    if row.revoked_at is not None:
        raise Refused("payer_link.revoked_already", "This link is revoked already.")
    _set_revoked(conn, command.act, row)
    return get_link(conn, command.act.organization_id, command.link_id)


def revoke_of_customer(conn: Connection, act: Act, customer_id: UUID) -> None:
    """Revoke every link of a customer that is not revoked yet."""
    statement = select(PAYER_LINKS).where(
        _C.organization_id == act.organization_id,
        _C.customer_id == customer_id,
        _C.revoked_at.is_(None),
    )
    for row in conn.execute(statement).all():
        _set_revoked(conn, act, row)


def get_link(conn: Connection, organization_id: UUID, link_id: UUID) -> PayerLinkDocument:
    """Read one link, or refuse with payer_link.unknown."""
    return _document(_row(conn, organization_id, link_id))


def list_links(
    conn: Connection,
    organization_id: UUID,
    *,
    customer_id: UUID | None = None,
    invoice_id: UUID | None = None,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[PayerLinkDocument]:
    """List the links of an organization, newest first, with those that are good no more."""
    statement = select(PAYER_LINKS).where(_C.organization_id == organization_id)
    if customer_id is not None:
        statement = statement.where(_C.customer_id == customer_id)
    if invoice_id is not None:
        statement = statement.where(_C.invoice_id == invoice_id)
    return paging.newest_first(conn, statement, _C.id, after=after, limit=limit, shape=_document)


def _row(conn: Connection, organization_id: UUID, link_id: UUID) -> Row[Any]:
    statement = select(PAYER_LINKS).where(_C.organization_id == organization_id, _C.id == link_id)
    row = conn.execute(statement).first()
    if row is None:
        message = f"There is no payer's link {shown(link_id)} in this organization."
        raise Refused("payer_link.unknown", message)
    return row


def _set_revoked(conn: Connection, act: Act, row: Row[Any]) -> None:
    statement = PAYER_LINKS.update().where(
        _C.organization_id == row.organization_id, _C.id == row.id
    )
    conn.execute(statement, {"revoked_at": act.at, "version": row.version + 1})
    _tell(
        conn, act, "payer_link.revoked", _document(row), get_link(conn, row.organization_id, row.id)
    )


def _tell(
    conn: Connection,
    act: Act,
    kind: str,
    before: PayerLinkDocument | None,
    after: PayerLinkDocument,
) -> None:
    writes = rows.Writes()
    payload = {"link_id": after["id"], "customer_id": after["customer_id"]}
    was = {} if before is None else _told(before)
    events.emit(writes, act, kind, UUID(after["id"]), payload, before=was, after=_told(after))
    writes.flush(conn)


def _told(link: PayerLinkDocument) -> dict[str, Any]:
    """Give what the audit trail tells of a link."""
    return {
        "customer_id": link["customer_id"],
        "invoice_id": link["invoice_id"],
        "expires_at": link["expires_at"],
        "revoked_at": link["revoked_at"],
    }


def _document(row: Row[Any]) -> PayerLinkDocument:
    return {
        "id": str(row.id),
        "customer_id": str(row.customer_id),
        "invoice_id": None if row.invoice_id is None else str(row.invoice_id),
        "version": row.version,
        "created_at": clock.text(row.created_at),
        "expires_at": clock.text(row.expires_at),
        "used_at": None if row.used_at is None else clock.text(row.used_at),
        "revoked_at": None if row.revoked_at is None else clock.text(row.revoked_at),
    }
