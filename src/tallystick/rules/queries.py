"""Read rules, what they were, and what they did."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.kernel import clock, paging, rows
from tallystick.kernel.errors import Refused, shown
from tallystick.rules import rulebook, wording
from tallystick.rules.facts import FREE_TEXTS
from tallystick.rules.models import FIRINGS, RULE_VERSIONS, RULES


class RuleDocument(TypedDict):
    """A rule as its readers see it."""

    id: str
    name: str
    sentence: str
    trigger: str
    currency: str
    customer_id: str | None
    customer_kind: str | None
    condition: dict[str, Any] | None
    actions: list[dict[str, Any]]
    priority: int
    enabled: bool
    valid_from: str | None
    valid_until: str | None
    version: int
    created_at: str
    updated_at: str


class FiringDocument(TypedDict):
    """What a rule did once, and what it saw; amounts in minor units of `currency`."""

    id: str
    rule_id: str
    rule_version: int
    trigger: str
    customer_id: str | None
    payment_id: str | None
    invoice_id: str | None
    facts: dict[str, Any]
    outcome: str
    results: list[dict[str, Any]]
    at: str


@dataclass(frozen=True, slots=True)
class FiringFilter:
    """What a log is narrowed to; all that is given must hold."""

    rule_id: UUID | None = None
    payment_id: UUID | None = None
    invoice_id: UUID | None = None


def find(conn: Connection, organization_id: UUID, rule_id: UUID) -> Row[Any] | None:
    """Read the row of a rule, removed or not."""
    columns = [RULES.c.organization_id, RULES.c.id]
    found = rows.find(conn, columns, [(organization_id, rule_id)])
    return found[0] if found else None


def get_rule(conn: Connection, organization_id: UUID, rule_id: UUID) -> RuleDocument:
    """Read one rule, or refuse with rule.unknown; one that was removed is unknown."""
    found = find(conn, organization_id, rule_id)
    if found is None or found.removed_at is not None:
        raise unknown(rule_id)
    return document(found._asdict())


def standing(conn: Connection, organization_id: UUID) -> list[RuleDocument]:
    """List the rules of an organization in the order in which they come."""
    found = rows.find(conn, [RULES.c.organization_id], [(organization_id,)])
    there = [row for row in found if row.removed_at is None]
    ordered = sorted(there, key=lambda row: (row.priority, row.id))
    return [document(row._asdict()) for row in ordered]


def history(conn: Connection, organization_id: UUID, rule_id: UUID) -> list[dict[str, Any]]:
    """List what a rule was, the newest first, removed or not; or refuse with rule.unknown."""
    columns = [RULE_VERSIONS.c.organization_id, RULE_VERSIONS.c.rule_id]
    found = rows.find(conn, columns, [(organization_id, rule_id)])
    if not found:
        raise unknown(rule_id)
    newest = sorted(found, key=lambda row: row.version, reverse=True)
    return [{**row.content, "at": clock.text(row.at)} for row in newest]


def list_firings(
    conn: Connection,
    organization_id: UUID,
    wanted: FiringFilter,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[FiringDocument]:
    """List what rules did, the newest first."""
    column = FIRINGS.c
    statement = select(FIRINGS).where(column.organization_id == organization_id)
    if wanted.rule_id is not None:
        statement = statement.where(column.rule_id == wanted.rule_id)
    if wanted.payment_id is not None:
        statement = statement.where(column.payment_id == wanted.payment_id)
    if wanted.invoice_id is not None:
        statement = statement.where(column.invoice_id == wanted.invoice_id)
    return paging.newest_first(
        conn, statement, column.id, after=after, limit=limit, shape=firing_document
    )


def unknown(rule_id: UUID | str) -> Refused:
    """Say that the organization has no such rule."""
    return Refused("rule.unknown", f"There is no rule {shown(rule_id)} in this organization.")


def document(row: Mapping[str, Any]) -> RuleDocument:
    """Shape a rule, from a row that was read or is about to be written."""
    rule = rulebook.make(row["form"], **{name: row[name] for name in rulebook.OF_ROW})
    return {
        "id": str(row["id"]),
        "name": row["name"],
        "sentence": wording.sentence(rule),
        "trigger": row["fires_on"],
        "currency": row["currency"],
        "customer_id": _text(row["customer_id"]),
        "customer_kind": row["customer_kind"],
        "condition": row["form"]["condition"],
        "actions": row["form"]["actions"],
        "priority": row["priority"],
        "enabled": row["enabled"],
        "valid_from": None if row["valid_from"] is None else row["valid_from"].isoformat(),
        "valid_until": None if row["valid_until"] is None else row["valid_until"].isoformat(),
        "version": row["version"],
        "created_at": clock.text(row["created_at"]),
        "updated_at": clock.text(row["updated_at"]),
    }


def firing_document(row: Row[Any]) -> FiringDocument:
    """Shape what a rule did."""
    return {
        "id": str(row.id),
        "rule_id": str(row.rule_id),
        "rule_version": row.rule_version,
        "trigger": row.fires_on,
        "customer_id": _text(row.customer_id),
        "payment_id": _text(row.payment_id),
        "invoice_id": _text(row.invoice_id),
        "facts": row.facts,
        "outcome": row.outcome,
        "results": row.results,
        "at": clock.text(row.at),
    }


def firings_of(
    conn: Connection, organization_id: UUID, keys: Sequence[UUID]
) -> list[FiringDocument]:
    """List what rules did about invoices, in the order of time."""
    columns = [FIRINGS.c.organization_id, FIRINGS.c.invoice_id]
    found = rows.find(conn, columns, [(organization_id, key) for key in keys])
    return [firing_document(row) for row in sorted(found, key=lambda row: (row.at, row.id))]


def firings_of_payments(
    conn: Connection, organization_id: UUID, payment_ids: Collection[UUID]
) -> list[FiringDocument]:
    """List what rules did about payments and none of their invoices, in the order of time."""
    columns = [FIRINGS.c.organization_id, FIRINGS.c.payment_id]
    found = rows.find(conn, columns, [(organization_id, each) for each in payment_ids])
    about = [row for row in found if row.invoice_id is None]
    return [firing_document(row) for row in sorted(about, key=lambda row: (row.at, row.id))]


def firings_named(
    conn: Connection, organization_id: UUID, firing_ids: Sequence[UUID]
) -> list[FiringDocument]:
    """Read these of what rules did."""
    columns = [FIRINGS.c.organization_id, FIRINGS.c.id]
    found = rows.find(conn, columns, [(organization_id, each) for each in firing_ids])
    return [firing_document(row) for row in found]


def forget_customer(conn: Connection, organization_id: UUID, customer_id: UUID) -> None:
    """Take what people wrote about a customer out of what rules saw and did: texts and labels."""
    statement = select(FIRINGS).where(
        FIRINGS.c.organization_id == organization_id, FIRINGS.c.customer_id == customer_id
    )
    writes = rows.Writes()
    for row in conn.execute(statement):
        kept = {
            "facts": {
                name: None if name in FREE_TEXTS else value for name, value in row.facts.items()
            },
            "results": [
                {**result, "detail": None} if result["action"] == "add_label" else result
                for result in row.results
            ],
        }
        if kept != {"facts": row.facts, "results": row.results}:
            key = {"organization_id": organization_id, "id": row.id}
            writes.change(FIRINGS, key, kept)
    writes.flush(conn)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
