"""The operation that tells why an invoice stands as it does."""

from fastapi import APIRouter
from starlette.responses import Response

from tallystick.reports import explaining
from tallystick.web.api.headers import InvoiceId, Reading
from tallystick.web.api.shapes.explanations import Explanation, shown_explanation
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/invoices",
    tags=["invoices"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.get("/{invoice_id}/explanation", responses=answers(Explanation, "invoice.unknown"))
async def get_explanation(call: Reading, invoice_id: InvoiceId) -> Response:
    """Tell why an invoice stands as it does.

    Every entry of the books that moved what is owed, with the payment behind it, and what rules did
    or could not do.
    """
    place = call.place
    found = await call.read(lambda conn: explaining.explain_invoice(conn, place.id, invoice_id))
    return call.reply(shown_explanation(found))
