"""Contract 004: its operations, where they are served, and what our refusals are called there."""

from collections.abc import Sequence
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tallystick.kernel.errors import Refused
from tallystick.web.dialects import pages
from tallystick.web.dialects.frame import Chosen, Dialect
from tallystick.web.dialects.routing import JSON, Manner, Operation, Said, refuse, routes
from tallystick.web.dialects.school_billing import (
    binding,
    invoices,
    numbers,
    payments,
    schools,
    shapes,
    statements,
    students,
)

TITLE: Final = "School billing"
DESCRIPTION: Final = """\
Schools, students, invoices, payments and account statements: an older contract on the books of
Tallystick. Amounts are strings with two decimals. Lists take `limit` and `offset`."""


_OPERATIONS: Final = (
    Operation("POST", "/schools", schools.create_school, "create_organization", shapes.School, 201),
    Operation("GET", "/schools", schools.list_schools, "list_organizations", list[shapes.School]),
    Operation("GET", "/schools/{school_id}", schools.get_school, "get_organization", shapes.School),
    Operation(
        "PATCH",
        "/schools/{school_id}",
        schools.change_school,
        "change_organization",
        shapes.School,
    ),
    Operation(
        "DELETE",
        "/schools/{school_id}",
        schools.delete_school,
        "deactivate_organization",
        None,
        204,
    ),
    Operation(
        "PATCH",
        "/schools/{school_id}/activate",
        schools.activate_school,
        "reactivate_organization",
        shapes.School,
    ),
    Operation(
        "GET",
        "/schools/{school_id}/statement",
        statements.get_school_statement,
        "list_invoices",
        shapes.SchoolStatement,
    ),
    Operation("POST", "/students", students.create_student, "create_customer", shapes.Student, 201),
    Operation("GET", "/students", students.list_students, "list_customers", list[shapes.Student]),
    Operation(
        "GET", "/students/{student_id}", students.get_student, "get_customer", shapes.Student
    ),
    Operation(
        "PATCH",
        "/students/{student_id}",
        students.change_student,
        "change_customer",
        shapes.Student,
    ),
    Operation(
        "DELETE", "/students/{student_id}", students.delete_student, "erase_customer", None, 204
    ),
    Operation(
        "GET",
        "/students/{student_id}/statement",
        statements.get_student_statement,
        "list_invoices",
        shapes.StudentStatement,
    ),
    Operation("POST", "/invoices", invoices.create_invoice, "create_invoice", shapes.Invoice, 201),
    Operation("GET", "/invoices", invoices.list_invoices, "list_invoices", list[shapes.Invoice]),
    Operation("GET", "/invoices/{invoice_id}", invoices.get_invoice, "get_invoice", shapes.Invoice),
    Operation(
        "PATCH",
        "/invoices/{invoice_id}",
        invoices.change_invoice,
        "change_invoice",
        shapes.Invoice,
    ),
    Operation(
        "DELETE", "/invoices/{invoice_id}", invoices.delete_invoice, "void_invoice", None, 204
    ),
    Operation(
        "POST",
        "/invoices/{invoice_id}/payments",
        payments.create_payment_of_invoice,
        "record_payment",
        shapes.Payment,
        201,
    ),
    Operation(
        "GET",
        "/invoices/{invoice_id}/payments",
        payments.list_payments_of_invoice,
        "list_payments",
        list[shapes.Payment],
    ),
    Operation("POST", "/payments", payments.create_payment, "record_payment", shapes.Payment, 201),
    Operation("GET", "/payments", payments.list_payments, "list_payments", list[shapes.Payment]),
)

_SAID: Final[dict[str, tuple[int, str | None]]] = {
    binding.TAKEN: (409, None),
    binding.BUSY: (400, None),
    "organization.inactive": (400, "Cannot update inactive school"),
    "organization.active_already": (400, "School is already active"),
    "organization.currency_in_use": (400, "Cannot change currency of school with invoices"),
    "invoice.paid": (400, "Cannot void invoice with payments. Refund them first."),
    "invoice.void": (400, "Cannot update voided invoice"),
}
"""What our refusals are called; None keeps our own words."""


def say(refused: Refused) -> Said:
    """Turn a refusal into the contract's status and text."""
    refusal = refused.refusal
    status, text = _SAID.get(refusal.code, (400, None))
    return Said(status, text or refusal.detail)


_MANNER: Final = Manner(numbers.NAME, say)


def _routes(chosen: Chosen) -> Sequence[BaseRoute]:
    refusals = dict.fromkeys((400, 401, 403, 404), shapes.Detail)
    operations = [each._replace(refusals=refusals) for each in _OPERATIONS]
    made = routes(_MANNER, chosen, operations, prefix=chosen.api_v1_prefix)
    return [
        *made,
        Route("/health", _health, methods=["GET"]),
        *pages.pages(TITLE, DESCRIPTION, made, keys=True),
    ]


async def _health(_: Request) -> Response:
    return Response(orjson.dumps({"status": "healthy"}), media_type=JSON)


def _prefixes(chosen: Chosen) -> tuple[str, ...]:
    return (chosen.api_v1_prefix,)


DIALECT: Final = Dialect(numbers.NAME, _routes, _prefixes, refuse)
