"""Put labels on customers, invoices and payments, and take them off again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, Table

from tallystick.invoices import queries as invoice_queries
from tallystick.invoices.models import INVOICES
from tallystick.kernel import events, ids, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer, each
from tallystick.kernel.rows import Writes
from tallystick.parties import customers, labels
from tallystick.parties.labels import LABELS_MAX, Labelled, Subject
from tallystick.parties.models import CUSTOMERS, LABELS
from tallystick.parties.named import Named, lock_customers
from tallystick.payments import deciding, queries
from tallystick.payments.models import PAYMENTS
from tallystick.rules import firing
from tallystick.rules.catalog import Action
from tallystick.rules.firing import Fired, Result

ADDED: Final = "label.added"
REMOVED: Final = "label.removed"
_TABLES: Final[Mapping[Subject, Table]] = {
    "customer": CUSTOMERS,
    "invoice": INVOICES,
    "payment": PAYMENTS,
}
_UNKNOWN: Final[Mapping[Subject, Callable[[UUID], Refused]]] = {
    "customer": customers.unknown,
    "invoice": invoice_queries.unknown,
    "payment": queries.unknown,
}


@dataclass(frozen=True, slots=True)
class AddLabel:
    """A label for something; one that it has already stays."""

    act: Act
    subject: Subject
    subject_id: UUID
    label: str


@dataclass(frozen=True, slots=True)
class RemoveLabel:
    """Take a label off."""

    act: Act
    label_id: UUID


class Removed(TypedDict):
    """What is left to say of a label that is gone."""

    id: str
    removed: bool


def add_labels(conn: Connection, commands: Sequence[AddLabel]) -> list[Answer[Labelled]]:
    """Put labels on what there is. Locks the customer whose it is, so that nobody erases them.

    Refuses:
        organization.inactive, customer.unknown, invoice.unknown, payment.unknown
        invoice.draft: a draft may still get another customer, or be deleted.
        customer.erased: nothing more is noted about them.
        label.malformed, label.too_many
    """
    return each(conn, commands, _add)


def remove_labels(conn: Connection, commands: Sequence[RemoveLabel]) -> list[Answer[Removed]]:
    """Take labels off.

    Refuses:
        organization.inactive, label.unknown
    """
    return each(conn, commands, _remove)


def _add(conn: Connection, command: AddLabel) -> Labelled:
    act = command.act
    text = labels.checked(command.label)
    Named(conn, organization_ids=[act.organization_id]).organization(act.organization_id)
    subject = _subject(conn, command)
    if command.subject == "invoice" and subject.status == "draft":
        raise Refused("invoice.draft", "This invoice is a draft. Issue it before you label it.")
    customer_id = subject.id if command.subject == "customer" else subject.customer_id
    place = act.organization_id, customer_id
    lock_customers(conn, [place])
    [customer] = rows.find(conn, [CUSTOMERS.c.organization_id, CUSTOMERS.c.id], [place])
    if customer.erased_at is not None:
        message = "The personal data of this customer were erased, so nothing is noted about them."
        raise Refused("customer.erased", message)
    there = _labels(conn, act, command.subject_id)
    same = next((row for row in there if row.label == text), None)
    if same is not None:
        return labels.labelled(same._asdict())
    if len(there) >= LABELS_MAX:
        message = f"There are {len(there)} labels already. Take one off that is not needed."
        raise Refused("label.too_many", message)
    label = {
        "organization_id": act.organization_id,
        "id": ids.new(),
        "subject": command.subject,
        "subject_id": command.subject_id,
        "customer_id": customer_id,
        "label": text,
        "added_at": act.at,
    }
    writes = Writes()
    writes.add(LABELS, label)
    _tell(writes, act, ADDED, label)
    writes.flush(conn)
    return labels.labelled(label)


def _subject(conn: Connection, command: AddLabel) -> Row[Any]:
    table, key = _TABLES[command.subject], (command.act.organization_id, command.subject_id)
    found = rows.find(conn, [table.c.organization_id, table.c.id], [key])
    if not found:
        raise _UNKNOWN[command.subject](command.subject_id)
    return found[0]


def label(
    conn: Connection, fired: Fired, action: Action, subject: Subject, subject_id: UUID
) -> Result:
    """Add the label that a rule wants, by the use case that a person would use."""
    there = _labels(conn, fired.act, subject_id)
    decided = deciding.labelled(action, there=any(row.label == action.label for row in there))
    if decided.outcome == "idle":
        return decided
    act = firing.act_of(fired.rule, fired.act, fired.once_id, decided.action)
    [answer] = add_labels(conn, [AddLabel(act, subject, subject_id, action.label)])
    if isinstance(answer.outcome, Refusal):
        return firing.refused(decided.action, answer.outcome)
    return decided


def _labels(conn: Connection, act: Act, subject_id: UUID) -> Sequence[Row[Any]]:
    columns = [LABELS.c.organization_id, LABELS.c.subject_id]
    return rows.find(conn, columns, [(act.organization_id, subject_id)])


def _remove(conn: Connection, command: RemoveLabel) -> Removed:
    act = command.act
    Named(conn, organization_ids=[act.organization_id]).organization(act.organization_id)
    place = act.organization_id, command.label_id
    found = rows.find(conn, [LABELS.c.organization_id, LABELS.c.id], [place], lock=True)
    if not found:
        raise labels.unknown(command.label_id)
    conn.execute(
        LABELS.delete().where(
            LABELS.c.organization_id == act.organization_id, LABELS.c.id == command.label_id
        )
    )
    writes = Writes()
    _tell(writes, act, REMOVED, found[0]._asdict())
    writes.flush(conn)
    return {"id": str(command.label_id), "removed": True}


def _tell(writes: Writes, act: Act, kind: str, label: Mapping[str, Any]) -> None:
    """Tell of a label without its text, which may be about a person."""
    names = ("subject", "subject_id", "customer_id")
    payload = {"label_id": str(label["id"]), **{name: str(label[name]) for name in names}}
    events.emit(writes, act, kind, label["id"], payload)
