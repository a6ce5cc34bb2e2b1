"""Contract 004: its operations, where they are served, and what our refusals are called there."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tallystick.kernel.errors import Refused
from tallystick.web.dialects import pages
from tallystick.web.dialects.frame import Chosen, Dialect
from tallystick.web.dialects.routing import JSON, ContractRoute, Said, refuse
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


class _Operation(NamedTuple):
    method: str
    path: str
    endpoint: Callable[..., Any]
    permits: str
    model: Any
    status: int = 200


_OPERATIONS: Final = (
    _Operation(
        "POST", "/schools", schools.create_school, "create_organization", shapes.School, 201
    ),
    _Operation("GET", "/schools", schools.list_schools, "list_organizations", list[shapes.School]),
    _Operation(
        "GET", "/schools/{school_id}", schools.get_school, "get_organization", shapes.School
    ),
    _Operation(
        "PATCH",
        "/schools/{school_id}",
        schools.change_school,
        "change_organization",
        shapes.School,
    ),
    _Operation(
        "DELETE",
        "/schools/{school_id}",
        schools.delete_school,
        "deactivate_organization",
        None,
        204,
    ),
    _Operation(
        "PATCH",
        "/schools/{school_id}/activate",
        schools.activate_school,
        "reactivate_organization",
        shapes.School,
    ),
    _Operation(
        "GET",
        "/schools/{school_id}/statement",
        statements.get_school_statement,
        "list_invoices",
        shapes.SchoolStatement,
    ),
    _Operation(
        "POST", "/students", students.create_student, "create_customer", shapes.Student, 201
    ),
    _Operation("GET", "/students", students.list_students, "list_customers", list[shapes.Student]),
    _Operation(
        "GET", "/students/{student_id}", students.get_student, "get_customer", shapes.Student
    ),
    _Operation(
        "PATCH",
        "/students/{student_id}",
        students.change_student,
        "change_customer",
        shapes.Student,
    ),
    _Operation(
        "DELETE", "/students/{student_id}", students.delete_student, "erase_customer", None, 204
    ),
    _Operation(
        "GET",
        "/students/{student_id}/statement",
        statements.get_student_statement,
        "list_invoices",
        shapes.StudentStatement,
    ),
    _Operation("POST", "/invoices", invoices.create_invoice, "create_invoice", shapes.Invoice, 201),
    _Operation("GET", "/invoices", invoices.list_invoices, "list_invoices", list[shapes.Invoice]),
    _Operation(
        "GET", "/invoices/{invoice_id}", invoices.get_invoice, "get_invoice", shapes.Invoice
    ),
    _Operation(
        "PATCH",
        "/invoices/{invoice_id}",
        invoices.change_invoice,
        "change_invoice",
        shapes.Invoice,
    ),
    _Operation(
        "DELETE", "/invoices/{invoice_id}", invoices.delete_invoice, "void_invoice", None, 204
    ),
    _Operation(
        "POST",
        "/invoices/{invoice_id}/payments",
        payments.create_payment_of_invoice,
        "record_payment",
        shapes.Payment,
        201,
    ),
    _Operation(
        "GET",
        "/invoices/{invoice_id}/payments",
        payments.list_payments_of_invoice,
        "list_payments",
        list[shapes.Payment],
    ),
    _Operation("POST", "/payments", payments.create_payment, "record_payment", shapes.Payment, 201),
    _Operation("GET", "/payments", payments.list_payments, "list_payments", list[shapes.Payment]),
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


def _routes(chosen: Chosen) -> Sequence[BaseRoute]:
    class SchoolRoute(ContractRoute):
        dialect = numbers.NAME

    SchoolRoute.chosen = chosen
    SchoolRoute.say = staticmethod(say)
    made: list[BaseRoute] = []
    for each in _OPERATIONS:
        route = SchoolRoute(
            chosen.api_v1_prefix + each.path,
            each.endpoint,
            methods=[each.method],
            status_code=each.status,
            response_model=each.model,
            tags=[each.path.split("/")[1]],
            responses={status: {"model": shapes.Detail} for status in (400, 401, 403, 404)},
            operation_id=each.endpoint.__name__,
        )
        route.permits = each.permits
        made.append(route)
    return [
        *made,
        Route("/health", _health, methods=["GET"]),
        *pages.pages(TITLE, DESCRIPTION, made),
    ]


async def _health(_: Request) -> Response:
    return Response(orjson.dumps({"status": "healthy"}), media_type=JSON)


def _prefixes(chosen: Chosen) -> tuple[str, ...]:
    return (chosen.api_v1_prefix,)


DIALECT: Final = Dialect(numbers.NAME, _routes, _prefixes, refuse)
