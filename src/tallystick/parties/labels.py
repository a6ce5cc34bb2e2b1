"""Labels: what may be one, which there are, and how they go with a customer who is erased."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.kernel import card_numbers, clock, paging
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.parties.models import LABELS

Subject = Literal["customer", "invoice", "payment"]

LABEL_MAX: Final = 50
"""Characters of a label."""
LABELS_MAX: Final = 20
"""Labels of one subject."""
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Labelled(TypedDict):
    """That a label is there, without its text, which goes for good when the label does."""

    id: str
    subject: str
    subject_id: str
    customer_id: str
    added_at: str


class LabelDocument(Labelled):
    """One label as its readers see it."""

    label: str


@dataclass(frozen=True, slots=True)
class LabelFilter:
    """What a list of labels is narrowed to; all that is given must hold."""

    subject_id: UUID | None = None
    customer_id: UUID | None = None
    label: str | None = None


def checked(text: Any) -> str:
    """Give a text that may be a label.

    Raises:
        Invalid: label.malformed.
    """
    fits = isinstance(text, str) and 0 < len(text) <= LABEL_MAX and text == text.strip()
    if not fits or _UNPRINTABLE.search(text) or card_numbers.found(text):
        message = (
            f"A label is a text of 1 to {LABEL_MAX} characters on one line, without spaces around "
            "it, and no card number."
        )
        raise Invalid("label.malformed", message, pointer="/label")
    return str(text)


def list_labels(
    conn: Connection,
    organization_id: UUID,
    wanted: LabelFilter,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[LabelDocument]:
    """List labels, newest first."""
    column = LABELS.c
    statement = select(LABELS).where(column.organization_id == organization_id)
    if wanted.subject_id is not None:
        statement = statement.where(column.subject_id == wanted.subject_id)
    if wanted.customer_id is not None:
        statement = statement.where(column.customer_id == wanted.customer_id)
    if wanted.label is not None:
        statement = statement.where(column.label == wanted.label)
    return paging.newest_first(conn, statement, column.id, after=after, limit=limit, shape=document)


def unknown(label_id: UUID) -> Refused:
    """Say that the organization has no such label."""
    return Refused("label.unknown", f"There is no label {shown(label_id)} in this organization.")


def forget(conn: Connection, organization_id: UUID, customer_id: UUID) -> None:
    """Take away the labels of a customer and of what is theirs. Nothing else keeps their text."""
    column = LABELS.c
    theirs = (column.organization_id == organization_id, column.customer_id == customer_id)
    conn.execute(LABELS.delete().where(*theirs))


def labelled(row: Mapping[str, Any]) -> Labelled:
    """Say that a label is there."""
    return {
        "id": str(row["id"]),
        "subject": row["subject"],
        "subject_id": str(row["subject_id"]),
        "customer_id": str(row["customer_id"]),
        "added_at": clock.text(row["added_at"]),
    }


def document(row: Row[Any]) -> LabelDocument:
    """Shape a label for its readers."""
    return {**labelled(row._asdict()), "label": row.label}
