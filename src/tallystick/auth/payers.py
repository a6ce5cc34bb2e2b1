"""Payers: who they are, and which customer records are theirs.

A person is payer wherever a customer record carries the address that they have proved to be theirs,
in every organization. The holder of a payer's link reaches the one customer, or the one invoice,
that the link is for.
"""

from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, false, select

from tallystick.auth.credentials import Credential, Reach
from tallystick.kernel import paging
from tallystick.parties.models import CUSTOMERS, ORGANIZATIONS


class ReceiverDocument(TypedDict):
    """The organization that is owed, as a payer sees it."""

    id: str
    name: str


class RecordDocument(TypedDict):
    """A customer record, as the payer behind it sees it."""

    id: str
    organization: ReceiverDocument
    name: str


@dataclass(frozen=True, slots=True)
class Payer:
    """Whoever asks for what is theirs: by a proved address, by a link, or in no way at all."""

    email_key: str | None = None
    reach: Reach | None = None

    @staticmethod
    def of(credential: Credential) -> "Payer":
        """Say which payer a credential stands for."""
        return Payer(credential.verified_email, credential.reach)

    @property
    def invoice_id(self) -> UUID | None:
        """The one invoice that a link is for; None for all."""
        return None if self.reach is None else self.reach.invoice_id


def theirs(payer: Payer) -> ColumnElement[bool]:
    """Narrow a statement over customers to the records of a payer."""
    if payer.reach is not None:
        same = CUSTOMERS.c.organization_id == payer.reach.organization_id
        return same & (CUSTOMERS.c.id == payer.reach.customer_id)
    return false() if payer.email_key is None else CUSTOMERS.c.email_key == payer.email_key


def list_records(
    conn: Connection,
    payer: Payer,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[RecordDocument]:
    """List the customer records of a payer, newest first, in all organizations."""
    return paging.newest_first(
        conn, _records(payer), CUSTOMERS.c.id, after=after, limit=limit, shape=_document
    )


def _records(payer: Payer) -> Select[Any]:
    receiver = (ORGANIZATIONS.c.id.label("receiver_id"), ORGANIZATIONS.c.name.label("receiver"))
    return (
        select(CUSTOMERS.c.id, CUSTOMERS.c.name, *receiver)
        .join(ORGANIZATIONS, ORGANIZATIONS.c.id == CUSTOMERS.c.organization_id)
        .where(theirs(payer))
    )


def _document(row: Row[Any]) -> RecordDocument:
    return {
        "id": str(row.id),
        "organization": {"id": str(row.receiver_id), "name": row.receiver},
        "name": row.name,
    }
