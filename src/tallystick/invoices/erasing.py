"""Erase a customer, also where kept answers of invoices quote them.

Issued documents themselves keep their copy, which the law asks the organization to keep.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from tallystick.auth.payer_links import revoke_of_customer
from tallystick.invoices import annotating
from tallystick.invoices.models import CREDIT_NOTES, INVOICES
from tallystick.kernel import events, idempotency
from tallystick.kernel.idempotency import Answer, each
from tallystick.parties import customers, labels
from tallystick.parties.customers import ERASED_NAME, CustomerDocument, EraseCustomer
from tallystick.rules import queries as rule_queries


def erase_customers(
    conn: Connection, commands: Sequence[EraseCustomer]
) -> list[Answer[CustomerDocument]]:
    """Erase the personal data of customers and deactivate them. Doing so twice changes nothing.

    What was answered under idempotency keys is repeated without them from now on, and what rules
    saw is kept without them. Locks the customers, then their invoices, whose memos are taken away,
    as are the labels of all that is theirs. Their payers' links are revoked.

    Refuses:
        customer.unknown, organization.inactive

    Source: GDPR article 17 (1), with the exception of 17 (3) (b) for what the law requires to keep.
    """
    # The whole batch first and in order: two batches must not wait for each other in a circle.
    customers.lock_all(conn, commands)
    annotating.lock_of_customers(
        conn, [(command.act.organization_id, command.customer_id) for command in commands]
    )
    return each(conn, commands, _erase)


def _erase(conn: Connection, command: EraseCustomer) -> CustomerDocument:
    erased = customers.erase(conn, command)
    organization_id = command.act.organization_id
    theirs = select(INVOICES.c.id).where(
        INVOICES.c.organization_id == organization_id,
        INVOICES.c.customer_id == command.customer_id,
    )
    noted = select(CREDIT_NOTES.c.id).where(
        CREDIT_NOTES.c.organization_id == organization_id,
        CREDIT_NOTES.c.customer_id == command.customer_id,
    )
    revoke_of_customer(conn, command.act, command.customer_id)
    annotating.forget_memos(conn, command.act, command.customer_id)
    labels.forget(conn, organization_id, command.customer_id)
    rule_queries.forget_customer(conn, organization_id, command.customer_id)
    quoting = events.keys_of(conn, organization_id, theirs.union_all(noted))
    idempotency.rewrite(conn, organization_id, quoting, _without_buyer)
    return erased


def _without_buyer(answered: dict[str, Any]) -> dict[str, Any]:
    kept = dict(answered)
    if kept.get("buyer"):
        kept["buyer"] = {"name": ERASED_NAME}
    if kept.get("memo"):
        kept["memo"] = None
    return kept
