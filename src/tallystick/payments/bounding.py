"""What a payer may claim: no more than is left to claim, a few times, of an invoice that was there.

The organization's own people are not bound by this: what they note they have heard of.
"""

from typing import Final
from uuid import UUID

from sqlalchemy import Connection, select

from tallystick.invoices.models import INVOICES
from tallystick.invoices.states import Standing
from tallystick.kernel import money
from tallystick.kernel.errors import Invalid, Refused, shown
from tallystick.payments.models import CLAIMS, PAYMENTS
from tallystick.payments.planning import Incoming

WAITING_MAX: Final = 5
"""Claims about one invoice that may wait before its payer adds no more."""


def check_claim(conn: Connection, command: Incoming, standing: Standing) -> None:
    """Refuse what a payer may not claim of an invoice, which the caller has locked.

    Refuses:
        payment.before_invoice: the day of the payment is before the day of the invoice.
        payment.claims_waiting: so many claims about the invoice wait already.
        payment.exceeds_due: more than what is payable less what waits, with both.
    """
    _check_day(conn, command, standing)
    waiting = _waiting(conn, standing)
    if len(waiting) >= WAITING_MAX:
        message = (
            f"{len(waiting)} payments that were claimed of {shown(standing.number)} wait to be "
            "confirmed. Wait until the organization has decided on them."
        )
        raise Refused("payment.claims_waiting", message, facts={"waiting": len(waiting)})
    left = standing.payable - sum(waiting)
    if command.amount > left:
        currency = standing.currency
        facts = {
            "due": money.text(standing.open_due, currency),
            "waiting": money.text(sum(waiting), currency),
            "currency": currency,
        }
        message = (
            f"The payment of {money.text(command.amount, currency)} {currency} is more than what "
            f"is left to claim of {shown(standing.number)}: {facts['due']} {currency} are due, and "
            f"payments of {facts['waiting']} {currency} wait to be confirmed."
        )
        raise Refused("payment.exceeds_due", message, pointer="/amount", facts=facts)


def _check_day(conn: Connection, command: Incoming, standing: Standing) -> None:
    statement = select(INVOICES.c.issue_date).where(
        INVOICES.c.organization_id == standing.organization_id, INVOICES.c.id == standing.id
    )
    issued_on = conn.execute(statement).scalar_one()
    if command.paid_on is not None and command.paid_on < issued_on:
        message = (
            f"The payment date {shown(command.paid_on)} is before the day of the invoice, "
            f"{issued_on}."
        )
        raise Invalid("payment.before_invoice", message, pointer="/paid_on")


def _waiting(conn: Connection, standing: Standing) -> list[int]:
    """List how much of an invoice each claim is about that waits, in minor units.

    One that names several invoices and divides nothing counts as nothing: nobody knows how much.
    """
    same = CLAIMS.c.organization_id == PAYMENTS.c.organization_id
    statement = (
        select(PAYMENTS.c.amount, CLAIMS.c.shares)
        .join(CLAIMS, same & (CLAIMS.c.payment_id == PAYMENTS.c.id))
        .where(
            PAYMENTS.c.organization_id == standing.organization_id,
            PAYMENTS.c.customer_id == standing.customer_id,
            PAYMENTS.c.status == "pending_confirmation",
        )
    )
    waiting = []
    for row in conn.execute(statement):
        for share in row.shares:
            if UUID(share["invoice_id"]) == standing.id:
                whole = row.amount if len(row.shares) == 1 else 0
                waiting.append(share["amount"] or whole)
    return waiting
