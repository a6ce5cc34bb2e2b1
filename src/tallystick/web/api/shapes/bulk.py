"""Many items in one request, and the result of each."""

from typing import Annotated, Any, Final

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from tallystick.web.api.shapes.invoice_views import Invoice
from tallystick.web.api.shapes.invoices import NewInvoice
from tallystick.web.api.shapes.payments import NewPayment, Payment
from tallystick.web.documented import Problem
from tallystick.web.fields import Body, View

ITEMS_MAX: Final = 1_000
_CUSTOMER = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f"
_INVOICE = "018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e10"
_PAID: Final = {
    "amount": "500.00",
    "currency": "EUR",
    "method": "bank_transfer",
    "invoices": [{"invoice_id": _INVOICE}],
}
_INVOICED: Final = {
    "customer_id": _CUSTOMER,
    "lines": [{"description": "Tuition, autumn term", "unit_price": "1200.00"}],
    "issue": True,
}


class _Documented:
    """Anything, documented as a shape: each item is read by itself, so that one stops no other."""

    def __init__(self, shape: type[Body]) -> None:
        self._shape = shape

    def __get_pydantic_core_schema__(
        self, _source: Any, _handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(
        self, _schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(self._shape.__pydantic_core_schema__)


class NewInvoices(Body):
    """Invoices to make, each as a draft or issued at once."""

    invoices: Annotated[
        list[Annotated[Any, _Documented(NewInvoice)]],
        Field(
            min_length=1,
            max_length=ITEMS_MAX,
            description="Each as `POST /v1/invoices` takes it.",
            examples=[[_INVOICED]],
        ),
    ]


class NewPayments(Body):
    """Money that came in, and what each payment pays."""

    payments: Annotated[
        list[Annotated[Any, _Documented(NewPayment)]],
        Field(
            min_length=1,
            max_length=ITEMS_MAX,
            description="Each as `POST /v1/payments` takes it.",
            examples=[[_PAID]],
        ),
    ]


_Status = Annotated[
    int, Field(description="The status that the item would have got alone.", examples=[201])
]
_ItsProblem = Annotated[
    Problem | None, Field(description="Why it was not done; left out when it was.")
]


class InvoiceResult(View):
    """What became of one item: an invoice, or a problem."""

    status: _Status
    invoice: Annotated[
        Invoice | None, Field(description="What was made; left out when it was not.")
    ] = None
    problem: _ItsProblem = None


class InvoiceResults(View):
    """What became of each item, in their order."""

    results: list[InvoiceResult]


class PaymentResult(View):
    """What became of one item: a payment, or a problem."""

    status: _Status
    payment: Annotated[
        Payment | None, Field(description="What was recorded; left out when it was not.")
    ] = None
    problem: _ItsProblem = None


class PaymentResults(View):
    """What became of each item, in their order."""

    results: list[PaymentResult]
