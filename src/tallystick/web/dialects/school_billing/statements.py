"""Account statements of contract 004: invoices that are not void, and totals over all of them."""

from typing import Annotated
from uuid import UUID

import structlog
from fastapi import Query
from sqlalchemy import Connection

from tallystick.invoices import across
from tallystick.invoices.across import IssuedFilter, IssuedInvoice, Totals
from tallystick.parties import across as parties
from tallystick.parties.organizations import get_organization
from tallystick.web.dialects.calling import DialectCall
from tallystick.web.dialects.declared import Call
from tallystick.web.dialects.school_billing import encoding, numbers
from tallystick.web.dialects.school_billing.encoding import Shown
from tallystick.web.dialects.school_billing.shapes import StatementQuery
from tallystick.web.dialects.school_billing.students import shown_student, student

log = structlog.get_logger(__name__)


async def get_student_statement(
    call: Call, student_id: int, query: Annotated[StatementQuery, Query()]
) -> Shown:
    """State what a student was invoiced, has paid and owes."""
    alias, document = await student(call, student_id)
    place = alias.organization_id
    school = await call.read(lambda conn: get_organization(conn, place))
    wanted = IssuedFilter(
        frozenset({place}),
        customer_id=alias.object_id,
        currency=school["currency"],
        without_void=True,
    )
    stated = await _stated(call, wanted, query)
    shown = await shown_student(call, alias, document)
    log.info(
        "student_statement_generated",
        student_id=student_id,
        invoice_count=len(stated["invoices"]),
        duration_ms=call.duration_ms(),
    )
    return {"student": shown, "currency": school["currency"], **stated}


async def get_school_statement(
    call: Call, school_id: int, query: Annotated[StatementQuery, Query()]
) -> Shown:
    """State what the students of a school were invoiced, have paid and owe."""
    alias = await numbers.found(call, "school", school_id)

    def read(conn: Connection) -> tuple[Shown, str, int]:
        document = get_organization(conn, alias.object_id)
        count = parties.count_active_customers(conn, alias.object_id)
        return encoding.school(document, school_id), document["currency"], count

    school, currency, count = await call.read(read)
    wanted = IssuedFilter(frozenset({alias.object_id}), currency=currency, without_void=True)
    stated = await _stated(call, wanted, query)
    return {"school": school, "currency": currency, "student_count": count, **stated}


async def _stated(call: DialectCall, wanted: IssuedFilter, query: StatementQuery) -> Shown:
    assert wanted.currency is not None, "a statement is in one currency"

    def read(conn: Connection) -> tuple[Totals, list[IssuedInvoice]]:
        listed = across.list_issued(conn, wanted, offset=query.offset, limit=query.limit)
        return across.total_issued(conn, wanted), listed

    totals, documents = await call.read(read)
    numbered, students = await numbers.invoices(call, documents)
    return {
        "totals": {
            "invoiced": encoding.amount(totals.amount, wanted.currency),
            "paid": encoding.amount(totals.paid, wanted.currency),
            "pending": encoding.amount(totals.amount - totals.paid, wanted.currency),
        },
        "invoices": [
            encoding.stated(each, numbered[UUID(each["id"])], students[UUID(each["customer_id"])])
            for each in documents
        ],
    }
