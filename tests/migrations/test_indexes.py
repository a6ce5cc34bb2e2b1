"""Indexes that are there for a query are taken for it."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine, event

from tallystick.kernel import ids
from tallystick.parties.labels import LabelFilter, list_labels
from tallystick.payments import comparing
from tallystick.payments.models import ORDERS
from tallystick.rules.queries import forget_customer
from tests.factories import START, Books

SOMEBODY = ids.new()

Query = Callable[[Connection, UUID], Any]


def _by_label(conn: Connection, here: UUID) -> Any:
    return list_labels(conn, here, LabelFilter(label="late"), after=ids.new())


def _by_customer(conn: Connection, here: UUID) -> Any:
    return list_labels(conn, here, LabelFilter(customer_id=SOMEBODY), after=ids.new())


def _forgotten(conn: Connection, here: UUID) -> Any:
    forget_customer(conn, here, SOMEBODY)


def _first_order(conn: Connection, _here: UUID) -> Any:
    return comparing._first(conn, "fakepay", START, START)  # noqa: SLF001  # the query itself


def _orders(conn: Connection, _here: UUID) -> Any:
    recent = ORDERS.c.created_at >= START
    return comparing._orders(conn, "fakepay", recent)  # noqa: SLF001  # the query itself


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("query", "index"),
    [
        (_by_label, "ix_label_organization_id_label_id"),
        (_by_customer, "ix_label_organization_id_customer_id_id"),
        (_forgotten, "ix_firing_organization_id_customer_id"),
        (_first_order, "ix_provider_order_provider_created_at"),
        (_orders, "ix_provider_order_provider_created_at"),
    ],
)
def test_an_index_is_taken(books: Books, query: Query, index: str) -> None:
    plan = books.database.read(lambda conn: _plan(conn, query, books.organization_id))
    assert any(f"USING INDEX {index} (" in line for line in plan), plan
    sorting = [line for line in plan if "TEMP B-TREE FOR ORDER" in line]
    assert not sorting, plan


def _plan(conn: Connection, query: Query, organization_id: UUID) -> Sequence[str]:
    """Ask the engine how it would do the first statement of a query."""
    sent: list[tuple[str, Any]] = []

    def keep(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        sent.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        query(conn, organization_id)
    finally:
        event.remove(Engine, "before_cursor_execute", keep)
    statement, parameters = sent[0]
    asked = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    return [str(row) for row in asked]
