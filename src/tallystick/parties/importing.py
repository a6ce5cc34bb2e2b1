"""Take over many customers at once, under one idempotency key, in few statements.

The rows of a file come in chunks; a chunk is written as a whole or not at all.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict
from uuid import UUID

from sqlalchemy import Connection

from tallystick.kernel import events, rows
from tallystick.kernel.actor import Act
from tallystick.kernel.errors import Refusal, Refused
from tallystick.kernel.idempotency import Answer, Answers
from tallystick.parties import customers
from tallystick.parties.customers import CreateCustomer
from tallystick.parties.models import CUSTOMERS


class LeftOut(TypedDict):
    """A line of a file that was not taken over, and why; no value, which could be personal."""

    line: int
    code: str


class Imported(TypedDict):
    """How many documents or persons were taken over; nothing personal, so it may be kept."""

    made: int
    left_out: NotRequired[list[LeftOut]]
    """Absent in the answers of versions before, which did not keep it."""


@dataclass(frozen=True, slots=True)
class ImportCustomers:
    """One chunk of a file."""

    act: Act
    customers: tuple[CreateCustomer, ...]
    """The customers, whose acts are that of the chunk."""
    left_out: Sequence[LeftOut] = ()
    """What is wrong in the chunk, to be told again when the file comes again."""


def import_customers(conn: Connection, command: ImportCustomers) -> Answer[Imported]:
    """Make the customers of one chunk; a chunk that was written before is answered.

    Nothing is kept of a refused chunk, so that it can be tried again.

    Raises:
        Refused: the codes of `customers.create_customers`, for the first customer that is wrong.
    """
    act = command.act
    answers: Answers[Imported] = Answers(conn, [command])
    known = answers.known(act)
    if known is not None:
        return known
    wrong = [each for each in check_customers(conn, act, command.customers) if each is not None]
    if wrong:
        raise Refused(wrong[0].code, wrong[0].detail, pointer=wrong[0].pointer)
    writes = rows.Writes()
    for customer in command.customers:
        row = customers.laid_out(customer)
        writes.add(CUSTOMERS, row)
        told = {"customer_id": str(row["id"])}
        events.emit(writes, act, "customer.created", row["id"], told, after=customers.shown_of(row))
    answer = answers.give(act, imported(len(command.customers), command.left_out))
    answers.write(writes)
    writes.flush(conn)
    return answer


def imported(made: int, left_out: Sequence[LeftOut]) -> Imported:
    """Give the answer that is kept of a chunk."""
    return {"made": made, "left_out": [*left_out]}


def check_customers(
    conn: Connection, act: Act, wanted: Sequence[CreateCustomer]
) -> list[Refusal | None]:
    """Judge customers that are to be made together, and write nothing.

    Raises:
        Refused: organization.unknown, organization.inactive.
    """
    customers.writable(conn, act.organization_id)
    references = [each.external_reference for each in wanted if each.external_reference is not None]
    taken = set(by_reference(conn, act.organization_id, references))
    judged: list[Refusal | None] = []
    for each in wanted:
        try:
            customers.check_email(each.email)
            if each.external_reference in taken:
                raise customers.reference_taken()
        except Refused as refused:
            judged.append(refused.refusal)
            continue
        judged.append(None)
        if each.external_reference is not None:
            taken.add(each.external_reference)
    return judged


def by_reference(
    conn: Connection, organization_id: UUID, references: Collection[str]
) -> dict[str, UUID]:
    """Find the customers of an organization that have these external references."""
    columns = [CUSTOMERS.c.organization_id, CUSTOMERS.c.external_reference]
    keys = [(organization_id, reference) for reference in references]
    return {row.external_reference: row.id for row in rows.find(conn, columns, keys)}
