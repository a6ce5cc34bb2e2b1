"""Change an invoice as contract 004 does: what stands beside it, or all of it for another amount.

An issued invoice never changes in our books, so another amount means another invoice, and the
number then stands for that one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from tallystick.invoices import across, annotating, queries
from tallystick.invoices.across import IssuedInvoice
from tallystick.invoices.annotating import AnnotateInvoice
from tallystick.invoices.content import DraftContent
from tallystick.invoices.queries import InvoiceDocument
from tallystick.invoices.totals import Line
from tallystick.kernel import alias_numbers
from tallystick.kernel.actor import Act
from tallystick.kernel.alias_numbers import Block, Wanted, together
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer
from tallystick.payments import across as payments
from tallystick.payments.across import PartFilter
from tallystick.payments.replacing import ReplaceInvoice, replace_invoices
from tallystick.web.dialects.school_billing.binding import BUSY
from tallystick.web.dialects.school_billing.numbers import NAME, part_id

ONE = 1_000_000
"""One, in millionths."""
NO_DESCRIPTION = "Invoice"
"""What the line of an invoice says that has no description."""


@dataclass(frozen=True, slots=True)
class AmendInvoice:
    """Change the named members of an invoice."""

    act: Act
    invoice_id: UUID
    amount: int | None
    """The new total in minor units; None keeps the present one."""
    due_date: date | None
    described: bool
    """Whether a description is given, which may be None."""
    description: str | None


def amend_invoices(
    conn: Connection, commands: Sequence[AmendInvoice]
) -> list[Answer[InvoiceDocument]]:
    """Change invoices. Refuses: dialect.still_used, and as annotating and replacing do."""
    blocks = _Blocks(conn)
    queries.lock_invoices(
        conn, [(command.act.organization_id, command.invoice_id) for command in commands]
    )

    def work(conn: Connection, command: AmendInvoice) -> Answer[InvoiceDocument]:
        place = command.act.organization_id, command.invoice_id
        # It is locked, so this is how it stands until the end.
        old = across.get_issued(conn, *place)
        if old is None:
            raise queries.unknown(command.invoice_id)
        if old["state"] in {"void", "paid"}:
            word = "voided" if old["state"] == "void" else "paid"
            raise Refused(BUSY, f"Cannot update {word} invoice")
        if command.amount in {None, old["amount"]}:
            if command.due_date is None and not command.described:
                # Only what does not depend on the day is taken from it.
                return Answer(queries.get_invoice(conn, *place, today=command.act.at.date()))
            return annotating.annotate_invoices(conn, [_annotation(command)])[0]
        return _replace(conn, blocks, command, old)

    return together(conn, commands, work)


class _Blocks:
    """What a replacement moves, held in one order."""

    def __init__(self, conn: Connection) -> None:
        self.invoices = Block(conn, NAME, "invoice")
        self.payments = Block(conn, NAME, "payment")
        self.replaced = Block(conn, NAME, "replaced")


def _annotation(command: AmendInvoice) -> AnnotateInvoice:
    given = {"due_date": command.due_date is not None, "memo": command.described}
    return AnnotateInvoice(
        act=command.act,
        invoice_id=command.invoice_id,
        fields=frozenset(name for name in ("due_date", "memo") if given[name]),
        due_date=command.due_date,
        # An empty one says that there is none; without any, the document's own would show again.
        memo=command.description or "",
        may_be_past=True,
    )


def _replace(
    conn: Connection, blocks: _Blocks, command: AmendInvoice, old: IssuedInvoice
) -> Answer[InvoiceDocument]:
    act = command.act
    place = act.organization_id, command.invoice_id
    paying = payments.list_parts(conn, PartFilter({place[0]}, place[1]))
    answer = replace_invoices(conn, [_replacement(conn, command, old)])[0]
    if isinstance(answer.outcome, Refusal):
        return answer
    new_id = UUID(answer.outcome["id"])
    known = alias_numbers.by_object(conn, NAME, "invoice", [place[1]])
    moments = {"issued_at": old["issued_at"], "created_at": old["created_at"]}
    facts: dict[str, Any] = {**moments, **known[place[1]].facts}
    blocks.invoices.point(place[1], new_id, facts)
    kept = {"number": known[place[1]].number}
    gone = [Wanted(*place, facts=kept)]
    old_parts = {part_id(each["payment_id"], place[1]): each for each in paying}
    numbered = alias_numbers.by_object(conn, NAME, "payment", old_parts)
    for object_id, alias in numbered.items():
        new_part = part_id(old_parts[object_id]["payment_id"], new_id)
        blocks.payments.point(object_id, new_part, alias.facts)
        gone.append(Wanted(place[0], object_id, facts={"number": alias.number}))
    # A request that is repeated later still finds the number that it was answered with.
    blocks.replaced.give(gone, act.at)
    return answer


def _replacement(conn: Connection, command: AmendInvoice, old: IssuedInvoice) -> ReplaceInvoice:
    place = command.act.organization_id, command.invoice_id
    # Only what does not depend on the day is taken from it.
    document = queries.get_invoice(conn, *place, today=command.act.at.date())
    said = old["note"] if old["memo"] is None else old["memo"]
    description = command.description if command.described else said
    assert command.amount is not None, "another amount was given"
    return ReplaceInvoice(
        act=command.act,
        invoice_id=command.invoice_id,
        content=DraftContent(
            customer_id=UUID(old["customer_id"]),
            currency=old["currency"],
            lines=(line(description, command.amount),),
            series=document["series"],
            reference=document["reference"],
            note=description or None,
        ),
        reason="The amount was changed",
        due_date=command.due_date or date.fromisoformat(old["due_date"]),
    )


def line(description: str | None, price: int) -> Line:
    """Make the one line of an invoice of this contract: no tax, no discount."""
    return Line(description or NO_DESCRIPTION, ONE, price, 0)
