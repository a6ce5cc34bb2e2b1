"""Read payments and receipts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypedDict
from uuid import UUID

from sqlalchemy import Connection, Row, select

from tallystick.invoices.models import CONTENTS, INVOICES
from tallystick.kernel import clock, paging, rows
from tallystick.kernel.errors import Refused, shown
from tallystick.payments.models import ALLOCATIONS, ORDERS, PAYMENTS
from tallystick.payments.states import OFFLINE_METHODS


class AllocationDocument(TypedDict):
    """What one invoice got of a payment; minor units."""

    invoice_id: str
    invoice_number: str | None
    amount: int


class OnlineDocument(TypedDict):
    """What is known of a payment at a provider."""

    provider: str
    unknown_from: str | None
    action_url: str | None
    failure_code: str | None
    failure_reason: str | None
    late: bool
    card: dict[str, str] | None


class PaymentDocument(TypedDict):
    """A payment as its readers see it; amounts in minor units."""

    id: str
    customer_id: str
    method: str
    status: str
    currency: str
    amount: int
    allocated: int
    unallocated: int
    refund_reserved: int
    refunded: int
    paid_on: str
    reference: str | None
    note: str | None
    receipt_number: str | None
    receipt_date: str | None
    allocations: list[AllocationDocument]
    online: OnlineDocument | None
    version: int
    created_at: str
    updated_at: str


class ReceiptLine(TypedDict):
    """An invoice on a receipt: what it got, and what was left right after; minor units."""

    invoice_id: str
    number: str | None
    amount: int
    due_after: int


class ReceiptDocument(TypedDict):
    """What the payer gets for their money."""

    number: str
    date: str
    payment_id: str
    received_by: dict[str, Any]
    received_from: dict[str, Any]
    currency: str
    amount: int
    unallocated: int
    method: str
    paid_on: str
    reference: str | None
    invoices: list[ReceiptLine]


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """What a list of payments is narrowed to; all that is given must hold."""

    customer_id: UUID | None = None
    invoice_id: UUID | None = None
    method: str | None = None
    status: str | None = None
    paid_from: date | None = None
    paid_to: date | None = None


Paid = tuple[UUID, str | None, int]
"""An invoice, its number, and what it got."""


def get_payment(conn: Connection, organization_id: UUID, payment_id: UUID) -> PaymentDocument:
    """Read one payment, or refuse with payment.unknown."""
    payment = _payment(conn, organization_id, payment_id)
    [found] = documents(conn, [payment])
    return found


def get_payments(
    conn: Connection, keys: Collection[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], PaymentDocument]:
    """Read payments, by organization and id. The statements do not grow with their number."""
    found = rows.find(conn, [PAYMENTS.c.organization_id, PAYMENTS.c.id], keys)
    places = [(row.organization_id, row.id) for row in found]
    return dict(zip(places, documents(conn, found), strict=True))


def currency_of(conn: Connection, organization_id: UUID, payment_id: UUID) -> str:
    """Read the currency of a payment, which never changes, or refuse with payment.unknown."""
    currency: str = _payment(conn, organization_id, payment_id).currency
    return currency


def list_payments(
    conn: Connection,
    organization_id: UUID,
    wanted: PaymentFilter,
    *,
    after: UUID | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> paging.Page[PaymentDocument]:
    """List the payments of an organization, newest first."""
    column = PAYMENTS.c
    statement = select(PAYMENTS).where(column.organization_id == organization_id)
    if wanted.customer_id is not None:
        statement = statement.where(column.customer_id == wanted.customer_id)
    if wanted.method is not None:
        statement = statement.where(column.method == wanted.method)
    if wanted.status is not None:
        statement = statement.where(column.status == wanted.status)
    if wanted.paid_from is not None:
        statement = statement.where(column.paid_on >= wanted.paid_from)
    if wanted.paid_to is not None:
        statement = statement.where(column.paid_on <= wanted.paid_to)
    if wanted.invoice_id is not None:
        paying = select(ALLOCATIONS.c.payment_id).where(
            ALLOCATIONS.c.organization_id == organization_id,
            ALLOCATIONS.c.invoice_id == wanted.invoice_id,
        )
        statement = statement.where(column.id.in_(paying))
    page: paging.Page[Row[Any]] = paging.newest_first(
        conn, statement, column.id, after=after, limit=limit, shape=lambda row: row
    )
    return paging.Page(documents(conn, page.items), page.next_after)


def get_receipt(conn: Connection, organization_id: UUID, payment_id: UUID) -> ReceiptDocument:
    """Read the receipt of a settled payment; it says the same whatever happens later.

    Refuses:
        payment.unknown
        receipt.none: the payment is not settled.
    """
    payment = _payment(conn, organization_id, payment_id)
    if payment.receipt_number is None:
        message = f"The payment {shown(payment_id)} is not settled, so it has no receipt yet."
        raise Refused("receipt.none", message)
    lines = _receipt_lines(conn, organization_id, payment_id)
    seller, buyer = _parties(conn, payment, [UUID(line["invoice_id"]) for line in lines])
    return {
        "number": payment.receipt_number,
        "date": payment.receipt_date.isoformat(),
        "payment_id": str(payment.id),
        "received_by": seller,
        "received_from": buyer,
        "currency": payment.currency,
        "amount": payment.amount,
        # What was allocated later does not change a receipt that was made out.
        "unallocated": payment.amount - sum(line["amount"] for line in lines),
        "method": payment.method,
        "paid_on": payment.paid_on.isoformat(),
        "reference": payment.reference,
        "invoices": lines,
    }


def _receipt_lines(conn: Connection, organization_id: UUID, payment_id: UUID) -> list[ReceiptLine]:
    same = ALLOCATIONS.c.organization_id == INVOICES.c.organization_id
    statement = (
        select(ALLOCATIONS, INVOICES.c.number)
        .join(INVOICES, same & (ALLOCATIONS.c.invoice_id == INVOICES.c.id))
        .join(
            PAYMENTS,
            (PAYMENTS.c.organization_id == ALLOCATIONS.c.organization_id)
            & (PAYMENTS.c.id == ALLOCATIONS.c.payment_id),
        )
        .where(
            ALLOCATIONS.c.organization_id == organization_id,
            ALLOCATIONS.c.payment_id == payment_id,
            # The receipt was made out with the payment, so it knows what was allocated with it.
            ALLOCATIONS.c.created_at == PAYMENTS.c.settled_at,
        )
        .order_by(ALLOCATIONS.c.id)
    )
    return [
        {
            "invoice_id": str(row.invoice_id),
            "number": row.number,
            "amount": row.amount,
            "due_after": row.due_after,
        }
        for row in conn.execute(statement)
    ]


def _parties(
    conn: Connection, payment: Row[Any], invoice_ids: Sequence[UUID]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take both parties as the first invoice froze them, or as the payment itself did."""
    if not invoice_ids:
        return payment.parties["seller"], payment.parties["buyer"]
    columns = [CONTENTS.c.organization_id, CONTENTS.c.invoice_id]
    content = rows.find(conn, columns, [(payment.organization_id, invoice_ids[0])])[0]
    return content.seller, content.buyer


def _payment(conn: Connection, organization_id: UUID, payment_id: UUID) -> Row[Any]:
    columns = [PAYMENTS.c.organization_id, PAYMENTS.c.id]
    found = rows.find(conn, columns, [(organization_id, payment_id)])
    if not found:
        raise unknown(payment_id)
    return found[0]


def unknown(payment_id: UUID) -> Refused:
    """Say that the organization has no such payment."""
    message = f"There is no payment {shown(payment_id)} in this organization."
    return Refused("payment.unknown", message)


def paid_parts(conn: Connection, keys: Collection[tuple[UUID, UUID]]) -> dict[UUID, list[Paid]]:
    """Read what payments pay now, by the ids of the payments."""
    allocations = rows.find(conn, [ALLOCATIONS.c.organization_id, ALLOCATIONS.c.payment_id], keys)
    invoice_keys = {(row.organization_id, row.invoice_id) for row in allocations}
    numbers = {
        row.id: row.number
        for row in rows.find(conn, [INVOICES.c.organization_id, INVOICES.c.id], invoice_keys)
    }
    live: dict[tuple[UUID, UUID], int] = {}
    for row in sorted(allocations, key=lambda row: row.id):
        place = row.payment_id, row.invoice_id
        live[place] = live.get(place, 0) + row.amount
    paid: dict[UUID, list[Paid]] = {}
    for (payment_id, invoice_id), amount in live.items():
        if amount:
            paid.setdefault(payment_id, []).append((invoice_id, numbers[invoice_id], amount))
    return paid


def documents(conn: Connection, payments: Sequence[Row[Any]]) -> list[PaymentDocument]:
    """Shape payments with what they pay and what providers say of them."""
    keys = [(row.organization_id, row.id) for row in payments]
    paid = paid_parts(conn, keys)
    online = [key for key, row in zip(keys, payments, strict=True) if _is_online(row)]
    found = rows.find(conn, [ORDERS.c.organization_id, ORDERS.c.id], online)
    orders = {row.id: row for row in found}
    return [document(row._asdict(), paid.get(row.id, []), orders.get(row.id)) for row in payments]


def document(
    payment: Mapping[str, Any], paid: Sequence[Paid], order: Row[Any] | None = None
) -> PaymentDocument:
    """Shape a payment, from a row that was read or is about to be written."""
    receipt_date = payment["receipt_date"]
    return {
        "id": str(payment["id"]),
        "customer_id": str(payment["customer_id"]),
        "method": payment["method"],
        "status": payment["status"],
        "currency": payment["currency"],
        "amount": payment["amount"],
        "allocated": payment["allocated"],
        "unallocated": payment["unallocated"],
        "refund_reserved": payment["refund_reserved"],
        "refunded": payment["refunded"],
        "paid_on": payment["paid_on"].isoformat(),
        "reference": payment["reference"],
        "note": payment["note"],
        "receipt_number": payment["receipt_number"],
        "receipt_date": None if receipt_date is None else receipt_date.isoformat(),
        "allocations": [
            {"invoice_id": str(invoice_id), "invoice_number": number, "amount": amount}
            for invoice_id, number, amount in paid
        ],
        "online": None if order is None else _online(order),
        "version": payment["version"],
        "created_at": clock.text(payment["created_at"]),
        "updated_at": clock.text(payment["updated_at"]),
    }


def _is_online(payment: Row[Any]) -> bool:
    return payment.method not in OFFLINE_METHODS


def _online(order: Row[Any]) -> OnlineDocument:
    card = None
    if order.card_brand is not None:
        card = {
            "brand": order.card_brand,
            "first_six": order.card_first_six,
            "last_four": order.card_last_four,
            "expiry": order.card_expiry,
        }
    unknown_from = order.unknown_from
    return {
        "provider": order.provider,
        "unknown_from": None if unknown_from is None else clock.text(unknown_from),
        "action_url": order.action_url,
        "failure_code": order.failure_code,
        "failure_reason": order.failure_reason,
        "late": order.late,
        "card": card,
    }
